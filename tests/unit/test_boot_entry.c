/* common/boot_entry.c: entries, good and bad; every status by table. */
#include "entry_sample.h"

static void test_good(void **state)
{
    struct text file = exact_copy(good, strlen(good));
    struct boot_entry entry;
    struct boot_entry_error error = {BOOT_ENTRY_BAD_PATH, 7, file};

    (void)state;
    assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_OK);
    assert_int_equal(error.status, BOOT_ENTRY_OK);
    assert_int_equal(error.line, 0);
    assert_int_equal(error.text.length, 0);
    assert_text(entry.title, "Bestla");
    assert_text(entry.version, "0.1");
    assert_text(entry.program, "/bestla/kernel.elf");
    assert_text(entry.file, good);
    release(file);
}

static void test_modules(void **state)
{
    struct text file = exact_copy(good, strlen(good));
    struct boot_entry entry;
    struct boot_entry_error error;
    struct text path, words;

    (void)state;
    assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_OK);
    struct text rest = entry.file;
    assert_true(boot_entry_next_module(&rest, &path, &words));
    assert_text(path, "/bestla/symbols.bin");
    assert_text(words, "symbols of the kernel");
    assert_true(boot_entry_next_module(&rest, &path, &words));
    assert_text(path, "\\bestla\\other.bin");
    assert_text(words, "");
    assert_false(boot_entry_next_module(&rest, &path, &words));
    assert_false(boot_entry_next_module(&rest, &path, &words));
    release(file);
}

/* A file in, its title, kernel, modules ("PATH:WORDS;") and options out. */
static void test_syntax(void **state)
{
    static const struct {
        const char *file;
        const char *title;
        const char *kernel;
        const char *modules;
        const char *options;
    } rows[] = {
        {"kernel /k", "", "/k", "", ""},
        {"kernel /k\n", "", "/k", "", ""},
        {"kernel /k\r\n", "", "/k", "", ""},
        {"kernel /k\r", "", "/k", "", ""},
        {"title A B\r\nkernel \\k\r\noptions x\r\n\r\n", "A B", "\\k", "", "x"},
        {"\xef\xbb\xbfkernel /k\n", "", "/k", "", ""},
        {"\xef\xbb\xbfmodule /m w\nkernel /k\noptions o", "", "/k", "/m:w;", "o"},
        {"\tkernel\t\t/k\t\n", "", "/k", "", ""},
        {"  kernel   /k  \n", "", "/k", "", ""},
        {"\n\n \t \n#title x\n  # kernel /x\nkernel /k\n", "", "/k", "", ""},
        {"#\nkernel /k\n#", "", "/k", "", ""},
        {"title a # b\nkernel /k#1\n", "a # b", "/k#1", "", ""},
        {"title \xc3\x84rger \xe2\x82\xac \xf0\x9f\x98\x80\nkernel /k",
         "\xc3\x84rger \xe2\x82\xac \xf0\x9f\x98\x80", "/k", "", ""},
        /* the first and last code points around each thing that is refused */
        {"title \xc2\xa0 \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80\nkernel /k",
         "\xc2\xa0 \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80", "/k", "", ""},
        {"title \xdf\xbf \xef\xbf\xbf \xf4\x8f\xbf\xbf !~\nkernel /k",
         "\xdf\xbf \xef\xbf\xbf \xf4\x8f\xbf\xbf !~", "/k", "", ""},
        {"kernel /with blanks in it\n", "", "/with blanks in it", "", ""},
        {"sort-key x\nLinux\ndevicetree\nkernel /k\nkernels /x\nKERNEL /y\n", "", "/k", "", ""},
        {"options a  b\noptions\tc\t\nkernel /k\noptions d=e", "", "/k", "", "a  b c d=e"},
        {"module /a\nmodule\t/b\tx\ty \r\nkernel /k\nmodule /a", "", "/k", "/a:;/b:x\ty;/a:;", ""},
        {"kernel /a..b/..c/d../...\n", "", "/a..b/..c/d../...", "", ""},
        {"kernel /k\nmodule /m ../words /..\n", "", "/k", "/m:../words /..;", ""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text file = exact_copy(rows[i].file, strlen(rows[i].file));
        struct boot_entry entry;
        struct boot_entry_error error;
        struct text path, words;
        char options[32], modules[32] = "";
        size_t length = 0;

        assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_OK);
        assert_text(entry.title, rows[i].title);
        assert_text(entry.program, rows[i].kernel);
        for (struct text rest = entry.file; boot_entry_next_module(&rest, &path, &words);)
            length += (size_t)snprintf(modules + length, sizeof modules - length, "%.*s:%.*s;",
                                       TEXT_ARG(path), TEXT_ARG(words));
        assert_string_equal(modules, rows[i].modules);
        assert_int_equal(boot_entry_options(&entry, options, sizeof options), BOOT_ENTRY_OK);
        assert_string_equal(options, rows[i].options);
        release(file);
    }
}

