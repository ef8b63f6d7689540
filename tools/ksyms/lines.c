/* From DWARF's line tables to one list of records. The answer for an address is that of binutils'
 * addr2line: of several rows with one address the last counts, the end of a sequence ends what is
 * known, line 0 means that the compiler knows none. */
#include "ksyms.h"
#include "line_program.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

struct range {
    uint64_t start, end;
};

struct reading {
    const struct elf_file *kernel;
    struct file_names *files;
    struct line_list rows; /* not in order, may overlap */
    struct range *text;    /* sections of instructions */
    size_t text_count, text_room;
    /* of the unit being read */
    Dwarf_Files *unit_files;
    size_t unit_file_count;
    const char *folder;
    uint32_t *numbers; /* of its files, + 1; 0: not asked for yet */
};

/* ---- units ----------------------------------------------------------------------------- */

static const char *unit_string(Dwarf_Die *unit, unsigned name)
{
    Dwarf_Attribute attribute;

    return dwarf_formstring(dwarf_attr(unit, name, &attribute));
}

bool unit_file_number(Dwarf_Die *unit, struct file_names *files, uint32_t *number)
{
    const char *name = dwarf_diename(unit);

    if (!name)
        return false;
    *number = source_file_number(files, unit_string(unit, DW_AT_comp_dir), name);
    return true;
}

/* A file of the unit that is being read. Line 0 for one that its list does not have: it names no
 * place. */
static struct line_record place(struct reading *reading, const struct line_row *row)
{
    const char *name;

    if (row->line == 0 || row->line > INT32_MAX || row->file >= reading->unit_file_count)
        return (struct line_record){0};
    uint32_t *number = &reading->numbers[row->file];
    if (*number == 0) {
        name = dwarf_filesrc(reading->unit_files, row->file, NULL, NULL);
        if (!name)
            return (struct line_record){0};
        *number = source_file_number(reading->files, reading->folder, name) + 1;
    }
    return (struct line_record){.file = *number - 1, .line = (uint32_t)row->line};
}

/* ---- sequences ------------------------------------------------------------------------- */

/* What the linker threw away has left its sequences at address 0 or at the top. */
static bool is_text(const struct reading *reading, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < reading->text_count; i++) {
        if (start >= reading->text[i].start && end <= reading->text[i].end)
            return true;
    }
    return false;
}

static void add_row(struct line_list *lines, const struct line_record *row)
{
    lines->at = array_grow(lines->at, lines->count, &lines->room, sizeof(*lines->at));
    lines->at[lines->count++] = *row;
}

/* A sequence's addresses never fall (DWARF 5, 6.2.5.1); a row that does holds nothing. */
static void add_sequence(void *context, const struct line_row *rows, size_t count)
{
    struct reading *reading = context;
    uint64_t base = reading->kernel->base;

    if (!is_text(reading, rows[0].address, rows[count - 1].address))
        return;
    for (size_t i = 0; i + 1 < count; i++) {
        if (rows[i].address >= rows[i + 1].address)
            continue;
        if (!is_text(reading, rows[i].address, rows[i + 1].address))
            continue;
        struct line_record record = place(reading, &rows[i]);
        record.start = (uint32_t)(rows[i].address - base);
        record.end = (uint32_t)(rows[i + 1].address - base);
        add_row(&reading->rows, &record);
    }
}

static enum tool_status read_unit(struct reading *reading, Dwarf_Die *unit, const Elf_Data *section)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset;

    if (dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &attribute), &offset) != 0)
        return TOOL_OK;
    if (dwarf_getsrcfiles(unit, &reading->unit_files, &reading->unit_file_count) != 0)
        return complain(TOOL_BAD_DWARF, "%s: .debug_line: program at 0x%llx: %s",
                        reading->kernel->path, (unsigned long long)offset, dwarf_errmsg(-1));
    reading->folder = unit_string(unit, DW_AT_comp_dir);
    reading->numbers = allocate(reading->unit_file_count, sizeof(*reading->numbers));
    bool good = line_program_run(section->d_buf, section->d_size, offset, add_sequence, reading);
    free(reading->numbers);
    if (!good)
        return complain(TOOL_BAD_DWARF, "%s: .debug_line: program at 0x%llx: malformed",
                        reading->kernel->path, (unsigned long long)offset);
    return TOOL_OK;
}

/* ---- one list -------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    const struct line_record *left = a, *right = b;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (left->end != right->end)
        return left->end < right->end ? -1 : 1;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    return (left->line > right->line) - (left->line < right->line);
}

/* Adds what follows the last record, or makes that one longer. */
static void extend(struct line_list *lines, struct line_record record)
{
    struct line_record *last = lines->count ? &lines->at[lines->count - 1] : NULL;

    if (record.line == 0)
        record.file = last ? last->file : 0; /* costs nothing to say */
    if (last && last->file == record.file && last->line == record.line)
        last->end = record.end;
    else
        add_row(lines, &record);
}

/* Sorts, closes gaps with line 0, cuts overlaps and merges neighbours. */
static void join(struct line_list *rows, struct line_list *lines)
{
    uint32_t reached = 0;

    if (rows->count == 0)
        return;
    qsort(rows->at, rows->count, sizeof(*rows->at), by_start);
    for (size_t i = 0; i < rows->count; i++) {
        struct line_record row = rows->at[i];

        if (row.end <= reached)
            continue;
        if (row.start > reached && lines->count)
            extend(lines, (struct line_record){.start = reached, .end = row.start});
        row.start = row.start > reached ? row.start : reached;
        reached = row.end;
        if (row.line || lines->count)
            extend(lines, row);
    }
    if (lines->count && lines->at[lines->count - 1].line == 0)
        lines->count--;
}

static void find_text(struct reading *reading)
{
    const struct elf_file *kernel = reading->kernel;
    struct elf_section section = {0};
    uint64_t end;

    while (elf_file_next_section(kernel, &section)) {
        if ((section.flags & (SHF_ALLOC | SHF_EXECINSTR)) != (SHF_ALLOC | SHF_EXECINSTR) ||
            __builtin_add_overflow(section.address, section.size, &end) ||
            section.address < kernel->base || end > kernel->end)
            continue;
        reading->text = array_grow(reading->text, reading->text_count, &reading->text_room,
                                   sizeof(*reading->text));
        reading->text[reading->text_count++] = (struct range){section.address, end};
    }
}

enum tool_status lines_read(const struct elf_file *kernel, Dwarf *dwarf, struct file_names *files,
                            struct line_list *lines)
{
    struct reading reading = {.kernel = kernel, .files = files};
    struct elf_section section;
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit;
    enum tool_status status = TOOL_OK;
    int more = 0;

    const Elf_Data *data =
        elf_file_section(kernel, ".debug_line", &section) && section.type != SHT_NOBITS
            ? elf_getdata(section.scn, NULL)
            : NULL;
    if (!data || !data->d_buf)
        return complain(TOOL_NO_DWARF, "%s: no line numbers (.debug_line)", kernel->path);
    find_text(&reading);
    while (status == TOOL_OK &&
           (more = dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL)) == 0)
        status = read_unit(&reading, &unit, data);
    if (more < 0)
        status = complain(TOOL_BAD_DWARF, "%s: .debug_info: %s", kernel->path, dwarf_errmsg(-1));
    if (status == TOOL_OK)
        join(&reading.rows, lines);
    free(reading.rows.at);
    free(reading.text);
    return status;
}
