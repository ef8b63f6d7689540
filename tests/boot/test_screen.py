"""What a person sees: the screen, read back with the kernel's font, against the serial port."""

import re
from typing import Any, Callable, Iterator

import pytest

from booting import READY, Boot
from kernel_log import assert_audited, page_map, report as report_of
from screen import Grid, assert_shows_log, grid_of, read_screen, take_picture, wait_for_screen
from test_rights import kernel_path

PROMPT = "bestla> "
SMALL = {"firmware": "bios", "memory": "256M"}
NO_VGA = ["-vga", "none"]
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
    screen = wait_for_screen(booted, lambda now: now.rows[-1:] == [PROMPT + "help acpi"])
    assert screen.cells[len(screen.rows) - 1][len(PROMPT) + 2].paper == INK     # the cursor
    booted.send("\x0b\x0c")
    screen = wait_for_screen(booted, lambda now: now.rows == [PROMPT + "he"])
    booted.send("lp mem\r")
    booted.wait_for(r"^  mem .*\n")
    screen = wait_for_screen(booted, lambda now: len(now.rows) == 3 and now.rows[2] == "bestla>")
    assert screen.rows[0] == PROMPT + "help mem" and screen.rows[1].startswith("  mem ")


def test_report_on_a_clear_screen(boot: Callable[..., Boot]) -> None:
    """A panic: a title, then the report from its first word to its last, in 80 columns."""
    machine = boot(kernel=kernel_path("null_pointer"), **SMALL)
    machine.wait_for(r"^kernel panic: .*\n")
    report_of(machine.serial)
    screen = wait_for_screen(machine, lambda now: "kernel panic: " in now.text,
                             Grid(80, 50, 8, 16))
    assert {cell.paper for cell in screen.cells[0]} == {RED}
    assert {cell.ink for cell in screen.cells[0] if cell.character != " "} == {WHITE}
    report = machine.serial[machine.serial.index("exception 14"):]
    assert screen.rows[1:] == [line[at:at + 80].rstrip() for line in report.splitlines()
                               for at in range(0, len(line), 80)]
    picture = take_picture(machine)
    assert {picture.pixel(x, y) for x in range(640, 1280, 7) for y in range(0, 800, 7)} == {PAPER}


def test_screen_that_dies(boot: Callable[..., Boot]) -> None:
    """A fault in drawing: the serial port has the whole report, once."""
    machine = boot(kernel=kernel_path("screen_unmapped"), **SMALL)
    machine.wait_for(r"^kernel panic: .*\n")
    report = report_of(machine.serial)
    assert report.vector == 14
    assert "canvas_glyph" in {frame.name.split(".")[0] for frame in report.backtrace}


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
        *NO_VGA, "-device", f"VGA,xres={width},yres={height},vgamem_mb=64"])
    screen = at_prompt(machine)
    assert (screen.picture.width, screen.picture.height) == (width, height)
    assert_shows_log(screen, machine.serial)
    assert_audited(machine.serial)
    grid = grid_of(machine.serial)
    assert grid.columns >= 80
    assert (grid.width > 8) == (width >= 2560)
