/* Memory from firmware, all of it whole pages and all of it in a ledger, so that a
 * failed boot gives back everything with one call.
 *
 * Pages carry memory types of our own (UEFI 2.10, table 7.6: 0x80000000 up are the OS
 * loader's), so that the kernel finds in the memory map what belongs to whom. */
#include "boot.h"

#include "mem.h"

#define OWN_TYPE(type) ((EFI_MEMORY_TYPE)(UINT32_C(0x80000000) | (uint32_t)(type)))

#define TABLE_CHUNK 32 /* pages */

struct allocation {
    phys_addr_t at;
    uint64_t pages;
};

#define LEDGER_ENTRIES 255

struct ledger_page {
    struct ledger_page *next;
    size_t count;
    struct allocation entries[LEDGER_ENTRIES];
};

_Static_assert(sizeof(struct ledger_page) == PAGE_SIZE, "one page");

/* Some firmware takes no types of the loader's: what is then LoaderData is told apart
 * by leave_firmware.c. */
static EFI_STATUS ask_firmware(struct boot *boot, EFI_ALLOCATE_TYPE how, enum memory_type type,
                               uint64_t pages, phys_addr_t *at)
{
    EFI_ALLOCATE_PAGES ask = boot->system->BootServices->AllocatePages;
    EFI_STATUS status = ask(how, OWN_TYPE(type), pages, &at->raw);

    return status == EFI_INVALID_PARAMETER ? ask(how, EfiLoaderData, pages, &at->raw) : status;
}

/* A place in the ledger first, so that no allocation is ever without one. */
static EFI_STATUS make_ledger_room(struct boot *boot)
{
    phys_addr_t at = {0};

    if (boot->ledger != NULL && boot->ledger->count < LEDGER_ENTRIES)
        return EFI_SUCCESS;
    TRY(ask_firmware(boot, AllocateAnyPages, MEMORY_LOADER, 1, &at));

    struct ledger_page *page = (struct ledger_page *)(uintptr_t)at.raw;
    page->next = boot->ledger;
    page->count = 0;
    boot->ledger = page;
    return EFI_SUCCESS;
}

static EFI_STATUS allocate(struct boot *boot, EFI_ALLOCATE_TYPE how, enum memory_type type,
                           uint64_t bytes, phys_addr_t *at)
{
    uint64_t pages = align_up(bytes, PAGE_SIZE) / PAGE_SIZE;

    /* A size may be what firmware says of a file: 0 pages is what near 2^64 rounds to. */
    if (pages == 0)
        return EFI_OUT_OF_RESOURCES;
    TRY(make_ledger_room(boot));
    TRY(ask_firmware(boot, how, type, pages, at));
    boot->ledger->entries[boot->ledger->count++] = (struct allocation){*at, pages};
    return EFI_SUCCESS;
}

/* Address 0 means "none" from here on: memory there is kept and not used. */
static EFI_STATUS allocate_not_at_0(struct boot *boot, EFI_ALLOCATE_TYPE how, enum memory_type type,
                                    uint64_t bytes, phys_addr_t *at)
{
    phys_addr_t limit = *at;

    TRY(allocate(boot, how, type, bytes, at));
    if (at->raw != 0)
        return EFI_SUCCESS;
    *at = limit;
    return allocate(boot, how, type, bytes, at);
}

EFI_STATUS allocate_pages(struct boot *boot, enum memory_type type, uint64_t bytes, phys_addr_t *at)
{
    at->raw = 0;
    EFI_STATUS status = allocate_not_at_0(boot, AllocateAnyPages, type, bytes, at);
    return EFI_ERROR(status) ? fail(boot, status, "no %lu KiB of memory for %s", (bytes >> 10),
                                    memory_type_name(type))
                             : status;
}

EFI_STATUS allocate_pages_at(struct boot *boot, enum memory_type type, uint64_t bytes,
                             phys_addr_t at)
{
    return allocate(boot, AllocateAddress, type, bytes, &at);
}

EFI_STATUS allocate_pages_below(struct boot *boot, enum memory_type type, uint64_t bytes,
                                uint64_t limit, phys_addr_t *at)
{
    at->raw = limit - 1;
    return allocate_not_at_0(boot, AllocateMaxAddress, type, bytes, at);
}

EFI_STATUS allocate_bytes(struct boot *boot, uint64_t bytes, void **at)
{
    phys_addr_t page;

    bytes = align_up(max_u64(bytes, 1), 16);
    if (bytes > boot->shared_page.left) {
        TRY(allocate_pages(boot, MEMORY_LOADER, bytes, &page));
        *at = (void *)(uintptr_t)page.raw;
        if (bytes > PAGE_SIZE / 2)
            return EFI_SUCCESS; /* what is left of its last page is not worth it */
        boot->shared_page.next = *at;
        boot->shared_page.left = PAGE_SIZE;
    }
    *at = boot->shared_page.next;
    boot->shared_page.next += bytes;
    boot->shared_page.left -= bytes;
    return EFI_SUCCESS;
}

static void give_back(struct boot *boot, phys_addr_t at, uint64_t pages)
{
    EFI_STATUS status = boot->system->BootServices->FreePages(at.raw, pages);

    if (EFI_ERROR(status))
        fail(boot, status, "firmware does not take back %lu pages at 0x%lx", pages, at.raw);
}

void free_pages(struct boot *boot, phys_addr_t at)
{
    for (struct ledger_page *page = boot->ledger; page != NULL; page = page->next) {
        for (size_t i = 0; i < page->count; i++) {
            if (page->entries[i].at.raw != at.raw)
                continue;
            give_back(boot, at, page->entries[i].pages);
            page->entries[i] = page->entries[--page->count];
            return;
        }
    }
}

void free_all_pages(struct boot *boot)
{
    boot->log = NULL; /* it goes too */
    boot->shared_page.left = 0;
    for (struct ledger_page *page = boot->ledger, *next; page != NULL; page = next) {
        next = page->next;
        for (size_t i = 0; i < page->count; i++)
            give_back(boot, page->entries[i].at, page->entries[i].pages);
        give_back(boot, phys((uintptr_t)page), 1);
    }
    boot->ledger = NULL;
}

static bool take_table_frame(struct frame_source *source, phys_addr_t *frame)
{
    struct table_frames *tables = (struct table_frames *)source;

    if (tables->left == 0) {
        if (EFI_ERROR(allocate_pages(tables->boot, MEMORY_LOADER, TABLE_CHUNK * PAGE_SIZE,
                                     &tables->next)))
            return false;
        tables->left = TABLE_CHUNK;
    }
    *frame = tables->next;
    tables->next.raw += PAGE_SIZE;
    tables->left--;
    return true;
}

/* Only a failed boot gives tables back, and that empties the ledger anyway. */
static void keep_table_frame(struct frame_source *source, phys_addr_t frame)
{
    (void)source;
    (void)frame;
}

void open_table_frames(struct boot *boot)
{
    boot->tables = (struct table_frames){
        .source = {take_table_frame, keep_table_frame},
        .boot = boot,
    };
}