/* What is booted, by which line, and what else an entry may say of itself. */
static void test_kinds(void **state)
{
    static const struct {
        const char *file;
        enum boot_kind kind;
        const char *program;
    } rows[] = {
        {"kernel /k", BOOT_KERNEL, "/k"},
        {"linux /k", BOOT_LINUX, "/k"},
        {"efi \\k", BOOT_EFI, "\\k"},
        {"uki /k", BOOT_EFI, "/k"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[128];
        struct boot_entry entry;
        struct boot_entry_error error;

        snprintf(text, sizeof text,
                 "architecture x64\n%s\nsort-key b c\nmachine-id 01\ndevicetree x\n", rows[i].file);
        struct text file = exact_copy(text, strlen(text));
        assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_OK);
        assert_int_equal(entry.kind, rows[i].kind);
        assert_text(entry.program, rows[i].program);
        assert_text(entry.sort_key, "b c");
        assert_text(entry.machine_id, "01");
        assert_text(entry.architecture, "x64");
        release(file);
    }
}

static void test_initrds(void **state)
{
    struct text file = text_of("initrd /a\nlinux /k\n#initrd /no\n  initrd\t/b c \r\ninitrds /x\n");
    struct boot_entry entry;
    struct boot_entry_error error;
    struct text path;

    (void)state;
    assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_OK);
    struct text rest = entry.file;
    assert_true(boot_entry_next_initrd(&rest, &path));
    assert_text(path, "/a");
    assert_true(boot_entry_next_initrd(&rest, &path));
    assert_text(path, "/b c");
    assert_false(boot_entry_next_initrd(&rest, &path));
}

