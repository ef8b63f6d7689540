/* Physical memory for page tables on the host: frames that lie elsewhere than their addresses
 * say, so that a forgotten conversion crashes, from a source that runs dry on order. A frame that
 * is not taken is poisoned, and every second one never is: who reads past a table's end is seen.
 * Beside it a reader of the tables that shares nothing with the library. */
#ifndef BESTLA_TEST_FAKE_MEMORY_H
#define BESTLA_TEST_FAKE_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "page_table.h"

#define FAKE_BASE   UINT64_C(0x7654321000) /* the physical address of the first frame */
#define FAKE_FRAMES 4096

struct fake_memory {
    struct frame_source source;
    unsigned char *host;
    unsigned char taken[FAKE_FRAMES];
    size_t taken_count;
    size_t budget; /* frames that may still be taken */
};

void fake_memory_open(struct fake_memory *memory);
void fake_memory_close(struct fake_memory *memory);

/* A space with an empty root, all features, 52 bits. */
struct pt_space fake_space(struct fake_memory *memory, enum pt_level top);

/* A copy of every taken frame and of who is taken, to be held against what is later. */
struct fake_snapshot {
    unsigned char *bytes;
    unsigned char taken[FAKE_FRAMES];
};
struct fake_snapshot fake_memory_save(const struct fake_memory *memory);
void fake_memory_assert_same(const struct fake_memory *memory, struct fake_snapshot *saved);

/* What the tables say of one address, read bit by bit. */
struct seen {
    bool mapped;
    uint64_t phys; /* of the byte */
    uint64_t page_size;
    bool write, execute, user, global;
    unsigned pat;
};
struct seen look_up(const struct pt_space *space, uint64_t address);

/* Counts the tables under the root (with it), and those that hold nothing. */
void count_tables(const struct pt_space *space, size_t *tables, size_t *empty);

#endif
