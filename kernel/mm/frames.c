/* See frames.h. A zone is a run of managed memory without a hole; a block is 2^order
 * frames at a multiple of its size, inside one zone. */
#include "frames.h"

#include "mem.h"
#include "translate.h"

struct frame_allocator kernel_frames;

/* The book of a frame: 0 inside a block or held; else it is the first of a block. A run that
 * was taken is one block or several: only its first is a start. */
#define BOOK_FREE      UINT8_C(0x40) /* | order */
#define BOOK_RUN       UINT8_C(0x80) /* | order; the first block of a run */
#define BOOK_CONTINUES UINT8_C(0xc0) /* | order; the other blocks of it */
#define BOOK_STATE     UINT8_C(0xc0)
#define BOOK_ORDER     UINT8_C(0x3f)

/* A link is stored with these bits flipped: a freed frame that is cleared or filled must not
 * look like the end of a list. */
#define LINK_FLIP UINT64_C(0xb5297a4d8e3c96f1)

struct frame_zone {
    uint64_t first; /* frame number */
    uint64_t count;
    phys_addr_t books;
};

/* Lies in the first bytes of a free block, flipped. */
struct free_block {
    uint64_t next, previous; /* addresses; 0: none */
};

static struct free_block links_of(uint64_t block)
{
    const struct free_block *links = phys2virt(phys(block));
    return (struct free_block){links->next ^ LINK_FLIP, links->previous ^ LINK_FLIP};
}

static void set_links(uint64_t block, uint64_t next, uint64_t previous)
{
    struct free_block *links = phys2virt(phys(block));
    *links = (struct free_block){next ^ LINK_FLIP, previous ^ LINK_FLIP};
}

static const struct frame_zone *zone_of(const struct frame_allocator *frames, uint64_t frame)
{
    const struct frame_zone *zones = phys2virt(frames->zones);
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
    uint64_t block = frame * PAGE_SIZE, next = frames->free[order].raw;

    set_links(block, next, 0);
    if (next != 0)
        set_links(next, links_of(next).next, block);
    frames->free[order] = phys(block);
    frames->orders |= UINT64_C(1) << order;
    *book_of(zone, frame) = (uint8_t)(BOOK_FREE | order);
}

static bool is_free_block(const struct frame_zone *zone, uint64_t frame, unsigned order)
{
    return frame - zone->first < zone->count && *book_of(zone, frame) == (BOOK_FREE | order);
}

/* A link leads to a free block of the same size, unless somebody wrote to a free frame. */
static bool link_is_sound(const struct frame_allocator *frames, uint64_t link, unsigned order)
{
    const struct frame_zone *zone = zone_of(frames, link / PAGE_SIZE);

    return is_aligned(link, PAGE_SIZE) && zone != NULL &&
           is_free_block(zone, link / PAGE_SIZE, order);
}

/* The neighbours point back, and only the first of the list has none before it: so whatever
 * is written to free frames, no list leads to a block that has left it. */
static bool links_are_sound(const struct frame_allocator *frames, uint64_t block, unsigned order)
{
    struct free_block links = links_of(block);

    if (links.next != 0 &&
        (!link_is_sound(frames, links.next, order) || links_of(links.next).previous != block))
        return false;
    if (frames->free[order].raw == block)
        return links.previous == 0;
    return link_is_sound(frames, links.previous, order) && links_of(links.previous).next == block;
}

static bool unlink_block(struct frame_allocator *frames, const struct frame_zone *zone,
                         uint64_t frame, unsigned order)
{
    struct free_block links = links_of(frame * PAGE_SIZE);

    if (!links_are_sound(frames, frame * PAGE_SIZE, order))
        return false;
    if (links.next != 0)
        set_links(links.next, links_of(links.next).next, links.previous);
    if (links.previous != 0)
        set_links(links.previous, links.next, links_of(links.previous).previous);
    else
        frames->free[order] = phys(links.next);
    if (frames->free[order].raw == 0)
        frames->orders &= ~(UINT64_C(1) << order);
    *book_of(zone, frame) = 0;
    return true;
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
    for (uint8_t state = BOOK_RUN; frame < end; state = BOOK_CONTINUES) {
        unsigned order = order_between(frame, end);
        *book_of(zone, frame) = (uint8_t)(state | order);
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

static bool run_continues_at(const struct frame_zone *zone, uint64_t frame)
{
    return frame - zone->first < zone->count &&
           (*book_of(zone, frame) & BOOK_STATE) == BOOK_CONTINUES;
}

/* Is [frame, end) exactly what was once taken? */
static enum frames_status check_run(const struct frame_zone *zone, uint64_t frame, uint64_t end)
{
    if ((*book_of(zone, frame) & BOOK_STATE) != BOOK_RUN)
        return FRAMES_NOT_ALLOCATED;
    do {
        frame += UINT64_C(1) << (*book_of(zone, frame) & BOOK_ORDER);
    } while (frame < end && run_continues_at(zone, frame));
    return frame == end && !run_continues_at(zone, end) ? FRAMES_OK : FRAMES_BAD_COUNT;
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

/* Held memory that is not the books: no block covers its first frame, none starts in it. */
static bool is_held(const struct frame_allocator *frames, const struct frame_zone *zone,
                    uint64_t frame, uint64_t end)
{
    uint64_t books = frames->zones.raw / PAGE_SIZE;

    if (frames_state(frames, frame_address(frame)) != FRAME_HELD ||
        (frame < books + frames->books_size / PAGE_SIZE && books < end))
        return false;
    while (frame < end && *book_of(zone, frame) == 0)
        frame++;
    return frame == end;
}

enum frames_status frames_reclaim(struct frame_allocator *frames, struct phys_range range)
{
    uint64_t frame = max_u64(range.start.raw / PAGE_SIZE, 1), end = phys_end(range) / PAGE_SIZE;
    const struct frame_zone *zone = zone_of(frames, frame);

    if (frame >= end)
        return FRAMES_OK; /* frame 0 alone */
    if (zone == NULL || end > zone->first + zone->count)
        return FRAMES_FOREIGN;
    if (!is_aligned(range.start.raw | range.size, PAGE_SIZE) || !is_held(frames, zone, frame, end))
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
            return (book & BOOK_STATE) == BOOK_FREE ? FRAME_FREE : FRAME_ALLOCATED;
    }
    return FRAME_HELD;
}

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

/* A page table cannot be told that its frame was not its own: the audit is. */
static void give_one(struct frame_source *source, phys_addr_t frame)
{
    if (frames_give((struct frame_allocator *)source, frame, 1) != FRAMES_OK)
        ((struct frame_allocator *)source)->refused++;
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
