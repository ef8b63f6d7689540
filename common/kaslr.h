/* Where kernel address space layout randomisation may put what: how many places there are, and
 * which is the n-th. The loader draws the n (docs/kaslr.md). */
#ifndef BESTLA_KASLR_H
#define BESTLA_KASLR_H

#include "memory_map.h"

/* Steps in which things move. An image keeps its address modulo the first, in virtual and in
 * physical memory: large leaves stay possible, and alignments up to it hold. */
#define KASLR_IMAGE_STEP      (UINT64_C(2) << 20)
#define KASLR_DIRECT_MAP_STEP (UINT64_C(1) << 30)

/* What lies below is firmware's and the VGA's; never a kernel's. */
#define KASLR_LOW_MEMORY (UINT64_C(1) << 20)

/* A source of random words, as an object. */
struct random_source {
    /* False: there is nothing random any more, and `word` is as it was. */
    bool (*word)(struct random_source *source, uint64_t *word);
};

/* One of 0 to count - 1, each as likely as any other if the source's words are. The choice rises
 * with the word: 1 gives the first, 2^64 - 1 the last. False, and `choice` as it was, where count
 * is 0, the source has nothing, or only words that would make the choice uneven, many times in a
 * row: at least every second word of a good source is fit. */
__attribute__((warn_unused_result)) bool random_below(struct random_source *source, uint64_t count,
                                                      uint64_t *choice);

/* Where an image linked at `linked` (inside the kernel region, whole pages) may be mapped: where it
 * lies inside the region and leaves the last step of it free. 0 places if it is too large. */
uint64_t kaslr_virt_places(struct virt_range linked);
virt_addr_t kaslr_virt_place(struct virt_range linked, uint64_t index);

/* Where its frames may lie: usable memory from KASLR_LOW_MEMORY on. `linked` is where p_paddr asks
 * for them, in whole pages; the map is normalised. The n-th place, in ascending order, takes index
 * < places.
 */
uint64_t kaslr_phys_places(const struct memory_map *map, struct phys_range linked);
phys_addr_t kaslr_phys_place(const struct memory_map *map, struct phys_range linked,
                             uint64_t index);

/* Where the direct map of this memory may begin: so that it ends inside its window (layout.h), also
 * when `directmap=full` makes it larger. 0 places where it is too large. */
uint64_t kaslr_direct_map_places(const struct memory_map *map);
virt_addr_t kaslr_direct_map_place(uint64_t index);

#endif
