/* Which memory type the memory type range registers (MTRRs) give to physical memory: Intel SDM
 * Vol. 3A, 11.11. A leaf that spans two of their types has undefined caching (11.11.9, "Large
 * Page Size Considerations"), so memory is mapped stretch by stretch. */
#ifndef BESTLA_MTRR_H
#define BESTLA_MTRR_H

#include "addr.h"

/* 11.11.2.1, table 11-8 */
enum mtrr_type {
    MTRR_UNCACHED = 0,
    MTRR_WRITE_COMBINING = 1,
    MTRR_WRITE_THROUGH = 4,
    MTRR_WRITE_PROTECTED = 5,
    MTRR_WRITE_BACK = 6,
};

#define MTRR_FIXED    11 /* registers, of 8 ranges each */
#define MTRR_VARIABLE 40 /* more have no place between MSRs 200h and 250h */

/* The registers as they are read. */
struct mtrrs {
    bool present;               /* else all memory is as the page tables say */
    unsigned phys_bits;         /* MAXPHYADDR */
    uint64_t default_type;      /* IA32_MTRR_DEF_TYPE: type, FE in bit 10, E in bit 11 */
    uint64_t fixed[MTRR_FIXED]; /* by address: 64K_00000, 16K_80000, 16K_A0000, 4K_C0000, … */
    size_t variable_count;
    struct {
        uint64_t base, mask; /* IA32_MTRR_PHYSBASEn, IA32_MTRR_PHYSMASKn */
    } variable[MTRR_VARIABLE];
    /* AMD APM Vol. 2, 3.2.1, Tom2ForceMemTypeWB: from 4 GiB to here memory is write-back instead of
     * the default type. 0 elsewhere. */
    uint64_t write_back_end;
};

/* The type at one address. MTRR_UNCACHED where the SDM leaves it undefined, and while the MTRRs are
 * off (11.11.2.1). */
enum mtrr_type mtrr_type_at(const struct mtrrs *mtrrs, phys_addr_t at);

/* Where the stretch of one type ends that begins at `start`: at most at `end`, which is above it.
 */
uint64_t mtrr_stretch_end(const struct mtrrs *mtrrs, uint64_t start, uint64_t end);

/* "UC", "WC", "WT", "WP", "WB" */
const char *mtrr_type_name(enum mtrr_type type);

#endif