static const struct bad_row bad_entries[] = {
    {"", BOOT_ENTRY_EMPTY, 0, ""},
    {"\n", BOOT_ENTRY_EMPTY, 0, ""},
    {" \t\r\n", BOOT_ENTRY_EMPTY, 0, ""},
    {"# only\n#kernel /k", BOOT_ENTRY_EMPTY, 0, ""},
    {"\xef\xbb\xbf", BOOT_ENTRY_EMPTY, 0, ""},
    {"title x\n", BOOT_ENTRY_NO_KERNEL, 0, ""},
    {"unknown\n", BOOT_ENTRY_UNKNOWN_KEY, 1, "unknown"},
    {"Linux /k\nKernel /k\n", BOOT_ENTRY_UNKNOWN_KEY, 1, "Linux"},
    {"# x\ntitle t\n\nkernal /k\nother /k", BOOT_ENTRY_UNKNOWN_KEY, 4, "kernal"},
    {"\xef\xbb\xbf\xef\xbb\xbfkernel /k", BOOT_ENTRY_UNKNOWN_KEY, 1, "\xef\xbb\xbfkernel"},
    {"efi /k\ntitle t\ninitrd /a\n", BOOT_ENTRY_OTHER_KIND, 3, "initrd"},
    {"initrd /a\ninitrd /b\nuki /k\n", BOOT_ENTRY_OTHER_KIND, 1, "initrd"},
    {"title t\nmodule /m x\nefi /k\n", BOOT_ENTRY_OTHER_KIND, 2, "module"},
    {"linux /k\ninitrd /a\nmodule /m\n", BOOT_ENTRY_OTHER_KIND, 3, "module"},
    {"kernel /k\nmodule /m\ninitrd /a\n", BOOT_ENTRY_OTHER_KIND, 3, "initrd"},
    {"kernel", BOOT_ENTRY_NO_VALUE, 1, "kernel"},
    {"kernel \t\r\n", BOOT_ENTRY_NO_VALUE, 1, "kernel"},
    {"\n#\n\ttitle\nkernel /k", BOOT_ENTRY_NO_VALUE, 3, "title"},
    {"kernel /k\nversion\n", BOOT_ENTRY_NO_VALUE, 2, "version"},
    {"kernel /k\noptions\n", BOOT_ENTRY_NO_VALUE, 2, "options"},
    {"kernel /k\r\nmodule\r\n", BOOT_ENTRY_NO_VALUE, 2, "module"},
    {"kernel /k\nkernel\n", BOOT_ENTRY_NO_VALUE, 2, "kernel"},
    {"kernel /k\nkernel /k\n", BOOT_ENTRY_REPEATED, 2, "kernel"},
    {"title a\n\ntitle b\nkernel /k\n", BOOT_ENTRY_REPEATED, 3, "title"},
    {"version a\nversion a\nkernel /k\n", BOOT_ENTRY_REPEATED, 2, "version"},
    {"sort-key\nkernel /k\n", BOOT_ENTRY_NO_VALUE, 1, "sort-key"},
    {"machine-id\nkernel /k\n", BOOT_ENTRY_NO_VALUE, 1, "machine-id"},
    {"architecture x64\narchitecture x64\nefi /k\n", BOOT_ENTRY_REPEATED, 2, "architecture"},
    {"linux\n", BOOT_ENTRY_NO_VALUE, 1, "linux"},
    {"linux /a\nlinux /a\n", BOOT_ENTRY_REPEATED, 2, "linux"},
    {"efi /a\nuki /a\n", BOOT_ENTRY_REPEATED, 2, "uki"},
    {"linux /a\nkernel /a\n", BOOT_ENTRY_SECOND_KIND, 2, "kernel"},
    {"kernel /a\n\nefi /b\n", BOOT_ENTRY_SECOND_KIND, 3, "efi"},
    {"efi /b\nlinux\n", BOOT_ENTRY_SECOND_KIND, 2, "linux"},
    {"linux b\n", BOOT_ENTRY_BAD_PATH, 1, "b"},
    {"efi /../b\n", BOOT_ENTRY_BAD_PATH, 1, "/../b"},
    {"linux /k\ninitrd\n", BOOT_ENTRY_NO_VALUE, 2, "initrd"},
    {"linux /k\ninitrd /a\ninitrd b\n", BOOT_ENTRY_BAD_PATH, 3, "b"},
    {"kernel k\n", BOOT_ENTRY_BAD_PATH, 1, "k"},
    {"kernel ./k\n", BOOT_ENTRY_BAD_PATH, 1, "./k"},
    {"kernel /..\n", BOOT_ENTRY_BAD_PATH, 1, "/.."},
    {"kernel /../k\n", BOOT_ENTRY_BAD_PATH, 1, "/../k"},
    {"kernel \\a\\..\\k\n", BOOT_ENTRY_BAD_PATH, 1, "\\a\\..\\k"},
    {"kernel /a\\../k\n", BOOT_ENTRY_BAD_PATH, 1, "/a\\../k"},
    {"kernel /a/..", BOOT_ENTRY_BAD_PATH, 1, "/a/.."},
    {"kernel /k\nmodule m words\n", BOOT_ENTRY_BAD_PATH, 2, "m"},
    {"kernel /k\nmodule /m\nmodule /a/../m words\n", BOOT_ENTRY_BAD_PATH, 3, "/a/../m"},
    {"module ../m\n", BOOT_ENTRY_BAD_PATH, 1, "../m"},
    /* the first error is the one reported */
    {"kernel k\ntitle\n", BOOT_ENTRY_BAD_PATH, 1, "k"},
    {"title\nkernel k\n", BOOT_ENTRY_NO_VALUE, 1, "title"},
    /* control characters, in every kind of line */
    {"kernel /k\x01\n", BOOT_ENTRY_BAD_CHARACTER, 1, "kernel /k"},
    {"kernel /k\n# \x1b[2J\n", BOOT_ENTRY_BAD_CHARACTER, 2, "# "},
    {"\x0c\nkernel /k\n", BOOT_ENTRY_BAD_CHARACTER, 1, ""},
    {"kernel /k\nunknown \x1f", BOOT_ENTRY_BAD_CHARACTER, 2, "unknown "},
    {"kernel /k\x7f\n", BOOT_ENTRY_BAD_CHARACTER, 1, "kernel /k"},
    {"kernel /k\rtitle x\r", BOOT_ENTRY_BAD_CHARACTER, 1, "kernel /k"},
    {"kernel /k\r\r\n", BOOT_ENTRY_BAD_CHARACTER, 1, "kernel /k"},
    /* not UTF-8 */
    {"\xff\xfek", BOOT_ENTRY_BAD_CHARACTER, 1, ""},
    {"title a\xc3", BOOT_ENTRY_BAD_CHARACTER, 1, "title a"},
    {"title a\xc3\n\xa9", BOOT_ENTRY_BAD_CHARACTER, 1, "title a"},
};

