/* See frames.h. A zone is a run of managed memory without a hole; a block is 2^order
 * frames at a multiple of its size, inside one zone. */
#include "frames.h"

#include "mem.h"
#include "translate.h"

/* The book of a frame: 0 inside a block or held; else it is the first of a block. */
#define BOOK_FREE      UINT8_C(0x80) /* | order */
#define BOOK_ALLOCATED UINT8_C(0x40) /* | order */
#define BOOK_ORDER     UINT8_C(0x3f)

struct frame_zone {
    uint64_t first; /* frame number */
    uint64_t count;
    phys_addr_t books;
};

/* Lies in the first bytes of a free block. */
struct free_block {
    phys_addr_t next, previous; /* 0: none */
};

static struct free_block *links_of(phys_addr_t block)
{
    return phys2virt(block);
}

static const struct frame_zone *zones_of(const struct frame_allocator *frames)
{
    return phys2virt(frames->zones);
}

static const struct frame_zone *zone_of(const struct frame_allocator *frames, uint64_t frame)
{
    const struct frame_zone *zones = zones_of(frames);
    size_t low = 0, high = frames->zone_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frame - zones[middle].first < zones[middle].count)
            return &zones[middle];
        if (frame < zones[middle].first)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static uint8_t *book_of(const struct frame_zone *zone, uint64_t frame)
{
    return (uint8_t *)phys2virt(zone->books) + (frame - zone->first);
}

static phys_addr_t frame_address(uint64_t frame)
{
    return phys(frame * PAGE_SIZE);
}

/* The largest block that starts at `frame` and ends by `end`. */
static unsigned order_between(uint64_t frame, uint64_t end)
{
    unsigned fits = 63 - (unsigned)__builtin_clzll(end - frame);
    unsigned aligned = (unsigned)__builtin_ctzll(frame); /* frame 0 is never ours */
    unsigned order = fits < aligned ? fits : aligned;

    return order < FRAME_ORDERS ? order : FRAME_ORDERS - 1;
}

static void link_block(struct frame_allocator *frames, const struct frame_zone *zone,
                       uint64_t frame, unsigned order)
{
    phys_addr_t block = frame_address(frame), next = frames->free[order];

    *links_of(block) = (struct free_block){.next = next};
    if (next.raw != 0)
        links_of(next)->previous = block;
    frames->free[order] = block;
    frames->orders |= UINT64_C(1) << order;
    *book_of(zone, frame) = (uint8_t)(BOOK_FREE | order);
}

/* A link leads to the first frame of a free block of the same size, or somebody wrote to a
 * frame that was not his. */
static bool link_is_sound(const struct frame_allocator *frames, phys_addr_t block, unsigned order)
{
    const struct frame_zone *zone = zone_of(frames, block.raw / PAGE_SIZE);

    return block.raw == 0 || (is_aligned(block.raw, PAGE_SIZE) && zone != NULL &&
                              *book_of(zone, block.raw / PAGE_SIZE) == (BOOK_FREE | order));
}

static bool unlink_block(struct frame_allocator *frames, const struct frame_zone *zone,
                         uint64_t frame, unsigned order)
{
    struct free_block links = *links_of(frame_address(frame));

    if (!link_is_sound(frames, links.next, order) || !link_is_sound(frames, links.previous, order))
        return false;
    if (links.next.raw != 0)
        links_of(links.next)->previous = links.previous;
    if (links.previous.raw != 0)
        links_of(links.previous)->next = links.next;
    else
        frames->free[order] = links.next;
    if (frames->free[order].raw == 0)
        frames->orders &= ~(UINT64_C(1) << order);
    *book_of(zone, frame) = 0;
    return true;
}

static bool is_free_block(const struct frame_zone *zone, uint64_t frame, unsigned order)
{
    return frame - zone->first < zone->count && *book_of(zone, frame) == (BOOK_FREE | order);
}

/* Joins the block with its buddy as long as that is free. A buddy whose links are damaged
 * stays what it is: nothing is lost but its company. */
static void free_block(struct frame_allocator *frames, const struct frame_zone *zone,
                       uint64_t frame, unsigned order)
{
    frames->free_frames += UINT64_C(1) << order;
    while (order < FRAME_ORDERS - 1) {
        uint64_t buddy = frame ^ (UINT64_C(1) << order);
        if (!is_free_block(zone, buddy, order) || !unlink_block(frames, zone, buddy, order))
            break;
        frame &= ~(UINT64_C(1) << order);
        order++;
    }
    link_block(frames, zone, frame, order);
}

