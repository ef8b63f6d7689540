/* UEFI firmware on the host, for tests of the loader: a system table over host memory that
 * lies at the addresses it is said to have, files in memory, and failures on order.
 *
 * It is strict where real firmware is lenient: what the loader may not do is a failed
 * test, whatever it would do to a machine. Pages that the loader does not own are
 * poisoned for AddressSanitizer.
 *
 * There is one; fake_reset() makes it new. */
#ifndef BESTLA_FAKE_FIRMWARE_H
#define BESTLA_FAKE_FIRMWARE_H

#include <efi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that can be allocated: one piece below 4 GiB, one above. AllocateAnyPages
 * takes the highest. */
#define FAKE_LOW_BASE   UINT64_C(0x100000)
#define FAKE_LOW_PAGES  6144
#define FAKE_HIGH_BASE  UINT64_C(0x200000000000)
#define FAKE_HIGH_PAGES 8192

enum fake_service {
    FAKE_ALLOCATE_PAGES,
    FAKE_FREE_PAGES,
    FAKE_GET_MEMORY_MAP,
    FAKE_EXIT_BOOT_SERVICES,
    FAKE_HANDLE_PROTOCOL,
    FAKE_LOCATE_PROTOCOL,
    FAKE_LOCATE_HANDLES,
    FAKE_SCREEN_PROTOCOL, /* HandleProtocol on a screen's handle */
    FAKE_FREE_POOL,
    FAKE_WATCHDOG,
    FAKE_OUTPUT_STRING,
    FAKE_GET_RNG,
    FAKE_OPEN_VOLUME,
    FAKE_OPEN,
    FAKE_CLOSE,
    FAKE_READ,
    FAKE_SET_POSITION,
    FAKE_GET_POSITION,
    FAKE_READ_KEY,
    FAKE_GET_VARIABLE,
    FAKE_FIRST_OF_MENU, /* what only the menu calls, and programs */
    FAKE_CREATE_EVENT = FAKE_FIRST_OF_MENU,
    FAKE_SET_TIMER,
    FAKE_WAIT_FOR_EVENT,
    FAKE_CLOSE_EVENT,
    FAKE_STALL,
    FAKE_QUERY_MODE,
    FAKE_DRAW, /* any other call of the screen's but OutputString */
    FAKE_LOAD_IMAGE,
    FAKE_START_IMAGE,
    FAKE_UNLOAD_IMAGE,
    FAKE_INSTALL_PROTOCOLS,
    FAKE_UNINSTALL_PROTOCOLS,
    FAKE_SET_VARIABLE,
    FAKE_GET_INFO, /* what only a counted try calls */
    FAKE_SET_INFO,
    FAKE_FLUSH,
    FAKE_SERVICES,
};

#define FAKE_MORE_SCREENS 2

/* Memory that the map shows and nobody can allocate. */
struct fake_range {
    uint64_t base;
    uint64_t pages;
    uint32_t type;
    uint64_t attribute;
};

/* One Read() of a file (folders are not recorded). */
struct fake_read {
    const char *path;
    uint64_t offset;
    uint64_t wanted;
    uint64_t got;
    bool failed;
    uint64_t to;
};

/* What a person does: a key, or nothing for so many seconds. */
struct fake_key {
    uint16_t scan_code, character;
    unsigned seconds; /* not 0: no key */
};

#define FAKE_ROWS_MAX    60
#define FAKE_COLUMNS_MAX 200

struct fake_firmware {
    /* On order. */
    unsigned fail_call;  /* the call of this number fails, counted from 1; 0: none */
    bool fail_lastingly; /* and all later ones of the same service */
    enum fake_service nth_service;
    unsigned fail_nth; /* the call of this number among those of nth_service; 0: none */
    EFI_STATUS fail_status;

    bool reset_fails;            /* ResetSystem comes back */
    bool refuse_own_types;       /* memory types from 0x80000000 up */
    UINTN element_size;          /* of memory descriptors: 0x28 or more */
    unsigned refuse_exits;       /* this many times */
    unsigned refused_growth;     /* descriptors more after each refusal */
    unsigned asked_growth;       /* descriptors more at each GetMemoryMap ... */
    unsigned grow_from, grow_to; /* ... of these numbers, counted from 1 */

