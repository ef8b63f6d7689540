/* The ELF file: .text with its relocations, RAM's symbols in a section without bytes. Nothing in
 * it depends on the time, or on where it lies. */
#include "object.h"
#include "whole_file.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum section_number {
    NULL_SECTION,
    TEXT,
    RAM,
    RELA,
    SYMTAB,
    STRTAB,
    SHSTRTAB,
    STACK_NOTE,
    SECTIONS
};

struct writer {
    struct object *object;
    Elf *elf;
    int class;
    bool constants;
    char *names; /* .strtab */
    size_t names_size, names_room;
    GElf_Sym *symbols;
    size_t symbol_count, first_global;
    void *symtab, *rela;
};

static const char section_names[] =
    "\0.text\0.noinit\0.rela.text\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack\0.bss";

static uint32_t section_name(const char *name)
{
    uint32_t at = 1;

    while (strcmp(section_names + at, name) != 0)
        at += (uint32_t)strlen(section_names + at) + 1;
    return at;
}

/* ---- symbols --------------------------------------------------------------------------- */

static uint32_t add_name(struct writer *writer, const char *name)
{
    size_t at = writer->names_size;

    do {
        writer->names = array_grow(writer->names, writer->names_size, &writer->names_room, 1);
        writer->names[writer->names_size++] = *name;
    } while (*name++);
    return (uint32_t)at;
}

static GElf_Sym elf_symbol(struct writer *writer, const struct symbol *symbol)
{
    const struct symbols *symbols = writer->object->symbols;
    int type = STT_NOTYPE;
    GElf_Sym sym = {.st_name = add_name(writer, symbol->name), .st_shndx = SHN_ABS};

    if (symbol->place == PLACE_CODE) {
        sym.st_shndx = TEXT;
        sym.st_value = symbol->value - writer->object->image->base;
        type = symbol->is_inside ? STT_NOTYPE : symbol->is_code ? STT_FUNC : STT_OBJECT;
    } else if (symbol->place == PLACE_DATA) {
        sym.st_shndx = RAM;
        sym.st_value = symbol->value - symbols->at[symbols->data[0]].value;
        type = STT_OBJECT;
    } else if (symbol->place == PLACE_EXTERN) {
        sym.st_shndx = SHN_UNDEF;
    } else {
        sym.st_value = symbol->value;
    }
    sym.st_size = sym.st_shndx == SHN_ABS ? 0 : symbol->size;
    sym.st_info = (unsigned char)GELF_ST_INFO(symbol->is_local ? STB_LOCAL : STB_GLOBAL, type);
    return sym;
}

/* Local ones come first. The first but one is .text itself. */
static void make_symbols(struct writer *writer)
{
    struct symbols *symbols = writer->object->symbols;

    writer->symbols = allocate(symbols->count + 2, sizeof(*writer->symbols));
    add_name(writer, "");
    writer->symbols[1] =
        (GElf_Sym){.st_info = GELF_ST_INFO(STB_LOCAL, STT_SECTION), .st_shndx = TEXT};
    writer->symbol_count = 2;
    for (int global = 0; global < 2; global++) {
        for (size_t i = 0; i < symbols->count; i++) {
            struct symbol *symbol = &symbols->at[i];

            if (symbol->is_local == (global == 1) ||
                (symbol->place == PLACE_CONSTANT && !writer->constants))
                continue;
            symbol->number = writer->symbol_count;
            writer->symbols[writer->symbol_count++] = elf_symbol(writer, symbol);
        }
        if (!global)
            writer->first_global = writer->symbol_count;
    }
}

/* ---- sections -------------------------------------------------------------------------- */

/* Sections must be made in the order of their numbers. `bytes` stays the caller's. */
static bool add_section(struct writer *writer, GElf_Shdr header, Elf_Type type, void *bytes,
                        size_t size)
{
    Elf_Scn *scn = elf_newscn(writer->elf);
    Elf_Data *data = scn ? elf_newdata(scn) : NULL;
    GElf_Shdr shdr;

    if (!data || !gelf_getshdr(scn, &shdr))
        return false;
    data->d_buf = bytes;
    data->d_size = size;
    data->d_type = type;
    data->d_align = header.sh_addralign;
    data->d_version = EV_CURRENT;
    header.sh_size = size;
    return gelf_update_shdr(scn, &header);
}

static bool add_bytes(struct writer *writer)
{
    struct image *image = writer->object->image;
    const struct symbols *symbols = writer->object->symbols;
    bool avr = writer->object->machine == MACHINE_AVR;
    uint64_t ram = symbols->datas ? symbols->data_end - symbols->at[symbols->data[0]].value : 0;
    GElf_Shdr text = {.sh_name = section_name(".text"),
                      .sh_type = SHT_PROGBITS,
                      .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                      .sh_addralign = writer->object->text_align};
    GElf_Shdr data = {.sh_name = section_name(avr ? ".noinit" : ".bss"),
                      .sh_type = SHT_NOBITS,
                      .sh_flags = SHF_ALLOC | SHF_WRITE,
                      .sh_addralign = writer->object->data_align};

    return add_section(writer, text, ELF_T_BYTE, image->bytes, image->end - image->base) &&
           add_section(writer, data, ELF_T_BYTE, NULL, ram);
}

