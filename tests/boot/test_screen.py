"""What a person sees: the screen, read back with the kernel's font, against the serial port."""

import re
import struct
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from booting import BOOT_TIMEOUT, QUICK, READY, SCALE, Boot
from boot_info import FRAMEBUFFER
from gdb_stub import GdbStub
from kernel_file import symbols
from kernel_log import assert_audited, page_map, report as report_of
from screen import Grid, assert_shows_log, grid_of, read_screen, take_picture, wait_for_screen
from test_rights import kernel_path

PROMPT = "bestla> "
SMALL = {"firmware": "bios", "memory": "256M"}
NO_VGA = ["-vga", "none"]
PANIC_GRID = Grid(80, 50, 8, 16, left=8)    # on 1280x800
# kernel/console/screen.c's colours.
PAPER, INK, TIME, SUBSYSTEM, WHITE, RED = 0x0d1117, 0xc9d1d9, 0x7d8590, 0x6fdde2, 0xffffff, 0xc8424a


def at_prompt(boot: Boot) -> Any:
    """The screen of a kernel that waits for a command."""
    boot.wait_for(f"^{PROMPT}$")
    return wait_for_screen(boot, lambda screen: screen.rows[-1:] == [PROMPT.strip()])


@pytest.fixture(name="booted", scope="module")
def fixture_booted(boot_once: Callable[..., Boot]) -> Iterator[Boot]:
    """One machine with the standard VGA, as far as its prompt."""
    machine = boot_once(**SMALL)
    at_prompt(machine)
    yield machine
    machine.stop()


def test_screen_shows_what_serial_says(booted: Boot) -> None:
    """Letter by letter; and the cursor stands behind the prompt."""
    screen = read_screen(booted)
    assert_shows_log(screen, booted.serial)
    row = screen.cells[len(screen.rows) - 1]
    assert row[len(PROMPT)].paper == INK
    assert {cell.paper for cell in row[:len(PROMPT)] + row[len(PROMPT) + 1:]} == {PAPER}


def test_colours(booted: Boot) -> None:
    """A line's time, subsystem and text differ; nothing of that goes to the serial port."""
    screen = read_screen(booted)
    time_, rest = re.search(r"^(\[ *\d+\.\d+\]) (audit: 9 .*)$", booted.serial, re.M).groups()
    assert {cell.ink for cell in screen.find(time_) if cell.character != " "} == {TIME}
    assert {cell.ink for cell in screen.find(rest)[:5]} == {SUBSYSTEM}
    assert {cell.ink for cell in screen.find(rest)[7:] if cell.character != " "} == {INK}
    assert "\x1b" not in booted.serial


def test_page_map_has_the_screen(booted: Boot) -> None:
    """Write-combining, as the log says."""
    rows = [row for row, what in page_map(booted.serial) if what == "framebuffer"]
    assert rows and {(row.rights, row.memory_type) for row in rows} == {("RW-", "WC")}
    assert re.search(r"mm: framebuffer at 0x[0-9a-f]+ mapped at 0x[0-9a-f]+, write-combining",
                     booted.serial)


def test_line_editor(booted: Boot) -> None:
    """What is typed, edited and recalled is seen; the screen is cleared by ^L."""
    booted.send("help acpi\x01\x1b[C\x1b[C")
    screen = wait_for_screen(booted, lambda now: now.rows[-1:] == [PROMPT + "help acpi"] and
                             now.cells[len(now.rows) - 1][len(PROMPT) + 2].paper == INK)
    assert [cell.paper for cell in screen.cells[len(screen.rows) - 1]].count(INK) == 1
    booted.send("\x0b\x0c")
    screen = wait_for_screen(booted, lambda now: now.rows == [PROMPT + "he"])
    booted.send("lp mem\r")
    booted.wait_for(r"^  mem .*\n")
    screen = wait_for_screen(booted, lambda now: len(now.rows) == 3 and now.rows[2] == "bestla>")
    assert screen.rows[0] == PROMPT + "help mem" and screen.rows[1].startswith("  mem ")


