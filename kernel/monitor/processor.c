/* What of the CPU matters to paging: features, control registers, PAT, MTRRs. */
#include "commands.h"

#include "log.h"
#include "page_map.h"
#include "x86_cpu.h"

#define MSR_MTRR_CAP          UINT32_C(0xfe)
#define MSR_MTRR_DEFAULT_TYPE UINT32_C(0x2ff)
#define MSR_MTRR_BASE         UINT32_C(0x200) /* base and mask by turns */

/* ---- features -------------------------------------------------------------------------- */

enum output {
    EBX,
    ECX,
    EDX,
};

/* SDM Vol. 2A, CPUID. */
static const struct feature {
    const char *name;
    uint32_t leaf;
    enum output output;
    unsigned bit;
} features[] = {
    {"PSE", 1, EDX, 3},  {"MTRR", 1, EDX, 12},        {"PGE", 1, EDX, 13},
    {"PAT", 1, EDX, 16}, {"PCID", 1, ECX, 17},        {"x2APIC", 1, ECX, 21},
    {"SMEP", 7, EBX, 7}, {"INVPCID", 7, EBX, 10},     {"SMAP", 7, EBX, 20},
    {"UMIP", 7, ECX, 2}, {"PKU", 7, ECX, 3},          {"LA57", 7, ECX, 16},
    {"PKS", 7, ECX, 31}, {"NX", 0x80000001, EDX, 20}, {"1GiB", 0x80000001, EDX, 26},
};

static bool has(const struct feature *feature)
{
    struct cpuid leaf = cpuid_if_known(feature->leaf, 0);
    const uint32_t outputs[] = {[EBX] = leaf.ebx, [ECX] = leaf.ecx, [EDX] = leaf.edx};

    return outputs[feature->output] >> feature->bit & 1;
}

static void print_name(void)
{
    union {
        uint32_t words[12];
        char text[48];
    } name;

    if (cpuid(UINT32_C(0x80000000), 0).eax < UINT32_C(0x80000004))
        return;
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid leaf = cpuid(UINT32_C(0x80000002) + i, 0);
        name.words[4 * i] = leaf.eax;
        name.words[4 * i + 1] = leaf.ebx;
        name.words[4 * i + 2] = leaf.ecx;
        name.words[4 * i + 3] = leaf.edx;
    }
    log_raw("  %.48s\n", name.text);
}

static void print_features(void)
{
    for (unsigned present = 0; present < 2; present++) {
        log_raw("  %s", present ? "has" : "has not");
        for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
            if (has(&features[i]) == (bool)present)
                log_raw(" %s", features[i].name);
        }
        log_raw("\n");
    }
    log_raw("  physical addresses of %u bits, %u levels of tables\n",
            cpu_paging_features().phys_bits, (unsigned)cpu_top_level());
}

/* ---- control registers ----------------------------------------------------------------- */

struct bit {
    uint64_t mask;
    const char *name;
};

static void print_register(const char *name, uint64_t value, const struct bit *bits, size_t count)
{
    log_raw("  %-4s 0x%016lx", name, value);
    for (size_t i = 0; i < count; i++) {
        if (value & bits[i].mask)
            log_raw(" %s", bits[i].name);
    }
    log_raw("\n");
}

