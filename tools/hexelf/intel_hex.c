/* Intel HEX: "Hexadecimal Object File Format Specification", Intel, revision A, 1988. A record is
 * `:LLAAAATT`, LL bytes of data and a checksum that makes the sum of all of its bytes 0. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

enum record_type {
    DATA = 0,
    END_OF_FILE = 1,
    SEGMENT_ADDRESS = 2, /* of 16-byte paragraphs: offsets wrap at 64 KiB */
    SEGMENT_START = 3,   /* where execution begins says nothing to a linker */
    LINEAR_ADDRESS = 4,  /* the upper half of 32 bits */
    LINEAR_START = 5,
    TYPES
};

#define HEADER  4 /* LL AAAA TT */
#define LONGEST (HEADER + 255 + 1)

struct record {
    uint8_t bytes[LONGEST];
    size_t count; /* of data */
    uint32_t offset;
    enum record_type type;
};

/* Bytes of one record that follow one another. */
struct piece {
    uint64_t address;
    size_t size, first; /* where in `bytes` */
    size_t line;
};

struct reader {
    struct image *image;
    struct piece *pieces;
    size_t count, room;
    uint8_t *bytes;
    size_t used, bytes_room;
    uint64_t upper; /* what an extended address record gave */
    bool segmented; /* offsets wrap within 64 KiB */
    bool ended;
};

/* The digits after the colon; how many bytes they are. */
static enum tool_status read_digits(const struct line *line, uint8_t *bytes, size_t *count)
{
    size_t i = 1;

    for (*count = 0; i < line->length; i += 2, (*count)++) {
        unsigned high = hex_digit(line->at[i]);
        unsigned low = i + 1 < line->length ? hex_digit(line->at[i + 1]) : 16;

        if (high > 15)
            return complain_at(line, line->at + i, "'%s' is no hexadecimal digit",
                               shown((struct word){line->at + i, 1}));
        if (i + 1 >= line->length)
            return complain_at(line, line->at + i, "half a byte: the record ends after one digit");
        if (low > 15)
            return complain_at(line, line->at + i + 1, "'%s' is no hexadecimal digit",
                               shown((struct word){line->at + i + 1, 1}));
        if (*count == LONGEST)
            return complain_at(line, line->at + i, "the record is longer than %d bytes", LONGEST);
        bytes[*count] = (uint8_t)(high << 4 | low);
    }
    return TOOL_OK;
}

/* Where the byte of this number is written. */
static const char *byte_at(const struct line *line, size_t index)
{
    return line->at + 1 + 2 * index;
}

static enum tool_status check_length(const struct line *line, const struct record *record,
                                     size_t count)
{
    if (count < HEADER + 1)
        return complain_at(line, line->at + line->length,
                           "the record ends after %zu bytes, %d are the least", count, HEADER + 1);
    if (count != HEADER + record->bytes[0] + 1u)
        return complain_at(line, byte_at(line, 0),
                           "the record says %u bytes of data, %zu are there", record->bytes[0],
                           count - HEADER - 1);
    return TOOL_OK;
}

static enum tool_status check_sum(const struct line *line, const struct record *record,
                                  size_t count)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < count - 1; i++)
        sum = (uint8_t)(sum + record->bytes[i]);
    uint8_t right = (uint8_t)-sum, given = record->bytes[count - 1];
    if (right != given)
        return complain_at(line, byte_at(line, count - 1), "checksum 0x%02x, should be 0x%02x",
                           given, right);
    return TOOL_OK;
}

static enum tool_status read_record(const struct line *line, struct record *record)
{
    enum tool_status status;
    size_t count;

    if (line->at[0] != ':')
        return complain_at(line, line->at, "'%s' where a record's ':' should be",
                           shown((struct word){line->at, 1}));
    if ((status = read_digits(line, record->bytes, &count)) != TOOL_OK ||
        (status = check_length(line, record, count)) != TOOL_OK ||
        (status = check_sum(line, record, count)) != TOOL_OK)
        return status;
    record->count = record->bytes[0];
    record->offset = (uint32_t)record->bytes[1] << 8 | record->bytes[2];
    if (record->bytes[3] >= TYPES)
        return complain_at(line, byte_at(line, 3), "record type 0x%02x, known are 00 to 05",
                           record->bytes[3]);
    record->type = record->bytes[3];
    return TOOL_OK;
}

static void add_piece(struct reader *reader, const struct line *line, uint64_t address,
                      const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    reader->pieces =
        array_grow(reader->pieces, reader->count, &reader->room, sizeof(*reader->pieces));
    reader->pieces[reader->count++] = (struct piece){address, size, reader->used, line->number};
    for (size_t i = 0; i < size; i++) {
        reader->bytes = array_grow(reader->bytes, reader->used, &reader->bytes_room, 1);
        reader->bytes[reader->used++] = bytes[i];
    }
}

/* Under a segment address an offset past 0xffff goes on at the segment's start; under a linear one
 * it just goes on, but not past 2^32. */
