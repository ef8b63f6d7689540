/* EFI variables of the Boot Loader Interface: text in UTF-16, terminated (UEFI 2.10, 8.2). */
#include "interface.h"

#include "mem.h"

#define LOADER_VENDOR_GUID                                 \
    {                                                      \
        0x4a67b082, 0x0a4c, 0x41cf,                        \
        {                                                  \
            0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f \
        }                                                  \
    }

#define NAME_UNITS  32
#define VALUE_UNITS 512 /* more than any file's name */

/* One as firmware gives it. */
struct raw_variable {
    UINT32 attributes;
    UINTN size;
    CHAR16 units[VALUE_UNITS];
};

static EFI_STATUS get_variable(struct boot *boot, const char *name, struct raw_variable *raw)
{
    EFI_GUID guid = LOADER_VENDOR_GUID;
    CHAR16 units[NAME_UNITS];

    utf16_from_utf8(text_of(name), units, NAME_UNITS);
    raw->attributes = VARIABLE_KEPT; /* not all firmware says them of one that does not fit */
    raw->size = sizeof(raw->units);
    return boot->system->RuntimeServices->GetVariable(units, &guid, &raw->attributes, &raw->size,
                                                      raw->units);
}

EFI_STATUS set_variable(struct boot *boot, const char *name, UINT32 attributes, const void *data,
                        UINTN size)
{
    EFI_GUID guid = LOADER_VENDOR_GUID;
    CHAR16 units[NAME_UNITS];

    utf16_from_utf8(text_of(name), units, NAME_UNITS);
    return boot->system->RuntimeServices->SetVariable(units, &guid, attributes, size,
                                                      (void *)(uintptr_t)data);
}

EFI_STATUS set_text_variable(struct boot *boot, const char *name, UINT32 attributes,
                             struct text value)
{
    CHAR16 units[VALUE_UNITS];
    size_t length = utf16_from_utf8(value, units, VALUE_UNITS);

    if (length == 0)
        return EFI_INVALID_PARAMETER;
    return set_variable(boot, name, attributes, units, (length + 1) * sizeof(CHAR16));
}

/* Units up to the terminator; VALUE_UNITS: there is none. */
static size_t length_of(const struct raw_variable *raw)
{
    size_t units = raw->size / sizeof(CHAR16);

    for (size_t i = 0; i < units; i++) {
        if (raw->units[i] == 0)
            return i;
    }
    return VALUE_UNITS;
}

/* Why it is no text; NULL: it is, and stands in *value. */
static const char *text_fault(struct boot *boot, const struct raw_variable *raw, struct text *value)
{
    char buffer[3 * VALUE_UNITS];
    void *at;

    if (raw->size > sizeof(raw->units))
        return "more than 1024 bytes";
    if (raw->size % sizeof(CHAR16) != 0)
        return "an odd number of bytes";
    size_t units = length_of(raw);
    if (units == VALUE_UNITS)
        return "text that does not end";
    if ((units + 1) * sizeof(CHAR16) != raw->size)
        return "more behind the end of its text";
    size_t length = utf8_from_utf16(raw->units, units, buffer, sizeof(buffer));
    if (length == 0)
        return "no text";
    if (text_printable((struct text){buffer, length}) != length)
        return "characters that cannot be shown";
    if (EFI_ERROR(allocate_bytes(boot, length, &at)))
        return "text that there is no memory for";
    memcpy(at, buffer, length);
    *value = (struct text){at, length};
    return NULL;
}

_Static_assert(VALUE_UNITS * sizeof(CHAR16) == 1024, "a sentence names it");

/* Firmware may have no variables at all. */
static bool is_there(struct boot *boot, const char *name, EFI_STATUS status)
{
    if (status == EFI_NOT_FOUND || status == EFI_UNSUPPORTED)
        return false;
    if (EFI_ERROR(status) && status != EFI_BUFFER_TOO_SMALL)
        log_line(boot, LOG_WARNING, "variable %s: cannot be read (%s)", name, status_text(status));
    return !EFI_ERROR(status) || status == EFI_BUFFER_TOO_SMALL;
}

static bool take_value(struct boot *boot, const char *name, const struct raw_variable *raw,
                       struct text *value)
{
    const char *fault = text_fault(boot, raw, value);

    if (fault != NULL)
        log_line(boot, LOG_WARNING, "variable %s: holds %s, of 0x%lx bytes: not heeded", name,
                 fault, raw->size);
    return fault == NULL;
}

bool read_text_variable(struct boot *boot, const char *name, struct text *value)
{
    struct raw_variable raw;
    EFI_STATUS status = get_variable(boot, name, &raw);

    if (!is_there(boot, name, status))
        return false;
    if (status == EFI_BUFFER_TOO_SMALL)
        raw.size = max_u64(raw.size, sizeof(raw.units) + 1);
    return take_value(boot, name, &raw, value);
}

/* With the attributes that it has: with others some firmware refuses. */
bool take_text_variable(struct boot *boot, const char *name, struct text *value)
{
    struct raw_variable raw;
    EFI_STATUS status = get_variable(boot, name, &raw);

    if (!is_there(boot, name, status))
        return false;
    if (status == EFI_BUFFER_TOO_SMALL)
        raw.size = max_u64(raw.size, sizeof(raw.units) + 1);
    bool good = take_value(boot, name, &raw, value);
    status = set_variable(boot, name, raw.attributes, NULL, 0);
    if (EFI_ERROR(status))
        log_line(boot, LOG_WARNING, "variable %s: cannot be deleted (%s): not heeded", name,
                 status_text(status));
    return good && !EFI_ERROR(status);
}

void forget_variable(struct boot *boot, const char *name)
{
    struct raw_variable raw;
    EFI_STATUS status = get_variable(boot, name, &raw);

    if (!EFI_ERROR(status) || status == EFI_BUFFER_TOO_SMALL)
        (void)set_variable(boot, name, raw.attributes, NULL, 0);
}