static void print_registers(void)
{
    static const struct bit cr0[] = {{CR0_PE, "PE"},
                                     {CR0_WP, "WP"},
                                     {CR0_PG, "PG"},
                                     {UINT64_C(1) << 29, "NW"},
                                     {UINT64_C(1) << 30, "CD"}};
    static const struct bit cr3[] = {{1 << 3, "PWT"}, {1 << 4, "PCD"}};
    static const struct bit cr4[] = {
        {CR4_PAE, "PAE"},           {CR4_MCE, "MCE"},   {CR4_PGE, "PGE"},
        {CR4_UMIP, "UMIP"},         {CR4_LA57, "LA57"}, {UINT64_C(1) << 17, "PCIDE"},
        {CR4_SMEP, "SMEP"},         {CR4_SMAP, "SMAP"}, {UINT64_C(1) << 22, "PKE"},
        {UINT64_C(1) << 24, "PKS"},
    };
    static const struct bit efer[] = {
        {1 << 0, "SCE"}, {1 << 8, "LME"}, {1 << 10, "LMA"}, {EFER_NXE, "NXE"}};

    print_register("CR0", read_cr0(), cr0, sizeof(cr0) / sizeof(cr0[0]));
    print_register("CR2", read_cr2(), NULL, 0);
    print_register("CR3", read_cr3(), cr3, sizeof(cr3) / sizeof(cr3[0]));
    print_register("CR4", read_cr4(), cr4, sizeof(cr4) / sizeof(cr4[0]));
    print_register("EFER", read_msr(MSR_EFER), efer, sizeof(efer) / sizeof(efer[0]));
}

/* ---- memory types ---------------------------------------------------------------------- */

static void print_pat(void)
{
    log_raw("  PAT  0x%016lx", cpu_memory_types());
    for (unsigned i = 0; i < 8; i++)
        log_raw(" %u:%s", i, page_memory_type(i));
    log_raw("\n");
}

/* SDM Vol. 3A, table 11-8. */
static const char *mtrr_type(uint64_t type)
{
    static const char *const types[8] = {"UC", "WC", "?", "?", "WT", "WP", "WB", "?"};
    return type < 8 ? types[type] : "?";
}

/* SDM Vol. 3A, 11.11.2.3: bits of the mask from the lowest one that is set give the size, as long
 * as they are without a gap. */
static void print_variable_mtrr(unsigned index, uint8_t phys_bits)
{
    uint64_t base = read_msr(MSR_MTRR_BASE + 2 * index);
    uint64_t mask = read_msr(MSR_MTRR_BASE + 2 * index + 1);
    uint64_t bits = mask & ENTRY_ADDRESS & ((UINT64_C(1) << phys_bits) - 1);

    if (!(mask >> 11 & 1))
        return;
    log_raw("    %2u  0x%012lx, 0x%lx bytes: %s%s\n", index, base & ENTRY_ADDRESS, bits & -bits,
            mtrr_type(base & 0xff),
            bits + (bits & -bits) == UINT64_C(1) << phys_bits ? "" : " (mask with gaps)");
}

static void print_fixed_mtrrs(void)
{
    static const uint32_t msrs[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                    0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

    for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
        log_raw("%s0x%03x:%016lx", i % 3 == 0 ? "\n    " : "  ", msrs[i], read_msr(msrs[i]));
    log_raw("\n");
}

static void print_mtrrs(void)
{
    static const struct feature mtrr = {"MTRR", 1, EDX, 12};
    uint8_t phys_bits = cpu_paging_features().phys_bits;

    if (!has(&mtrr)) {
        log_raw("  MTRRs: the CPU has none\n");
        return;
    }
    uint64_t capabilities = read_msr(MSR_MTRR_CAP), fallback = read_msr(MSR_MTRR_DEFAULT_TYPE);
    log_raw("  MTRRs %s, %s where none applies, %u of variable range:\n",
            fallback >> 11 & 1 ? "on" : "off", mtrr_type(fallback & 0xff),
            (unsigned)(capabilities & 0xff));
    for (unsigned i = 0; i < (capabilities & 0xff); i++)
        print_variable_mtrr(i, phys_bits);
    if (capabilities >> 8 & 1) {
        log_raw("  of fixed range %s:", fallback >> 10 & 1 ? "on" : "off");
        print_fixed_mtrrs();
    }
}

void command_cpu(const struct text *words, size_t count)
{
    (void)words, (void)count;
    print_name();
    print_features();
    print_registers();
    print_pat();
    print_mtrrs();
}
