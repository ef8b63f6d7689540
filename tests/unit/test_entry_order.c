/* common/entry_order.c: versions, file names, and the order of entries. */
#include "entry_sample.h"

#include "entry_order.h"

/* Each is older than the next: the rules of the Version Format Specification, one by one. */
static void test_versions(void **state)
{
    static const char *const order[] = {
        "~",
        "",
        "A",
        "Z",
        "a",
        "aa",
        "ab",
        "b",
        "bestla-5.4",
        "bestla-5.19",
        "debian-12",
        "1~rc1",
        "1~rc2",
        "1",
        "1-1",
        "1-2",
        "1^post1",
        "1.1",
        "1.2",
        "1.2.3",
        "1.10",
        "1a",
        "2",
        "10",
        "11.0-a",
        "11.0-1",
        "11.0.1",
        "99",
        "0100",
        "123456789012345678901",
        "123456789012345678902",
    };

    (void)state;
    for (size_t a = 0; a < ROWS(order); a++) {
        for (size_t b = 0; b < ROWS(order); b++) {
            struct text left = exact_copy(order[a], strlen(order[a]));
            struct text right = exact_copy(order[b], strlen(order[b]));
            int got = version_compare(left, right);
            int sign = got < 0 ? -1 : got > 0;
            if (sign != (a < b ? -1 : a > b))
                fail_msg("\"%s\" and \"%s\" compare as %d", order[a], order[b], got);
            release(left);
            release(right);
        }
    }
}

