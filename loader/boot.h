/* The state of one boot, handed from step to step of main.c, and the steps.
 *
 * Every function that returns EFI_STATUS has, when that is an error, already said
 * what failed, where and with which value (console.c); what it had
 * opened and allocated is found in struct boot, and main.c gives it back. */
#ifndef BESTLA_LOADER_BOOT_H
#define BESTLA_LOADER_BOOT_H

#include <efi.h>

#include "boot_entry.h"
#include "boot_info.h"
#include "edit_line.h"
#include "elf_image.h"
#include "entry_order.h"
#include "format.h"
#include "kaslr.h"
#include "log_level.h"
#include "page_table.h"

#define OPTIONS_MAX   4096 /* bytes of the options line with its NUL */
#define TEXT_FILE_MAX (64 * 1024)
#define LOG_SIZE      (16 * 1024)
#define HANDOFF_STACK (16 * 1024)

/* Pages that were allocated and not yet given back: a chain of these, in pages of
 * their own. */
struct ledger_page;

/* Pages for the first tables, taken from firmware in chunks: asking for each
 * one costs more than filling it. */
struct table_frames {
    struct frame_source source;
    struct boot *boot;
    phys_addr_t next;
    size_t left; /* pages */
};

/* An entry that may be booted, or one that cannot and is listed as what it is. */
struct listed_entry {
    struct listed_entry *next;
    struct text name; /* of its file */
    struct text path; /* and that with the folders, for messages */
    struct text id;   /* what the system knows it by: the name without its count of tries */
    struct boot_entry entry;
    bool last; /* behind all that is described */

    EFI_STATUS unreadable;         /* EFI_SUCCESS: its file could be read */
    struct boot_entry_error error; /* BOOT_ENTRY_OK: and parsed */
};

struct entry_list {
    struct listed_entry *first; /* in the order of common/entry_order.h */
    size_t count;
    bool whole; /* not only those of one name */
};

#define RANDOM_WORDS 4

/* What the kernel's places are drawn by. */
struct loader_random {
    struct random_source source;
    const char *name; /* for messages; NULL: nothing is drawn */
    struct boot *boot;
    uint64_t words[RANDOM_WORDS]; /* firmware's, of which `left` have not been used */
    size_t left;
};

/* Of how many places each was drawn; 0: it was not. */
struct drawn_places {
    uint64_t pages, frames, bases;
};

struct kernel {
    struct elf_image image; /* with the addresses that it is linked for */
    phys_addr_t phys;       /* where image.span.start lies */
    uint64_t slide;         /* from linked addresses to those it runs at, modulo 2^64 */
    struct drawn_places drawn;
};

/* Where the kernel has what is linked at `address`: the one place that adds the slide, but for what
 * changes the image itself, its relocations and its tables. */
static inline virt_addr_t kernel_virt(const struct kernel *kernel, virt_addr_t address)
{
    return virt(address.raw + kernel->slide);
}

/* Pages of firmware's tables in memory that the kernel could take otherwise. */
#define KEPT_MAX 32

struct kept_memory {
    size_t count;
    struct phys_range ranges[KEPT_MAX];
};

struct boot {
    EFI_HANDLE image;
    EFI_SYSTEM_TABLE *system;
    uint64_t started;      /* TSC, of efi_main's first instructions ... */
    uint64_t entered;      /* ... and of this try to boot */
    uint64_t menu_shown;   /* TSC; 0: it was not */
    uint64_t ticks_per_ms; /* of the TSC; 0: not measured */

    struct ledger_page *ledger;
    struct {
        char *next;
        uint64_t left;
    } shared_page;           /* what allocate_bytes gives out */
    EFI_FILE_PROTOCOL *root; /* of the volume that the loader was started from */

    char *log; /* LOG_SIZE bytes of struct boot_log_record; NULL before there are any */
    size_t log_used;
    bool log_lost; /* lines that did not fit */
    bool verbose;
    bool left_firmware; /* its console is gone */

    struct boot_entry entry;
    char options[OPTIONS_MAX];
    bool menu_again; /* the menu was left for something that has come to an end */
    bool sent_back;  /* to firmware, by a person at the menu */
    bool chosen;     /* in the menu, by a person, who may choose again if it fails */

    struct loader_random random;
    struct kernel kernel;
    struct pt_features paging;
    struct pt_space space;
    struct table_frames tables;
    phys_addr_t stack; /* HANDOFF_STACK bytes for the kernel's first instructions */
    struct kept_memory kept;

    struct boot_info *info;
};

#define TRY(step)                       \
    do {                                \
        EFI_STATUS try_status = (step); \
        if (EFI_ERROR(try_status))      \
            return try_status;          \
    } while (0)

