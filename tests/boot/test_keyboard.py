"""A PS/2 keyboard at the kernel's monitor, beside a serial port and without one."""

import re
from typing import Any, Callable

import pytest

from booting import QUICK, READY, Boot
from keyboard import PRINTABLE, press, type_line, wait_end, write
from monitor import PROMPT, start
from screen import Grid, wait_for_screen
from test_monitor_end import power_off

# COM1's place is empty; QEMU's debug console shows what the kernel says.
NO_SERIAL = ["-global", "isa-serial.iobase=0x3e8"]


def quick(*extra: str, **arguments: Any) -> dict[str, Any]:
    """The quickest machine, with options of QEMU's added."""
    return QUICK | {"extra": [*QUICK["extra"], *extra]} | arguments


def test_beside_a_serial_port(boot: Callable[..., Boot]) -> None:
    """Every character, editing, history and ^C by keys, with the serial port in between."""
    monitor = start(boot, **quick())
    machine = monitor.boot
    assert "console: keyboard: the FADT names an 8042; scan code set 1\n" in machine.serial
    assert "The monitor waits by interrupt" in machine.serial

    def enter(ending: str = "\n" + PROMPT) -> str:
        printed = len(machine.serial)
        press(machine, "ret")
        return wait_end(machine, ending, True)[printed:]

    # Longer than a line of the editor shows at once, so in two.
    for text in (PRINTABLE[1:48], PRINTABLE[48:]):
        type_line(machine, text)
        assert enter() == f"\n{text}: no such command; `help` lists them\n{PROMPT}"

    write(machine, "wakl")
    press(machine, "backspace")
    press(machine, "left")
    press(machine, "delete")
    write(machine, "lk")
    wait_end(machine, "walk", True)
    press(machine, "home")
    press(machine, "ctrl", "k")
    write(machine, "sym ru")
    for key in ("left", "home", "end", "kp_5"):
        press(machine, key)
    press(machine, "ctrl_r", "h")
    write(machine, "n")
    assert "run+0x0" in enter()

    press(machine, "up")
    wait_end(machine, "sym run", True)
    press(machine, "ctrl", "c")
    wait_end(machine, f"^C\n{PROMPT}", True)
    press(machine, "caps_lock")
    write(machine, "aB")
    press(machine, "caps_lock")
    write(machine, "cD")
    wait_end(machine, "AbcD", True)
    press(machine, "ctrl", "u")

    assert len(monitor.run("sym run")) == 1
    machine.wait_until_halted()
    assert machine.registers()["RFL"] & 1 << 9
    power_off(monitor)


def test_with_a_screen_alone(boot: Callable[..., Boot]) -> None:
    """Neither a serial port nor QEMU's debug console: keys go in, the screen shows what comes of
    them, the processor sleeps between keys, and what a mouse says is passed over."""
    machine = boot(firmware="bios", memory="256M",
                   extra=[*NO_SERIAL, "-global", "isa-debugcon.readback=0"])
    grid = Grid(160, 50, 8, 16)

    def wait_for_row(text: str) -> str:
        return wait_for_screen(machine, lambda now: now.rows[-1:] == [text], grid).text

    wait_for_row(PROMPT.strip())
    machine.wait_until_halted()
    machine.qmp.command("input-send-event", events=[
        {"type": "rel", "data": {"axis": axis, "value": 50}} for axis in ("x", "y")])
    press(machine, "ctrl", "l")
    wait_for_row(PROMPT.strip())
    for end in range(4, 20, 4):     # as many as QEMU's keyboard keeps
        write(machine, "walk kernel_main"[end - 4:end])
        wait_for_row((PROMPT + "walk kernel_main"[:end]).strip())
    press(machine, "ret")
    shown = wait_for_row(PROMPT.strip())
    assert "that is in the kernel's text: kernel_main+0x0 (kernel/main.c:" in shown
    assert "  read   succeeds\n  write  #PF, error code 0x3\n  fetch  succeeds\n" in shown
    assert machine.serial == machine.debugcon == ""


def test_no_interrupt_comes(boot: Callable[..., Boot]) -> None:
    """The controller's line is another than a PC's: it is polled. pc's FADT says nothing of it."""
    machine = boot(**quick(*NO_SERIAL, "-global", "i8042.kbd-irq=5", machine="pc"))
    machine.wait_for_debugcon("The monitor waits by polling")
    assert "COM1 absent" in machine.debugcon and machine.serial == ""
    assert "keyboard: no FADT says whether there is an 8042; scan code set 1\n" in \
        machine.debugcon
    machine.wait_for_debugcon("^" + re.escape(PROMPT))
    type_line(machine, "walk kernel_main", serial=False)
    press(machine, "ret")
    found = machine.wait_for_debugcon(r"^bestla> walk kernel_main\n(?:  .*\n)+")
    assert "that is in the kernel's text: kernel_main+0x0" in found[0]
    assert not machine.halted


def test_no_controller(boot: Callable[..., Boot]) -> None:
    """Where the FADT says that there is none no port is touched, and without a serial port
    nobody can type."""
    machine = boot(**quick(*NO_SERIAL, machine="q35,i8042=off"))
    machine.wait_for_debugcon(READY)
    machine.wait_for_debugcon("no keyboard: the FADT says that there is no 8042\n")
    machine.wait_until_halted()
    assert not machine.registers()["RFL"] & 1 << 9
    assert PROMPT not in machine.debugcon


@pytest.mark.matrix
def test_no_controller_and_nobody_says_so(boot: Callable[..., Boot]) -> None:
    """The port reads 0xff; the serial port serves, and sleeps."""
    monitor = start(boot, **quick(machine="pc,i8042=off"))
    assert "no keyboard: no FADT says whether there is an 8042; port 64h reads 0xff\n" in \
        monitor.boot.serial
    assert "waits by interrupt" in monitor.boot.serial and monitor.run("sym run")
