/* The entry's `module` files, whole, into memory of their own. */
#include "boot.h"

#include "mem.h"

static EFI_STATUS load_module(struct boot *boot, const struct file *file, struct text words,
                              struct boot_module *module)
{
    phys_addr_t at, text;
    size_t size = file->path.length + 1 + words.length + 1;

    if (file->size == 0)
        return fail(boot, EFI_LOAD_ERROR, "%.*s: the module is empty", TEXT_ARG(file->path));
    TRY(allocate_pages(boot, MEMORY_LOADER, size, &text));
    TRY(allocate_pages(boot, MEMORY_MODULE, file->size, &at));
    TRY(read_file(boot, file, 0, (void *)(uintptr_t)at.raw, file->size));

    *module = (struct boot_module){.address = at.raw, .size = file->size, .words = text.raw};
    module->words_size =
        1 + format_text((char *)(uintptr_t)text.raw, size, "%.*s%s%.*s", TEXT_ARG(file->path),
                        words.length == 0 ? "" : " ", TEXT_ARG(words));
    log_line(boot, LOG_INFO, "module %.*s: 0x%lx bytes at 0x%lx", TEXT_ARG(file->path), file->size,
             at.raw);
    return EFI_SUCCESS;
}

EFI_STATUS load_modules(struct boot *boot)
{
    struct text rest = boot->entry.file, path, words;
    uint32_t count = 0;
    phys_addr_t at;

    while (boot_entry_next_module(&rest, &path, &words))
        count++;
    if (count == 0)
        return EFI_SUCCESS;
    TRY(allocate_pages(boot, MEMORY_LOADER, count * sizeof(struct boot_module), &at));
    boot->info->modules = (struct boot_array){at.raw, count, sizeof(struct boot_module)};

    struct boot_module *module = (struct boot_module *)(uintptr_t)at.raw;
    for (rest = boot->entry.file; boot_entry_next_module(&rest, &path, &words); module++) {
        struct file file;
        TRY(open_file(boot, path, &file));
        EFI_STATUS status = load_module(boot, &file, words, module);
        close_file(&file);
        TRY(status);
    }
    return EFI_SUCCESS;
}
