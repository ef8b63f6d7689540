/* See fake_firmware.h: EFI variables (UEFI 2.10, 8.2), of the loader's vendor GUID alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "fake_firmware.h"

#define VARIABLES_MAX 32
#define ACCESS        (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

static struct fake_variable variables[VARIABLES_MAX];

static const EFI_GUID vendor = {
    0x4a67b082, 0x0a4c, 0x41cf, {0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f}};

static struct fake_variable *find(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX; i++) {
        if (variables[i].size != 0 && strcmp(variables[i].name, name) == 0)
            return &variables[i];
    }
    return NULL;
}

const struct fake_variable *fake_variable(const char *name)
{
    return find(name);
}

void fake_put_variable(const char *name, uint32_t attributes, const void *data, size_t size)
{
    struct fake_variable *variable = find(name);

    for (size_t i = 0; variable == NULL && i < VARIABLES_MAX; i++) {
        if (variables[i].size == 0)
            variable = &variables[i];
    }
    assert_non_null(variable);
    assert_true(strlen(name) < sizeof(variable->name));
    assert_true(size <= sizeof(variable->data));
    strcpy(variable->name, name);
    variable->attributes = attributes;
    variable->size = size;
    if (size != 0)
        memcpy(variable->data, data, size);
}

void fake_put_text_variable(const char *name, const char *text)
{
    CHAR16 units[512];
    size_t length = strlen(text);

    for (size_t i = 0; i <= length; i++)
        units[i] = (unsigned char)text[i];
    fake_put_variable(name, ACCESS | EFI_VARIABLE_NON_VOLATILE, units,
                      (length + 1) * sizeof(CHAR16));
}

const char *fake_text_variable(const char *name)
{
    static char text[sizeof(variables[0].data)];
    const struct fake_variable *variable = find(name);

    if (variable == NULL)
        return NULL;
    assert_int_equal(variable->size % 2, 0);
    for (size_t i = 0; i < variable->size / 2; i++) {
        assert_int_equal(variable->data[2 * i + 1], 0); /* these tests' are ASCII */
        text[i] = (char)variable->data[2 * i];
    }
    assert_int_equal(text[variable->size / 2 - 1], '\0');
    return text;
}

static void name_of(const CHAR16 *units, const EFI_GUID *guid, char name[64])
{
    size_t length = 0;

    assert_memory_equal(guid, &vendor, sizeof(vendor));
    for (; units[length] != 0; length++) {
        assert_true(length < 63 && units[length] < 0x80);
        name[length] = (char)units[length];
    }
    name[length] = '\0';
}

static EFI_STATUS EFIAPI get_variable(CHAR16 *units, EFI_GUID *guid, UINT32 *attributes,
                                      UINTN *size, void *data)
{
    char name[64];

    name_of(units, guid, name);
    if (fake_call_fails(FAKE_GET_VARIABLE))
        return fake.fail_status;
    if (fake.no_variables)
        return EFI_UNSUPPORTED;
    const struct fake_variable *variable = find(name);
    if (variable == NULL)
        return EFI_NOT_FOUND;
    UINTN room = *size;
    *size = variable->size;
    if (fake.said_variable_size != 0)
        *size = fake.said_variable_size;
    if (room < *size && !fake.variable_sizes_lie)
        return EFI_BUFFER_TOO_SMALL;
    *attributes = variable->attributes;
    memcpy(data, variable->data, room < variable->size ? room : variable->size);
    return EFI_SUCCESS;
}

/* What the loader may set, and with which attributes: the one that lasts is the last boot's. */
static void check(const char *name, UINT32 attributes, UINTN size)
{
    bool lasts = strcmp(name, "LoaderEntryLastBooted") == 0;

    assert_memory_equal(name, "Loader", 6);
    if (size != 0)
        assert_int_equal(attributes, ACCESS | (lasts ? EFI_VARIABLE_NON_VOLATILE : 0));
}

static EFI_STATUS EFIAPI set_variable(CHAR16 *units, EFI_GUID *guid, UINT32 attributes, UINTN size,
                                      void *data)
{
    char name[64];

    name_of(units, guid, name);
    check(name, attributes, size);
    if (fake_call_fails(FAKE_SET_VARIABLE))
        return fake.fail_status;
    if (fake.no_variables || fake.variables_stay)
        return fake.no_variables ? EFI_UNSUPPORTED : EFI_WRITE_PROTECTED;
    struct fake_variable *variable = find(name);
    if (variable != NULL && variable->attributes != attributes)
        return EFI_INVALID_PARAMETER;
    if (variable == NULL && size == 0)
        return EFI_NOT_FOUND;
    fake_put_variable(name, attributes, data, size);
    return EFI_SUCCESS;
}

void fake_set_runtime_services(EFI_RUNTIME_SERVICES *services)
{
    services->GetVariable = get_variable;
    services->SetVariable = set_variable;
}

void fake_reset_variables(void)
{
    memset(variables, 0, sizeof(variables));
}
