/* See clock.h. SDM Vol. 3B, 18.7.3 (determining the frequency); Intel 8254 data sheet. */
#include "clock.h"

#include "log.h"
#include "x86_cpu.h"

#define PIT_FREQUENCY UINT64_C(1193182)
#define PIT_CHANNEL_2 UINT16_C(0x42)
#define PIT_COMMAND   UINT16_C(0x43)
#define PIT_GATE      UINT16_C(0x61)

#define GATE_OPEN    0x01U
#define GATE_SPEAKER 0x02U
#define GATE_OUTPUT  0x20U /* channel 2's */

#define COUNT_DOWN  0xb0 /* channel 2, low byte then high, mode 0: once, the output rises at 0 */
#define LATCH_COUNT 0x80

#define MEASURE_COUNTS UINT32_C(11932) /* 10 ms, of the 55 that 16 bits can count */
/* No counter runs at 100 GHz: a PIT that has not counted down by then is not there. */
#define MEASURE_LIMIT UINT64_C(1000000000)

/* An emulator's host, or firmware's SMM, may take the CPU away at any moment. */
#define READINGS 5 /* at a time: the one of least doubt counts */
#define TRIES    4 /* until it is sure to one in a hundred */

static struct {
    uint64_t entry;
    uint64_t frequency, doubt; /* Hz; it is off by `doubt` at most */
    const char *source;
} clock = {.frequency = UINT64_C(1000000000), .source = "unknown: 1 GHz taken"};

/* Leaf 15h: the crystal's frequency and the counter's ratio to it. */
static uint64_t frequency_by_crystal(void)
{
    struct cpuid leaf = cpuid_if_known(0x15, 0);
    return leaf.eax == 0 ? 0 : (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
}

/* Leaf 40000010h, where a hypervisor has it: kHz. */
static uint64_t frequency_by_hypervisor(void)
{
    if (!cpu_is_guest() || cpuid(UINT32_C(0x40000000), 0).eax < UINT32_C(0x40000010))
        return 0;
    return (uint64_t)cpuid(UINT32_C(0x40000010), 0).eax * 1000;
}

/* What channel 2 has still to count, at a moment between two time stamps. */
struct reading {
    uint64_t before, after;
    uint32_t count;
};

static uint64_t doubt_of(const struct reading *reading)
{
    return reading->after - reading->before;
}

static struct reading read_once(void)
{
    struct reading reading;

    reading.before = read_tsc();
    out8(PIT_COMMAND, LATCH_COUNT);
    reading.after = read_tsc();
    reading.count = in8(PIT_CHANNEL_2);
    reading.count |= (uint32_t)in8(PIT_CHANNEL_2) << 8;
    return reading;
}

static struct reading read_count(void)
{
    struct reading best = read_once();

    for (unsigned i = 1; i < READINGS; i++) {
        struct reading other = read_once();
        if (doubt_of(&other) < doubt_of(&best))
            best = other;
    }
    return best;
}

/* In Hz. A frequency of 0 is none: for certain, where nothing counts; with all doubt, where the
 * count went past 0 and nobody knows how often. */
struct measurement {
    uint64_t frequency, doubt;
};

static void start_pit(void)
{
    out8(PIT_COMMAND, COUNT_DOWN);
    out8(PIT_CHANNEL_2, 0xff);
    out8(PIT_CHANNEL_2, 0xff);
    (void)read_once(); /* the count is only taken over at the PIT's next tick */
}

static struct measurement measure(void)
{
    struct reading first, last;
    uint32_t counts;

    start_pit();
    first = read_count();
    do {
        last = read_count();
        counts = first.count - last.count;
    } while (counts < MEASURE_COUNTS && last.after - first.before < MEASURE_LIMIT);

    if (in8(PIT_GATE) & GATE_OUTPUT)
        return (struct measurement){0, UINT64_MAX};
    if (counts < MEASURE_COUNTS)
        return (struct measurement){0, 0};
    uint64_t ticks = (last.before + last.after) / 2 - (first.before + first.after) / 2;
    uint64_t doubt = (doubt_of(&first) + doubt_of(&last)) / 2;
    return (struct measurement){ticks * PIT_FREQUENCY / counts, doubt * PIT_FREQUENCY / counts};
}

static bool is_sure(struct measurement m)
{
    return m.doubt <= m.frequency / 100;
}

static struct measurement measure_until_sure(void)
{
    struct measurement best = measure();

    for (unsigned i = 1; i < TRIES && !is_sure(best); i++) {
        struct measurement other = measure();
        if (other.doubt < best.doubt)
            best = other;
    }
    return best;
}

/* Nobody is there where what was written is not read again. */
static struct measurement measure_by_pit(void)
{
    const unsigned gate = in8(PIT_GATE) & ~(GATE_OPEN | GATE_SPEAKER);
    struct measurement measurement = {0, 0};

    out8(PIT_GATE, (uint8_t)(gate | GATE_OPEN));
    if ((in8(PIT_GATE) & (GATE_OPEN | GATE_SPEAKER)) == GATE_OPEN)
        measurement = measure_until_sure();
    out8(PIT_GATE, (uint8_t)gate);
    return measurement;
}

static uint64_t frequency_by_pit(void)
{
    struct measurement measurement = measure_by_pit();

    if (measurement.frequency != 0)
        clock.doubt = measurement.doubt;
    return measurement.frequency;
}

void clock_start(uint64_t entry)
{
    static const struct {
        uint64_t (*ask)(void);
        const char *source;
    } sources[] = {
        {frequency_by_crystal, "CPUID 15h"},
        {frequency_by_hypervisor, "CPUID 40000010h"},
        {frequency_by_pit, "measured against the PIT"},
    };

    clock.entry = entry;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        uint64_t frequency = sources[i].ask();
        if (frequency != 0) {
            clock.frequency = frequency;
            clock.source = sources[i].source;
            return;
        }
    }
}

void clock_report(void)
{
    if (is_sure((struct measurement){clock.frequency, clock.doubt}))
        log_info("clock", "TSC %lu kHz, %s", (clock.frequency / 1000), clock.source);
    else
        log_warning("clock", "TSC %lu kHz, give or take %lu, %s", (clock.frequency / 1000),
                    (clock.doubt / 1000), clock.source);
}

uint64_t clock_entry(void)
{
    return clock.entry;
}

int64_t clock_microseconds(uint64_t tsc)
{
    uint64_t distance = tsc >= clock.entry ? tsc - clock.entry : clock.entry - tsc;
    uint64_t us = distance / clock.frequency * 1000000 +
                  distance % clock.frequency * 1000000 / clock.frequency;

    return tsc >= clock.entry ? (int64_t)us : -(int64_t)us;
}
