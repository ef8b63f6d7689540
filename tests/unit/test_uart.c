/* The serial port driver against a 16550 of registers, and against ports where none is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "uart.h"

/* PC16550D data sheet, table II. */
enum { LCR_DLAB = 0x80, LSR_OVERRUN = 0x02, LSR_THRE = 0x20, LSR_TEMT = 0x40, FCR_CLEAR = 0x06 };

struct fake {
    enum { PRESENT, READS_0, READS_FF, STICKY_SCRATCH } kind;
    uint8_t interrupts, fifo, line, modem, scratch;
    uint16_t divisor;
    char sent[256];
    size_t sent_count, in_fifo, depth;
    unsigned busy; /* status reads until the transmitter takes one character from the FIFO */
    unsigned wait, reads, writes, lost;
    bool pending;      /* an interrupt */
    const char *typed; /* characters that have come */
};

static struct fake fake;
static uint16_t base;

static uint8_t receive(void)
{
    assert_true(*fake.typed != '\0');
    return (uint8_t)*fake.typed++;
}

static uint8_t read_status(void)
{
    if (fake.typed != NULL)
        return (uint8_t)(*fake.typed != '\0') | LSR_OVERRUN | LSR_THRE | LSR_TEMT;
    fake.reads++;
    if (fake.in_fifo != 0 && fake.busy != 0 && ++fake.wait % fake.busy == 0)
        fake.in_fifo--;
    return fake.in_fifo == 0 ? LSR_THRE | LSR_TEMT : LSR_OVERRUN;
}

static uint8_t fake_in(uint16_t port)
{
    if (fake.kind == READS_0 || fake.kind == READS_FF)
        return fake.kind == READS_0 ? 0 : 0xff;
    switch (port - base) {
    case 0:
        return fake.line & LCR_DLAB ? (uint8_t)fake.divisor : receive();
    case 2:
        return fake.pending ? 0xc2 : 0xc1;
    case 5:
        return read_status();
    case 7:
        return fake.scratch;
    default:
        fail_msg("register %d is read", port - base);
        return 0;
    }
}

static void send(uint8_t value)
{
    if (fake.in_fifo == fake.depth) {
        fake.lost++;
        return;
    }
    assert_true(fake.sent_count < sizeof(fake.sent));
    fake.sent[fake.sent_count++] = (char)value;
    fake.in_fifo += fake.busy != 0;
}

static void fake_out(uint16_t port, uint8_t value)
{
    fake.writes++;
    switch (port - base) {
    case 0:
        if (fake.line & LCR_DLAB)
            fake.divisor = (uint16_t)((fake.divisor & 0xff00) | value);
        else
            send(value);
        break;
    case 1:
        if (fake.line & LCR_DLAB)
            fake.divisor = (uint16_t)((fake.divisor & 0x00ff) | value << 8);
        else
            fake.interrupts = value;
        break;
    case 2:
        fake.fifo = value;
        fake.lost += value & FCR_CLEAR ? (unsigned)fake.in_fifo : 0;
        fake.in_fifo = value & FCR_CLEAR ? 0 : fake.in_fifo;
        break;
    case 3:
        fake.line = value;
        break;
    case 4:
        fake.modem = value;
        break;
    case 7:
        fake.scratch = fake.kind == STICKY_SCRATCH ? fake.scratch : value;
        break;
    default:
        fail_msg("register %d is written", port - base);
    }
}

/* Registers as a firmware could have left them. */
static struct uart new_uart(struct fake registers)
{
    fake = registers;
    if (fake.depth == 0)
        fake.depth = 1;
    base = UART_COM1;
    return (struct uart){.base = base, .in = fake_in, .out = fake_out};
}

/* ---- probing -------------------------------------------------------------------------------- */

