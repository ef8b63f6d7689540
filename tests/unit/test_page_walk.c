/* links: tests/unit/fake_memory.c */
/* common/page_walk.c itself: an operation that claims more entries than there are. */
#include "page_fixture.h"
#include "page_walk.h"

#define CALLS_MAX 2000 /* more entries than any row's range has */

struct claimer {
    struct pt_walker walker;
    size_t claim;        /* how many entries it says it is done with */
    enum pt_level level; /* at which; it descends to there */
    size_t calls;
    uint64_t next; /* where the slot after this one has to be */
};

static struct pt_verdict claim(struct pt_walker *walker, const struct pt_slot *slot)
{
    struct claimer *claimer = (struct claimer *)walker;
    size_t most = claimer->claim < slot->whole ? claimer->claim : slot->whole;

    if (slot->level > claimer->level)
        return pt_descend();
    if (claimer->calls++ == CALLS_MAX || slot->part.start.raw != claimer->next)
        return pt_stop(PT_BAD_RANGE);
    claimer->next += most > 1 ? most * level_size(slot->level) : slot->part.size;
    return pt_move_on(claimer->claim);
}

/* A range is walked to its end and no further, whatever the operation says of it: the last entry
 * may be covered in part, the last table too. */
static void claims_are_no_more_than_there_is(void **state)
{
    static const struct {
        enum pt_level level;
        uint64_t start, size;
        size_t claim, calls;
    } rows[] = {
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, 8, 1},
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, 3, 3},
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, 9, 1},
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, SIZE_MAX, 1},
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, SIZE_MAX >> 11, 1},
        {PT_LEVEL_PT, HIGH, 8 * KIB_4, 0, 8},
        {PT_LEVEL_PT, HIGH + MIB_2 - KIB_4, 2 * KIB_4, 2, 2}, /* over the table's end */
        {PT_LEVEL_PT, HIGH + MIB_2 - KIB_4, 2 * KIB_4, SIZE_MAX, 2},
        {PT_LEVEL_PT, HIGH, KIB_4 / 2, SIZE_MAX, 1},
        {PT_LEVEL_PT, HIGH, 3 * KIB_4 + 1, 4, 2}, /* the last in part */
        {PT_LEVEL_PT, HIGH + 1, 3 * KIB_4, SIZE_MAX, 3},
        {PT_LEVEL_PD, HIGH, 2 * MIB_2 + KIB_4, 3, 2},
        {PT_LEVEL_PML4, HIGH, 2 * TIB_HALF, SIZE_MAX, 1},
        {PT_LEVEL_PML4, -TIB_HALF, TIB_HALF, 2, 1}, /* to 2^64 */
        {PT_LEVEL_PML4, -TIB_HALF, TIB_HALF, SIZE_MAX, 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        struct claimer claimer = {
            .claim = rows[i].claim, .level = rows[i].level, .next = rows[i].start};

        open_fixture(&f, PT_LEVEL_PML4);
        assert_int_equal(
            pt_map(&f.space, virt_range(HIGH, 2 * MIB_2), phys(0), read_only, PT_LEVEL_PT), PT_OK);
        claimer.walker = (struct pt_walker){.space = &f.space, .pass = PT_READ, .at = claim};
        if (pt_walk_range(&claimer.walker, virt_range(rows[i].start, rows[i].size)) != PT_OK)
            fail_msg("row %zu goes astray after %zu calls", i, claimer.calls);
        assert_int_equal(claimer.calls, rows[i].calls);
        assert_int_equal(claimer.next, rows[i].start + rows[i].size);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_no_more_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
