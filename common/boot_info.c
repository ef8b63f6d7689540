/* The kernel's first look at what the loader hands it: nothing is followed before it has
 * been checked against the memory map, and the map against itself. */
#include "boot_info.h"

#include "layout.h"

struct check {
    const struct boot_info *info;
    struct memory_map map;
    uint64_t phys_to_virt;
    struct boot_info_error *error;
};

static enum boot_info_status fail(const struct check *check, enum boot_info_status status,
                                  const char *field, uint64_t value)
{
    *check->error = (struct boot_info_error){status, field, value};
    return status;
}

static const void *at(const struct check *check, uint64_t address)
{
    return (const void *)(uintptr_t)(address + check->phys_to_virt);
}

static bool lies_in(const struct check *check, uint64_t address, uint64_t size,
                    memory_types_t types)
{
    uint64_t end;
    return !__builtin_add_overflow(address, size, &end) &&
           memory_map_covers(&check->map, phys_range(address, size), types);
}

#define LOADER_MEMORY MEMORY_TYPE_BIT(MEMORY_LOADER)

/* Where it starts with five levels of tables; with four, later. */
#define UPPER_HALF UINT64_C(0xff00000000000000)

static enum boot_info_status check_array(const struct check *check, const char *field,
                                         const struct boot_array *array, uint32_t smallest)
{
    uint64_t size = (uint64_t)array->count * array->element_size;

    if (array->count == 0)
        return BOOT_INFO_OK;
    if (array->element_size < smallest || !is_aligned(array->element_size, 8))
        return fail(check, BOOT_INFO_BAD_SIZE, field, array->element_size);
    if (!is_aligned(array->address, 8) || !lies_in(check, array->address, size, LOADER_MEMORY))
        return fail(check, BOOT_INFO_OUTSIDE_MAP, field, array->address);
    return BOOT_INFO_OK;
}

static enum boot_info_status check_string(const struct check *check, const char *field,
                                          uint64_t address, uint64_t size)
{
    if (size == 0)
        return fail(check, BOOT_INFO_BAD_SIZE, field, size);
    if (!lies_in(check, address, size, LOADER_MEMORY))
        return fail(check, BOOT_INFO_OUTSIDE_MAP, field, address);
    if (((const char *)at(check, address))[size - 1] != '\0')
        return fail(check, BOOT_INFO_UNTERMINATED, field, address);
    return BOOT_INFO_OK;
}

/* What is read before the map can vouch for it must at least be a physical address. */
static bool is_possible(uint64_t address, uint64_t size)
{
    return address != 0 && is_aligned(address, 8) && address <= (UINT64_C(1) << 52) - size;
}

/* The map vouches for all other addresses, and in the end for its own. */
static enum boot_info_status check_map(struct check *check)
{
    const struct boot_array *array = &check->info->memory_map;
    size_t bad = 0;

    if (array->element_size != sizeof(struct memory_range))
        return fail(check, BOOT_INFO_BAD_SIZE, "memory_map", array->element_size);
    if (array->count == 0)
        return fail(check, BOOT_INFO_BAD_SIZE, "memory_map", 0);
    if (!is_possible(array->address, array->count * sizeof(struct memory_range)))
        return fail(check, BOOT_INFO_OUTSIDE_MAP, "memory_map", array->address);

    check->map.ranges = (struct memory_range *)(uintptr_t)at(check, array->address);
    check->map.count = check->map.capacity = array->count;
    if (memory_map_check(&check->map, &bad) != MEMORY_MAP_OK)
        return fail(check, BOOT_INFO_BAD_MAP, "memory_map", bad);
    if (memory_map_size(&check->map, MEMORY_TYPE_BIT(MEMORY_USABLE)) == 0)
        return fail(check, BOOT_INFO_BAD_MAP, "memory_map", 0);
    return check_array(check, "memory_map", array, sizeof(struct memory_range));
}

static enum boot_info_status check_kernel(const struct check *check)
{
    const struct boot_info *info = check->info;
    uint64_t into_region = info->kernel_virt - KERNEL_REGION;

    if (info->kernel_size == 0 || !is_aligned(info->kernel_size, PAGE_SIZE))
        return fail(check, BOOT_INFO_BAD_KERNEL, "kernel_size", info->kernel_size);
    if (!is_aligned(info->kernel_virt, PAGE_SIZE) || into_region >= KERNEL_REGION_SIZE ||
        info->kernel_size > KERNEL_REGION_SIZE - into_region)
        return fail(check, BOOT_INFO_BAD_KERNEL, "kernel_virt", info->kernel_virt);
    if (!is_aligned(info->kernel_phys, PAGE_SIZE) ||
        !lies_in(check, info->kernel_phys, info->kernel_size, MEMORY_TYPE_BIT(MEMORY_KERNEL_IMAGE)))
        return fail(check, BOOT_INFO_BAD_KERNEL, "kernel_phys", info->kernel_phys);
    if (!is_aligned(info->direct_map_base, UINT64_C(1) << 30) ||
        info->direct_map_base < UPPER_HALF || info->direct_map_base >= KERNEL_REGION)
        return fail(check, BOOT_INFO_BAD_KERNEL, "direct_map_base", info->direct_map_base);
    if (!is_aligned(info->page_table_root, PAGE_SIZE) ||
        !lies_in(check, info->page_table_root, PAGE_SIZE, LOADER_MEMORY))
        return fail(check, BOOT_INFO_OUTSIDE_MAP, "page_table_root", info->page_table_root);
    return BOOT_INFO_OK;
}

