/* An x86-64 ELF file that a tool reads through libelf and changes in place. libelf only reads: what
 * is written is the file's own bytes with some of them replaced, so that nothing else
 * moves. The file is never written to: a new one takes its place (whole_file.h). */
#ifndef BESTLA_TOOLS_ELF_FILE_H
#define BESTLA_TOOLS_ELF_FILE_H

#include "status.h"

#include <elf.h>
#include <libelf.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_file {
    const char *path; /* as it was given: for messages */
    uint8_t *bytes;   /* the whole file */
    size_t size;
    mode_t mode;
    Elf *elf;
    char *copy;         /* what `elf` reads: libdw inflates compressed sections in place */
    uint64_t base, end; /* of the image: lowest p_vaddr and highest end of the PT_LOADs */
};

struct elf_section {
    size_t index;
    const char *name;
    uint32_t type;
    uint64_t flags, address, offset, size;
    Elf_Scn *scn;
};

/* Reads a file and checks that every header and section lies inside of it, so that what
 * follows need not. Says what is wrong; then, too, elf_file_close is to be called. `path` must
 * stay. */
__attribute__((warn_unused_result)) enum tool_status elf_file_open(const char *path,
                                                                   struct elf_file *file);

void elf_file_close(struct elf_file *file);

/* The first section with this name; false: there is none. */
bool elf_file_section(const struct elf_file *file, const char *name, struct elf_section *section);

/* The sections one by one, beginning after `section` (index 0 at the start). */
bool elf_file_next_section(const struct elf_file *file, struct elf_section *section);

/* Some of a file's bytes, and what they are to be. */
struct elf_patch {
    uint64_t offset, size; /* inside the file */
    const void *bytes;
};

/* The file with all of these made. Nothing is written where it holds them already. Says what went
 * wrong; the file is untouched then. */
__attribute__((warn_unused_result)) enum tool_status elf_file_patch(const struct elf_file *file,
                                                                    const struct elf_patch *patches,
                                                                    size_t count);

/* The file with `section` holding these bytes, section->size of them. Nothing is written where it
 * holds them already. Says what went wrong; the file is untouched then. */
__attribute__((warn_unused_result)) enum tool_status elf_file_replace(
    const struct elf_file *file, const struct elf_section *section, const void *content);

#endif
