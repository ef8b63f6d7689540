/* Stands before common/x86_cpu.h on the include path of some host objects (see the
 * Makefile): the same names, but what an application may not execute is a function of
 * fake_cpu.c. Constants come from the real one. */
#ifndef BESTLA_FAKE_X86_CPU_H
#define BESTLA_FAKE_X86_CPU_H

#define cpu_paging_features     real_cpu_paging_features
#define cpu_stands_on           real_cpu_stands_on
#define cpu_mtrrs               real_cpu_mtrrs
#define cpu_table_root          real_cpu_table_root
#define cpu_top_level           real_cpu_top_level
#define cpu_memory_is_encrypted real_cpu_memory_is_encrypted
#define cpu_has_rdrand          real_cpu_has_rdrand
#define rdrand                  real_rdrand
#define read_msr                real_read_msr
#define write_msr               real_write_msr
#define read_cr0                real_read_cr0
#define read_cr4                real_read_cr4
#define write_cr4               real_write_cr4
#define write_cr0               real_write_cr0
#define read_cr3                real_read_cr3
#define write_cr3               real_write_cr3
#define write_back_caches       real_write_back_caches
#define cpu_has_page_attributes real_cpu_has_page_attributes
#define cpu_memory_types        real_cpu_memory_types
#define read_tsc                real_read_tsc
#define cpuid_if_known          real_cpuid_if_known
#define cpu_is_guest            real_cpu_is_guest
#define in8                     real_in8
#define out8                    real_out8
#define disable_interrupts      real_disable_interrupts
#define halt_forever            real_halt_forever

#include_next "x86_cpu.h"

#undef cpu_paging_features
#undef cpu_stands_on
#undef cpu_mtrrs
#undef cpu_table_root
#undef cpu_top_level
#undef cpu_memory_is_encrypted
#undef cpu_has_rdrand
#undef rdrand
#undef read_msr
#undef write_msr
#undef read_cr0
#undef read_cr4
#undef write_cr4
#undef write_cr0
#undef read_cr3
#undef write_cr3
#undef write_back_caches
#undef cpu_has_page_attributes
#undef cpu_memory_types
#undef read_tsc
#undef cpuid_if_known
#undef cpu_is_guest
#undef in8
#undef out8
#undef disable_interrupts
#undef halt_forever

struct pt_features cpu_paging_features(void);
bool cpu_stands_on(struct phys_range range);
struct mtrrs cpu_mtrrs(void);
phys_addr_t cpu_table_root(void);
enum pt_level cpu_top_level(void);
bool cpu_memory_is_encrypted(void);
bool cpu_has_rdrand(void);
bool rdrand(uint64_t *value);
uint64_t read_msr(uint32_t msr);
void write_msr(uint32_t msr, uint64_t value);
uint64_t read_cr0(void);
uint64_t read_cr4(void);
void write_cr4(uint64_t value);
void write_cr0(uint64_t value);
uint64_t read_cr3(void);
void write_cr3(uint64_t value);
void write_back_caches(void);
bool cpu_has_page_attributes(void);
uint64_t cpu_memory_types(void);
uint64_t read_tsc(void);
struct cpuid cpuid_if_known(uint32_t leaf, uint32_t subleaf);
bool cpu_is_guest(void);
uint8_t in8(uint16_t port);
void out8(uint16_t port, uint8_t value);
void disable_interrupts(void);
_Noreturn void halt_forever(void);

#endif
