/* Firmware's memory map (UEFI 2.10, 7.2: GetMemoryMap), asked into buffers of our own and
 * turned into ours. */
#include "boot.h"

/* Allocating the buffer itself, and firmware's own doings between two calls, add
 * descriptors. One B550 board has 312 of them. */
#define SLACK 64

/* UEFI 2.10, 7.2.3: EFI_MEMORY_SP, which gnu-efi does not name. */
#define MEMORY_SP UINT64_C(0x40000)

EFI_STATUS read_firmware_map(EFI_SYSTEM_TABLE *system, struct firmware_map *map)
{
    map->size = map->room;
    return system->BootServices->GetMemoryMap(&map->size, map->descriptors, &map->key,
                                              &map->element_size, &map->version);
}

EFI_STATUS allocate_firmware_map(struct boot *boot, size_t extra, struct firmware_map *map)
{
    phys_addr_t at;

    *map = (struct firmware_map){0};
    EFI_STATUS status = read_firmware_map(boot->system, map);
    if (status != EFI_BUFFER_TOO_SMALL)
        return fail(boot, EFI_ERROR(status) ? status : EFI_LOAD_ERROR,
                    "firmware does not tell the size of its memory map");
    if (map->element_size < sizeof(EFI_MEMORY_DESCRIPTOR) || !is_aligned(map->element_size, 8))
        return fail(boot, EFI_INCOMPATIBLE_VERSION, "firmware's memory descriptors have %lu bytes",
                    map->element_size);

    size_t descriptors = map->size / map->element_size + SLACK;
    size_t ranges = 2 * (descriptors + extra);
    uint64_t room = descriptors * map->element_size;
    uint64_t bytes = room + ranges * (sizeof(struct memory_range) + sizeof(struct memory_edge));

    TRY(allocate_pages(boot, MEMORY_LOADER, bytes, &at));
    map->descriptors = (void *)(uintptr_t)at.raw;
    map->room = room;
    map->map.ranges = (void *)(uintptr_t)(at.raw + room);
    map->map.capacity = ranges;
    map->scratch = (void *)(map->map.ranges + ranges);
    return EFI_SUCCESS;
}

void free_firmware_map(struct boot *boot, struct firmware_map *map)
{
    if (map->descriptors != NULL)
        free_pages(boot, phys((uintptr_t)map->descriptors));
}

/* UEFI 2.10, table 7.10: what each type is after ExitBootServices. Types of the OS
 * loader's are ours if the number is one that frames.c gives out. */
static enum memory_type type_of(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    static const uint8_t types[] = {
        [EfiReservedMemoryType] = MEMORY_RESERVED,
        [EfiLoaderCode] = MEMORY_LOADER,
        [EfiLoaderData] = MEMORY_LOADER,
        [EfiBootServicesCode] = MEMORY_BOOT_SERVICES,
        [EfiBootServicesData] = MEMORY_BOOT_SERVICES,
        [EfiRuntimeServicesCode] = MEMORY_RUNTIME_CODE,
        [EfiRuntimeServicesData] = MEMORY_RUNTIME_DATA,
        [EfiConventionalMemory] = MEMORY_USABLE,
        [EfiUnusableMemory] = MEMORY_UNUSABLE,
        [EfiACPIReclaimMemory] = MEMORY_ACPI_TABLES,
        [EfiACPIMemoryNVS] = MEMORY_ACPI_NVS,
        [EfiMemoryMappedIO] = MEMORY_MMIO,
        [EfiMemoryMappedIOPortSpace] = MEMORY_MMIO,
        [EfiPalCode] = MEMORY_RESERVED,
        [14] = MEMORY_PERSISTENT, /* EfiPersistentMemory */
        [15] = MEMORY_UNACCEPTED, /* EfiUnacceptedMemoryType */
    };
    uint32_t type = descriptor->Type;
    uint32_t own = type & UINT32_C(0x7fffffff);

    if (type < sizeof(types))
        return (enum memory_type)types[type];
    if (type != own && own >= MEMORY_LOADER && own <= MEMORY_KERNEL_IMAGE)
        return (enum memory_type)own;
    return MEMORY_RESERVED;
}

/* Memory to be allocated and mapped like any other: it can be cached, no driver asks for it by
 * name (specific-purpose memory), the CPU's addresses reach it. */
static bool is_plain_memory(const struct boot *boot, const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    uint64_t limit = (UINT64_C(1) << boot->paging.phys_bits) / PAGE_SIZE;
    uint64_t first = descriptor->PhysicalStart / PAGE_SIZE;

    return (descriptor->Attribute & EFI_MEMORY_WB) && !(descriptor->Attribute & MEMORY_SP) &&
           first < limit && descriptor->NumberOfPages <= limit - first;
}

/* What the loader holds is what it is: firmware gave it. */
static enum memory_type usable_type_of(const struct boot *boot,
                                       const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    const memory_types_t own = MEMORY_TYPE_BIT(MEMORY_LOADER) | MEMORY_TYPE_BIT(MEMORY_MODULE) |
                               MEMORY_TYPE_BIT(MEMORY_KERNEL_IMAGE);
    enum memory_type type = type_of(descriptor);
    bool foreign_ram = (MEMORY_TYPE_BIT(type) & MEMORY_RAM & ~own) != 0;

    return foreign_ram && !is_plain_memory(boot, descriptor) ? MEMORY_RESERVED : type;
}

/* Bytes up to the end of all physical addresses at most: a reservation that claims more must
 * not get lost for it. */
static uint64_t size_of(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    uint64_t limit = UINT64_C(1) << 52, start = descriptor->PhysicalStart;
    uint64_t pages = start < limit ? (limit - start) / PAGE_SIZE : 0;

    return min_u64(pages, descriptor->NumberOfPages) * PAGE_SIZE;
}

static void add_descriptor(struct boot *boot, struct firmware_map *map, UINTN index)
{
    const EFI_MEMORY_DESCRIPTOR *descriptor =
        (const void *)((const char *)map->descriptors + index * map->element_size);
    uint64_t size = size_of(descriptor);

    if (size / PAGE_SIZE != descriptor->NumberOfPages)
        log_line(boot, LOG_WARNING,
                 "firmware's memory map: descriptor %lu: type %u, 0x%lx pages at 0x%lx reach past "
                 "2^52 and are cut off there",
                 index, descriptor->Type, descriptor->NumberOfPages, descriptor->PhysicalStart);
    if (size != 0 && memory_map_add(&map->map, descriptor->PhysicalStart, size,
                                    usable_type_of(boot, descriptor)) != MEMORY_MAP_OK)
        log_line(boot, LOG_WARNING, "firmware's memory map: descriptor %lu does not fit", index);
}

void convert_firmware_map(struct boot *boot, struct firmware_map *map)
{
    map->map.count = 0;
    for (UINTN i = 0; i < map->size / map->element_size; i++)
        add_descriptor(boot, map, i);
}

EFI_STATUS read_memory_map(struct boot *boot, struct firmware_map *map)
{
    EFI_STATUS status = read_firmware_map(boot->system, map);

    if (EFI_ERROR(status))
        return fail(boot, status, "firmware's memory map");
    convert_firmware_map(boot, map);
    if (memory_map_normalise(&map->map, map->scratch) != MEMORY_MAP_OK)
        return fail(boot, EFI_LOAD_ERROR, "firmware's memory map has too many ranges");
    return EFI_SUCCESS;
}