static void check_bad_entry(const struct bad_row *row)
{
    struct text file = exact_copy(row->file, strlen(row->file));
    struct boot_entry entry;
    struct boot_entry_error error;

    assert_int_equal(boot_entry_parse(file, &entry, &error), row->status);
    assert_error(&error, row);
    assert_true(lies_in(error.text, file));
    assert_int_equal(entry.file.length + entry.title.length + entry.version.length, 0);
    assert_int_equal(entry.program.length, 0);
    release(file);
}

static void test_bad_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(bad_entries); i++)
        check_bad_entry(&bad_entries[i]);
}

/* One line's bytes, refused at the first: not led, not ended, not in the
 * shortest form, a surrogate, past U+10FFFF, a C1 control character. */
static void test_bad_characters(void **state)
{
    static const char *const rows[] = {
        "\x80",
        "\xbf",
        "\xbf\x80",
        "\xf8\x90\x80\x80",
        "\xc0\x89",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xe2\x82\xc0",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xc2\x80",
        "\xc2\x9f",
    };
    char file[32];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bad_row row = {file, BOOT_ENTRY_BAD_CHARACTER, 1, "title "};

        snprintf(file, sizeof file, "title %s", rows[i]);
        check_bad_entry(&row);
        snprintf(file, sizeof file, "title %s\nkernel /k", rows[i]);
        check_bad_entry(&row);
    }
}

static enum boot_entry_status parse_with_line(const char *key, size_t filler, const char *line_end,
                                              struct boot_entry_error *error)
{
    static const char kernel[] = "kernel /k\n";
    char *bytes = malloc(filler + 64);
    size_t length = (size_t)sprintf(bytes, "#\n%s", key);
    struct boot_entry entry;
    enum boot_entry_status status;

    memset(bytes + length, 'x', filler - strlen(key));
    length = 2 + filler;
    length += (size_t)sprintf(bytes + length, "%s%s", line_end, *line_end ? kernel : "");
    struct text file = exact_copy(bytes, length);
    status = boot_entry_parse(file, &entry, error);
    assert_int_equal(status, error->status);
    free(bytes);
    release(file);
    return status;
}

