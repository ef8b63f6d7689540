/* See avr_device.h. The rows say what avr-gcc's -mmcu and avr-libc's headers say;
 * tests/tools/test_hexelf_parts.py compares. */
#include "avr_device.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    uint8_t arch;
    unsigned features;
    uint32_t flash, ram_start, ram_last; /* for the architecture by its own name */
} archs[] = {
    {2, AVR_WIDE, 8 << 10, 0x60, 0xffff},
    {25, AVR_WIDE | AVR_MOVW, 8 << 10, 0x60, 0xffff},
    {3, AVR_WIDE | AVR_JMP, 64 << 10, 0x60, 0xffff},
    {31, AVR_WIDE | AVR_JMP | AVR_ELPM, 128 << 10, 0x60, 0xffff},
    {35, AVR_WIDE | AVR_MOVW | AVR_JMP, 64 << 10, 0x100, 0xffff},
    {4, AVR_WIDE | AVR_MOVW | AVR_MUL, 8 << 10, 0x60, 0xffff},
    {5, AVR_WIDE | AVR_MOVW | AVR_MUL | AVR_JMP, 64 << 10, 0x60, 0xffff},
    {51, AVR_WIDE | AVR_MOVW | AVR_MUL | AVR_JMP | AVR_ELPM | AVR_ELPMX, 128 << 10, 0x100, 0xffff},
    {6, AVR_WIDE | AVR_MOVW | AVR_MUL | AVR_JMP | AVR_ELPM | AVR_ELPMX | AVR_EIND, 256 << 10, 0x200,
     0xffff},
    {100, AVR_TINY, 4 << 10, 0x40, AVR_TINY_FLASH - 1},
#define XMEGA (AVR_WIDE | AVR_MOVW | AVR_MUL | AVR_JMP | AVR_XMEGA)
    {102, XMEGA, 64 << 10, 0x2000, 0xffff},
    {104, XMEGA | AVR_ELPM | AVR_ELPMX, 128 << 10, 0x2000, 0xffff},
    {105, XMEGA | AVR_ELPM | AVR_ELPMX, 128 << 10, 0x2000, 0xffff},
    {106, XMEGA | AVR_ELPM | AVR_ELPMX | AVR_EIND, 512 << 10, 0x2000, 0xffff},
    {107, XMEGA | AVR_ELPM | AVR_ELPMX | AVR_EIND, 512 << 10, 0x2000, 0xffff},
};

