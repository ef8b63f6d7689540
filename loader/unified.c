/* Unified kernel images: PE programs whose section .osrel says of which system they are
 * (uapi-group.org, "Boot Loader Specification", type #2; "Unified Kernel Image"). */
#include "boot.h"

#include "os_release.h"
#include "pe_sections.h"

#define HEAD_MAX    4096        /* bytes of a file in which its headers must end */
#define RELEASE_MAX (16 * 1024) /* bytes of the section that are looked at */

static EFI_STATUS read_part(struct boot *boot, const struct file *file, uint64_t offset,
                            uint64_t size, char **bytes)
{
    void *at;

    TRY(allocate_bytes(boot, size, &at));
    *bytes = at;
    return read_file(boot, file, offset, at, size);
}

static EFI_STATUS read_release(struct boot *boot, const struct file *file,
                               struct os_release *release)
{
    uint64_t head_size = min_u64(file->size, HEAD_MAX);
    struct pe_section section;
    char *bytes;

    TRY(read_part(boot, file, 0, head_size, &bytes));
    enum pe_status status = pe_find_section(bytes, head_size, file->size, ".osrel", &section);
    if (status != PE_OK) {
        log_line(boot, LOG_WARNING, "%.*s: .osrel: %s; listed by its file name",
                 TEXT_ARG(file->path), pe_status_text(status));
        return EFI_SUCCESS;
    }
    uint64_t size = min_u64(section.size, RELEASE_MAX);
    TRY(read_part(boot, file, section.offset, size, &bytes));
    os_release_parse(bytes, size, release);
    return EFI_SUCCESS;
}

/* Whether it can be booted is for firmware to say: what cannot be read here is listed as well. */
void describe_unified(struct boot *boot, struct listed_entry *listed)
{
    struct os_release release = {0};
    struct file file;

    if (EFI_ERROR(open_file(boot, listed->path, &file)))
        return;
    EFI_STATUS status = read_release(boot, &file, &release);
    close_file(&file);
    if (EFI_ERROR(status))
        return;
    if (release.title.length != 0)
        listed->entry.title = release.title;
    listed->entry.sort_key = release.sort_key;
    listed->entry.version = release.version;
}