static void test_line_length(void **state)
{
    static const char *const keys[] = {"title ", "options ", "module /", "#", "unknown ", ""};
    static const char *const ends[] = {"\n", "\r\n"};
    struct boot_entry_error error;

    (void)state;
    for (size_t i = 0; i < ROWS(keys) * ROWS(ends); i++) {
        const char *key = keys[i / ROWS(ends)];
        const char *end = ends[i % ROWS(ends)];

        assert_int_equal(parse_with_line(key, BOOT_ENTRY_LINE_MAX, end, &error), BOOT_ENTRY_OK);
        assert_int_equal(parse_with_line(key, BOOT_ENTRY_LINE_MAX + 1, end, &error),
                         BOOT_ENTRY_LINE_TOO_LONG);
        assert_int_equal(error.line, 2);
        assert_int_equal(error.text.length, 0);
    }
    /* the last line, which no LF ends */
    assert_int_equal(parse_with_line("kernel /", BOOT_ENTRY_LINE_MAX, "", &error), BOOT_ENTRY_OK);
    assert_int_equal(parse_with_line("kernel /", BOOT_ENTRY_LINE_MAX + 1, "", &error),
                     BOOT_ENTRY_LINE_TOO_LONG);
}

/* Every buffer from none to more than enough, each of exactly its size. */
static void test_options_fit(void **state)
{
    const char *joined = "verbose directmap=full log=debug";
    struct boot_entry entry;
    struct boot_entry_error error;

    (void)state;
    assert_int_equal(boot_entry_parse(text_of(good), &entry, &error), BOOT_ENTRY_OK);
    for (size_t size = 0; size < strlen(joined) + 5; size++) {
        char *buffer = size > 0 ? malloc(size) : NULL;
        bool fits = size > strlen(joined);

        assert_int_equal(boot_entry_options(&entry, buffer, size),
                         fits ? BOOT_ENTRY_OK : BOOT_ENTRY_TOO_LONG);
        if (size > 0)
            assert_string_equal(buffer, fits ? joined : "");
        free(buffer);
    }
}

static void test_no_options(void **state)
{
    struct boot_entry entry;
    struct boot_entry_error error;
    char buffer[1] = {'x'};

    (void)state;
    assert_int_equal(boot_entry_parse(text_of("kernel /k"), &entry, &error), BOOT_ENTRY_OK);
    assert_int_equal(boot_entry_options(&entry, buffer, 1), BOOT_ENTRY_OK);
    assert_string_equal(buffer, "");
}

/* A file that was refused leaves an entry that is empty, but safe to ask. */
static void test_refused_entry(void **state)
{
    struct boot_entry entry;
    struct boot_entry_error error;
    struct text path, words;
    char buffer[8] = "x";

    (void)state;
    assert_int_equal(boot_entry_parse(text_of("module /m\noptions o\n"), &entry, &error),
                     BOOT_ENTRY_NO_KERNEL);
    struct text rest = entry.file;
    assert_false(boot_entry_next_module(&rest, &path, &words));
    assert_int_equal(boot_entry_options(&entry, buffer, sizeof buffer), BOOT_ENTRY_OK);
    assert_string_equal(buffer, "");
}

/* Whatever the bytes: no read outside them, and the promises of the header. */
static void test_status_texts(void **state)
{
    (void)state;
    for (int a = BOOT_ENTRY_OK; a <= BOOT_ENTRY_TOO_LONG; a++) {
        assert_true(strlen(boot_entry_status_text((enum boot_entry_status)a)) > 5);
        for (int b = BOOT_ENTRY_OK; b <= BOOT_ENTRY_TOO_LONG + 1; b++)
            assert_int_equal(strcmp(boot_entry_status_text((enum boot_entry_status)a),
                                    boot_entry_status_text((enum boot_entry_status)b)) == 0,
                             a == b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),           cmocka_unit_test(test_modules),
        cmocka_unit_test(test_syntax),         cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_bad_characters), cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_options_fit),    cmocka_unit_test(test_no_options),
        cmocka_unit_test(test_kinds),          cmocka_unit_test(test_initrds),
        cmocka_unit_test(test_refused_entry),  cmocka_unit_test(test_status_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