def test_report_on_a_clear_screen(boot: Callable[..., Boot]) -> None:
    """A panic: a title, then the report from its first word to its last, in 80 columns, each word
    whole; beside it nothing but the QR code (test_panic_code.py)."""
    machine = boot(kernel=kernel_path("null_pointer"), **SMALL)
    machine.wait_for(r"^kernel panic: .*\n")
    report_of(machine.serial)
    machine.wait_until_halted()
    screen = read_screen(machine, PANIC_GRID)
    assert {cell.paper for cell in screen.cells[0]} == {RED}
    assert {cell.ink for cell in screen.cells[0] if cell.character != " "} == {WHITE}
    report = machine.serial[machine.serial.index("exception 14"):]
    assert [word for row in screen.rows[1:] for word in row.split()] == report.split()
    assert [row for row in screen.rows[1:] if row.startswith("  R8 ")]
    picture = take_picture(machine)
    assert {picture.pixel(x, y) for x in range(656, 1280, 7) for y in range(16, 800, 7)} <= \
        {PAPER, 0, WHITE}
    assert {picture.pixel(x, y) for x in (0, 7, 656, 1279) for y in range(16)} == {RED}


def test_screen_that_dies(boot: Callable[..., Boot]) -> None:
    """A fault in drawing: the serial port has the whole report, once."""
    machine = boot(kernel=kernel_path("screen_unmapped"), **SMALL)
    machine.wait_for(r"^kernel panic: .*\n")
    report = report_of(machine.serial)
    assert report.vector == 14
    assert "canvas_glyph" in {frame.name.split(".")[0] for frame in report.backtrace}


