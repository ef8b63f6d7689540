/* Whether places are drawn at random, and from what: EFI_RNG_PROTOCOL (UEFI 2.10, 37.5), else the
 * CPU's RDRAND (SDM Vol. 1, 7.3.17). */
#include "boot.h"

#include "mem.h"
#include "options.h"
#include "x86_cpu.h"

#define RDRAND_TRIES 10 /* SDM Vol. 1, 7.3.17.1: after so many something is wrong with it */

static bool is_one_word(const char *bytes, size_t size)
{
    return memcmp(bytes, bytes + sizeof(uint64_t), size - sizeof(uint64_t)) == 0;
}

/* NULL asks for the firmware's default algorithm. */
bool firmware_random(struct boot *boot, void *bytes, size_t size)
{
    EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    EFI_RNG_PROTOCOL *rng;

    return !EFI_ERROR(boot->system->BootServices->LocateProtocol(&guid, NULL, (void **)&rng)) &&
           !EFI_ERROR(rng->GetRNG(rng, NULL, size, bytes)) && !is_one_word(bytes, size);
}

static bool cpu_word(struct random_source *source, uint64_t *word)
{
    uint64_t value;

    (void)source;
    for (int tries = 0; tries < RDRAND_TRIES; tries++) {
        if (rdrand(&value)) {
            *word = value;
            return true;
        }
    }
    return false;
}

/* Some AMD CPUs give the same word for ever after a resume, and call it good. */
static bool open_cpu_source(struct loader_random *random, const char *name)
{
    uint64_t one, other;

    if (!cpu_has_rdrand() || !cpu_word(&random->source, &one) ||
        !cpu_word(&random->source, &other) || one == other)
        return false;
    random->source.word = cpu_word;
    random->name = name;
    return true;
}

/* As many bytes at once as a seed has: some firmware gives no fewer. */
static bool refill(struct loader_random *random)
{
    if (!firmware_random(random->boot, random->words, sizeof(random->words)))
        return false;
    random->left = RANDOM_WORDS;
    return true;
}

static bool firmware_word(struct random_source *source, uint64_t *word)
{
    struct loader_random *random = (struct loader_random *)source;

    if (random->left == 0 && !refill(random))
        return open_cpu_source(random, "EFI_RNG_PROTOCOL, then RDRAND") && cpu_word(source, word);
    *word = random->words[--random->left];
    return true;
}

static bool open_firmware_source(struct loader_random *random)
{
    if (!refill(random))
        return false;
    random->source.word = firmware_word;
    random->name = "EFI_RNG_PROTOCOL";
    return true;
}

void open_random_source(struct boot *boot)
{
    struct text options = text_of(boot->options);

    if (option_is_set(options, "nokaslr")) {
        log_line(boot, LOG_INFO, "KASLR off: nokaslr");
        return;
    }
    boot->random.boot = boot;
    if (open_firmware_source(&boot->random) || open_cpu_source(&boot->random, "RDRAND"))
        return;
    log_line(boot, option_is_set(options, "kaslr") ? LOG_WARNING : LOG_INFO,
             "KASLR off: neither firmware nor the CPU gives random numbers");
}
