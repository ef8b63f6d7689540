/* Reading files: by one call where firmware can, else in pieces of 1 MiB and 64 KiB, else
 * through a buffer below 4 GiB. Whatever firmware does, each byte is right or there is an
 * error; what has come once is not read again. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include "boot.h" /* before cmocka.h, which makes `fail` a macro */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fake_boot.h"

#define MIB       (UINT64_C(1) << 20)
#define KIB       (UINT64_C(1) << 10)
#define FILE_SIZE (3 * MIB + 12345)
#define GIB_4     (UINT64_C(1) << 32)

static struct boot boot;
static struct file file;
static unsigned char *content;

static unsigned char byte_at(uint64_t offset)
{
    return (unsigned char)(offset * 31 + offset / 4096 * 7 + offset / MIB);
}

static int make_content(void **state)
{
    (void)state;
    content = malloc(FILE_SIZE);
    for (uint64_t i = 0; content != NULL && i < FILE_SIZE; i++)
        content[i] = byte_at(i);
    return content == NULL;
}

static int free_content(void **state)
{
    (void)state;
    free(content);
    return 0;
}

static void open_it(void)
{
    fake_world();
    fake_add_file("/file", content, FILE_SIZE);
    memset(&boot, 0, sizeof(boot));
    boot.image = fake_image_handle();
    boot.system = &fake.system;
    assert_int_equal(open_boot_volume(&boot), EFI_SUCCESS);
    assert_int_equal(open_file(&boot, text_of("/file"), &file), EFI_SUCCESS);
    assert_int_equal(file.size, FILE_SIZE);
}

static void close_it(void)
{
    close_file(&file);
    close_boot_volume(&boot);
    free_all_pages(&boot);
    assert_all_given_back();
}

/* Memory of the loader's with a byte before and after that must stay as it is. */
static unsigned char *place(uint64_t size, uint64_t limit)
{
    phys_addr_t at = {0};

    assert_int_equal(allocate_pages_below(&boot, MEMORY_LOADER, size + 2, limit, &at), EFI_SUCCESS);
    memset((void *)(uintptr_t)at.raw, 0xee, size + 2);
    return (unsigned char *)(uintptr_t)at.raw + 1;
}

static void assert_read(uint64_t offset, uint64_t size, uint64_t limit)
{
    unsigned char *to = place(size, limit);

    assert_int_equal(read_file(&boot, &file, offset, to, size), EFI_SUCCESS);
    for (uint64_t i = 0; i < size; i++) {
        if (to[i] != byte_at(offset + i))
            fail_msg("byte 0x%lx at 0x%lx is 0x%02x", (unsigned long)i, (unsigned long)offset,
                     to[i]);
    }
    assert_int_equal(to[-1], 0xee);
    assert_int_equal(to[size], 0xee);
}

/* Reads that gave something follow each other without a gap or a step back. */
static void assert_nothing_twice(uint64_t offset, uint64_t size)
{
    uint64_t next = offset;

    for (size_t i = 0; i < fake.read_count; i++) {
        if (fake.reads[i].failed)
            continue;
        assert_int_equal(fake.reads[i].offset, next);
        next += fake.reads[i].got;
    }
    assert_int_equal(next, offset + size);
}

static void test_one_call(void **state)
{
    static const struct {
        uint64_t offset, size;
    } parts[] = {{0, FILE_SIZE}, {0, 1}, {1, 4096}, {FILE_SIZE - 1, 1}, {4097, 2 * MIB}};

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        open_it();
        assert_read(parts[i].offset, parts[i].size, UINT64_MAX);
        assert_int_equal(fake.read_count, 1);
        assert_nothing_twice(parts[i].offset, parts[i].size);
        assert_int_equal(fake.calls_of[FAKE_OUTPUT_STRING], 0);
        close_it();
    }
}

static void test_nothing(void **state)
{
    (void)state;
    open_it();
    assert_int_equal(read_file(&boot, &file, 7, NULL, 0), EFI_SUCCESS);
    assert_int_equal(fake.read_count, 0);
    close_it();
}