def test_report_before_the_kernels_own_tables(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """On the loader's, which map the framebuffer elsewhere: the screen is not waited for."""
    machine = boot(gdb=str(tmp_path / "stub"), stopped=True, options="nokaslr", **SMALL)
    with GdbStub(tmp_path / "stub", BOOT_TIMEOUT * SCALE) as stub:
        stub.run_to(at := symbols()["frames_init"])
        assert stub.command(f"M{at:x},2:0f0b") == "OK"      # UD2
        assert stub.command("D") == "OK"
        machine.wait_for(r"^kernel panic: .*\n")
    assert report_of(machine.serial).vector == 6
    assert "screen: 1280x800" not in machine.serial
    machine.wait_until_halted()
    screen = read_screen(machine, PANIC_GRID)
    assert "kernel panic: #UD invalid opcode" in screen.rows
    assert screen.rows[1] == "exception 6: #UD invalid opcode, error code 0x0"


NO_SCREENS = {
    "RAM": ((0x200000, 0x300000, 1024, 768, 4096, 0xff0000, 0xff00, 0xff),
            "mm: warning: no screen: framebuffer of 0x300000 bytes at 0x200000: "
            "it reaches into RAM"),
    "MAXPHYADDR": ((1 << 51, 0x300000, 1024, 768, 4096, 0xff0000, 0xff00, 0xff),
                   "mm: warning: no screen: framebuffer of 0x300000 bytes at 0x8000000000000: "
                   "it is empty, wraps or ends past MAXPHYADDR"),
    "masks": ((0xfd000000, 0x300000, 1024, 768, 4096, 0xff0000, 0xffff00, 0xff),
              "screen: warning: none: framebuffer of 1024x768, pitch 4096, 0x300000 bytes, masks "
              "00ff0000 00ffff00 000000ff: its colour masks are empty, broken or overlap"),
    "size": ((0xfd000000, 0x2fffff, 1024, 768, 4096, 0xff0000, 0xff00, 0xff),
             "screen: warning: none: framebuffer of 1024x768, pitch 4096, 0x2fffff bytes"),
    "tiny": ((0xfd000000, 28 * 768, 7, 768, 28, 0xff0000, 0xff00, 0xff),
             "screen: warning: none: 7x768 pixels are fewer than one character has"),
}


@pytest.mark.parametrize("name", [
    "RAM", "masks", *(pytest.param(name, marks=pytest.mark.matrix)
                      for name in ("MAXPHYADDR", "size", "tiny"))])
def test_framebuffer_that_cannot_be(boot: Callable[..., Boot], tmp_path: Path, name: str) -> None:
    """A loader that says what is not so: a line that says what is wrong, and no screen."""
    fields, says = NO_SCREENS[name]
    machine = boot(gdb=str(tmp_path / "stub"), stopped=True, options="nokaslr", **QUICK)
    with GdbStub(tmp_path / "stub", BOOT_TIMEOUT * SCALE) as stub:
        stub.run_to(symbols()["kernel_entry"])
        at = machine.registers()["RDI"] + FRAMEBUFFER
        new = struct.pack("<QQ6I", *fields).hex()
        assert stub.command(f"M{at:x},28:{new}") == "OK"
        assert stub.command("D") == "OK"
        machine.wait_for(READY)
    assert says in machine.serial
    assert_audited(machine.serial)


@pytest.mark.matrix
def test_early_report_with_a_framebuffer_in_ram(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """The loader's root table is where the screen is said to end: nobody draws on it."""
    machine = boot(gdb=str(tmp_path / "stub"), stopped=True, options="nokaslr", **QUICK)
    with GdbStub(tmp_path / "stub", BOOT_TIMEOUT * SCALE) as stub:
        stub.run_to(symbols()["kernel_entry"])
        registers = machine.registers()
        start = registers["CR3"] + 0x1000 - 0x12c000
        new = struct.pack("<QQ6I", start, 0x12c000, 640, 480, 2560,
                          0xff0000, 0xff00, 0xff).hex()
        assert stub.command(f"M{registers['RDI'] + FRAMEBUFFER:x},28:{new}") == "OK"
        stub.run_to(at := symbols()["frames_init"])
        assert stub.command(f"M{at:x},2:0f0b") == "OK"      # UD2
        assert stub.command("D") == "OK"
        machine.wait_for(r"^kernel panic: .*\n")
    assert report_of(machine.serial).vector == 6


SCREENS = {
    "bochs-display": ["-device", "bochs-display"],
    "ramfb": ["-device", "ramfb"],
    "virtio-vga": ["-device", "virtio-vga"],
    "qxl": ["-device", "qxl-vga"],
    "cirrus": ["-device", "cirrus-vga"],
    "vmware": ["-device", "vmware-svga"],
}
# Widths of whole 8 pixels: QEMU's VGA rounds others down, and firmware does not know.
MODES = [(640, 480), (800, 600), (1024, 768), (1360, 768), (1920, 1080), (2560, 1440),
         (3840, 2160)]


@pytest.mark.matrix
@pytest.mark.parametrize("name", SCREENS)
def test_screens(boot: Callable[..., Boot], name: str) -> None:
    """Whatever QEMU has."""
    machine = boot(extra=[*NO_VGA, *SCREENS[name]], memory="256M")
    assert_shows_log(at_prompt(machine), machine.serial)
    assert_audited(machine.serial)


@pytest.mark.matrix
@pytest.mark.parametrize("width, height", MODES)
def test_modes(boot: Callable[..., Boot], width: int, height: int) -> None:
    """Small ones, wide ones, and those on which the characters are enlarged."""
    machine = boot(memory="256M", extra=[
        *NO_VGA, "-device", f"VGA,xres={width},yres={height},refresh_rate=30000,vgamem_mb=64"])
    screen = at_prompt(machine)
    assert (screen.picture.width, screen.picture.height) == (width, height)
    assert_shows_log(screen, machine.serial)
    assert_audited(machine.serial)
    grid = grid_of(machine.serial)
    assert grid.columns >= 80
    assert (grid.width > 8) == (width >= 2560)
