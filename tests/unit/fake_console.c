/* See fake_firmware.h: keyboard, screen, events and time (UEFI 2.10, 7.1, 12.3 and 12.4). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "fake_firmware.h"

#define SECOND       10000000 /* 100 ns */
#define MICROSECONDS 1000000
#define PATIENCE     100000 /* seconds; nobody waits so long */
#define SPINS_MAX    5000000

static SIMPLE_INPUT_INTERFACE keyboard;
static SIMPLE_TEXT_OUTPUT_INTERFACE screen;
static SIMPLE_TEXT_OUTPUT_MODE mode;
static char key_event, timer_event;
static bool timer_is_set;
static uint64_t stalled; /* microseconds, of a second that has not passed */
static unsigned spins;   /* waits in which no time passes */
static char history[16 << 20];
static size_t history_used;

/* ---- keys ------------------------------------------------------------------------------ */

static void add_key(struct fake_key key)
{
    assert_true(fake.key_count < sizeof(fake.keys) / sizeof(fake.keys[0]));
    fake.keys[fake.key_count++] = key;
}

void fake_type(const char *text)
{
    for (; *text != '\0'; text++)
        add_key((struct fake_key){.character = (unsigned char)*text});
}

void fake_press(uint16_t scan_code)
{
    add_key((struct fake_key){.scan_code = scan_code});
}

void fake_press_character(uint16_t character)
{
    add_key((struct fake_key){.character = character});
}

void fake_pause(unsigned seconds)
{
    add_key((struct fake_key){.seconds = seconds});
}

static bool key_is_there(void)
{
    bool waits = fake.open_events > 0 || fake.calls_of[FAKE_STALL] > 0;

    return (waits || fake.keys_at_once) && fake.keys_read < fake.key_count &&
           fake.keys[fake.keys_read].seconds == 0;
}

/* What a person saw before pressing the next key. */
static void remember_screen(void)
{
    for (UINTN row = 0; row < fake.rows; row++) {
        size_t length = FAKE_COLUMNS_MAX;
        while (length > 0 && fake.screen[row][length - 1] == ' ')
            length--;
        length += length + 2 < FAKE_COLUMNS_MAX ? 2 : 0;
        if (history_used + length + 2 > sizeof(history))
            return;
        memcpy(history + history_used, fake.screen[row], length);
        history_used += length;
        history[history_used++] = '\n';
    }
    history[history_used] = '\0';
}

static EFI_STATUS EFIAPI read_key(SIMPLE_INPUT_INTERFACE *self, EFI_INPUT_KEY *key)
{
    assert_ptr_equal(self, &keyboard);
    if (fake_call_fails(FAKE_READ_KEY) || fake.key_fails ||
        (fake.keys_then_fail && fake.keys_read == fake.key_count))
        return fake.fail_status;
    if (!key_is_there())
        return EFI_NOT_READY;
    remember_screen();
    *key =
        (EFI_INPUT_KEY){fake.keys[fake.keys_read].scan_code, fake.keys[fake.keys_read].character};
    fake.keys_read++;
    return EFI_SUCCESS;
}

SIMPLE_INPUT_INTERFACE *fake_keyboard(void)
{
    return &keyboard;
}

/* ---- time ------------------------------------------------------------------------------ */

static void pass_second(void)
{
    remember_screen();
    spins = 0;
    fake.seconds++;
    assert_true(fake.seconds < PATIENCE);
    if (fake.keys_read < fake.key_count && fake.keys[fake.keys_read].seconds != 0 &&
        --fake.keys[fake.keys_read].seconds == 0)
        fake.keys_read++;
}

