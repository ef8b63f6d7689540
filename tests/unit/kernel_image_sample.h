/* An image on the host, laid out as kernel.ld does but for the sizes, with one symbol, and where
 * physical memory has it: what page_fault.c looks up. Nothing of it is read or written. */
#ifndef BESTLA_KERNEL_IMAGE_SAMPLE_H
#define BESTLA_KERNEL_IMAGE_SAMPLE_H

#include "page_table.h"

extern const char image_start[], image_end[], data_start[], text_start[], rodata_start[];
extern const char boot_stack_bottom[], boot_stack_top[];
extern const char double_fault_stack_bottom[], double_fault_stack_top[];
extern const char nmi_stack_bottom[], nmi_stack_top[];
extern const char machine_check_stack_bottom[], machine_check_stack_top[];

/* `function`: a symbol of this size, so far into the text. */
#define FUNCTION      0x100U
#define FUNCTION_SIZE 0x40U

/* The image in physical memory, whose first 1 MiB is usable; there is no other. */
#define KERNEL_PHYS UINT64_C(0x200000)

/* The direct map: 1 GiB. */
#define DIRECT_MAP UINT64_C(0xffff888000000000)

/* Sets boot_info and kernel_memory. */
void image_sample_open(void);

/* What loaded_tables() gives. */
extern struct pt_space sample_tables;

#endif