static uint64_t pieces_of(uint64_t piece)
{
    return (FILE_SIZE + piece - 1) / piece;
}

/* The largest piece that firmware takes is what is used: one refusal for each size above. */
static void test_pieces(void **state)
{
    (void)state;
    open_it();
    fake.read_limit = MIB;
    assert_read(0, FILE_SIZE, UINT64_MAX);
    assert_int_equal(fake.read_count, 1 + pieces_of(MIB));
    assert_nothing_twice(0, FILE_SIZE);
    close_it();

    open_it();
    fake.read_limit = MIB - 1;
    assert_read(0, FILE_SIZE, UINT64_MAX);
    assert_int_equal(fake.read_count, 2 + pieces_of(64 * KIB));
    assert_nothing_twice(0, FILE_SIZE);
    assert_int_equal(fake.calls_of[FAKE_OUTPUT_STRING], 0);
    close_it();
}

/* Firmware that gives less than asked for, without an error: what came, counts. */
static void test_short_reads(void **state)
{
    (void)state;
    open_it();
    fake.short_limit = MIB;
    assert_read(5, FILE_SIZE - 5, UINT64_MAX);
    assert_int_equal(fake.read_count, 1 + pieces_of(MIB) - 1);
    assert_int_equal(fake.reads[1].wanted, MIB);
    assert_nothing_twice(5, FILE_SIZE - 5);
    close_it();

    open_it();
    fake.short_limit = 64 * KIB;
    assert_read(0, FILE_SIZE, UINT64_MAX);
    assert_int_equal(fake.read_count, pieces_of(64 * KIB));
    assert_int_equal(fake.reads[1].wanted, MIB);
    assert_int_equal(fake.reads[2].wanted, 64 * KIB);
    assert_nothing_twice(0, FILE_SIZE);
    close_it();

    open_it();
    fake.short_limit = 1000;
    assert_read(0, MIB, UINT64_MAX);
    assert_nothing_twice(0, MIB);
    close_it();
}

/* To high memory only by way of low memory; to low memory as ever. */
static void test_bounce(void **state)
{
    (void)state;
    open_it();
    fake.read_below = GIB_4;
    assert_read(0, FILE_SIZE, GIB_4);
    assert_int_equal(fake.read_count, 1);
    fake.read_count = 0;
    size_t pages = fake_leaked_pages();
    unsigned char *to = place(FILE_SIZE, UINT64_MAX);
    assert_true((uintptr_t)to > GIB_4);
    size_t with_place = fake_leaked_pages();
    assert_int_equal(read_file(&boot, &file, 0, to, FILE_SIZE), EFI_SUCCESS);
    assert_memory_equal(to, content, FILE_SIZE);
    assert_int_equal(to[-1], 0xee);
    assert_int_equal(to[FILE_SIZE], 0xee);
    assert_int_equal(fake.read_count, 3 + pieces_of(64 * KIB));
    assert_nothing_twice(0, FILE_SIZE);
    for (size_t i = 3; i < fake.read_count; i++)
        assert_true(fake.reads[i].to + fake.reads[i].wanted <= GIB_4);
    assert_int_equal(fake_leaked_pages(), with_place); /* the buffer has gone back */
    assert_true(with_place > pages);
    close_it();
}

static void test_no_room_to_bounce(void **state)
{
    (void)state;
    open_it();
    fake.read_below = GIB_4;
    fake_take_pages(FAKE_LOW_BASE, FAKE_LOW_PAGES);
    unsigned char *to = place(4096, UINT64_MAX);
    assert_int_equal(read_file(&boot, &file, 0, to, 4096), EFI_OUT_OF_RESOURCES);
    assert_non_null(strstr(fake.console, "error: /file: reading at 0x0 (Out of Resources)"));
    close_it();
}