static void the_port_is_set_up(void **state)
{
    static const struct fake left[] = {
        {.kind = PRESENT},
        {.interrupts = 0x0f, .line = 0x1f, .divisor = 0x1234, .modem = 0x1b, .scratch = 0x5a},
        /* The divisor shows, so that the interrupt register is out of sight at first. */
        {.interrupts = 0x0f, .line = LCR_DLAB | 0x03, .divisor = 0xffff, .scratch = 0xa5},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        struct uart uart = new_uart(left[i]);
        assert_true(uart_probe(&uart));
        assert_true(uart.present);
        assert_int_equal(fake.divisor, 1);         /* 1.8432 MHz / 16 = 115200 */
        assert_int_equal(fake.line, 0x03);         /* 8 bits, no parity, one stop bit, no break */
        assert_int_equal(fake.interrupts, 0);      /* none */
        assert_int_equal(fake.fifo & 0x07, 0x07);  /* on, both cleared */
        assert_int_equal(fake.fifo & 0x08, 0);     /* no DMA */
        assert_int_equal(fake.modem & 0x03, 0x03); /* DTR and RTS: a cable may ask for them */
        assert_int_equal(fake.modem & 0x10, 0);    /* no loopback */
        assert_int_equal(fake.sent_count, 0);
    }
}

static void an_absent_port_is_told(void **state)
{
    static const struct fake absent[] = {
        {.kind = READS_0},
        {.kind = READS_FF},
        {.kind = STICKY_SCRATCH, .scratch = 0x5a},
        {.kind = STICKY_SCRATCH, .scratch = 0xa5},
        {.kind = STICKY_SCRATCH, .scratch = 0x12},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        struct uart uart = new_uart(absent[i]);
        uart.there = uart.present = true;
        assert_false(uart_probe(&uart));
        assert_false(uart.there || uart.present);
        assert_true(fake.writes <= 2); /* the scratch register's: who knows what is there */
        fake.writes = fake.reads = 0;
        uart_write(&uart, "lost\n", 5);
        assert_int_equal(fake.writes + fake.reads, 0);
    }
}

static void the_base_is_the_callers(void **state)
{
    struct uart uart = new_uart((struct fake){.kind = PRESENT});
    (void)state;

    base = uart.base = 0x2f8;
    assert_true(uart_probe(&uart));
    uart_write(&uart, "x", 1);
    assert_int_equal(fake.sent[0], 'x');
}

/* ---- writing -------------------------------------------------------------------------------- */

static void assert_sent(const char *text, size_t length, const char *sent, size_t sent_length)
{
    struct uart uart = new_uart((struct fake){.kind = PRESENT});

    assert_true(uart_probe(&uart));
    uart_write(&uart, text, length);
    assert_int_equal(fake.sent_count, sent_length);
    assert_memory_equal(fake.sent, sent, sent_length);
    assert_true(uart.present);
}

static void a_cr_goes_before_each_lf(void **state)
{
    (void)state;
    assert_sent("", 0, "", 0);
    assert_sent("never read", 0, "", 0);
    assert_sent("plain", 5, "plain", 5);
    assert_sent("part of it", 4, "part", 4);
    assert_sent("\n", 1, "\r\n", 2);
    assert_sent("a\n\nb\n", 5, "a\r\n\r\nb\r\n", 8);
    assert_sent("a\r\n", 3, "a\r\r\n", 4);
    assert_sent("\0\x80\xff", 3, "\0\x80\xff", 3);
}

static void a_slow_transmitter_loses_nothing(void **state)
{
    struct uart uart = new_uart((struct fake){.busy = 90});
    (void)state;

    assert_true(uart_probe(&uart));
    uart_write(&uart, "one line\nand another\n", 21);
    assert_int_equal(fake.sent_count, 23);
    assert_memory_equal(fake.sent, "one line\r\nand another\r\n", 23);
    assert_int_equal(fake.lost, 0);
    assert_true(uart.present);
}

/* A full FIFO of 16 at 115200 drains within 1.4 ms; a port read takes a microsecond or less,
 * so that a wait of 20,000 reads must not give up. */
static void patience_lasts_for_a_full_fifo(void **state)
{
    struct uart uart = new_uart((struct fake){.busy = 20000});
    (void)state;

    assert_true(uart_probe(&uart));
    uart_write(&uart, "ab\n", 3);
    assert_int_equal(fake.sent_count, 4);
    assert_true(uart.present);
}

