/* One line an instruction: CPUID, MSRs, control registers, ports. For the loader and
 * the kernel; no file of common/ includes it, since the host may not execute these.
 * Sources: Intel SDM Vol. 2 (instructions), Vol. 3A 2.5 (control registers),
 * Vol. 4 (MSRs). */
#ifndef BESTLA_X86_CPU_H
#define BESTLA_X86_CPU_H

#include "mtrr.h"
#include "x86_paging.h"

#define CR0_PE (UINT64_C(1) << 0)
#define CR0_MP (UINT64_C(1) << 1)
#define CR0_ET (UINT64_C(1) << 4)
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_WP (UINT64_C(1) << 16)
#define CR0_NW (UINT64_C(1) << 29)
#define CR0_CD (UINT64_C(1) << 30)
#define CR0_PG (UINT64_C(1) << 31)

#define CR4_PAE  (UINT64_C(1) << 5)
#define CR4_MCE  (UINT64_C(1) << 6)
#define CR4_PGE  (UINT64_C(1) << 7)
#define CR4_UMIP (UINT64_C(1) << 11)
#define CR4_LA57 (UINT64_C(1) << 12)
#define CR4_VMXE (UINT64_C(1) << 13)
#define CR4_SMXE (UINT64_C(1) << 14)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)

#define MSR_MTRR_CAP     UINT32_C(0xfe)
#define MSR_MTRR_BASE_0  UINT32_C(0x200) /* and mask, base, mask, … */
#define MSR_MTRR_DEFAULT UINT32_C(0x2ff)
/* AMD APM Vol. 2, 3.2.1 (SYSCFG) and 7.9.4 (TOP_MEM2); only families 0Fh and up. */
#define MSR_AMD_SYSCFG UINT32_C(0xc0010010)
#define MSR_AMD_TOM2   UINT32_C(0xc001001d)

#define MSR_EFER       UINT32_C(0xc0000080)
#define MSR_PAT        UINT32_C(0x277)
#define MSR_SEV_STATUS UINT32_C(0xc0010131) /* only where CPUID 8000001fh has SEV */

/* What MSR_PAT holds after reset, a byte an index, and what a CPU without it has (SDM Vol. 3A,
 * table 12-12). */
#define PAT_AFTER_RESET UINT64_C(0x0007040600070406)

#define EFER_NXE (UINT64_C(1) << 11)

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/* All zero where the CPU does not know the leaf: Intel's then answer with another's. */
static inline struct cpuid cpuid_if_known(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid none = {0};
    return cpuid(leaf & UINT32_C(0x80000000), 0).eax >= leaf ? cpuid(leaf, subleaf) : none;
}

/* SDM Vol. 3A, 4.1.4: what CPUID says of paging. */
static inline struct pt_features cpu_paging_features(void)
{
    struct cpuid extended = cpuid_if_known(UINT32_C(0x80000001), 0);
    uint32_t bits = cpuid_if_known(UINT32_C(0x80000008), 0).eax & 0xff;

    return (struct pt_features){
        .no_execute = (extended.edx >> 20 & 1) != 0,
        .leaf_1gib = (extended.edx >> 26 & 1) != 0,
        .phys_bits = (uint8_t)(bits == 0 ? 36 : min_u64(bits, 52)),
    };
}

static inline bool cpu_is_guest(void)
{
    return (cpuid(1, 0).ecx >> 31 & 1) != 0;
}

/* CR4.PGE may be set: leaves with the global bit then survive a CR3 load. */
static inline bool cpu_has_global_pages(void)
{
    return (cpuid(1, 0).edx >> 13 & 1) != 0;
}

/* There is MSR_PAT, and leaves have its third bit. */
static inline bool cpu_has_page_attributes(void)
{
    return (cpuid(1, 0).edx >> 16 & 1) != 0;
}

static inline bool cpu_has_rdrand(void)
{
    return (cpuid(1, 0).ecx >> 30 & 1) != 0;
}

/* False: nothing random was at hand. */
static inline bool rdrand(uint64_t *value)
{
    bool good;
    __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(good));
    return good;
}

static inline uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* What the eight indices mean, a byte an index. */
static inline uint64_t cpu_memory_types(void)
{
    return cpu_has_page_attributes() ? read_msr(MSR_PAT) : PAT_AFTER_RESET;
}

/* SYSCFG's MtrrTom2En and Tom2ForceMemTypeWB: the end of the memory that they speak of, or 0. */
static inline uint64_t amd_write_back_end(void)
{
    const uint64_t both = UINT64_C(3) << 21;
    const struct cpuid vendor = cpuid(0, 0);
    const bool amd = vendor.ebx == 0x68747541 || vendor.ebx == 0x6f677948; /* Auth…, Hygo… */

    if (!amd || (cpuid_if_known(1, 0).eax >> 8 & 15) < 15 ||
        (read_msr(MSR_AMD_SYSCFG) & both) != both)
        return 0;
    return read_msr(MSR_AMD_TOM2) & ENTRY_ADDRESS;
}

