/* The virtual memory layout.
 *
 *   0xffffffffc0000000  end of the kernel region (1 GiB)
 *                       ...
 *                       kernel image: one mapping a segment, each with the
 *                       segment's own rights; guards are the gaps between
 *   0xffffffff80100000  KERNEL_LINK_ADDRESS, and where it begins without KASLR
 *   0xffffffff80000000  KERNEL_REGION
 *                       not mapped
 *   0xffffe08000000000  end of the framebuffer's region (512 GiB)
 *                       framebuffer: RW, never X, write-combining
 *   0xffffe00000000000  FRAMEBUFFER_REGION; it begins as far in as its frames lie in
 *                       their GiB
 *                       not mapped
 *   0xffffc88000000000  DIRECT_MAP_LIMIT: KASLR puts the direct map below
 *                       ...
 *                       direct map: RAM at one offset, RW, never X
 *   0xffff888000000000  DIRECT_MAP_BASE, and where it begins without KASLR
 *                       not mapped
 *   0x0000800000000000  (lower half, and the non-canonical hole above it:
 *   0x0000000000000000  not mapped once the kernel runs on its own tables)
 *
 * Where in their windows the image and the direct map begin is the loader's to say (kaslr.h); the
 * kernel takes it from boot_info. The Makefile hands KERNEL_REGION and
 * KERNEL_LINK_ADDRESS to kernel/kernel.ld, so that here is the one place to change. */
#ifndef BESTLA_LAYOUT_H
#define BESTLA_LAYOUT_H

#define DIRECT_MAP_BASE  UINT64_C(0xffff888000000000)
#define DIRECT_MAP_LIMIT UINT64_C(0xffffc88000000000)

#define FRAMEBUFFER_REGION      UINT64_C(0xffffe00000000000)
#define FRAMEBUFFER_REGION_SIZE UINT64_C(0x8000000000)

#define KERNEL_REGION       UINT64_C(0xffffffff80000000)
#define KERNEL_REGION_SIZE  UINT64_C(0x40000000)
#define KERNEL_LINK_ADDRESS UINT64_C(0xffffffff80100000)

/* What `directmap=full` maps: 512 leaves of 1 GiB. */
#define DIRECT_MAP_FULL_SIZE UINT64_C(0x8000000000)

#endif