/* console.c */
EFI_STATUS open_log(struct boot *boot);
void be_verbose(struct boot *boot);
/* On firmware's console, those that were not shown there. */
void print_warnings(struct boot *boot);
FORMAT_LIKE_PRINTF(3, 4)
void log_line(struct boot *boot, enum log_level level, const char *format, ...);
/* Logs "sentence (status)" as an error and returns the status. */
FORMAT_LIKE_PRINTF(3, 4)
EFI_STATUS fail(struct boot *boot, EFI_STATUS status, const char *format, ...);
/* A line on firmware's console, whether or not the log is shown there. */
FORMAT_LIKE_PRINTF(2, 3)
void print(struct boot *boot, const char *format, ...);
const char *status_text(EFI_STATUS status);
/* After a try of ExitBootServices: one line to COM1, and the machine is reset. */
FORMAT_LIKE_PRINTF(2, 3)
_Noreturn void reset_with(struct boot *boot, const char *format, ...);

/* frames.c: firmware's page allocator, and a ledger of what came from it. */
EFI_STATUS allocate_pages(struct boot *boot, enum memory_type type, uint64_t bytes,
                          phys_addr_t *at);
/* As above, at this very address; says nothing when firmware refuses. */
EFI_STATUS allocate_pages_at(struct boot *boot, enum memory_type type, uint64_t bytes,
                             phys_addr_t at);
EFI_STATUS allocate_pages_below(struct boot *boot, enum memory_type type, uint64_t bytes,
                                uint64_t limit, phys_addr_t *at);
/* For small things, which share pages: aligned to 16 bytes, and given back with all the rest. */
EFI_STATUS allocate_bytes(struct boot *boot, uint64_t bytes, void **at);
void free_pages(struct boot *boot, phys_addr_t at);
void free_all_pages(struct boot *boot);
void open_table_frames(struct boot *boot);

/* firmware_map.c */
struct firmware_map {
    void *descriptors; /* `size` bytes, element_size apart */
    UINTN room;        /* bytes that the buffer has */
    UINTN size;
    UINTN key;
    UINTN element_size;
    UINT32 version;
    struct memory_map map; /* room for every descriptor's range and its splits */
    struct memory_edge *scratch;
};
/* Buffers with slack for `extra` ranges beyond what firmware has now. */
EFI_STATUS allocate_firmware_map(struct boot *boot, size_t extra, struct firmware_map *map);
void free_firmware_map(struct boot *boot, struct firmware_map *map);
/* Asks firmware once, into the buffer as it is. Says nothing. */
EFI_STATUS read_firmware_map(EFI_SYSTEM_TABLE *system, struct firmware_map *map);
/* Turns the descriptors into map->map, not yet normalised; a warning for what makes no
 * sense. */
void convert_firmware_map(struct boot *boot, struct firmware_map *map);
/* Asks firmware once, converts and normalises. */
EFI_STATUS read_memory_map(struct boot *boot, struct firmware_map *map);

/* volume.c */
struct file {
    EFI_FILE_PROTOCOL *handle;
    uint64_t size;
    struct text path; /* for messages */
};
EFI_STATUS open_boot_volume(struct boot *boot);
/* A path as firmware has it, with `\\`; its length, 0 when it does not fit or cannot be told. */
size_t firmware_path(struct text path, CHAR16 *name, size_t units);
/* Opens a file or a folder and says nothing: EFI_NOT_FOUND may be what was hoped for. */
EFI_STATUS open_handle(struct boot *boot, struct text path, EFI_FILE_PROTOCOL **handle);
EFI_STATUS open_file(struct boot *boot, struct text path, struct file *file);
/* Exactly these bytes, or an error. */
EFI_STATUS read_file(struct boot *boot, const struct file *file, uint64_t offset, void *to,
                     uint64_t size);
void close_file(struct file *file);
void close_boot_volume(struct boot *boot);

/* text_file.c */
/* The whole file into loader memory, where it stays; TEXT_FILE_MAX bytes at most. */
EFI_STATUS read_text_file(struct boot *boot, struct text path, struct text *text);
/* The names of the files in a folder, one a call: EFI_NOT_FOUND after the last. "" for
 * a folder, and for what UTF-8 cannot tell. Says nothing. */
#define FILE_NAME_UNITS 256                       /* UCS-2 characters of a name, with the NUL */
#define FILE_NAME_MAX   (3 * FILE_NAME_UNITS + 1) /* bytes of one in UTF-8 */
EFI_STATUS next_file_name(EFI_FILE_PROTOCOL *folder, char name[FILE_NAME_MAX]);