/* Leading zeros and what is no part of a version count for nothing. */
static void test_equal_versions(void **state)
{
    static const char *const pairs[][2] = {
        {"1.0", "1.00"}, {"007", "7"}, {"1_2", "1+2"}, {"1.2", "1.2 "},
        {"0", "00"},     {"1", "1_"},  {"", "_"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(pairs); i++)
        assert_int_equal(version_compare(text_of(pairs[i][0]), text_of(pairs[i][1])), 0);
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *stem;
        bool counted, exhausted;
    } rows[] = {
        {"a.conf", "a", false, false},
        {"a+3.conf", "a", true, false},
        {"a+0.conf", "a", true, true},
        {"a+00-7.conf", "a", true, true},
        {"a+3-0.conf", "a", true, false},
        {"a+10-2.conf", "a", true, false},
        {"a-3.conf", "a-3", false, false},
        {"a+b.conf", "a+b", false, false},
        {"a+3-.conf", "a+3-", false, false},
        {"a+-3.conf", "a+-3", false, false},
        {"+3.conf", "+3", false, false},
        {"a+1-2-3.conf", "a+1-2-3", false, false},
        {"6.1.0+1+2.efi", "6.1.0+1", true, false},
        {"plain", "plain", false, false},
        {"", "", false, false},
        {".conf", "", false, false},
        {"3.conf", "3", false, false},
        {"a+99999999999999999999.conf", "a", true, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text name = exact_copy(rows[i].name, strlen(rows[i].name));
        struct entry_tries tries;
        assert_text(entry_stem(name, &tries), rows[i].stem);
        assert_int_equal(tries.counted, rows[i].counted);
        assert_int_equal(tries.exhausted, rows[i].exhausted);
        release(name);
    }
}

static void test_patterns(void **state)
{
    static const struct {
        const char *name, *pattern;
        bool called;
    } rows[] = {
        {"a.conf", "a.conf", true},     {"a.conf", "a", true},
        {"a.conf", "A.CONF", true},     {"a+3-1.conf", "a", true},
        {"a+3-1.conf", "a+3-1", true},  {"a+3-1.conf", "a+*.conf", true},
        {"a+3-1.conf", "a.conf", true}, /* its identifier */
        {"A+3.conf", "a.CONF", true},   {"a+3-1.conf", "?.conf", true},
        {"a+3-1.conf", "a.efi", false}, {"a+3-1.conf", "b.conf", false},
        {"a+3-1.conf", "a.con", false}, {"a+3-1", "a", true},
        {"a+3-1.conf", "", false},      {"ab.conf", "a", false},
        {"ab.conf", "a*", true},        {"ab.conf", "", false},
        {"b.efi", "b", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        if (entry_is_called(text_of(rows[i].name), text_of(rows[i].pattern)) != rows[i].called)
            fail_msg("%s and the pattern %s", rows[i].name, rows[i].pattern);
    }
}

/* The name without its count; and the name when a try begins, NULL where none does. */
static void test_counting(void **state)
{
    static const struct {
        const char *name, *id, *next;
    } rows[] = {
        {"a.conf", "a.conf", NULL},
        {"a+3.conf", "a.conf", "a+2-1.conf"},
        {"a+2-1.conf", "a.conf", "a+1-2.conf"},
        {"a+1-2.conf", "a.conf", "a+0-3.conf"},
        {"a+0-3.conf", "a.conf", NULL},
        {"a+0.conf", "a.conf", NULL},
        {"a+010-009.efi", "a.efi", "a+9-10.efi"},
        {"a+3", "a", "a+2-1"},
        {"a.b+3-.conf", "a.b+3-.conf", NULL},
        {"+3.conf", "+3.conf", NULL},
        {"", "", NULL},
        {"a+4294967294-4294967294.conf", "a.conf", "a+4294967293-4294967295.conf"},
        {"a+4294967295.conf", "a.conf", NULL},
        {"a+1-4294967295.conf", "a.conf", NULL},
        {"a+00000000000000000000000000003.conf", "a.conf", "a+2-1.conf"},
        {"a+10000000000000000000000000003.conf", "a.conf", NULL},
        {"a+99999999999999999999-99999999999999999999.conf", "a.conf", NULL},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text name = exact_copy(rows[i].name, strlen(rows[i].name));
        entry_id(name, text, name.length + 1);
        assert_string_equal(text, rows[i].id);
        assert_int_equal(entry_next_name(name, text, sizeof(text)), rows[i].next != NULL);
        if (rows[i].next != NULL) {
            assert_string_equal(text, rows[i].next);
            assert_true(entry_next_name(name, text, strlen(rows[i].next) + 1));
            assert_false(entry_next_name(name, text, strlen(rows[i].next)));
        }
        release(name);
    }
}

/* Each stands before the next. */
static void test_order(void **state)
{
    static const struct {
        const char *name, *sort_key, *machine_id, *version;
        bool last;
    } rows[] = {
        {"z.conf", "a", "", "1", false},     {"y.conf", "a", "01", "2", false},
        {"x.conf", "a", "01", "1.9", false}, {"w.conf", "a", "02", "9", false},
        {"v.conf", "b", "", "", false},      {"a.conf", "b", "", "", false},
        {"k-10.conf", "", "zz", "1", false}, {"k-9+3.conf", "", "", "99", false},
        {"k-9.conf", "", "", "", false},     {"K-9.conf", "", "", "", false},
        {"q+0-3.conf", "a", "", "9", false}, {"z+0.conf", "", "", "", false},
        {"a+0.conf", "", "", "", false},     {"zz.efi", "", "", "", true},
    };

    (void)state;
    for (size_t a = 0; a < ROWS(rows); a++) {
        for (size_t b = 0; b < ROWS(rows); b++) {
            struct boot_entry entries[2] = {{.sort_key = text_of(rows[a].sort_key),
                                             .machine_id = text_of(rows[a].machine_id),
                                             .version = text_of(rows[a].version)},
                                            {.sort_key = text_of(rows[b].sort_key),
                                             .machine_id = text_of(rows[b].machine_id),
                                             .version = text_of(rows[b].version)}};
            struct entry_rank ranks[2] = {{text_of(rows[a].name), &entries[0], rows[a].last},
                                          {text_of(rows[b].name), &entries[1], rows[b].last}};
            if (entry_stands_before(&ranks[0], &ranks[1]) != (a < b))
                fail_msg("%s and %s", rows[a].name, rows[b].name);
        }
    }
}

static void test_architectures(void **state)
{
    static const struct {
        const char *architecture;
        bool ours;
    } rows[] = {{"", true}, {"x64", true}, {"X64", true}, {"ia32", false}, {"aa64", false}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct boot_entry entry = {.architecture = text_of(rows[i].architecture)};
        assert_int_equal(entry_is_for_x64(&entry), rows[i].ours);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),      cmocka_unit_test(test_equal_versions),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_counting),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
