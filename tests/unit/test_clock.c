/* kernel/cpu/clock.c against a PIT and a processor that is taken away now and then. */
/* links: kernel/cpu/clock.c tests/unit/fake_log.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fake_log.h"
#include "x86_cpu.h"

#define KHZ       2400000U
#define PORT_COST 1000 /* nanoseconds */
#define TSC_COST  10

static struct {
    uint64_t now; /* nanoseconds */
    bool there, counts;
    uint8_t gate;
    uint64_t started; /* the count's */
    uint16_t load, latched;
    bool high_byte;

    unsigned accesses;            /* of ports and of the TSC */
    unsigned away_every;          /* one in so many takes the processor away, at random; 0: none */
    unsigned away_at;             /* this access does; 0: none */
    uint64_t away, random, limit; /* nanoseconds; the limit ends a test that hangs */
} machine;

static void reset(void)
{
    machine =
        (typeof(machine)){.now = 5000000, .there = true, .counts = true, .limit = 10000000000};
    fake_log_clear();
}

static void spend(uint64_t nanoseconds)
{
    machine.now += nanoseconds;
    machine.accesses++;
    machine.random = machine.random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    if (machine.accesses == machine.away_at ||
        (machine.away_every != 0 && (machine.random >> 33) % machine.away_every == 0))
        machine.now += machine.away;
    assert_true(machine.now < machine.limit);
}

uint64_t read_tsc(void)
{
    spend(TSC_COST);
    return machine.now * KHZ / 1000000;
}

static uint64_t counted(void)
{
    return machine.counts ? (machine.now - machine.started) * 1193182 / 1000000000 : 0;
}

uint8_t in8(uint16_t port)
{
    spend(PORT_COST);
    if (!machine.there)
        return 0xff;
    if (port == 0x61) /* bit 4 toggles, and means nothing */
        return (uint8_t)(machine.gate | (counted() >= machine.load ? 0x20 : 0) |
                         (machine.now & 0x10));
    assert_int_equal(port, 0x42);
    machine.high_byte = !machine.high_byte;
    return (uint8_t)(machine.high_byte ? machine.latched : machine.latched >> 8);
}

void out8(uint16_t port, uint8_t value)
{
    spend(PORT_COST);
    if (port == 0x61) {
        machine.gate = value & 0x0f;
    } else if (port == 0x42) {
        machine.load = (uint16_t)(machine.load >> 8 | value << 8);
        machine.started = machine.now;
    } else if (value == 0x80) {
        machine.latched = (uint16_t)(machine.load - counted());
        machine.high_byte = false;
    } else {
        assert_int_equal(port, 0x43);
        assert_int_equal(value, 0xb0);
    }
}

struct cpuid cpuid_if_known(uint32_t leaf, uint32_t subleaf)
{
    (void)leaf, (void)subleaf;
    return (struct cpuid){0};
}

bool cpu_is_guest(void)
{
    return false;
}

static uint64_t measured_khz(void)
{
    clock_start(0);
    clock_report();
    assert_memory_equal(fake_log, "clock: TSC ", 11);
    return strtoull(fake_log + 11, NULL, 10);
}

static bool is_near(uint64_t khz, uint64_t parts)
{
    return khz > KHZ - KHZ / parts && khz < KHZ + KHZ / parts;
}

static void test_undisturbed(void **state)
{
    (void)state;
    reset();
    assert_true(is_near(measured_khz(), 1000));
    assert_null(strstr(fake_log, "give or take"));
    assert_true(machine.now < 17000000); /* one measurement, of 10 ms */
    assert_int_equal(machine.gate & 3, 0);
}

/* The one moment at which it goes may be any. */
static void test_taken_away_once(void **state)
{
    static const uint64_t away[] = {1000000, 9900000, 30000000, 60000000, 200000000};

    (void)state;
    for (unsigned at = 1; at < 120; at++) {
        for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
            reset();
            machine.away_at = at;
            machine.away = away[i];
            assert_true(is_near(measured_khz(), 500));
            assert_null(strstr(fake_log, "give or take"));
        }
    }
}

/* For most of the time, at moments of chance. */
static void test_taken_away_often(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        reset();
        machine.random = round;
        machine.away_every = 4 + round % 30;
        machine.away = 20000 * (1 + round % 400);
        assert_true(is_near(measured_khz(), 90));
        assert_null(strstr(fake_log, "give or take"));
    }
}

/* At each access: it is measured as well as can be, and the doubt is said; or not at all. */
static void test_doubt(void **state)
{
    (void)state;
    reset();
    machine.away_every = 1;
    machine.away = 400000;
    uint64_t khz = measured_khz();
    const char *said = strstr(fake_log, " kHz, give or take ");
    assert_non_null(said);
    uint64_t doubt = strtoull(said + 19, NULL, 10);
    assert_true(khz + doubt > KHZ && khz < KHZ + doubt && doubt < KHZ / 5);

    reset();
    machine.away_every = 1;
    machine.away = 20000000;
    clock_start(0);
    clock_report();
    assert_true(machine.now < machine.limit);
}

/* Ports that nobody answers, and a PIT whose clock is off. The first of the tests: what is known
 * stays known. */
static void test_no_pit(void **state)
{
    (void)state;
    for (unsigned there = 0; there < 2; there++) {
        reset();
        machine.there = there;
        machine.counts = false;
        machine.limit = 1000000000;
        assert_int_equal(measured_khz(), 1000000);
        assert_non_null(strstr(fake_log, "unknown"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_pit),          cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_taken_away_once), cmocka_unit_test(test_taken_away_often),
        cmocka_unit_test(test_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
