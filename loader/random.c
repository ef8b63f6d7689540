/* Whether places are drawn at random, and from what: EFI_RNG_PROTOCOL (UEFI 2.10, 37.5), else the
 * CPU's RDRAND (SDM Vol. 1, 7.3.17). */
#include "boot.h"

#include "options.h"
#include "x86_cpu.h"

#define RDRAND_TRIES 10 /* SDM Vol. 1, 7.3.17.1: after so many something is wrong with it */

/* As many bytes at once as a seed has: some firmware gives no fewer. NULL asks for its default
 * algorithm. */
static bool refill(struct loader_random *random)
{
    if (EFI_ERROR(
            random->rng->GetRNG(random->rng, NULL, sizeof(random->words), (UINT8 *)random->words)))
        return false;
    random->left = RANDOM_WORDS;
    return true;
}

static bool firmware_word(struct random_source *source, uint64_t *word)
{
    struct loader_random *random = (struct loader_random *)source;

    if (random->left == 0 && !refill(random))
        return false;
    *word = random->words[--random->left];
    return true;
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

static bool open_firmware_source(struct boot *boot)
{
    EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    struct loader_random *random = &boot->random;

    if (EFI_ERROR(boot->system->BootServices->LocateProtocol(&guid, NULL, (void **)&random->rng)) ||
        !refill(random))
        return false;
    random->source.word = firmware_word;
    random->name = "EFI_RNG_PROTOCOL";
    return true;
}

/* Some AMD CPUs give the same word for ever after a resume, and call it good. */
static bool open_cpu_source(struct boot *boot)
{
    uint64_t one, other;

    if (!cpu_has_rdrand() || !cpu_word(&boot->random.source, &one) ||
        !cpu_word(&boot->random.source, &other) || one == other)
        return false;
    boot->random.source.word = cpu_word;
    boot->random.name = "RDRAND";
    return true;
}

void open_random_source(struct boot *boot)
{
    struct text options = text_of(boot->options);

    if (option_is_set(options, "nokaslr")) {
        log_line(boot, LOG_INFO, "KASLR off: nokaslr");
        return;
    }
    if (open_firmware_source(boot) || open_cpu_source(boot))
        return;
    log_line(boot, option_is_set(options, "kaslr") ? LOG_WARNING : LOG_INFO,
             "KASLR off: neither firmware nor the CPU gives random numbers");
}