/* Flash in units of 512 bytes. */
static const struct {
    char name[16];
    uint8_t arch;
    uint16_t flash, ram_start, ram_last;
} parts[] = {
    {"at43usb320", 31, 128, 0x60, 0x25f},
    {"at43usb355", 3, 48, 0x60, 0x45f},
    {"at76c711", 3, 32, 0x60, 0x7ff},
    {"at86rf401", 25, 4, 0x60, 0xdf},
    {"at90c8534", 2, 16, 0x60, 0x15f},
    {"at90can32", 5, 64, 0x100, 0x8ff},
    {"at90can64", 5, 128, 0x100, 0x10ff},
    {"at90can128", 51, 256, 0x100, 0x10ff},
    {"at90pwm1", 4, 16, 0x100, 0x2ff},
    {"at90pwm2b", 4, 16, 0x100, 0x2ff},
    {"at90pwm2", 4, 16, 0x100, 0x2ff},
    {"at90pwm3b", 4, 16, 0x100, 0x2ff},
    {"at90pwm3", 4, 16, 0x100, 0x2ff},
    {"at90pwm81", 4, 16, 0x100, 0x1ff},
    {"at90pwm161", 5, 32, 0x100, 0x4ff},
    {"at90pwm216", 5, 32, 0x100, 0x4ff},
    {"at90pwm316", 5, 32, 0x100, 0x4ff},
    {"at90s2313", 2, 4, 0x60, 0xdf},
    {"at90s2323", 2, 4, 0x60, 0xdf},
    {"at90s2333", 2, 4, 0x60, 0xdf},
    {"at90s2343", 2, 4, 0x60, 0xdf},
    {"at90s4414", 2, 8, 0x60, 0x15f},
    {"at90s4433", 2, 8, 0x60, 0xdf},
    {"at90s4434", 2, 8, 0x60, 0x15f},
    {"at90s8515", 2, 16, 0x60, 0x25f},
    {"at90s8535", 2, 16, 0x60, 0x25f},
    {"at90scr100", 5, 128, 0x100, 0x10ff},
    {"at90usb82", 35, 16, 0x100, 0x2ff},
    {"at90usb162", 35, 32, 0x100, 0x2ff},
    {"at90usb646", 5, 128, 0x100, 0x10ff},
    {"at90usb647", 5, 128, 0x100, 0x10ff},
    {"at90usb1286", 51, 256, 0x100, 0x20ff},
    {"at90usb1287", 51, 256, 0x100, 0x20ff},
    {"at94k", 5, 64, 0x60, 0xfff},
    {"ata5272", 25, 16, 0x100, 0x2ff},
    {"ata5505", 35, 32, 0x100, 0x2ff},
    {"ata5790", 5, 32, 0x100, 0x2ff},
    {"ata5795", 5, 16, 0x100, 0x2ff},
    {"ata6285", 4, 16, 0x100, 0x2ff},
    {"ata6286", 4, 16, 0x100, 0x2ff},
    {"ata6289", 4, 16, 0x100, 0x2ff},
    {"atmega8a", 4, 16, 0x60, 0x45f},
    {"atmega8hva", 4, 16, 0x100, 0x2ff},
    {"atmega8u2", 35, 16, 0x100, 0x2ff},
    {"atmega8", 4, 16, 0x60, 0x45f},
    {"atmega16a", 5, 32, 0x60, 0x45f},
    {"atmega16hva2", 5, 32, 0x100, 0x4ff},
    {"atmega16hva", 5, 32, 0x100, 0x2ff},
    {"atmega16hvbrevb", 5, 32, 0x100, 0x4ff},
    {"atmega16hvb", 5, 32, 0x100, 0x4ff},
    {"atmega16m1", 5, 32, 0x100, 0x4ff},
    {"atmega16u2", 35, 32, 0x100, 0x2ff},
    {"atmega16u4", 5, 32, 0x100, 0x5ff},
    {"atmega16", 5, 32, 0x60, 0x45f},
    {"atmega32a", 5, 64, 0x60, 0x85f},
    {"atmega32c1", 5, 64, 0x100, 0x8ff},
    {"atmega32hvbrevb", 5, 64, 0x100, 0x8ff},
    {"atmega32hvb", 5, 64, 0x100, 0x8ff},
    {"atmega32m1", 5, 64, 0x100, 0x8ff},
    {"atmega32u2", 35, 64, 0x100, 0x4ff},
    {"atmega32u4", 5, 64, 0x100, 0xaff},
    {"atmega32u6", 5, 64, 0x100, 0xaff},
    {"atmega32", 5, 64, 0x60, 0x85f},
    {"atmega48a", 4, 8, 0x100, 0x2ff},
    {"atmega48pa", 4, 8, 0x100, 0x2ff},
    {"atmega48p", 4, 8, 0x100, 0x2ff},
    {"atmega48", 4, 8, 0x100, 0x2ff},
    {"atmega64a", 5, 128, 0x100, 0x10ff},
    {"atmega64c1", 5, 128, 0x100, 0x10ff},
    {"atmega64hve", 5, 128, 0x100, 0x10ff},
    {"atmega64m1", 5, 128, 0x100, 0x10ff},
    {"atmega64rfr2", 5, 128, 0x200, 0x21ff},
    {"atmega64", 5, 128, 0x100, 0x10ff},
    {"atmega88a", 4, 16, 0x100, 0x4ff},
    {"atmega88pa", 4, 16, 0x100, 0x4ff},
    {"atmega88p", 4, 16, 0x100, 0x4ff},
    {"atmega88", 4, 16, 0x100, 0x4ff},
    {"atmega103", 31, 256, 0x60, 0xfff},
    {"atmega128a", 51, 256, 0x100, 0x10ff},
    {"atmega128rfa1", 51, 256, 0x200, 0x41ff},
    {"atmega128rfr2", 51, 256, 0x200, 0x41ff},
    {"atmega128", 51, 256, 0x100, 0x10ff},
    {"atmega161", 5, 32, 0x60, 0x45f},
    {"atmega162", 5, 32, 0x100, 0x4ff},
    {"atmega163", 5, 32, 0x60, 0x45f},
    {"atmega164a", 5, 32, 0x100, 0x4ff},
    {"atmega164pa", 5, 32, 0x100, 0x4ff},
    {"atmega164p", 5, 32, 0x100, 0x4ff},
    {"atmega165a", 5, 32, 0x100, 0x4ff},
    {"atmega165pa", 5, 32, 0x100, 0x4ff},
    {"atmega165p", 5, 32, 0x100, 0x4ff},
    {"atmega165", 5, 32, 0x100, 0x4ff},
    {"atmega168a", 5, 32, 0x100, 0x4ff},
    {"atmega168pa", 5, 32, 0x100, 0x4ff},
    {"atmega168p", 5, 32, 0x100, 0x4ff},
    {"atmega168", 5, 32, 0x100, 0x4ff},
    {"atmega169a", 5, 32, 0x100, 0x4ff},
    {"atmega169pa", 5, 32, 0x100, 0x4ff},
    {"atmega169p", 5, 32, 0x100, 0x4ff},
    {"atmega169", 5, 32, 0x100, 0x4ff},
    {"atmega256rfr2", 6, 512, 0x200, 0x81ff},
    {"atmega323", 5, 64, 0x60, 0x85f},
    {"atmega324a", 5, 64, 0x100, 0x8ff},
    {"atmega324pa", 5, 64, 0x100, 0x8ff},
    {"atmega324p", 5, 64, 0x100, 0x8ff},
    {"atmega325a", 5, 64, 0x100, 0x8ff},
    {"atmega325pa", 5, 64, 0x100, 0x8ff},
    {"atmega325p", 5, 64, 0x100, 0x8ff},
    {"atmega325", 5, 64, 0x100, 0x8ff},
    {"atmega328p", 5, 64, 0x100, 0x8ff},
    {"atmega328", 5, 64, 0x100, 0x8ff},
    {"atmega329a", 5, 64, 0x100, 0x8ff},
    {"atmega329pa", 5, 64, 0x100, 0x8ff},
    {"atmega329p", 5, 64, 0x100, 0x8ff},
    {"atmega329", 5, 64, 0x100, 0x8ff},
    {"atmega406", 5, 80, 0x100, 0x8ff},
    {"atmega640", 5, 128, 0x200, 0x21ff},
    {"atmega644a", 5, 128, 0x100, 0x10ff},
    {"atmega644pa", 5, 128, 0x100, 0x10ff},
    {"atmega644p", 5, 128, 0x100, 0x10ff},
    {"atmega644rfr2", 5, 128, 0x200, 0x21ff},
    {"atmega644", 5, 128, 0x100, 0x10ff},
    {"atmega645a", 5, 128, 0x100, 0x10ff},
    {"atmega645p", 5, 128, 0x100, 0x10ff},
    {"atmega645", 5, 128, 0x100, 0x10ff},
    {"atmega649a", 5, 128, 0x100, 0x10ff},
    {"atmega649p", 5, 128, 0x100, 0x10ff},
    {"atmega649", 5, 128, 0x100, 0x10ff},
    {"atmega1280", 51, 256, 0x200, 0x21ff},
    {"atmega1281", 51, 256, 0x200, 0x21ff},
    {"atmega1284p", 51, 256, 0x100, 0x40ff},
    {"atmega1284rfr2", 51, 256, 0x200, 0x41ff},
    {"atmega1284", 51, 256, 0x100, 0x40ff},
    {"atmega2560", 6, 512, 0x200, 0x21ff},
    {"atmega2561", 6, 512, 0x200, 0x21ff},
    {"atmega2564rfr2", 6, 512, 0x200, 0x81ff},
    {"atmega3250a", 5, 64, 0x100, 0x8ff},
    {"atmega3250pa", 5, 64, 0x100, 0x8ff},
    {"atmega3250p", 5, 64, 0x100, 0x8ff},
    {"atmega3250", 5, 64, 0x100, 0x8ff},
    {"atmega3290a", 5, 64, 0x100, 0x8ff},
    {"atmega3290pa", 5, 64, 0x100, 0x8ff},
    {"atmega3290p", 5, 64, 0x100, 0x8ff},
    {"atmega3290", 5, 64, 0x100, 0x8ff},
    {"atmega6450a", 5, 128, 0x100, 0x10ff},
    {"atmega6450p", 5, 128, 0x100, 0x10ff},
    {"atmega6450", 5, 128, 0x100, 0x10ff},
    {"atmega6490a", 5, 128, 0x100, 0x10ff},
    {"atmega6490p", 5, 128, 0x100, 0x10ff},
    {"atmega6490", 5, 128, 0x100, 0x10ff},
    {"atmega8515", 4, 16, 0x60, 0x25f},
    {"atmega8535", 4, 16, 0x60, 0x25f},
    {"attiny4", 100, 1, 0x40, 0x5f},
    {"attiny5", 100, 1, 0x40, 0x5f},
    {"attiny9", 100, 2, 0x40, 0x5f},
    {"attiny10", 100, 2, 0x40, 0x5f},
    {"attiny13a", 25, 2, 0x60, 0x9f},
    {"attiny13", 25, 2, 0x60, 0x9f},
    {"attiny20", 100, 4, 0x40, 0xbf},
    {"attiny22", 2, 4, 0x60, 0xdf},
    {"attiny24a", 25, 4, 0x60, 0xdf},
    {"attiny24", 25, 4, 0x60, 0xdf},
    {"attiny25", 25, 4, 0x60, 0xdf},
    {"attiny26", 2, 4, 0x60, 0xdf},
    {"attiny40", 100, 8, 0x40, 0x13f},
    {"attiny43u", 25, 8, 0x60, 0x15f},
    {"attiny44a", 25, 8, 0x60, 0x15f},
    {"attiny44", 25, 8, 0x60, 0x15f},
    {"attiny45", 25, 8, 0x60, 0x15f},
    {"attiny48", 25, 8, 0x100, 0x1ff},
    {"attiny84a", 25, 16, 0x60, 0x25f},
    {"attiny84", 25, 16, 0x60, 0x25f},
    {"attiny85", 25, 16, 0x60, 0x25f},
    {"attiny87", 25, 16, 0x100, 0x2ff},
    {"attiny88", 25, 16, 0x100, 0x2ff},
    {"attiny167", 35, 32, 0x100, 0x2ff},
    {"attiny261a", 25, 4, 0x60, 0xdf},
    {"attiny261", 25, 4, 0x60, 0xdf},
    {"attiny461a", 25, 8, 0x60, 0x15f},
    {"attiny461", 25, 8, 0x60, 0x15f},
    {"attiny828", 25, 16, 0x100, 0x2ff},
    {"attiny861a", 25, 16, 0x60, 0x25f},
    {"attiny861", 25, 16, 0x60, 0x25f},
    {"attiny1634", 35, 32, 0x100, 0x4ff},
    {"attiny2313a", 25, 4, 0x60, 0xdf},
    {"attiny2313", 25, 4, 0x60, 0xdf},
    {"attiny4313", 25, 8, 0x60, 0x15f},
    {"atxmega8e5", 102, 20, 0x2000, 0x23ff},
    {"atxmega16a4u", 102, 40, 0x2000, 0x27ff},
    {"atxmega16a4", 102, 40, 0x2000, 0x27ff},
    {"atxmega16c4", 102, 40, 0x2000, 0x27ff},
    {"atxmega16d4", 102, 40, 0x2000, 0x27ff},
    {"atxmega16e5", 102, 40, 0x2000, 0x27ff},
    {"atxmega32a4u", 102, 72, 0x2000, 0x2fff},
    {"atxmega32a4", 102, 72, 0x2000, 0x2fff},
    {"atxmega32c4", 102, 72, 0x2000, 0x2fff},
    {"atxmega32d4", 102, 72, 0x2000, 0x2fff},
    {"atxmega32e5", 102, 72, 0x2000, 0x2fff},
    {"atxmega64a1u", 105, 136, 0x2000, 0x2fff},
    {"atxmega64a1", 105, 136, 0x2000, 0x2fff},
    {"atxmega64a3u", 104, 136, 0x2000, 0x2fff},
    {"atxmega64a3", 104, 136, 0x2000, 0x2fff},
    {"atxmega64a4u", 104, 136, 0x2000, 0x2fff},
    {"atxmega64b1", 104, 136, 0x2000, 0x2fff},
    {"atxmega64b3", 104, 136, 0x2000, 0x2fff},
    {"atxmega64c3", 104, 136, 0x2000, 0x2fff},
    {"atxmega64d3", 104, 136, 0x2000, 0x2fff},
    {"atxmega64d4", 104, 136, 0x2000, 0x2fff},
    {"atxmega128a1u", 107, 272, 0x2000, 0x3fff},
    {"atxmega128a1", 107, 272, 0x2000, 0x3fff},
    {"atxmega128a3u", 106, 272, 0x2000, 0x3fff},
    {"atxmega128a3", 106, 272, 0x2000, 0x3fff},
    {"atxmega128a4u", 107, 272, 0x2000, 0x3fff},
    {"atxmega128b1", 106, 272, 0x2000, 0x3fff},
    {"atxmega128b3", 106, 272, 0x2000, 0x3fff},
    {"atxmega128c3", 106, 272, 0x2000, 0x3fff},
    {"atxmega128d3", 106, 272, 0x2000, 0x3fff},
    {"atxmega128d4", 106, 272, 0x2000, 0x3fff},
    {"atxmega192a3u", 106, 400, 0x2000, 0x5fff},
    {"atxmega192a3", 106, 400, 0x2000, 0x5fff},
    {"atxmega192c3", 106, 400, 0x2000, 0x5fff},
    {"atxmega192d3", 106, 400, 0x2000, 0x5fff},
    {"atxmega256a3bu", 106, 528, 0x2000, 0x5fff},
    {"atxmega256a3b", 106, 528, 0x2000, 0x5fff},
    {"atxmega256a3u", 106, 528, 0x2000, 0x5fff},
    {"atxmega256a3", 106, 528, 0x2000, 0x5fff},
    {"atxmega256c3", 106, 528, 0x2000, 0x5fff},
    {"atxmega256d3", 106, 528, 0x2000, 0x5fff},
    {"atxmega384c3", 106, 784, 0x2000, 0x9fff},
    {"atxmega384d3", 106, 784, 0x2000, 0x9fff},
    {"m3000", 5, 128, 0x1000, 0x1fff},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct avr_device arch_device(size_t index)
{
    struct avr_device device = {
        .arch = archs[index].arch,
        .features = archs[index].features,
        .flash = archs[index].flash,
        .ram_start = archs[index].ram_start,
        .ram_last = archs[index].ram_last,
    };

    snprintf(device.name, sizeof(device.name),
             device.arch == 100  ? "avrtiny"
             : device.arch < 100 ? "avr%u"
                                 : "avrxmega%u",
             device.arch % 100u);
    return device;
}

/* What all of its architecture have, with its own memory. */
static struct avr_device part_device(size_t index)
{
    struct avr_device device = {0};

    for (size_t i = 0; i < COUNT(archs); i++) {
        if (archs[i].arch == parts[index].arch)
            device = arch_device(i);
    }
    device.flash = parts[index].flash * 512u;
    device.ram_start = parts[index].ram_start;
    device.ram_last = parts[index].ram_last;
    memcpy(device.name, parts[index].name, sizeof(device.name));
    return device;
}

bool avr_device_find(const char *name, struct avr_device *device)
{
    for (size_t i = 0; i < COUNT(parts) + COUNT(archs); i++) {
        *device = i < COUNT(parts) ? part_device(i) : arch_device(i - COUNT(parts));
        if (strcasecmp(device->name, name) == 0)
            return true;
    }
    return false;
}

/* "__ATmega328P__" holds the part's name. */
static const char *inner_name(const char *name)
{
    static char inner[16];
    size_t length = strlen(name);

    if (length < 5 || length - 4 >= sizeof(inner) || strncmp(name, "__", 2) != 0 ||
        strcmp(name + length - 2, "__") != 0)
        return NULL;
    memcpy(inner, name + 2, length - 4);
    inner[length - 4] = '\0';
    return inner;
}

const char *avr_device_of_map(const struct symbols *symbols)
{
    const struct symbol *chosen = symbols_find(symbols, "__DEVICE__");
    struct avr_device device;

    for (size_t i = 0; chosen && i < symbols->count; i++) {
        const struct symbol *symbol = &symbols->at[i];
        const char *name = symbol->place == PLACE_CONSTANT && symbol->raw == chosen->raw
                               ? inner_name(symbol->name)
                               : NULL;

        if (name && avr_device_find(name, &device))
            return name;
    }
    return NULL;
}