/* The first character goes, the transmitter then hangs: one wait, whatever the second is. */
static void a_dead_transmitter_costs_one_wait(void **state)
{
    static const char *const texts[] = {"xy", "x\n", "x\n\n\n\n", "xyz and many more\n"};
    unsigned one_wait = 0;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct uart uart = new_uart((struct fake){.busy = 1U << 31});
        assert_true(uart_probe(&uart));
        uart_write(&uart, texts[i], strlen(texts[i]));
        assert_false(uart.present);
        assert_int_equal(fake.sent_count, 1);
        assert_int_equal(fake.lost, 0);
        assert_in_range(fake.reads, 20000, 10000000);
        one_wait = i == 0 ? fake.reads : one_wait;
        assert_int_equal(fake.reads, one_wait);
        uart_write(&uart, "more", 4);
        assert_int_equal(fake.reads, one_wait);
        assert_int_equal(fake.sent_count, 1);
    }
}

/* It can be brought back: a card plugged in again. */
static void probing_again_revives_it(void **state)
{
    struct uart uart = new_uart((struct fake){.busy = 1U << 31});
    (void)state;

    assert_true(uart_probe(&uart));
    uart_write(&uart, "xy", 2);
    assert_false(uart.present);
    assert_true(uart.there);
    assert_false(uart_probe(&uart)); /* still dead */
    assert_true(uart.there);
    assert_int_equal(fake.line, 0x03); /* but may receive */
    fake.busy = 1;
    assert_true(uart_probe(&uart));
    uart_write(&uart, "z", 1);
    assert_int_equal(fake.sent[1], 'z');
}

/* Setting the port up clears its FIFO: not before it is empty. */
static void what_firmware_sent_goes_out_first(void **state)
{
    struct uart uart = new_uart((struct fake){.busy = 20, .in_fifo = 16, .depth = 16});
    (void)state;

    assert_true(uart_probe(&uart));
    assert_int_equal(fake.in_fifo, 0);
    assert_int_equal(fake.lost, 0);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void what_is_typed_is_read(void **state)
{
    struct uart uart = new_uart((struct fake){.kind = PRESENT});
    char character = '?';
    (void)state;

    assert_true(uart_probe(&uart));
    fake.typed = "a\xff";
    assert_true(uart_read(&uart, &character));
    assert_int_equal(character, 'a');
    assert_true(uart_read(&uart, &character));
    assert_int_equal(character, '\xff');
    assert_false(uart_read(&uart, &character));
    assert_int_equal(character, '\xff');
    fake.kind = READS_FF; /* the device went away */
    assert_false(uart_read(&uart, &character));
    fake.kind = PRESENT;
    fake.typed = "b";
    uart.present = false; /* nobody reads what it sends */
    assert_true(uart_read(&uart, &character));
    assert_int_equal(character, 'b');
    uart.there = false;
    fake.typed = "lost";
    assert_false(uart_read(&uart, &character));
}

static void interrupts_are_let_out(void **state)
{
    struct uart uart = new_uart((struct fake){.kind = PRESENT});
    (void)state;

    assert_true(uart_probe(&uart));
    uart_interrupt_on(&uart, true, true);
    assert_int_equal(fake.interrupts, 3);
    assert_int_equal(fake.modem, 0x0b); /* DTR, RTS, and OUT2, which gates the line on a PC */
    uart_interrupt_on(&uart, true, false);
    assert_int_equal(fake.interrupts, 1);
    uart_interrupt_on(&uart, false, false);
    assert_int_equal(fake.interrupts, 0);
    uart.there = false;
    uart_interrupt_on(&uart, true, true);
    assert_int_equal(fake.interrupts, 0);
}

static void a_pending_interrupt_is_told(void **state)
{
    struct uart uart = new_uart((struct fake){.kind = PRESENT});
    (void)state;

    assert_true(uart_probe(&uart));
    assert_false(uart_interrupts(&uart));
    fake.pending = true;
    assert_true(uart_interrupts(&uart));
    uart.there = false;
    assert_false(uart_interrupts(&uart));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_port_is_set_up),
        cmocka_unit_test(an_absent_port_is_told),
        cmocka_unit_test(the_base_is_the_callers),
        cmocka_unit_test(a_cr_goes_before_each_lf),
        cmocka_unit_test(a_slow_transmitter_loses_nothing),
        cmocka_unit_test(patience_lasts_for_a_full_fifo),
        cmocka_unit_test(a_dead_transmitter_costs_one_wait),
        cmocka_unit_test(probing_again_revives_it),
        cmocka_unit_test(what_firmware_sent_goes_out_first),
        cmocka_unit_test(what_is_typed_is_read),
        cmocka_unit_test(interrupts_are_let_out),
        cmocka_unit_test(a_pending_interrupt_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