    uint64_t any_below;   /* AllocateAnyPages gives nothing above */
    uint64_t read_limit;  /* reads of more bytes fail */
    uint64_t short_limit; /* reads give at most so many bytes */
    uint64_t read_below;  /* reads to memory above fail */
    uint64_t error_at;    /* reads that touch this offset fail ... */
    unsigned errors;      /* ... so many times */
    bool read_only_volume;
    bool full_volume;           /* no folder can grow */
    const char *read_only_file; /* by FAT's attribute */
    bool renames_in_vain;       /* SetInfo says that it did */
    bool folders_go_on;         /* behind the last file comes the first again */

    bool has_framebuffer;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION mode_info;
    EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode;
    /* After that one. */
    unsigned more_screens;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION more_info[FAKE_MORE_SCREENS];
    EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE more_modes[FAKE_MORE_SCREENS];
    unsigned consoles; /* bit n: the console is shown on screen n */
    bool has_rng;
    uint64_t random;      /* what GetRNG's bytes are made of: other for another number */
    uint64_t random_word; /* all that GetRNG gives, but for bits 1 and 2; 0: words of all kinds */
    bool random_stuck;    /* and nothing but that */
    unsigned words;       /* given of that kind */
    bool has_file_system;
    bool has_device_path;

    struct fake_key keys[512]; /* then nothing more is pressed */
    size_t key_count;
    bool keys_at_once;   /* the first is down when the loader starts; else, when it waits for one */
    bool keys_never_end; /* WaitForKey is signalled though there is no key */
    bool key_fails;      /* ReadKeyStroke, always ... */
    bool keys_then_fail; /* ... or when all keys have been read */
    UINTN columns, rows;
    bool says_size; /* QueryMode gives these instead */
    UINTN said_columns, said_rows;

    EFI_STATUS load_status;      /* of LoadImage, if the file is there */
    EFI_STATUS (*program)(void); /* what StartImage runs */
    bool program_leaves_words;   /* in firmware's pool, when it returns */
    bool initrd_is_offered;      /* by somebody else */

    bool no_variables;        /* GetVariable and SetVariable: EFI_UNSUPPORTED */
    bool variables_stay;      /* SetVariable: EFI_WRITE_PROTECTED */
    UINTN said_variable_size; /* GetVariable says so of all that there are; 0: the truth */
    bool variable_sizes_lie;  /* and that they fit */
    EFI_CONFIGURATION_TABLE tables[8];
    EFI_LOADED_IMAGE_PROTOCOL loaded;
    EFI_SYSTEM_TABLE system;

    /* What happened. */
    unsigned calls;
    unsigned calls_of[FAKE_SERVICES];
    enum fake_service failed; /* the service of call number fail_call */
    unsigned exits;           /* tries */
    bool has_left;
    unsigned open_handles;
    uint64_t watchdog; /* seconds, as last set */
    size_t keys_read;
    unsigned seconds; /* that were waited */
    unsigned open_events, open_images;
    unsigned open_pools;                              /* that the loader has to free */
    char screen[FAKE_ROWS_MAX][FAKE_COLUMNS_MAX + 1]; /* rows, blanks at their ends too */
    uint8_t looks[FAKE_ROWS_MAX][FAKE_COLUMNS_MAX];   /* attributes */
    UINTN row, column;
    bool cursor;
    UINTN attribute;
    char loaded_path[1024]; /* by LoadImage, after the device's own */
    EFI_LOADED_IMAGE_PROTOCOL program_image;
    EFI_HANDLE initrd_handle; /* NULL: not offered */
    const VENDOR_DEVICE_PATH *initrd_path;
    EFI_LOAD_FILE_PROTOCOL *initrd_protocol;
    char console[65536];
    size_t console_used;
    struct fake_read reads[8192];
    size_t read_count;
    uint8_t given[64][32]; /* by each call of GetRNG */
    size_t given_count;
};