static EFI_STATUS EFIAPI stall(UINTN microseconds)
{
    bool fails = fake_call_fails(FAKE_STALL);

    for (stalled += microseconds; stalled >= MICROSECONDS; stalled -= MICROSECONDS)
        pass_second();
    return fails ? fake.fail_status : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI create_event(UINT32 type, EFI_TPL level, EFI_EVENT_NOTIFY notify,
                                      void *context, EFI_EVENT *event)
{
    (void)level;
    (void)context;
    if (fake_call_fails(FAKE_CREATE_EVENT))
        return fake.fail_status;
    assert_int_equal(type, EVT_TIMER);
    assert_null(notify);
    assert_int_equal(fake.open_events, 0);
    fake.open_events++;
    timer_is_set = false;
    *event = &timer_event;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_timer(EFI_EVENT event, EFI_TIMER_DELAY how, UINT64 time)
{
    if (fake_call_fails(FAKE_SET_TIMER))
        return fake.fail_status;
    assert_ptr_equal(event, &timer_event);
    assert_int_equal(how, TimerPeriodic);
    assert_int_equal(time, SECOND);
    timer_is_set = true;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI close_event(EFI_EVENT event)
{
    bool fails = fake_call_fails(FAKE_CLOSE_EVENT);

    assert_ptr_equal(event, &timer_event);
    assert_int_equal(fake.open_events, 1);
    fake.open_events--;
    return fails ? fake.fail_status : EFI_SUCCESS;
}

/* The lowest that is signalled; the timer is when there is no key for a second. */
static EFI_STATUS EFIAPI wait_for_event(UINTN count, EFI_EVENT *events, UINTN *index)
{
    if (fake_call_fails(FAKE_WAIT_FOR_EVENT))
        return fake.fail_status;
    assert_int_equal(count, 2);
    assert_ptr_equal(events[0], &timer_event);
    assert_ptr_equal(events[1], &key_event);
    assert_true(timer_is_set && fake.open_events == 1);
    if (key_is_there() || fake.keys_never_end) {
        assert_true(++spins < SPINS_MAX);
        *index = 1;
        return EFI_SUCCESS;
    }
    pass_second();
    *index = 0;
    return EFI_SUCCESS;
}

void fake_set_event_services(EFI_BOOT_SERVICES *services)
{
    services->CreateEvent = create_event;
    services->SetTimer = set_timer;
    services->CloseEvent = close_event;
    services->WaitForEvent = wait_for_event;
    services->Stall = stall;
}

/* ---- the screen ------------------------------------------------------------------------ */

/* A line of the loader's own goes to the console's text too: rows of the menu have no end of
 * line. */
static void keep_text(const CHAR16 *text)
{
    size_t length = 0;

    while (text[length] != 0)
        length++;
    if (length == 0 || text[length - 1] != '\n')
        return;
    for (size_t i = 0; i < length; i++) {
        assert_true(text[i] < 0x80);
        assert_true(fake.console_used + 1 < sizeof(fake.console));
        fake.console[fake.console_used++] = (char)text[i];
    }
}

static void put_unit(CHAR16 unit)
{
    if (unit == '\r') {
        fake.column = 0;
        return;
    }
    if (unit == '\n') {
        fake.row += fake.row + 1 < fake.rows;
        return;
    }
    assert_true(unit >= ' ');
    if (fake.column + 1 < fake.columns) {
        fake.screen[fake.row][fake.column] = unit < 0x7f ? (char)unit : '#';
        fake.looks[fake.row][fake.column] = (uint8_t)fake.attribute;
    }
    fake.column++;
}

static EFI_STATUS EFIAPI output_string(SIMPLE_TEXT_OUTPUT_INTERFACE *self, CHAR16 *text)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_OUTPUT_STRING))
        return fake.fail_status;
    keep_text(text);
    bool is_line = false;
    for (; *text != 0; text++) {
        is_line |= *text == '\n';
        put_unit(*text);
    }
    /* Or firmware would scroll; where it fails to move the cursor it may. */
    assert_true(is_line || fake.column < fake.columns || fake.fail_call != 0);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI query_mode(SIMPLE_TEXT_OUTPUT_INTERFACE *self, UINTN number,
                                    UINTN *columns, UINTN *rows)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_QUERY_MODE))
        return fake.fail_status;
    assert_int_equal(number, screen.Mode == NULL ? 0 : mode.Mode);
    *columns = fake.says_size ? fake.said_columns : fake.columns;
    *rows = fake.says_size ? fake.said_rows : fake.rows;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_attribute(SIMPLE_TEXT_OUTPUT_INTERFACE *self, UINTN attribute)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_DRAW))
        return fake.fail_status;
    assert_true(attribute < 0x80); /* UEFI 2.10, 12.4: eight background colours */
    fake.attribute = attribute;
    return EFI_SUCCESS;
}

static void clear(void)
{
    for (UINTN row = 0; row < FAKE_ROWS_MAX; row++) {
        memset(fake.screen[row], ' ', FAKE_COLUMNS_MAX);
        fake.screen[row][FAKE_COLUMNS_MAX] = '\0';
        memset(fake.looks[row], (int)fake.attribute, sizeof(fake.looks[row]));
    }
    fake.row = fake.column = 0;
}

static EFI_STATUS EFIAPI clear_screen(SIMPLE_TEXT_OUTPUT_INTERFACE *self)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_DRAW))
        return fake.fail_status;
    remember_screen();
    clear();
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_cursor(SIMPLE_TEXT_OUTPUT_INTERFACE *self, UINTN column, UINTN row)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_DRAW))
        return fake.fail_status;
    assert_true(column < fake.columns && row < fake.rows);
    fake.column = column;
    fake.row = row;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI enable_cursor(SIMPLE_TEXT_OUTPUT_INTERFACE *self, BOOLEAN on)
{
    assert_ptr_equal(self, &screen);
    if (fake_call_fails(FAKE_DRAW))
        return fake.fail_status;
    fake.cursor = on;
    return EFI_SUCCESS;
}

SIMPLE_TEXT_OUTPUT_INTERFACE *fake_screen(void)
{
    return &screen;
}

bool fake_screen_has(const char *words)
{
    for (UINTN row = 0; row < fake.rows; row++) {
        if (strstr(fake.screen[row], words) != NULL)
            return true;
    }
    return false;
}

bool fake_screen_had(const char *words)
{
    return strstr(history, words) != NULL || fake_screen_has(words);
}

void fake_reset_console(void)
{
    fake.columns = 80;
    fake.rows = 25;
    fake.cursor = true;
    fake.attribute = 0x07;
    clear();
    history_used = 0;
    history[0] = '\0';
    stalled = spins = 0;
    keyboard = (SIMPLE_INPUT_INTERFACE){.ReadKeyStroke = read_key, .WaitForKey = &key_event};
    mode = (SIMPLE_TEXT_OUTPUT_MODE){.MaxMode = 3, .Mode = 1, .Attribute = 7, .CursorVisible = 1};
    screen = (SIMPLE_TEXT_OUTPUT_INTERFACE){
        .OutputString = output_string,
        .QueryMode = query_mode,
        .SetAttribute = set_attribute,
        .ClearScreen = clear_screen,
        .SetCursorPosition = set_cursor,
        .EnableCursor = enable_cursor,
        .Mode = &mode,
    };
}
