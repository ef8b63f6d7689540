/* The memory functions of the C library, which this folder's files and the
 * compiler itself call. In the loader and the kernel mem.c provides them; on
 * the host the C library does, and mem.c is not linked. */
#ifndef BESTLA_MEM_H
#define BESTLA_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *string);

#endif
