/* See fake_firmware.h: memory and the map of it (UEFI 2.10, 7.2). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_firmware.h"

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))
#define PAGE             UINT64_C(4096)
#define JUNK             0xa5
#define OWN_TYPES        UINT32_C(0x80000000)
#define FIRMWARE         UINT32_MAX       /* who owns a page: 0 nobody, else a number of an */
#define REFUSED          (UINT32_MAX - 1) /* allocation of the loader's; or it would not go back */
#define GROWTH_BASE      UINT64_C(0xe0000000)
#define DESCRIPTORS_MAX  20000
#define ALLOCATABLE_ATTR (EFI_MEMORY_WB | EFI_MEMORY_UC)

struct arena {
    uint64_t base;
    size_t pages;
    uint32_t *types;
    uint32_t *owners;
};

static uint32_t low_types[FAKE_LOW_PAGES], low_owners[FAKE_LOW_PAGES];
static uint32_t high_types[FAKE_HIGH_PAGES], high_owners[FAKE_HIGH_PAGES];
static const struct arena arenas[] = {
    {FAKE_HIGH_BASE, FAKE_HIGH_PAGES, high_types, high_owners},
    {FAKE_LOW_BASE, FAKE_LOW_PAGES, low_types, low_owners},
};

static struct fake_range ranges[128];
static size_t range_count;
static uint32_t allocations;
static UINTN map_key;
static unsigned growth;

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static void map_arena(const struct arena *arena)
{
    void *at = mmap(pointer(arena->base), arena->pages * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(at, pointer(arena->base));
}

void fake_reset_pages(void)
{
    static bool mapped;

    for (size_t i = 0; i < COUNT(arenas); i++) {
        if (!mapped)
            map_arena(&arenas[i]);
        ASAN_POISON_MEMORY_REGION(pointer(arenas[i].base), arenas[i].pages * PAGE);
        memset(arenas[i].owners, 0, arenas[i].pages * sizeof(uint32_t));
        for (size_t page = 0; page < arenas[i].pages; page++)
            arenas[i].types[page] = EfiConventionalMemory;
    }
    mapped = true;
    range_count = 0;
    allocations = 0;
    map_key = 4711;
    growth = 0;
}

/* NULL when the pages are not all in one arena. */
static const struct arena *arena_of(uint64_t base, uint64_t pages, size_t *first)
{
    for (size_t i = 0; i < COUNT(arenas); i++) {
        uint64_t page = (base - arenas[i].base) / PAGE;
        if (base >= arenas[i].base && page < arenas[i].pages && pages <= arenas[i].pages - page) {
            *first = (size_t)page;
            return &arenas[i];
        }
    }
    return NULL;
}

static bool is_owned_by(const struct arena *arena, size_t first, uint64_t pages, uint32_t owner)
{
    for (size_t i = first; i < first + pages; i++) {
        if (arena->owners[i] != owner)
            return false;
    }
    return true;
}

static void give_to(const struct arena *arena, size_t first, uint64_t pages, uint32_t owner,
                    uint32_t type)
{
    for (size_t i = first; i < first + pages; i++) {
        arena->owners[i] = owner;
        arena->types[i] = type;
    }
    map_key++;
}

void fake_take_pages(uint64_t base, uint64_t pages)
{
    size_t first;
    const struct arena *arena = arena_of(base, pages, &first);

    assert_non_null(arena);
    assert_true(is_owned_by(arena, first, pages, 0));
    give_to(arena, first, pages, FIRMWARE, EfiBootServicesData);
}

/* The highest place that ends at or below `limit`, with a free page above it: what is written
 * past the end of an allocation is not in the next one. */
static bool find_free(const struct arena *arena, uint64_t pages, uint64_t limit, size_t *first)
{
    size_t run = 0;

    for (size_t i = arena->pages; i-- > 0;) {
        bool fits = arena->owners[i] == 0 && arena->base + i * PAGE + (PAGE - 1) <= limit;
        run = fits ? run + 1 : 0;
        if (run == pages + 1) {
            *first = i;
            return true;
        }
    }
    return false;
}

static const struct arena *find_place(EFI_ALLOCATE_TYPE how, uint64_t pages, uint64_t memory,
                                      size_t *first)
{
    uint64_t limit = how == AllocateAnyPages ? fake.any_below : memory;
    const struct arena *arena;

    if (how == AllocateAddress) {
        arena = arena_of(memory, pages, first);
        return arena != NULL && is_owned_by(arena, *first, pages, 0) ? arena : NULL;
    }
    for (size_t i = 0; i < COUNT(arenas); i++) {
        if (find_free(&arenas[i], pages, limit, first))
            return &arenas[i];
    }
    return NULL;
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
                                        EFI_PHYSICAL_ADDRESS *memory)
{
    bool own = (uint32_t)type >= OWN_TYPES;
    size_t first;

    if (fake_call_fails(FAKE_ALLOCATE_PAGES))
        return fake.fail_status;
    assert_true(own || type == EfiLoaderData);
    assert_int_not_equal(pages, 0);
    assert_true(how != AllocateAddress || *memory % PAGE == 0);
    assert_true(how != AllocateAddress || *memory >= FAKE_LOW_BASE); /* free, but firmware's */
    if (own && fake.refuse_own_types)
        return EFI_INVALID_PARAMETER;

    const struct arena *arena = find_place(how, pages, *memory, &first);
    if (arena == NULL)
        return how == AllocateAddress ? EFI_NOT_FOUND : EFI_OUT_OF_RESOURCES;
    *memory = arena->base + first * PAGE;
    give_to(arena, first, pages, ++allocations, (uint32_t)type);
    ASAN_UNPOISON_MEMORY_REGION(pointer(*memory), pages * PAGE);
    memset(pointer(*memory), JUNK, pages * PAGE);
    return EFI_SUCCESS;
}

/* Firmware takes back any part of what it gave; the loader gives back what it got. */
static void check_whole(const struct arena *arena, size_t first, uint64_t pages)
{
    uint32_t owner = arena->owners[first];
    size_t end = first + pages;

    assert_true(owner != 0 && owner != FIRMWARE && owner != REFUSED);
    assert_true(is_owned_by(arena, first, pages, owner));
    assert_true(first == 0 || arena->owners[first - 1] != owner);
    assert_true(end == arena->pages || arena->owners[end] != owner);
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS memory, UINTN pages)
{
    size_t first = 0;
    bool fails = fake_call_fails(FAKE_FREE_PAGES);
    const struct arena *arena = arena_of(memory, pages, &first);

    assert_non_null(arena);
    assert_int_not_equal(pages, 0);
    assert_int_equal(memory % PAGE, 0);
    check_whole(arena, first, pages);
    ASAN_POISON_MEMORY_REGION(pointer(memory), pages * PAGE);
    if (fails) {
        give_to(arena, first, pages, REFUSED, arena->types[first]);
        return fake.fail_status;
    }
    give_to(arena, first, pages, 0, EfiConventionalMemory);
    return EFI_SUCCESS;
}

uint32_t fake_page_type(uint64_t address)
{
    size_t page;
    const struct arena *arena = arena_of(address, 1, &page);

    assert_non_null(arena);
    return arena->types[page];
}

bool fake_is_allocated(uint64_t address, uint64_t size)
{
    size_t first;
    uint64_t pages = (address % PAGE + size + PAGE - 1) / PAGE;
    const struct arena *arena = arena_of(address, pages, &first);

    for (size_t i = 0; arena != NULL && i < pages; i++) {
        uint32_t owner = arena->owners[first + i];
        if (owner == 0 || owner == FIRMWARE || owner == REFUSED)
            return false;
    }
    return arena != NULL;
}

size_t fake_leaked_pages(void)
{
    size_t leaked = 0;

    for (size_t i = 0; i < COUNT(arenas); i++) {
        for (size_t page = 0; page < arenas[i].pages; page++) {
            uint32_t owner = arenas[i].owners[page];
            leaked += owner != 0 && owner != FIRMWARE && owner != REFUSED;
        }
    }
    return leaked;
}

void fake_add_range(uint64_t base, uint64_t pages, uint32_t type, uint64_t attribute)
{
    assert_true(range_count < COUNT(ranges));
    ranges[range_count++] = (struct fake_range){base, pages, type, attribute};
}

const struct fake_range *fake_ranges(size_t *count)
{
    *count = range_count;
    return ranges;
}

UINTN fake_map_key(void)
{
    return map_key;
}

void fake_stir_map(unsigned more)
{
    growth += more;
    map_key++;
}

/* The map, unsorted: high memory, what is fixed, what has grown, low memory. */
static EFI_MEMORY_DESCRIPTOR descriptors[DESCRIPTORS_MAX];

static size_t put(size_t count, struct fake_range range)
{
    assert_true(count < DESCRIPTORS_MAX);
    descriptors[count] = (EFI_MEMORY_DESCRIPTOR){.Type = range.type,
                                                 .PhysicalStart = range.base,
                                                 .NumberOfPages = range.pages,
                                                 .Attribute = range.attribute};
    return count + 1;
}

static size_t put_arena(size_t count, const struct arena *arena)
{
    for (size_t start = 0, end; start < arena->pages; start = end) {
        for (end = start; end < arena->pages && arena->types[end] == arena->types[start];)
            end++;
        count = put(count, (struct fake_range){arena->base + start * PAGE, end - start,
                                               arena->types[start], ALLOCATABLE_ATTR});
    }
    return count;
}

size_t fake_descriptor_count(void)
{
    size_t count = put_arena(0, &arenas[0]);

    for (size_t i = 0; i < range_count; i++)
        count = put(count, ranges[i]);
    for (unsigned i = 0; i < growth; i++)
        count = put(count, (struct fake_range){GROWTH_BASE + i * 2 * PAGE, 1, EfiMemoryMappedIO,
                                               EFI_MEMORY_UC});
    return put_arena(count, &arenas[1]);
}

EFI_MEMORY_DESCRIPTOR fake_descriptor(size_t index)
{
    return descriptors[index];
}

static EFI_STATUS EFIAPI get_memory_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                        UINTN *element_size, UINT32 *version)
{
    if (fake_call_fails(FAKE_GET_MEMORY_MAP))
        return fake.fail_status;
    unsigned asks = fake.calls_of[FAKE_GET_MEMORY_MAP];
    if (asks >= fake.grow_from && asks <= fake.grow_to)
        fake_stir_map(fake.asked_growth);

    size_t count = fake_descriptor_count();
    UINTN room = *size;
    *size = count * fake.element_size;
    *element_size = fake.element_size;
    *version = 1;
    if (room < *size || *size == 0)
        return EFI_BUFFER_TOO_SMALL;

    assert_true(fake_is_allocated((uintptr_t)map, *size));
    memset(map, JUNK, *size);
    for (size_t i = 0; i < count; i++)
        memcpy((char *)map + i * fake.element_size, &descriptors[i], sizeof(*map));
    *key = map_key;
    return EFI_SUCCESS;
}

void fake_set_memory_services(EFI_BOOT_SERVICES *services)
{
    services->AllocatePages = allocate_pages;
    services->FreePages = free_pages;
    services->GetMemoryMap = get_memory_map;
}
