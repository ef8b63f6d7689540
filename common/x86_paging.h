/* Page-table entries as the CPU reads them: Intel SDM Vol. 3A, 4.5 (4-level and
 * 5-level paging), tables 4-14 to 4-20. This is the only place that knows the
 * bits. */
#ifndef BESTLA_X86_PAGING_H
#define BESTLA_X86_PAGING_H

#include "addr.h"

#define PT_ENTRIES 512

/* A table of level n holds entries of level n; an entry of level 1 maps a page. */
enum pt_level {
    PT_LEVEL_PT = 1,
    PT_LEVEL_PD = 2,
    PT_LEVEL_PDPT = 3,
    PT_LEVEL_PML4 = 4,
    PT_LEVEL_PML5 = 5,
};

/* What a mapping allows. x86 has no unreadable pages: present means readable. */
#define PT_RIGHT_READ    1U
#define PT_RIGHT_WRITE   2U
#define PT_RIGHT_EXECUTE 4U
#define PT_RIGHT_USER    8U

/* Index into the PAT MSR, 3 bits (SDM Vol. 3A, 11.12.3). The names are what
 * the MSR holds after reset; entries 4 to 7 then repeat them. */
#define PAT_WRITE_BACK     0U
#define PAT_WRITE_THROUGH  1U
#define PAT_UNCACHED_MINUS 2U /* as UC, but an MTRR may make it WC */
#define PAT_UNCACHED       3U

/* The kernel has made this one write-combining, if the CPU has a table at all. A leaf whose third
 * bit got lost would be index 1: slower, and never wrong. */
#define PAT_WRITE_COMBINING 5U

struct pt_attributes {
    unsigned rights; /* PT_RIGHT_… */
    unsigned pat;    /* 0 to 7 */
    bool global;     /* survives a CR3 load while CR4.PGE is set */
};

/* What this CPU's paging can do; asked of CPUID, never assumed. */
struct pt_features {
    bool no_execute;   /* CPUID has NX; who loads tables with it sets EFER.NXE first */
    bool leaf_1gib;    /* PDPT entries may be leaves */
    uint8_t phys_bits; /* MAXPHYADDR */
};

#define ENTRY_PRESENT       (UINT64_C(1) << 0)
#define ENTRY_WRITE         (UINT64_C(1) << 1)
#define ENTRY_USER          (UINT64_C(1) << 2)
#define ENTRY_WRITE_THROUGH (UINT64_C(1) << 3) /* PAT index bit 0 */
#define ENTRY_CACHE_DISABLE (UINT64_C(1) << 4) /* PAT index bit 1 */
#define ENTRY_ACCESSED      (UINT64_C(1) << 5)
#define ENTRY_DIRTY         (UINT64_C(1) << 6)
#define ENTRY_PAGE_SIZE     (UINT64_C(1) << 7) /* levels 2 and 3: this is a leaf */
#define ENTRY_PAT_SMALL     (UINT64_C(1) << 7) /* level 1: PAT index bit 2 */
#define ENTRY_GLOBAL        (UINT64_C(1) << 8)
#define ENTRY_PAT_LARGE     (UINT64_C(1) << 12) /* levels 2 and 3: PAT index bit 2 */
#define ENTRY_NO_EXECUTE    (UINT64_C(1) << 63)

#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000) /* bits 51:12 */

/* What a page fault's error code says (SDM Vol. 3A, 4.7). */
#define PAGE_FAULT_RIGHTS         (UINT64_C(1) << 0) /* clear: an entry is not present */
#define PAGE_FAULT_WRITE          (UINT64_C(1) << 1)
#define PAGE_FAULT_USER           (UINT64_C(1) << 2)
#define PAGE_FAULT_RESERVED       (UINT64_C(1) << 3)
#define PAGE_FAULT_FETCH          (UINT64_C(1) << 4) /* only with EFER.NXE or CR4.SMEP */
#define PAGE_FAULT_PROTECTION_KEY (UINT64_C(1) << 5)
#define PAGE_FAULT_SHADOW_STACK   (UINT64_C(1) << 6)
#define PAGE_FAULT_SGX            (UINT64_C(1) << 15)

static inline unsigned level_shift(enum pt_level level)
{
    return 12 + 9 * ((unsigned)level - 1);
}

/* Bytes that one entry of this level maps. */
static inline uint64_t level_size(enum pt_level level)
{
    return UINT64_C(1) << level_shift(level);
}

static inline size_t level_index(virt_addr_t address, enum pt_level level)
{
    return (address.raw >> level_shift(level)) & (PT_ENTRIES - 1);
}

static inline enum pt_level level_below(enum pt_level level)
{
    return (enum pt_level)(level - 1);
}

/* SDM Vol. 1, 3.3.7.1: the bits above the highest translated one repeat it. */
static inline bool is_canonical(virt_addr_t address, enum pt_level top)
{
    unsigned unused = 64 - level_shift(top) - 9;
    return (uint64_t)((int64_t)(address.raw << unused) >> unused) == address.raw;
}

/* One store that the compiler neither splits nor repeats: the CPU may be walking the table. */
static inline void entry_write(uint64_t *entry, uint64_t value)
{
    *(volatile uint64_t *)entry = value;
}

static inline bool entry_is_present(uint64_t entry)
{
    return (entry & ENTRY_PRESENT) != 0;
}

/* Bit 7 is PS at levels 2 and 3, PAT at level 1 and reserved above. */
static inline bool entry_is_leaf(uint64_t entry, enum pt_level level)
{
    if (!entry_is_present(entry))
        return false;
    return level == PT_LEVEL_PT || (level <= PT_LEVEL_PDPT && (entry & ENTRY_PAGE_SIZE) != 0);
}