static bool add_relocations(struct writer *writer)
{
    struct object *object = writer->object;
    size_t entry = gelf_fsize(writer->elf, ELF_T_RELA, 1, EV_CURRENT);
    GElf_Shdr header = {.sh_name = section_name(".rela.text"),
                        .sh_type = SHT_RELA,
                        .sh_flags = SHF_INFO_LINK,
                        .sh_link = SYMTAB,
                        .sh_info = TEXT,
                        .sh_entsize = entry,
                        .sh_addralign = writer->class == ELFCLASS32 ? 4 : 8};

    writer->rela = allocate(object->relocation_count, entry);
    if (!add_section(writer, header, ELF_T_RELA, writer->rela, entry * object->relocation_count))
        return false;
    Elf_Data *data = elf_getdata(elf_getscn(writer->elf, RELA), NULL);
    for (size_t i = 0; i < object->relocation_count; i++) {
        const struct relocation *from = &object->relocations[i];
        size_t symbol = from->symbol == NO_SYMBOL ? 1 : object->symbols->at[from->symbol].number;
        GElf_Rela rela = {.r_offset = from->address - object->image->base,
                          .r_info = GELF_R_INFO(symbol, from->kind),
                          .r_addend = from->addend};

        if (!gelf_update_rela(data, (int)i, &rela))
            return false;
    }
    return true;
}

static bool add_symbols(struct writer *writer)
{
    size_t entry = gelf_fsize(writer->elf, ELF_T_SYM, 1, EV_CURRENT);
    GElf_Shdr symtab = {.sh_name = section_name(".symtab"),
                        .sh_type = SHT_SYMTAB,
                        .sh_link = STRTAB,
                        .sh_info = (GElf_Word)writer->first_global,
                        .sh_entsize = entry,
                        .sh_addralign = writer->class == ELFCLASS32 ? 4 : 8};
    GElf_Shdr strtab = {
        .sh_name = section_name(".strtab"), .sh_type = SHT_STRTAB, .sh_addralign = 1};

    writer->symtab = allocate(writer->symbol_count, entry);
    if (!add_section(writer, symtab, ELF_T_SYM, writer->symtab, entry * writer->symbol_count) ||
        !add_section(writer, strtab, ELF_T_BYTE, writer->names, writer->names_size))
        return false;
    Elf_Data *data = elf_getdata(elf_getscn(writer->elf, SYMTAB), NULL);
    for (size_t i = 0; i < writer->symbol_count; i++) {
        if (!gelf_update_sym(data, (int)i, &writer->symbols[i]))
            return false;
    }
    return true;
}

static bool make_header(struct writer *writer)
{
    const struct object *object = writer->object;
    GElf_Ehdr header;

    if (!gelf_newehdr(writer->elf, writer->class) || !gelf_getehdr(writer->elf, &header))
        return false;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_REL;
    header.e_machine = object->machine == MACHINE_AVR ? EM_AVR : EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_flags = object->flags;
    header.e_shstrndx = SHSTRTAB;
    return gelf_update_ehdr(writer->elf, &header);
}

/* ld takes an x86 object without this section for one that wants an executable stack. */
static bool make(struct writer *writer)
{
    static char names[sizeof(section_names)];
    GElf_Shdr shstrtab = {
        .sh_name = section_name(".shstrtab"), .sh_type = SHT_STRTAB, .sh_addralign = 1};
    GElf_Shdr stack = {
        .sh_name = section_name(".note.GNU-stack"), .sh_type = SHT_PROGBITS, .sh_addralign = 1};

    memcpy(names, section_names, sizeof(names));
    return make_header(writer) && add_bytes(writer) && add_relocations(writer) &&
           add_symbols(writer) && add_section(writer, shstrtab, ELF_T_BYTE, names, sizeof(names)) &&
           (writer->object->machine == MACHINE_AVR ||
            add_section(writer, stack, ELF_T_BYTE, NULL, 0)) &&
           elf_update(writer->elf, ELF_C_WRITE) >= 0;
}

/* ---- the file -------------------------------------------------------------------------- */

static mode_t usual_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

static enum tool_status write_object(struct writer *writer, const char *path, mode_t mode)
{
    struct new_file file;

    if (!new_file_open(path, &file))
        return complain(TOOL_WRITE_FAILED, "%s: %s", path, strerror(errno));
    elf_version(EV_CURRENT);
    writer->elf = elf_begin(file.fd, ELF_C_WRITE, NULL);
    bool made = writer->elf && make(writer);
    const char *why = made ? NULL : elf_errmsg(-1);
    elf_end(writer->elf);
    if (!made) {
        new_file_drop(&file);
        return complain(TOOL_WRITE_FAILED, "%s: %s", path, why);
    }
    if (!new_file_keep(&file, mode))
        return complain(TOOL_WRITE_FAILED, "%s: %s", path, strerror(errno));
    return TOOL_OK;
}

enum tool_status object_write(struct object *object, const char *path, bool constants)
{
    struct writer writer = {
        .object = object,
        .class = object->machine == MACHINE_AVR ? ELFCLASS32 : ELFCLASS64,
        .constants = constants,
    };
    struct stat about;
    mode_t mode = usual_mode();

    if (stat(path, &about) == 0) {
        if (!S_ISREG(about.st_mode))
            return complain(TOOL_WRITE_FAILED, "%s: not a regular file", path);
        mode = about.st_mode & 07777;
    }
    make_symbols(&writer);
    enum tool_status status = write_object(&writer, path, mode);
    free(writer.names);
    free(writer.symbols);
    free(writer.symtab);
    free(writer.rela);
    return status;
}
