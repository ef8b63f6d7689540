/* The virtual memory layout.
 *
 *   0xffffffffc0000000  end of the kernel region (1 GiB)
 *                       ...
 *                       kernel image: one mapping a segment, each with the
 *                       segment's own rights; guards are the gaps between
 *   0xffffffff80100000  KERNEL_LINK_ADDRESS
 *   0xffffffff80000000  KERNEL_REGION
 *                       not mapped
 *                       direct map: RAM at one offset, RW, never X
 *   0xffff888000000000  DIRECT_MAP_BASE
 *                       not mapped
 *   0x0000800000000000  (lower half, and the non-canonical hole above it:
 *   0x0000000000000000  not mapped once the kernel runs on its own tables)
 *
 * DIRECT_MAP_BASE is only the value that the loader writes into boot_info;
 * the kernel takes it from there. The Makefile hands KERNEL_REGION and
 * KERNEL_LINK_ADDRESS to kernel/kernel.ld, so that here is the one place to change. */
#ifndef BESTLA_LAYOUT_H
#define BESTLA_LAYOUT_H

#define DIRECT_MAP_BASE UINT64_C(0xffff888000000000)

#define KERNEL_REGION       UINT64_C(0xffffffff80000000)
#define KERNEL_REGION_SIZE  UINT64_C(0x40000000)
#define KERNEL_LINK_ADDRESS UINT64_C(0xffffffff80100000)

/* What `directmap=full` maps: one PDPT of 1-GiB leaves. */
#define DIRECT_MAP_FULL_SIZE UINT64_C(0x8000000000)

#endif