static void free_run(struct frame_allocator *frames, const struct frame_zone *zone, uint64_t frame,
                     uint64_t end)
{
    while (frame < end) {
        unsigned order = order_between(frame, end);
        free_block(frames, zone, frame, order);
        frame += UINT64_C(1) << order;
    }
}

static void mark_allocated(const struct frame_zone *zone, uint64_t frame, uint64_t end)
{
    while (frame < end) {
        unsigned order = order_between(frame, end);
        *book_of(zone, frame) = (uint8_t)(BOOK_ALLOCATED | order);
        frame += UINT64_C(1) << order;
    }
}

static unsigned order_for(uint64_t count)
{
    return count == 1 ? 0 : 64 - (unsigned)__builtin_clzll(count - 1);
}

/* A block that is large enough and, since blocks lie at multiples of their size, aligned; what is
 * too much of it goes back. */
enum frames_status frames_take(struct frame_allocator *frames, uint64_t count, uint64_t align,
                               phys_addr_t *run)
{
    if (count == 0 || align < PAGE_SIZE || (align & (align - 1)) != 0)
        return FRAMES_BAD_REQUEST;

    uint64_t wanted = order_for(max_u64(count, align / PAGE_SIZE));
    if (wanted >= FRAME_ORDERS || frames->orders >> wanted == 0)
        return FRAMES_EXHAUSTED;

    unsigned order = (unsigned)(wanted + (unsigned)__builtin_ctzll(frames->orders >> wanted));
    uint64_t frame = frames->free[order].raw / PAGE_SIZE;
    const struct frame_zone *zone = zone_of(frames, frame);
    if (zone == NULL || !unlink_block(frames, zone, frame, order))
        return FRAMES_CORRUPT;

    frames->free_frames -= UINT64_C(1) << order;
    mark_allocated(zone, frame, frame + count);
    free_run(frames, zone, frame + count, frame + (UINT64_C(1) << order));
    *run = frame_address(frame);
    return FRAMES_OK;
}

/* Is the run made of whole allocated blocks? */
static enum frames_status check_run(const struct frame_zone *zone, uint64_t frame, uint64_t end)
{
    if (end > zone->first + zone->count)
        return FRAMES_BAD_COUNT;
    while (frame < end) {
        uint8_t book = *book_of(zone, frame);
        if (!(book & BOOK_ALLOCATED))
            return FRAMES_NOT_ALLOCATED;
        frame += UINT64_C(1) << (book & BOOK_ORDER);
    }
    return frame == end ? FRAMES_OK : FRAMES_BAD_COUNT;
}

enum frames_status frames_give(struct frame_allocator *frames, phys_addr_t run, uint64_t count)
{
    uint64_t frame = run.raw / PAGE_SIZE, end;
    const struct frame_zone *zone = zone_of(frames, frame);

    if (count == 0 || !is_aligned(run.raw, PAGE_SIZE) || __builtin_add_overflow(frame, count, &end))
        return FRAMES_BAD_REQUEST;
    if (zone == NULL)
        return FRAMES_FOREIGN;
    enum frames_status status = check_run(zone, frame, end);
    if (status != FRAMES_OK)
        return status;

    while (frame < end) {
        uint8_t *book = book_of(zone, frame);
        unsigned order = *book & BOOK_ORDER;
        *book = 0;
        free_block(frames, zone, frame, order);
        frame += UINT64_C(1) << order;
    }
    return FRAMES_OK;
}

enum frames_status frames_reclaim(struct frame_allocator *frames, struct phys_range range)
{
    uint64_t frame = max_u64(range.start.raw / PAGE_SIZE, 1), end = phys_end(range) / PAGE_SIZE;
    const struct frame_zone *zone = zone_of(frames, frame);

    if (frame >= end)
        return FRAMES_OK; /* frame 0 alone */
    if (zone == NULL || end > zone->first + zone->count)
        return FRAMES_FOREIGN;
    if (frames_state(frames, frame_address(frame)) != FRAME_HELD)
        return FRAMES_BAD_REQUEST;
    free_run(frames, zone, frame, end);
    return FRAMES_OK;
}

