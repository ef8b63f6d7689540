/* See clock.h. SDM Vol. 3B, 18.7.3 (determining the frequency); Intel 8254 data sheet. */
#include "clock.h"

#include "log.h"
#include "x86_cpu.h"

#define PIT_FREQUENCY UINT64_C(1193182)
#define PIT_CHANNEL_2 UINT16_C(0x42)
#define PIT_COMMAND   UINT16_C(0x43)
#define PIT_GATE      UINT16_C(0x61) /* bit 0 gate, bit 1 speaker, bit 5 channel 2's output */

#define MEASURE_TICKS UINT64_C(11932) /* 10 ms */
/* No counter runs at 100 GHz: a PIT that has not counted down by then is not there. */
#define MEASURE_LIMIT UINT64_C(1000000000)

static struct {
    uint64_t entry;
    uint64_t frequency; /* Hz */
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

/* Channel 2 counts down once (mode 0), its output rises at the end. */
static uint64_t frequency_by_pit(void)
{
    uint8_t gate = in8(PIT_GATE) & 0xfc;
    uint64_t ticks = 0;

    out8(PIT_GATE, gate);
    out8(PIT_COMMAND, 0xb0);
    out8(PIT_CHANNEL_2, MEASURE_TICKS & 0xff);
    out8(PIT_CHANNEL_2, MEASURE_TICKS >> 8);
    out8(PIT_GATE, gate | 1);
    uint64_t start = read_tsc();
    if (in8(PIT_GATE) & 0x20)
        return 0; /* reads 0xff: no PIT */
    while (!(in8(PIT_GATE) & 0x20) && ticks < MEASURE_LIMIT)
        ticks = read_tsc() - start;
    out8(PIT_GATE, gate);
    return ticks >= MEASURE_LIMIT ? 0 : ticks * PIT_FREQUENCY / MEASURE_TICKS;
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
    log_info("clock", "TSC %lu kHz, %s", (clock.frequency / 1000), clock.source);
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
