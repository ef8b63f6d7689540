/* The CPU that the loader's host objects, and some of the kernel's, run on: what fake/x86_cpu.h
 * declares, over this struct. COM1 is part of it. */
#ifndef BESTLA_FAKE_CPU_H
#define BESTLA_FAKE_CPU_H

#include "mtrr.h"
#include "x86_paging.h"

struct fake_cpu {
    struct pt_features features;
    struct mtrrs mtrrs; /* none unless a test says so */
    bool encrypted;     /* memory, by SEV */
    bool has_rdrand;
    unsigned rdrand_refusals; /* this many readings give nothing */
    bool rdrand_stuck;        /* always the same */
    uint64_t random;          /* one more at each reading that gives something */
    phys_addr_t stack;        /* cpu_stands_on(); 0: nowhere that firmware gives */
    phys_addr_t table_root;   /* in CR3; of a table, empty at first */
    uint64_t cr0;
    uint64_t cr4;
    bool has_pat;
    uint64_t pat;
    char acts[256]; /* what was done to CR0, CR3, CR4, the caches and the PAT, a word each */
    uint64_t efer;
    uint64_t tsc;    /* one more at each reading */
    bool interrupts; /* RFLAGS.IF */

    bool com1; /* there is one */
    uint8_t com1_scratch;
    uint8_t com1_line_control;
    char com1_text[1024]; /* what was sent, NUL-terminated */
    size_t com1_used;
};

extern struct fake_cpu fake_cpu;

/* As firmware leaves a machine: NX, 1-GiB leaves, 48 bits; four levels. */
void fake_cpu_reset(void);

/* What halt_forever() calls; the world of the test leaves the loader here. */
_Noreturn void fake_halt(void);

#endif
