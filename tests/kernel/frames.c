/* The frame allocator on the real machine: what it gives is written to, so that a frame given
 * twice, or one that is not there, is seen. */
#include "run.h"

#include "address_space.h"
#include "attempt.h"
#include "handoff.h"
#include "x86_cpu.h"

#define OPERATIONS 20000
#define RUNS       256

struct run {
    phys_addr_t start;
    uint64_t count; /* 0: none */
};

static struct run runs[RUNS];

static uint64_t random_number(void)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15); /* fixed: a failure can be repeated */

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t *words_of(const struct run *run, uint64_t frame)
{
    return phys2virt(phys(run->start.raw + frame * PAGE_SIZE));
}

/* The first and the last word of each frame name the run. */
static void sign(const struct run *run)
{
    for (uint64_t i = 0; i < run->count; i++)
        words_of(run, i)[0] = words_of(run, i)[511] = run->start.raw + i;
}

static void check_signature(const struct run *run)
{
    for (uint64_t i = 0; i < run->count; i++)
        must(words_of(run, i)[0] == run->start.raw + i &&
                 words_of(run, i)[511] == words_of(run, i)[0],
             "a frame was given twice");
}

static void take(struct run *run)
{
    uint64_t count = 1 + random_number() % (random_number() % 8 == 0 ? 700 : 12);
    uint64_t align = PAGE_SIZE << (random_number() % 8 == 0 ? random_number() % 10 : 0);
    enum frames_status status = frames_take(&kernel_frames, count, align, &run->start);

    if (status == FRAMES_EXHAUSTED)
        return;
    must(status == FRAMES_OK, frames_status_text(status));
    must(is_aligned(run->start.raw, align), "not aligned as asked");
    run->count = count;
    for (uint64_t i = 0; i < count; i++)
        must(frames_state(&kernel_frames, phys(run->start.raw + i * PAGE_SIZE)) == FRAME_ALLOCATED,
             "taken, but not in the books");
    sign(run);
}

static void give(struct run *run)
{
    check_signature(run);
    must(frames_give(&kernel_frames, run->start, run->count + 1) != FRAMES_OK, "gave one too many");
    must(frames_give(&kernel_frames, run->start, run->count - 1) != FRAMES_OK, "gave one too few");
    must(frames_give(&kernel_frames, run->start, run->count) == FRAMES_OK, "frames_give");
    must(frames_give(&kernel_frames, run->start, run->count) == FRAMES_NOT_ALLOCATED,
         "gave a run twice");
    run->count = 0;
}

static void take_and_give_at_random(void)
{
    uint64_t free = kernel_frames.free_frames;

    for (int i = 0; i < OPERATIONS; i++) {
        struct run *run = &runs[random_number() % RUNS];
        if (run->count == 0)
            take(run);
        else
            give(run);
    }
    for (size_t i = 0; i < RUNS; i++) {
        if (runs[i].count != 0)
            give(&runs[i]);
    }
    must(kernel_frames.free_frames == free, "frames were lost");
}

static void refuse_what_makes_no_sense(void)
{
    phys_addr_t at;

    must(frames_take(&kernel_frames, 0, PAGE_SIZE, &at) == FRAMES_BAD_REQUEST, "took nothing");
    must(frames_take(&kernel_frames, 1, 3 * PAGE_SIZE, &at) == FRAMES_BAD_REQUEST, "odd alignment");
    must(frames_take(&kernel_frames, kernel_frames.managed_frames + 1, PAGE_SIZE, &at) ==
             FRAMES_EXHAUSTED,
         "took more than there is");
    must(frames_give(&kernel_frames, phys(boot_info.kernel_phys), 1) == FRAMES_FOREIGN,
         "gave the kernel away");
    must(frames_give(&kernel_frames, kernel_frames.zones, 1) == FRAMES_NOT_ALLOCATED,
         "gave the books away");
}

/* The largest run of a power of two that can be had, then given back. */
static uint64_t largest_run(void)
{
    uint64_t count = UINT64_C(1) << 30;
    phys_addr_t at;

    while (frames_take(&kernel_frames, count, PAGE_SIZE, &at) != FRAMES_OK)
        count /= 2;
    must(frames_give(&kernel_frames, at, count) == FRAMES_OK, "frames_give");
    return count;
}

/* Frame by frame to the last one, chained through themselves, and all back. */
static uint64_t exhaust(void)
{
    uint64_t free = kernel_frames.free_frames, largest = largest_run(), taken = 0;
    phys_addr_t chain = {0}, at;

    while (frames_take(&kernel_frames, 1, PAGE_SIZE, &at) == FRAMES_OK) {
        *(phys_addr_t *)phys2virt(at) = chain;
        chain = at;
        taken++;
    }
    must(taken == free && kernel_frames.free_frames == 0, "not all that was free could be had");
    while (chain.raw != 0) {
        at = chain;
        chain = *(phys_addr_t *)phys2virt(at);
        must(frames_give(&kernel_frames, at, 1) == FRAMES_OK, "frames_give");
    }
    must(kernel_frames.free_frames == free, "frames were lost");
    must(largest_run() == largest, "what was one run is in pieces");
    return taken;
}

void run(void)
{
    take_and_give_at_random();
    refuse_what_makes_no_sense();
    uint64_t taken = exhaust();
    take_and_give_at_random();
    log_raw("test: passed, %llu frames\n", (unsigned long long)taken);
    halt_forever();
}