/* The frame's own book, or that of the block it is inside of. */
enum frame_state frames_state(const struct frame_allocator *frames, phys_addr_t address)
{
    uint64_t frame = address.raw / PAGE_SIZE;
    const struct frame_zone *zone = zone_of(frames, frame);

    if (zone == NULL)
        return FRAME_FOREIGN;
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        uint64_t first = frame & ~((UINT64_C(1) << order) - 1);
        if (first < zone->first)
            break;
        uint8_t book = *book_of(zone, first);
        if (book != 0 && (book & BOOK_ORDER) >= order)
            return book & BOOK_FREE ? FRAME_FREE : FRAME_ALLOCATED;
    }
    return FRAME_HELD;
}

/* ---- taking memory over ---------------------------------------------------------------- */

static bool next_zone(const struct memory_map *map, size_t *cursor, uint64_t *first,
                      uint64_t *count)
{
    struct phys_range run;

    while (memory_map_next_run(map, MEMORY_MANAGED, cursor, &run)) {
        *first = max_u64(run.start.raw / PAGE_SIZE, 1);
        *count = phys_end(run) / PAGE_SIZE - *first;
        if (phys_end(run) / PAGE_SIZE > *first)
            return true;
    }
    return false;
}

static uint64_t size_books(struct frame_allocator *frames, const struct memory_map *map)
{
    uint64_t first, count;
    size_t cursor = 0;

    while (next_zone(map, &cursor, &first, &count)) {
        frames->zone_count++;
        frames->managed_frames += count;
    }
    return align_up(frames->zone_count * sizeof(struct frame_zone) + frames->managed_frames,
                    PAGE_SIZE);
}

/* At the end of the highest usable range that holds them: low memory is scarcer. */
static bool place_books(struct frame_allocator *frames, const struct memory_map *map)
{
    for (size_t i = map->count; i-- > 0;) {
        const struct memory_range *range = &map->ranges[i];
        if (range->type == MEMORY_USABLE && range->size >= frames->books_size + PAGE_SIZE) {
            frames->zones = phys(range->base + range->size - frames->books_size);
            return true;
        }
    }
    return false;
}

static void open_zones(struct frame_allocator *frames, const struct memory_map *map)
{
    struct frame_zone *zone = phys2virt(frames->zones);
    phys_addr_t books = phys(frames->zones.raw + frames->zone_count * sizeof(*zone));
    uint64_t first, count;
    size_t cursor = 0;

    memset(zone, 0, frames->books_size);
    while (next_zone(map, &cursor, &first, &count)) {
        *zone++ = (struct frame_zone){first, count, books};
        books.raw += count;
    }
}

static void free_usable_memory(struct frame_allocator *frames, const struct memory_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        uint64_t frame = max_u64(range->base / PAGE_SIZE, 1);
        uint64_t end = (range->base + range->size) / PAGE_SIZE;

        if (range->type != MEMORY_USABLE)
            continue;
        if (range->base + range->size == frames->zones.raw + frames->books_size)
            end = frames->zones.raw / PAGE_SIZE;
        free_run(frames, zone_of(frames, frame), frame, end);
    }
}

static bool take_one(struct frame_source *source, phys_addr_t *frame)
{
    return frames_take((struct frame_allocator *)source, 1, PAGE_SIZE, frame) == FRAMES_OK;
}

/* A table frame that cannot be given back stays taken: it is lost, nothing else is. */
static void give_one(struct frame_source *source, phys_addr_t frame)
{
    enum frames_status status = frames_give((struct frame_allocator *)source, frame, 1);
    (void)status;
}

enum frames_status frames_init(struct frame_allocator *frames, const struct memory_map *map)
{
    *frames = (struct frame_allocator){.source = {take_one, give_one}};
    frames->books_size = size_books(frames, map);
    if (!place_books(frames, map))
        return FRAMES_EXHAUSTED;
    open_zones(frames, map);
    free_usable_memory(frames, map);
    return FRAMES_OK;
}

const char *frames_status_text(enum frames_status status)
{
    static const char *const texts[] = {
        [FRAMES_OK] = "done",
        [FRAMES_EXHAUSTED] = "no free run so long and so aligned",
        [FRAMES_BAD_REQUEST] = "not a request that makes sense",
        [FRAMES_FOREIGN] = "not memory of this allocator",
        [FRAMES_NOT_ALLOCATED] = "not allocated",
        [FRAMES_BAD_COUNT] = "not the length that was taken",
        [FRAMES_CORRUPT] = "a free frame was written to",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