static enum boot_info_status check_modules(const struct check *check)
{
    const struct boot_array *modules = &check->info->modules;
    enum boot_info_status status =
        check_array(check, "modules", modules, sizeof(struct boot_module));

    for (uint32_t i = 0; i < modules->count && status == BOOT_INFO_OK; i++) {
        const struct boot_module *module =
            at(check, modules->address + (uint64_t)i * modules->element_size);
        if (module->size != 0 &&
            (!is_aligned(module->address, PAGE_SIZE) ||
             !lies_in(check, module->address, module->size, MEMORY_TYPE_BIT(MEMORY_MODULE))))
            return fail(check, BOOT_INFO_OUTSIDE_MAP, "modules.address", module->address);
        status = check_string(check, "modules.words", module->words, module->words_size);
    }
    return status;
}

/* Each record must fit in what is left: the kernel then only steps. */
static enum boot_info_status check_log(const struct check *check)
{
    uint64_t log = check->info->log, left = check->info->log_size;

    if (left != 0 && (!is_aligned(log, 8) || !lies_in(check, log, left, LOADER_MEMORY)))
        return fail(check, BOOT_INFO_OUTSIDE_MAP, "log", log);
    while (left != 0) {
        const struct boot_log_record *record = at(check, log);

        if (left < sizeof(*record) || boot_log_record_size(record->length) > left)
            return fail(check, BOOT_INFO_BAD_SIZE, "log_size", check->info->log_size);
        log += boot_log_record_size(record->length);
        left -= boot_log_record_size(record->length);
    }
    return BOOT_INFO_OK;
}

static enum boot_info_status check_header(phys_addr_t where, const struct check *check)
{
    const struct boot_info *info = check->info;

    if (!is_possible(where.raw, sizeof(*info)))
        return fail(check, BOOT_INFO_BAD_ADDRESS, "address", where.raw);
    if (info->magic != BOOT_INFO_MAGIC)
        return fail(check, BOOT_INFO_BAD_MAGIC, "magic", info->magic);
    if (info->version != BOOT_INFO_VERSION)
        return fail(check, BOOT_INFO_BAD_VERSION, "version", info->version);
    if (info->size != sizeof(*info))
        return fail(check, BOOT_INFO_BAD_SIZE, "size", info->size);
    if (info->seed_size > sizeof(info->seed))
        return fail(check, BOOT_INFO_BAD_SIZE, "seed_size", info->seed_size);
    return BOOT_INFO_OK;
}

enum boot_info_status boot_info_check(phys_addr_t where, uint64_t phys_to_virt,
                                      struct boot_info_error *error)
{
    struct check check = {.phys_to_virt = phys_to_virt, .error = error};
    enum boot_info_status status;

    check.info = at(&check, where.raw);
    if ((status = check_header(where, &check)) != BOOT_INFO_OK ||
        (status = check_map(&check)) != BOOT_INFO_OK)
        return status;
    if (!lies_in(&check, where.raw, sizeof(*check.info), LOADER_MEMORY))
        return fail(&check, BOOT_INFO_OUTSIDE_MAP, "address", where.raw);
    if ((status = check_kernel(&check)) != BOOT_INFO_OK ||
        (status = check_array(&check, "firmware_map", &check.info->firmware_map, 40)) !=
            BOOT_INFO_OK ||
        (status = check_string(&check, "options", check.info->options, check.info->options_size)) !=
            BOOT_INFO_OK ||
        (status = check_modules(&check)) != BOOT_INFO_OK)
        return status;
    return check_log(&check);
}

const char *boot_info_status_text(enum boot_info_status status)
{
    static const char *const texts[] = {
        [BOOT_INFO_OK] = "good",
        [BOOT_INFO_BAD_ADDRESS] = "is no address for the struct",
        [BOOT_INFO_BAD_MAGIC] = "is not the magic number",
        [BOOT_INFO_BAD_VERSION] = "is not the version this kernel was built for",
        [BOOT_INFO_BAD_SIZE] = "is not a size that fits",
        [BOOT_INFO_BAD_MAP] = "is the first range that makes the map unusable",
        [BOOT_INFO_BAD_KERNEL] = "does not describe the kernel's image",
        [BOOT_INFO_OUTSIDE_MAP] = "is not in memory of the right type",
        [BOOT_INFO_UNTERMINATED] = "is a string without its end",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
