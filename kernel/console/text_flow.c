/* See text_flow.h. */
#include "text_flow.h"

#define FIELD_NAME   2U /* where it begins */
#define FIELD_DIGITS 6U
#define HANG         2U /* columns that a line which goes on stands further in */

struct flow {
    const struct flow_shape *shape;
    unsigned row, end; /* the next one, and that behind the last that may be written */
    format_sink sink;
    void *context;
};

static void put(const struct flow *flow, const char *text, size_t length)
{
    if (flow->sink != NULL && length != 0)
        flow->sink(flow->context, text, length);
}

static size_t width(const struct flow *flow)
{
    const struct flow_shape *shape = flow->shape;

    return flow->row < shape->narrow_from ? shape->columns : shape->narrow_columns;
}

static struct text skip(struct text text, size_t count)
{
    return (struct text){text.start + count, text.length - count};
}

static size_t spaces_before(struct text text)
{
    size_t count = 0;

    while (count < text.length && text.start[count] == ' ')
        count++;
    return count;
}

/* ---- a line ---------------------------------------------------------------------------- */

/* How much of a line goes on a row. */
static size_t part_for(struct text line, size_t columns)
{
    size_t first = spaces_before(line);

    if (line.length <= columns)
        return line.length;
    size_t at = columns;
    while (at > first && line.start[at] != ' ')
        at--;
    while (at > first && line.start[at - 1] == ' ')
        at--;
    return at > first ? at : columns;
}

/* Where a line goes on: so far in, unless that leaves less than half a row. */
static size_t hang(size_t indent, size_t columns)
{
    return indent + HANG <= columns / 2 ? indent + HANG : 0;
}

/* False: it does not end before the last row; then it may be written in part. */
static bool flow_line(struct flow *flow, struct text line)
{
    size_t indent = spaces_before(line), before = 0;

    do {
        if (flow->row >= flow->end)
            return false;
        size_t part = part_for(line, width(flow) - before);
        for (size_t i = 0; i < before; i++)
            put(flow, " ", 1);
        put(flow, line.start, part);
        put(flow, "\n", 1);
        flow->row++;
        line = skip(line, part);
        line = skip(line, spaces_before(line));
        before = hang(indent, width(flow));
    } while (line.length != 0);
    return true;
}

static bool line_fits(const struct flow *flow, struct text line)
{
    struct flow trial = *flow;

    trial.sink = NULL;
    return flow_line(&trial, line);
}

/* ---- registers ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_field(struct text text)
{
    if (text.length < FLOW_FIELD || spaces_before(text) != FIELD_NAME ||
        text.start[FIELD_DIGITS - 1] != ' ')
        return false;
    for (size_t i = FIELD_DIGITS; i < FLOW_FIELD; i++) {
        if (!is_digit(text.start[i]))
            return false;
    }
    return true;
}

static bool are_fields(struct text line)
{
    if (line.length == 0 || line.length % FLOW_FIELD != 0)
        return false;
    while (line.length != 0 && is_field(line))
        line = skip(line, FLOW_FIELD);
    return line.length == 0;
}

/* How many bytes, from the first on, are lines of registers. */
static size_t fields_length(struct text text)
{
    struct text rest = text, line;
    size_t length = 0;

    while (text_next_line(&rest, &line) && are_fields(line))
        length = text.length - rest.length;
    return length;
}

static void flow_row_of_fields(struct flow *flow, struct text *fields)
{
    size_t wanted = width(flow) / FLOW_FIELD;

    for (size_t i = 0; i == 0 || (i < wanted && fields->length != 0); i++) {
        put(flow, fields->start, FLOW_FIELD);
        *fields = skip(*fields, FLOW_FIELD);
        if (fields->length != 0 && fields->start[0] == '\n')
            *fields = skip(*fields, 1);
    }
    put(flow, "\n", 1);
    flow->row++;
}

/* ---- all of it ------------------------------------------------------------------------- */

static size_t lines_in(struct text text)
{
    struct text line;
    size_t count = 0;

    while (text_next_line(&text, &line))
        count++;
    return count;
}

/* Returns what is left of the text where the rows end. */
static struct text flow_up_to_end(struct flow *flow, struct text text)
{
    struct text rest = text, line;

    while (text_next_line(&rest, &line)) {
        struct text fields = {text.start, fields_length(text)};

        if (fields.length == 0 && !line_fits(flow, line))
            return text;
        if (fields.length == 0)
            (void)flow_line(flow, line);
        rest = skip(text, fields.length != 0 ? fields.length : text.length - rest.length);
        while (fields.length != 0 && flow->row < flow->end)
            flow_row_of_fields(flow, &fields);
        if (fields.length != 0)
            return (struct text){fields.start, fields.length + rest.length};
        text = rest;
    }
    return rest;
}

static bool all_fits(struct flow flow, struct text text)
{
    flow.sink = NULL;
    return flow_up_to_end(&flow, text).length == 0;
}

size_t flow_text(const struct flow_shape *shape, unsigned *row, struct text text, format_sink sink,
                 void *context)
{
    struct flow flow = {shape, *row, shape->rows, sink, context};

    if (flow.row < flow.end && !all_fits(flow, text))
        flow.end--;
    text = flow_up_to_end(&flow, text);
    *row = flow.row;
    return lines_in(text);
}