/* unicode.c: UEFI's strings are UCS-2, ours UTF-8. Both terminate what they write and return
 * its length without the terminator; 0 when the text does not fit or cannot be told. */
size_t utf16_from_utf8(struct text text, CHAR16 *out, size_t units);
/* Splits a character off a text that is not empty; `?` for what UCS-2 lacks and what is no UTF-8.
 */
CHAR16 next_utf16(struct text *rest);
size_t utf8_from_utf16(const CHAR16 *text, size_t units, char *out, size_t size);

/* entries.c: /loader/entries, and what is found beside it. `only` empty: all of it; else no more
 * than the entries of that name, if there are any. */
EFI_STATUS list_entries(struct boot *boot, struct text only, bool automatic,
                        struct entry_list *list);
/* Why it cannot be booted, on one line; "" if it can. */
#define REFUSAL_MAX 256
void entry_refusal(const struct listed_entry *listed, char text[REFUSAL_MAX]);

/* unified.c: title, sort-key and version of a unified kernel image, as its .osrel section says; one
 * without, or without sense, gets a warning and keeps the title that it has. */
void describe_unified(struct boot *boot, struct listed_entry *listed);

/* choose_entry.c: loader.conf, the menu, LoadOptions. EFI_ABORTED, of which nothing is said: back
 * to firmware, as a person asked. */
EFI_STATUS choose_boot_entry(struct boot *boot);
/* The options that it would be booted with, into `options`. */
EFI_STATUS entry_options(struct boot *boot, const struct listed_entry *listed,
                         char options[OPTIONS_MAX]);

/* menu.c */
struct menu_wish {
    unsigned timeout;          /* seconds to the default's boot; 0: a person chooses */
    bool editor;               /* options may be edited */
    struct listed_entry *best; /* the default */
};
/* A choice, and its options if they were edited: then *edited is set, and they are in
 * boot->options. EFI_ABORTED: back to firmware. The default where there is no console. */
EFI_STATUS run_menu(struct boot *boot, const struct entry_list *list, const struct menu_wish *wish,
                    struct listed_entry **choice, bool *edited);

/* start_program.c: `efi` and `linux` entries. Gives all memory back and closes the volume, then
 * runs the program; returns, if it does, what it returned. */
EFI_STATUS start_program(struct boot *boot);
/* After what a person chose has come to an end: shows how, and waits for a key. False: there is
 * nobody to press one. */
bool wait_for_person(struct boot *boot, EFI_STATUS status);

/* random.c */
/* Fills them, two words or more, from EFI_RNG_PROTOCOL; false, and they hold anything, where there
 * is none, it fails or gives but one word again and again. Says nothing. */
bool firmware_random(struct boot *boot, void *bytes, size_t size);
/* Looks for something to draw by, unless the options say not to. */
void open_random_source(struct boot *boot);

/* place_kernel.c */
/* Frames for the kernel's image, its slide and the direct map's base; the image's headers are
 * read. */
EFI_STATUS place_kernel(struct boot *boot);
/* Frames as if nothing were drawn, for those that place_kernel gave. */
EFI_STATUS place_frames_again(struct boot *boot);
/* With the image in memory: takes the slide back if it cannot move, and logs what was drawn. */
void settle_places(struct boot *boot);

/* load_kernel.c, load_modules.c */
EFI_STATUS load_kernel(struct boot *boot);
EFI_STATUS load_modules(struct boot *boot);

/* address_space.c */
EFI_STATUS build_address_space(struct boot *boot);

/* precomputed_tables.c: page tables that the image brings along, moved to where it lies and
 * runs, into boot->space. *linked is false, and nothing has changed, where the
 * image is to be mapped page by page instead. */
EFI_STATUS link_precomputed_tables(struct boot *boot, bool *linked);

/* describe_machine.c */
EFI_STATUS open_boot_info(struct boot *boot);
void find_framebuffer(struct boot *boot);
void describe_machine(struct boot *boot);

/* firmware_tables.c: finds what of ACPI, SMBIOS and the boot logo is to be kept. */
EFI_STATUS keep_firmware_tables(struct boot *boot);
/* Is it RAM that firmware has, or that nobody has? `memory` is normalised. */
bool is_still_to_be_kept(const struct memory_map *memory, struct phys_range range);

/* leave_firmware.c. After it boot services are gone, and with them every way back. */
EFI_STATUS leave_firmware(struct boot *boot);
_Noreturn void enter_kernel(const struct boot *boot);

/* main.c: what gnu-efi's start code calls, in the System V ABI. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Time stamp of a step's end. */
void step_done(struct boot *boot, enum boot_step step);

#endif