static inline bool entry_is_table(uint64_t entry, enum pt_level level)
{
    return entry_is_present(entry) && !entry_is_leaf(entry, level);
}

/* Those of a present entry's bits that are set and must not be: a page fault is what comes of
 * them. `no_execute` is whether EFER.NXE is set. */
static inline uint64_t entry_reserved(uint64_t entry, enum pt_level level,
                                      struct pt_features features)
{
    uint64_t reserved = ENTRY_ADDRESS & ~((UINT64_C(1) << features.phys_bits) - 1);

    if (!features.no_execute)
        reserved |= ENTRY_NO_EXECUTE;
    if (level > PT_LEVEL_PDPT || (level == PT_LEVEL_PDPT && !features.leaf_1gib))
        reserved |= ENTRY_PAGE_SIZE;
    else if (level > PT_LEVEL_PT && (entry & ENTRY_PAGE_SIZE) != 0)
        reserved |= (level_size(level) - 1) & ENTRY_ADDRESS & ~ENTRY_PAT_LARGE;
    return entry & reserved;
}

/* Whether the CPU goes on through an entry, to a table or a page: a reserved bit that is set ends a
 * walk as a clear present bit does (SDM Vol. 3A, 4.7). */
static inline bool entry_leads_on(uint64_t entry, enum pt_level level, struct pt_features features)
{
    return entry_is_present(entry) && entry_reserved(entry, level, features) == 0;
}

static inline phys_addr_t entry_table(uint64_t entry)
{
    return phys(entry & ENTRY_ADDRESS);
}

/* A large leaf keeps PAT in bit 12: every bit below the page size goes. */
static inline phys_addr_t entry_leaf_phys(uint64_t entry, enum pt_level level)
{
    return phys(align_down(entry & ENTRY_ADDRESS, level_size(level)));
}

static inline unsigned entry_pat(uint64_t entry, enum pt_level level)
{
    uint64_t high = level == PT_LEVEL_PT ? ENTRY_PAT_SMALL : ENTRY_PAT_LARGE;
    return (entry & ENTRY_WRITE_THROUGH ? 1U : 0) | (entry & ENTRY_CACHE_DISABLE ? 2U : 0) |
           (entry & high ? 4U : 0);
}

/* Rights that this entry alone grants; a walk intersects all levels (SDM Vol. 3A, 4.6). */
static inline unsigned entry_rights(uint64_t entry)
{
    return PT_RIGHT_READ | (entry & ENTRY_WRITE ? PT_RIGHT_WRITE : 0) |
           (entry & ENTRY_NO_EXECUTE ? 0 : PT_RIGHT_EXECUTE) |
           (entry & ENTRY_USER ? PT_RIGHT_USER : 0);
}

static inline struct pt_attributes entry_attributes(uint64_t entry, enum pt_level level)
{
    return (struct pt_attributes){entry_rights(entry), entry_pat(entry, level),
                                  (entry & ENTRY_GLOBAL) != 0};
}

/* Tables restrict nothing: rights are the leaf's alone. */
static inline uint64_t entry_make_table(phys_addr_t table)
{
    return table.raw | ENTRY_PRESENT | ENTRY_WRITE;
}

/* The bits that `attributes` become, without address and without PS. */
static inline uint64_t entry_attribute_bits(struct pt_attributes attributes, enum pt_level level,
                                            bool no_execute)
{
    uint64_t high = level == PT_LEVEL_PT ? ENTRY_PAT_SMALL : ENTRY_PAT_LARGE;
    return (attributes.rights & PT_RIGHT_WRITE ? ENTRY_WRITE : 0) |
           (attributes.rights & PT_RIGHT_USER ? ENTRY_USER : 0) |
           (attributes.rights & PT_RIGHT_EXECUTE || !no_execute ? 0 : ENTRY_NO_EXECUTE) |
           (attributes.pat & 1 ? ENTRY_WRITE_THROUGH : 0) |
           (attributes.pat & 2 ? ENTRY_CACHE_DISABLE : 0) | (attributes.pat & 4 ? high : 0) |
           (attributes.global ? ENTRY_GLOBAL : 0);
}

static inline uint64_t entry_make_leaf(phys_addr_t page, enum pt_level level,
                                       struct pt_attributes attributes, bool no_execute)
{
    return page.raw | ENTRY_PRESENT | (level > PT_LEVEL_PT ? ENTRY_PAGE_SIZE : 0) |
           entry_attribute_bits(attributes, level, no_execute);
}

/* Entry `index` of the table that would replace the large `leaf`: the same
 * translation one level down. Accessed and dirty are kept as they were read (a CPU that sets
 * them at that very moment is not waited for); PAT moves from bit 12 to bit 7 when the level is 1.
 */
static inline uint64_t entry_split(uint64_t leaf, enum pt_level level, size_t index)
{
    enum pt_level below = level_below(level);
    uint64_t kept = leaf & (ENTRY_ACCESSED | ENTRY_DIRTY | ENTRY_NO_EXECUTE);
    phys_addr_t page = phys(entry_leaf_phys(leaf, level).raw + index * level_size(below));
    return kept | entry_make_leaf(page, below, entry_attributes(leaf, level), false);
}

/* The same leaf with other rights. */
static inline uint64_t entry_with_rights(uint64_t leaf, unsigned rights, bool no_execute)
{
    uint64_t kept = leaf & ~(ENTRY_WRITE | ENTRY_USER | ENTRY_NO_EXECUTE);
    return kept |
           entry_attribute_bits((struct pt_attributes){rights, 0, false}, PT_LEVEL_PT, no_execute);
}

#endif
