/* See translate.h. */
#include "translate.h"

#include "handoff.h"

struct pt_space kernel_space;

phys_addr_t virt2phys(const void *pointer)
{
    uint64_t into_image = virt_of(pointer).raw - boot_info.kernel_virt;

    if (into_image < boot_info.kernel_size)
        return phys(boot_info.kernel_phys + into_image);
    return phys(virt_of(pointer).raw - kernel_space.phys_to_virt);
}

bool try_virt_to_phys(virt_addr_t address, phys_addr_t *to)
{
    struct pt_leaf leaf;

    if (!pt_translate(&kernel_space, address, &leaf))
        return false;
    *to = phys(leaf.phys.raw + (address.raw - leaf.virt.raw));
    return true;
}
