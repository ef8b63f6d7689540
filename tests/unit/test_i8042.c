/* kernel/console/i8042.c against an 8042 that works, one that is not there, and many that lie. */
/* links: kernel/console/i8042.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "i8042.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum { OUTPUT_FULL = 0x01, INPUT_FULL = 0x02, AUXILIARY = 0x20 };

struct fake {
    int status; /* what port 64h always reads; -1: the truth */
    bool no_configuration, configuration_stays, no_ack, no_write_output, noise;
    unsigned slow;        /* status reads until a command's answer is there */
    int64_t cost;         /* microseconds of a port access; 0: the clock stands still */
    const char *keys;     /* that are pressed while the controller is configured */
    uint8_t late_key;     /* which was on its way when the keyboard was held back */
    bool no_holding_back; /* the commands for that mean nothing */

    uint8_t configuration, command;
    uint16_t held[64]; /* bytes that wait, 100h and up: the mouse's */
    unsigned count, wait, accesses;
    int64_t now;
    unsigned resets;
};

static struct fake fake;

static void hold(unsigned value)
{
    assert_true(fake.count < ROWS(fake.held));
    fake.held[fake.count++] = (uint16_t)value;
    fake.wait = fake.slow;
}

static void press_key(void)
{
    if (fake.keys != NULL && *fake.keys != '\0' && !(fake.configuration & 0x10))
        hold((uint8_t)*fake.keys++);
}

static uint8_t read_status(void)
{
    if (fake.status >= 0)
        return (uint8_t)fake.status;
    if (fake.noise)
        return (uint8_t)(rand() % 255);
    if (fake.count == 0 || (fake.wait != 0 && fake.wait-- != 0))
        return 0x04;
    return (uint8_t)(0x04 | OUTPUT_FULL | (fake.held[0] >= 0x100 ? AUXILIARY : 0));
}

static uint8_t fake_in(uint16_t port)
{
    fake.accesses++;
    fake.now += fake.cost;
    if (port == 0x64)
        return read_status();
    assert_int_equal(port, 0x60);
    if (fake.noise || fake.count == 0)
        return (uint8_t)rand();
    uint8_t byte = (uint8_t)fake.held[0];
    memmove(fake.held, fake.held + 1, --fake.count * sizeof(fake.held[0]));
    return byte;
}

static void take_command(uint8_t command)
{
    fake.command = command;
    if (command == 0x20 && fake.late_key != 0) {
        hold(fake.late_key);
        fake.late_key = 0;
    }
    if (command == 0x20 && !fake.no_configuration)
        hold(fake.configuration);
    else if (command == 0xad)
        fake.configuration |= fake.no_holding_back ? 0 : 0x10;
    else if (command == 0xae)
        fake.configuration &= fake.no_holding_back ? 0xff : 0xef;
    else if (command == 0xfe)
        fake.resets++;
    else
        assert_true(command == 0x20 || command == 0x60 || command == 0xd2);
}

static void take_data(uint8_t value)
{
    if (fake.command == 0x60 && !fake.configuration_stays)
        fake.configuration = value;
    else if (fake.command == 0xd2 && !fake.no_write_output)
        hold(value);
    else if (fake.command != 0x60 && fake.command != 0xd2 && value == 0xf4 && !fake.no_ack)
        hold(0xfa);
    else /* and never a reset of the keyboard, FFh */
        assert_true(fake.command == 0x60 || fake.command == 0xd2 || value == 0xf4);
    fake.command = 0;
}

static void fake_out(uint16_t port, uint8_t value)
{
    fake.accesses++;
    fake.now += fake.cost;
    assert_true(fake.status >= 0 ? !(fake.status & INPUT_FULL) || value == 0xfe : true);
    press_key();
    if (port == 0x64)
        take_command(value);
    else
        take_data(value);
}

static int64_t fake_microseconds(void)
{
    return fake.now;
}

static struct i8042 new_controller(struct fake made)
{
    fake = made;
    if (fake.status == 0)
        fake.status = -1;
    return (struct i8042){.in = fake_in, .out = fake_out, .microseconds = fake_microseconds};
}

/* Firmware's: with a mouse, translated or not. */
#define AS_FIRMWARE_LEAVES .configuration = 0x07, .cost = 1

/* ---- one that works -------------------------------------------------------------------------- */

static void test_configured(void **state)
{
    struct i8042 controller = new_controller((struct fake){AS_FIRMWARE_LEAVES, .slow = 300});
    uint8_t byte;

    (void)state;
    hold(0x1e);
    hold(0x108); /* the mouse's */
    assert_int_equal(i8042_open(&controller), I8042_OK);
    assert_true(controller.there && controller.configured && controller.translated);
    /* IRQ 1, the system flag, the mouse off, translation; the keyboard on. */
    assert_int_equal(fake.configuration, 0x01 | 0x04 | 0x20 | 0x40);
    assert_false(i8042_read(&controller, &byte)); /* what was held is gone */
    fake.slow = 0;
    hold(0x11e);
    hold(0x1f);
    assert_true(i8042_has_byte(&controller));
    assert_true(i8042_read(&controller, &byte));
    assert_int_equal(byte, 0x1f);
    assert_false(i8042_has_byte(&controller));
}

