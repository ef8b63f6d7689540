/* Firmware's memory map (UEFI 2.10, 7.2: GetMemoryMap), asked into buffers of our own and
 * turned into ours. */
#include "boot.h"

/* Allocating the buffer itself, and firmware's own doings between two calls, add
 * descriptors. One B550 board has 312 of them. */
#define SLACK 64

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
                    (unsigned long)map->element_size);

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

/* RAM that cannot be cached is not for the direct map, whatever its type says. */
static enum memory_type usable_type_of(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    enum memory_type type = type_of(descriptor);
    bool ram = (MEMORY_TYPE_BIT(type) & MEMORY_RAM) != 0;

    return ram && !(descriptor->Attribute & EFI_MEMORY_WB) ? MEMORY_RESERVED : type;
}

static void add_descriptor(struct boot *boot, struct firmware_map *map, UINTN index)
{
    const EFI_MEMORY_DESCRIPTOR *descriptor =
        (const void *)((const char *)map->descriptors + index * map->element_size);
    uint64_t size;

    if (__builtin_mul_overflow(descriptor->NumberOfPages, PAGE_SIZE, &size))
        size = UINT64_MAX;
    enum memory_map_status status =
        memory_map_add(&map->map, descriptor->PhysicalStart, size, usable_type_of(descriptor));
    if (status != MEMORY_MAP_OK)
        log_line(boot, LOG_WARNING,
                 "firmware's memory map: descriptor %lu (type %u, 0x%llx pages at 0x%llx) "
                 "does not fit and is left out",
                 (unsigned long)index, descriptor->Type,
                 (unsigned long long)descriptor->NumberOfPages,
                 (unsigned long long)descriptor->PhysicalStart);
}

void convert_firmware_map(struct boot *boot, struct firmware_map *map)
{
    map->map.count = 0;
    for (UINTN i = 0; i < map->size / map->element_size; i++)
        add_descriptor(boot, map, i);
}