extern struct fake_firmware fake;

/* Of screen n, for ConsoleOutHandle. */
EFI_HANDLE fake_screen_handle(unsigned screen);

/* A whole firmware in order, no file on its volume, nothing that fails. */
void fake_reset(void);

EFI_HANDLE fake_image_handle(void);

/* For the files of the fake itself: counts a call, says whether it is to fail; a
 * call that may not be made now fails the test. */
bool fake_call_fails(enum fake_service service);
const char *fake_service_name(enum fake_service service);

/* fake_console.c. Every row of the screen is checked: nothing may be written to its last column,
 * or past it. */
void fake_reset_console(void);
void fake_set_event_services(EFI_BOOT_SERVICES *services);
SIMPLE_INPUT_INTERFACE *fake_keyboard(void);
SIMPLE_TEXT_OUTPUT_INTERFACE *fake_screen(void);
/* Presses keys: those of a text; one of a scan code. */
void fake_type(const char *text);
void fake_press(uint16_t scan_code);
void fake_press_character(uint16_t character);
/* Presses nothing for so long. */
void fake_pause(unsigned seconds);
/* Is there a row with these words in it? */
bool fake_screen_has(const char *words);
/* The same of any screen that was ever shown, when the last key was read or since. */
bool fake_screen_had(const char *words);

/* fake_variables.c: EFI variables of the loader's vendor GUID. */
struct fake_variable {
    char name[64];
    uint32_t attributes;
    size_t size; /* 0: there is none */
    unsigned char data[4096];
};
void fake_reset_variables(void);
void fake_set_runtime_services(EFI_RUNTIME_SERVICES *services);
void fake_put_variable(const char *name, uint32_t attributes, const void *data, size_t size);
/* One that lasts, as a system sets it. */
void fake_put_text_variable(const char *name, const char *text);
/* NULL: there is none. */
const struct fake_variable *fake_variable(const char *name);
/* Its text; of several, the first; until the next call. */
const char *fake_text_variable(const char *name);

/* fake_programs.c: images, protocols. */
void fake_reset_programs(void);
void fake_set_program_services(EFI_BOOT_SERVICES *services);
EFI_HANDLE fake_program_handle(void);
const void *fake_device_path(void);
bool fake_file_is_there(const char *path); /* fake_files.c */

/* fake_pages.c */
void fake_reset_pages(void);
void fake_set_memory_services(EFI_BOOT_SERVICES *services);
void fake_add_range(uint64_t base, uint64_t pages, uint32_t type, uint64_t attribute);
const struct fake_range *fake_ranges(size_t *count);
/* Makes free pages firmware's own. */
void fake_take_pages(uint64_t base, uint64_t pages);
/* The memory type of a page that can be allocated: EfiConventionalMemory when free. */
uint32_t fake_page_type(uint64_t address);
/* Are these bytes in pages that the loader has allocated? */
bool fake_is_allocated(uint64_t address, uint64_t size);
/* Pages that the loader has neither given back nor tried to in vain. */
size_t fake_leaked_pages(void);
UINTN fake_map_key(void);
/* Another key, and so many descriptors more. */
void fake_stir_map(unsigned growth);
/* The map as it is: how many descriptors, and each. */
size_t fake_descriptor_count(void);
EFI_MEMORY_DESCRIPTOR fake_descriptor(size_t index);

/* fake_files.c. Paths are of UTF-8, with `/`; names compare in either case, as on FAT.
 * Bytes are not copied. */
void fake_reset_files(void);
void fake_add_folder(const char *path);
void fake_add_file(const char *path, const void *bytes, uint64_t size);
void fake_add_text(const char *path, const char *text);
/* What GetInfo says of the whole volume; false: another kind is asked for. */
bool fake_volume_info(const EFI_GUID *guid, UINTN *size, void *to);
void fake_remove(const char *path);
/* What position ~0 gives from now on: a file that lies about its size. */
void fake_claim_size(const char *path, uint64_t size);
EFI_STATUS EFIAPI fake_open_volume(EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *self, EFI_FILE_PROTOCOL **root);

#endif