/* None is taken for an answer. */
static void test_keys_while_it_is_configured(void **state)
{
    struct i8042 controller =
        new_controller((struct fake){AS_FIRMWARE_LEAVES, .keys = "\x1e\x1f\x20\x21\x22"});

    (void)state;
    assert_int_equal(i8042_open(&controller), I8042_OK);
    assert_true(controller.configured);
    assert_int_equal(fake.configuration, 0x65);

    controller = new_controller((struct fake){AS_FIRMWARE_LEAVES, .late_key = 0x9e});
    assert_int_equal(i8042_open(&controller), I8042_OK);
    assert_int_equal(fake.configuration, 0x65);
    assert_true(controller.configured && controller.translated && fake.count == 0);
}

static void test_provoked(void **state)
{
    struct i8042 controller = new_controller((struct fake){AS_FIRMWARE_LEAVES});
    uint8_t byte;

    (void)state;
    assert_int_equal(i8042_open(&controller), I8042_OK);
    assert_true(i8042_provoke_keyboard(&controller));
    assert_true(i8042_read(&controller, &byte));
    assert_int_equal(byte, 0xfa);
    assert_true(i8042_provoke_controller(&controller));
    assert_true(i8042_read(&controller, &byte));
    assert_int_equal(byte, 0xfa);
    i8042_reset_cpu(&controller);
    assert_int_equal(fake.resets, 1);
}

/* ---- those that lie -------------------------------------------------------------------------- */

/* Half a second for all together: a boot may wait for it once. */
static void all_of_it(struct i8042 *controller)
{
    uint8_t byte;

    if (i8042_open(controller) == I8042_OK) {
        (void)i8042_provoke_keyboard(controller);
        (void)i8042_provoke_controller(controller);
        (void)i8042_read(controller, &byte);
    }
    i8042_reset_cpu(controller);
    assert_true(fake.now <= 500000);
    assert_true(fake.accesses <= 1000000);
}

static void test_statuses_that_stay(void **state)
{
    (void)state;
    for (int64_t cost = 0; cost <= 100; cost += 50) {
        for (int status = 1; status < 0x100; status++) {
            struct i8042 controller = new_controller((struct fake){.status = status, .cost = cost});
            enum i8042_status expected = status == 0xff         ? I8042_ABSENT
                                         : status & OUTPUT_FULL ? I8042_FULL
                                                                : I8042_OK;
            assert_int_equal(i8042_open(&controller), expected);
            assert_int_equal(controller.there, expected == I8042_OK);
            assert_false(controller.configured);
            fake.accesses = 0;
            fake.now = 0;
            all_of_it(&controller);
        }
    }
}

/* A firmware that lets a USB keyboard pass for one, and answers to little. */
static void test_what_is_not_answered(void **state)
{
    static const struct fake fakes[] = {
        {AS_FIRMWARE_LEAVES, .no_configuration = true},
        {AS_FIRMWARE_LEAVES, .no_ack = true},
        {AS_FIRMWARE_LEAVES, .no_ack = true, .no_write_output = true, .no_configuration = true},
        {AS_FIRMWARE_LEAVES, .no_holding_back = true},
        {.configuration = 0x47, .cost = 100, .configuration_stays = true},
        {.configuration = 0x07, .cost = 100, .configuration_stays = true},
    };
    uint8_t byte;

    (void)state;
    for (size_t i = 0; i < ROWS(fakes); i++) {
        struct i8042 controller = new_controller(fakes[i]);
        assert_int_equal(i8042_open(&controller), I8042_OK);
        assert_true(controller.there);
        assert_int_equal(controller.configured, !fakes[i].no_configuration);
        assert_int_equal(controller.translated, i != 5);
        assert_false(fake.configuration & 0x10); /* the keyboard is let speak in any case */
        hold(0x1e);
        assert_true(i8042_read(&controller, &byte));
        assert_int_equal(byte, 0x1e);
        fake.now = 0;
        all_of_it(&controller);
        assert_false(fake.configuration & 0x10);
    }
}

static void test_noise(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct i8042 controller = new_controller((struct fake){.noise = true, .cost = 1});
        all_of_it(&controller);
    }
}

/* A mouse that never ends hides the keyboard, but holds nobody up. */
static void test_endless_mouse(void **state)
{
    struct i8042 controller = new_controller((struct fake){AS_FIRMWARE_LEAVES});
    uint8_t byte;

    (void)state;
    assert_int_equal(i8042_open(&controller), I8042_OK);
    fake.status = OUTPUT_FULL | AUXILIARY;
    fake.accesses = 0;
    assert_false(i8042_read(&controller, &byte));
    assert_true(fake.accesses < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_keys_while_it_is_configured),
        cmocka_unit_test(test_provoked),
        cmocka_unit_test(test_statuses_that_stay),
        cmocka_unit_test(test_what_is_not_answered),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_endless_mouse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