static enum tool_status read_data(struct reader *reader, const struct line *line,
                                  const struct record *record)
{
    const uint8_t *bytes = record->bytes + HEADER;
    uint64_t limit = reader->segmented ? 0x10000 : (UINT64_C(1) << 32) - reader->upper;
    size_t before = record->count;

    if (record->offset + before > limit) {
        if (!reader->segmented)
            return complain_at(line, byte_at(line, 1), "%zu bytes at 0x%llx reach past 2^32",
                               record->count, (unsigned long long)(reader->upper + record->offset));
        before = (size_t)(limit - record->offset);
    }
    add_piece(reader, line, reader->upper + record->offset, bytes, before);
    add_piece(reader, line, reader->upper, bytes + before, record->count - before);
    return TOOL_OK;
}

static enum tool_status apply(struct reader *reader, const struct line *line,
                              const struct record *record)
{
    static const uint8_t counts[TYPES] = {0, 0, 2, 4, 2, 4};
    const uint8_t *data = record->bytes + HEADER;

    if (record->type == DATA)
        return read_data(reader, line, record);
    if (record->count != counts[record->type])
        return complain_at(line, byte_at(line, 0), "record type %02x has %u bytes of data, not %zu",
                           record->type, counts[record->type], record->count);
    uint64_t upper = (uint64_t)data[0] << 8 | data[1];
    if (record->type == END_OF_FILE) {
        reader->ended = true;
    } else if (record->type == SEGMENT_ADDRESS || record->type == LINEAR_ADDRESS) {
        reader->segmented = record->type == SEGMENT_ADDRESS;
        reader->upper = upper << (reader->segmented ? 4 : 16);
    }
    return TOOL_OK;
}

static enum tool_status read_lines(struct reader *reader, const struct text_file *file)
{
    struct line line = {.file = file};
    size_t last = 0;

    while (text_next(&line)) {
        struct record record = {0};
        enum tool_status status;

        last = line.number;
        if (line.length == 0)
            continue;
        if (reader->ended)
            return complain_at(&line, line.at, "'%s' after the end-of-file record",
                               shown((struct word){line.at, line.length}));
        if ((status = read_record(&line, &record)) != TOOL_OK ||
            (status = apply(reader, &line, &record)) != TOOL_OK)
            return status;
    }
    if (!reader->ended)
        return complain(TOOL_MALFORMED, "%s:%zu:1: no end-of-file record (:00000001FF)", file->path,
                        last + 1);
    return TOOL_OK;
}

/* By address, then by line, so that a complaint names the later of two. */
static int compare(const void *a, const void *b)
{
    const struct piece *one = a, *two = b;

    if (one->address != two->address)
        return one->address < two->address ? -1 : 1;
    return one->line < two->line ? -1 : one->line > two->line;
}

static enum tool_status check_overlaps(const struct reader *reader, const char *path)
{
    size_t reaches = 0; /* the piece that ends last, so far */

    for (size_t i = 1; i < reader->count; i++) {
        const struct piece *piece = &reader->pieces[i], *before = &reader->pieces[reaches];

        if (piece->address < before->address + before->size)
            return complain(TOOL_MALFORMED, "%s:%zu:1: the byte at 0x%llx is already in line %zu",
                            path, piece->line > before->line ? piece->line : before->line,
                            (unsigned long long)piece->address,
                            piece->line > before->line ? before->line : piece->line);
        reaches = i;
    }
    return TOOL_OK;
}

static enum tool_status join(struct reader *reader)
{
    struct image *image = reader->image;
    enum tool_status status;

    if (reader->count == 0)
        return complain(TOOL_MALFORMED, "%s: no data record", image->path);
    array_sort(reader->pieces, reader->count, sizeof(*reader->pieces), compare);
    if ((status = check_overlaps(reader, image->path)) != TOOL_OK)
        return status;
    const struct piece *last = &reader->pieces[reader->count - 1];
    image->base = reader->pieces[0].address;
    image->end = last->address + last->size;
    uint64_t span = image->end - image->base;
    if (span > IMAGE_SPAN_MAX)
        return complain(TOOL_TOO_LARGE, "%s: data from 0x%llx to 0x%llx: more than %u bytes",
                        image->path, (unsigned long long)image->base,
                        (unsigned long long)image->end, IMAGE_SPAN_MAX);
    image->bytes = memset(allocate(span, 1), 0xff, span);
    image->known = allocate(span, sizeof(*image->known));
    for (size_t i = 0; i < reader->count; i++) {
        const struct piece *piece = &reader->pieces[i];

        memcpy(image->bytes + (piece->address - image->base), reader->bytes + piece->first,
               piece->size);
        memset(image->known + (piece->address - image->base), true, piece->size);
    }
    image->gaps = span - reader->used;
    return TOOL_OK;
}

enum tool_status intel_hex_read(const char *path, struct image *image)
{
    struct text_file file;
    struct reader reader = {.image = image};

    *image = (struct image){.path = path};
    enum tool_status status = text_open(path, &file);
    if (status == TOOL_OK)
        status = read_lines(&reader, &file);
    if (status == TOOL_OK)
        status = join(&reader);
    free(reader.pieces);
    free(reader.bytes);
    text_close(&file);
    return status;
}