/* A bad place in the medium: passed when it heals, an error with the place when not. */
static void test_errors(void **state)
{
    const uint64_t bad = 2 * MIB + 70000;

    (void)state;
    for (unsigned errors = 0; errors < 6; errors++) {
        open_it();
        fake.error_at = bad;
        fake.errors = errors;
        if (errors < 4) {
            assert_read(0, FILE_SIZE, UINT64_MAX);
            assert_nothing_twice(0, FILE_SIZE);
            assert_string_equal(fake.console, "");
        } else {
            unsigned char *to = place(FILE_SIZE, UINT64_MAX);
            assert_int_equal(read_file(&boot, &file, 0, to, FILE_SIZE), EFI_DEVICE_ERROR);
            assert_non_null(strstr(fake.console, "error: /file: reading at 0x210000"));
            assert_memory_equal(to, content, 0x210000);
            assert_int_equal(to[FILE_SIZE], 0xee);
        }
        close_it();
    }
}

/* The file ends before the size that it has. */
static void test_end_of_file(void **state)
{
    (void)state;
    open_it();
    close_file(&file);
    fake_claim_size("/file", FILE_SIZE + 1);
    assert_int_equal(open_file(&boot, text_of("/file"), &file), EFI_SUCCESS);
    assert_int_equal(file.size, FILE_SIZE + 1);
    unsigned char *to = place(FILE_SIZE + 1, UINT64_MAX);
    assert_int_equal(read_file(&boot, &file, 0, to, FILE_SIZE + 1), EFI_END_OF_FILE);
    assert_non_null(strstr(fake.console, "reading at 0x303039 (End of File)"));
    assert_memory_equal(to, content, FILE_SIZE);
    close_it();
}

static EFI_STATUS EFIAPI read_too_much(EFI_FILE_PROTOCOL *self, UINTN *size, void *to)
{
    (void)self;
    (void)to;
    *size += 1;
    return EFI_SUCCESS;
}

/* A count that is larger than what was asked for must not move anything along. */
static void test_lying_count(void **state)
{
    unsigned char *to;

    (void)state;
    open_it();
    to = place(100, UINT64_MAX);
    file.handle->Read = read_too_much;
    assert_int_equal(read_file(&boot, &file, 0, to, 100), EFI_DEVICE_ERROR);
    close_it();
}

static void test_open(void **state)
{
    EFI_FILE_PROTOCOL *handle = NULL;
    struct file other = {0};
    char path[600];

    (void)state;
    open_it();
    assert_int_equal(open_handle(&boot, text_of("/none"), &handle), EFI_NOT_FOUND);
    assert_string_equal(fake.console, ""); /* it may be what was hoped for */
    assert_int_equal(open_file(&boot, text_of("/none"), &other), EFI_NOT_FOUND);
    assert_non_null(strstr(fake.console, "error: /none: cannot be opened (Not Found)"));
    assert_int_equal(open_file(&boot, text_of("/loader"), &other), EFI_UNSUPPORTED);
    assert_non_null(strstr(fake.console, "/loader: has no size; is it a folder?"));
    assert_int_equal(open_handle(&boot, text_of(""), &handle), EFI_UNSUPPORTED);
    assert_int_equal(open_handle(&boot, text_of("/\xf0\x9f\x98\x80"), &handle), EFI_UNSUPPORTED);
    assert_int_equal(open_handle(&boot, text_of("/\xc3"), &handle), EFI_UNSUPPORTED);
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    for (size_t length = 510; length < 514; length++) {
        path[length] = '\0';
        fake_add_text(path, "long");
        EFI_STATUS status = open_handle(&boot, text_of(path), &handle);
        assert_int_equal(status, length < 512 ? EFI_SUCCESS : EFI_UNSUPPORTED);
        if (!EFI_ERROR(status))
            handle->Close(handle);
        path[length] = 'a';
    }
    close_it();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_call),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_pieces),      cmocka_unit_test(test_short_reads),
        cmocka_unit_test(test_bounce),      cmocka_unit_test(test_no_room_to_bounce),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_end_of_file),
        cmocka_unit_test(test_lying_count), cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, make_content, free_content);
}
