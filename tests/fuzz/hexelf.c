/* tools/hexelf on any bytes: HEX, a line of '=', a map. libFuzzer calls it; `make fuzz` runs it as
 * long as one likes, `make test` a few thousand times. All is done but the writing. */
#include "avr.h"
#include "x86.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file that is only in memory, by a name that can be opened. */
static int make_file(const uint8_t *data, size_t size, char *path, size_t room)
{
    int fd = memfd_create("fuzz", 0);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, room, "/proc/self/fd/%d", fd);
    return fd;
}

static void convert(const char *program, const char *map, enum machine machine, const char *device)
{
    struct options options = {.machine = machine, .device = device};
    struct image image = {0};
    struct symbols symbols = {0};
    struct object object = {.machine = machine, .image = &image, .symbols = &symbols};

    enum tool_status status = intel_hex_read(program, &image);
    if (status == TOOL_OK)
        status = map_read(map, MAP_ANY, machine == MACHINE_AVR, &symbols);
    if (status == TOOL_OK)
        status = options_name(&options, &symbols);
    if (status == TOOL_OK)
        status = machine == MACHINE_AVR ? avr_convert(&options, &object)
                                        : x86_convert(&options, &object);
    if (status == TOOL_OK)
        object_finish(&object);
    object_free(&object);
    symbols_free(&symbols);
    image_free(&image);
}

/* Most inputs would end at a checksum: it is put right where a line is a record but for that. */
static void mend(char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        char *line = text + i, *end = memchr(line, '\n', size - i);
        size_t length = end ? (size_t)(end - line) : size - i;
        unsigned sum = 0, byte;

        if (length > 10 && line[0] == ':' && length % 2 == 1) {
            for (size_t at = 1; at + 2 < length; at += 2)
                sum += sscanf(line + at, "%2x", &byte) == 1 ? byte : 0;
            char digits[3];
            snprintf(digits, sizeof(digits), "%02X", -sum & 0xff);
            memcpy(line + length - 2, digits, 2);
        }
        i += length + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char border[] = "\n=\n";
    static const char *const devices[] = {"atmega328p", "attiny85", "atmega2560", "attiny10"};
    uint8_t *copy = malloc(size + 1);
    char program[32], map[32];

    memcpy(copy, data, size);
    copy[size] = 0;
    const uint8_t *split = memmem(copy, size, border, 3);
    size_t first = split ? (size_t)(split - copy) + 1 : size;
    size_t second = split ? first + 2 : size;
    mend((char *)copy, first);
    int program_fd = make_file(copy, first, program, sizeof(program));
    int map_fd = make_file(copy + second, size - second, map, sizeof(map));
    convert(program, map, MACHINE_AVR, devices[size % 4]);
    convert(program, map, MACHINE_X86_64, NULL);
    close(program_fd);
    close(map_fd);
    free(copy);
    return 0;
}