/* SDM Vol. 3A, 11.11.1 and 11.11.2: all that there is of them. */
static inline struct mtrrs cpu_mtrrs(void)
{
    static const uint32_t fixed[MTRR_FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                               0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    struct mtrrs mtrrs = {.phys_bits = cpu_paging_features().phys_bits};

    mtrrs.present = cpuid_if_known(1, 0).edx >> 12 & 1;
    if (!mtrrs.present)
        return mtrrs;
    const uint64_t capability = read_msr(MSR_MTRR_CAP);
    mtrrs.default_type = read_msr(MSR_MTRR_DEFAULT);
    mtrrs.write_back_end = amd_write_back_end();
    for (size_t i = 0; (capability & 0x100) && i < MTRR_FIXED; i++)
        mtrrs.fixed[i] = read_msr(fixed[i]);
    mtrrs.variable_count = min_u64(capability & 0xff, MTRR_VARIABLE);
    for (uint32_t i = 0; i < mtrrs.variable_count; i++) {
        mtrrs.variable[i].base = read_msr(MSR_MTRR_BASE_0 + 2 * i);
        mtrrs.variable[i].mask = read_msr(MSR_MTRR_BASE_0 + 2 * i + 1);
    }
    return mtrrs;
}

/* AMD APM Vol. 2, 15.34: with SEV on, table entries need the C-bit. */
static inline bool cpu_memory_is_encrypted(void)
{
    bool known = (cpuid_if_known(UINT32_C(0x8000001f), 0).eax & 2) != 0;

    return known && (read_msr(MSR_SEV_STATUS) & 1) != 0;
}

#define DEFINE_READ(name)                                                \
    static inline uint64_t read_##name(void)                             \
    {                                                                    \
        uint64_t value;                                                  \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value)::"memory"); \
        return value;                                                    \
    }
#define DEFINE_WRITE(name)                                            \
    static inline void write_##name(uint64_t value)                   \
    {                                                                 \
        __asm__ volatile("mov %0, %%" #name ::"r"(value) : "memory"); \
    }

DEFINE_READ(cr0)
DEFINE_READ(cr2)
DEFINE_READ(cr3)
DEFINE_READ(cr4)
DEFINE_WRITE(cr0)
DEFINE_WRITE(cr3)
DEFINE_WRITE(cr4)

/* SDM Vol. 3A, table 4-12: the frame of the first table; the other bits are flags or a PCID. */
static inline phys_addr_t cpu_table_root(void)
{
    return phys(read_cr3() & ENTRY_ADDRESS);
}

/* What LGDT, LIDT, SGDT and SIDT read and write. */
struct __attribute__((packed)) cpu_table {
    uint16_t limit; /* of the last byte */
    uint64_t base;
};

/* Does the CPU stand on this memory right now: with its stack (and what is near), its IDT, its
 * GDT, the first of its page tables? Only while memory is mapped at itself. */
static inline bool cpu_stands_on(struct phys_range range)
{
    const uint64_t near = UINT64_C(64) << 10;
    struct cpu_table gdt, idt;
    uint64_t stack;

    __asm__ volatile("sgdt %0" : "=m"(gdt));
    __asm__ volatile("sidt %0" : "=m"(idt));
    __asm__ volatile("mov %%rsp, %0" : "=r"(stack));

    const struct phys_range used[] = {
        {phys(stack - near), 2 * near},
        {phys(idt.base), idt.limit + UINT64_C(1)},
        {phys(gdt.base), gdt.limit + UINT64_C(1)},
        {cpu_table_root(), PAGE_SIZE},
    };
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        if (used[i].start.raw < phys_end(range) && range.start.raw < phys_end(used[i]))
            return true;
    }
    return false;
}

static inline enum pt_level cpu_top_level(void)
{
    return read_cr4() & CR4_LA57 ? PT_LEVEL_PML5 : PT_LEVEL_PML4;
}

static inline void invalidate_page(virt_addr_t address)
{
    __asm__ volatile("invlpg (%0)" ::"r"(address.raw) : "memory");
}

/* WBINVD: what is modified goes to memory, and every line goes. */
static inline void write_back_caches(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint16_t in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline void disable_interrupts(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline void enable_interrupts(void)
{
    __asm__ volatile("sti" ::: "memory");
}

/* With interrupts off before and after; takes those that are pending, or the next. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* In a loop that waits for something: others may have the core's resources meanwhile. */
static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* Nothing wakes it but an NMI or a reset. */
__attribute__((noreturn)) static inline void halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}

#endif
