"""A panic's QR code on the screen, read by zbarimg from a picture: it is what went to serial."""

import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from booting import Boot
from kernel_log import report
from screen import Grid, read_screen, take_picture
from test_rights import kernel_path

QUIET, FINDER = 4, 7    # modules: the quiet zone, the side of a finder pattern
BLACK, WHITE = 0, 0xffffff  # black is nothing else on the screen


def die_on(boot: Callable[..., Boot], kernel: str, screen: str, **arguments: Any) -> Boot:
    """A kernel that has died on a screen of this size, and drawn what it draws."""
    width, height = screen.split("x")
    machine = boot(kernel=kernel_path(kernel), firmware="bios", memory="256M", extra=[
        "-vga", "none", "-device", f"VGA,edid=on,xres={width},yres={height}"], **arguments)
    machine.wait_for(r"^kernel panic: .*\n")
    machine.wait_until_halted()        # nothing will be drawn any more
    assert f"framebuffer {screen} at " in machine.serial
    return machine


def read_code(machine: Boot, folder: Path) -> str:
    """What zbarimg reads, which ends each code with a newline of its own."""
    picture = machine.screenshot(folder / "screen.png")
    done = subprocess.run(["zbarimg", "--nodbus", "--quiet", "--raw", "-Sdisable",
                           "-Sqrcode.enable", picture], capture_output=True, text=True, check=False)
    assert not done.returncode and done.stdout.endswith("\n"), done.stderr
    return done.stdout[:-1]


def said(machine: Boot) -> str:
    """The report as it went to serial."""
    log = machine.serial
    starts = [log.find(f"\n{words}") for words in ("exception ", "panic: ")]
    return log[min(start for start in starts if start >= 0) + 1:]


def module_size(machine: Boot) -> int:
    """Pixels of a module, with the quiet zone whole above and left of the first finder pattern."""
    picture = take_picture(machine)
    column, row = next((x, y) for y in range(picture.height) for x in range(picture.width)
                       if picture.pixel(x, y) == BLACK)
    length = next(i for i in range(picture.width) if picture.pixel(column + i, row) != BLACK)
    scale = length // FINDER
    assert length == scale * FINDER
    for distance in range(1, QUIET * scale + 1):
        assert picture.pixel(column, row - distance) == WHITE
        assert picture.pixel(column - distance, row) == WHITE
    return scale


# Modes that are too narrow for a code beside 80 columns.
GRIDS = {"640x480": Grid(80, 30, 8, 16), "800x600": Grid(98, 37, 8, 16, left=8),
         "1024x768": Grid(126, 48, 8, 16, left=8)}
NOTICE = re.compile(r" (\d+) lines more(, in the code)?, on serial$")


def assert_seen(machine: Boot, screen: str, code: str) -> None:
    """Around the code: the report word for word, up to its backtrace at least; and then how many
    lines are not there."""
    cells = read_screen(machine, GRIDS[screen]).cells[1:]
    rows = ["".join(" " if {cell.ink, cell.paper} & {BLACK, WHITE} else cell.character
                    for cell in row).rstrip() for row in cells]
    notice = NOTICE.match(next(row for row in reversed(rows) if row))
    whole = said(machine)
    if not notice:
        assert "\n".join(rows).split() == whole.split()
        return
    lines = whole.splitlines()[:-int(notice[1])]
    rows = rows[:max(at for at, row in enumerate(rows) if row)]
    assert "\n".join(rows).split() == "\n".join(lines).split()
    assert "backtrace:" in lines and bool(notice[2]) == (code == whole)


def matrix(kernel: str, screen: str, least: int) -> Any:
    """A row that only `make test-all` runs."""
    return pytest.param(kernel, screen, least, marks=pytest.mark.matrix)


@pytest.mark.parametrize("kernel, screen, least", [
    ("null_pointer", "800x600", 3),
    ("stack_overflow", "1024x768", 3),      # on the #DF stack
    matrix("null_pointer", "640x480", 2),
    matrix("null_pointer", "1024x768", 4),
    matrix("null_pointer", "1280x800", 4),
    matrix("null_pointer", "1920x1080", 4),
    matrix("panic_in_handler", "1024x768", 3),  # on the NMI stack; beside the text
    matrix("smashed_stack", "800x600", 3),
])
def test_whole_report(boot: Callable[..., Boot], tmp_path: Path, kernel: str, screen: str,
                      least: int) -> None:
    """Every byte, in modules that a phone can tell apart."""
    machine = die_on(boot, kernel, screen)
    assert report(machine.serial).backtrace
    code = read_code(machine, tmp_path)
    assert code == said(machine)
    assert module_size(machine) >= least
    if screen in GRIDS:
        assert_seen(machine, screen, code)


def test_report_too_long_for_the_screen(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Its first lines, whole ones, as many as fit."""
    machine = die_on(boot, "stack_overflow", "640x480")
    code, whole = read_code(machine, tmp_path), said(machine)
    assert whole.startswith(code) and code.endswith("\n") and 1500 < len(code) < len(whole)
    assert "\nbacktrace:\n" in code
    assert module_size(machine) == 2
    assert_seen(machine, "640x480", code)


@pytest.mark.matrix
def test_nmis(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Many, from the report's first line until the processor halts: report and code are whole."""
    machine = boot(kernel=kernel_path("null_pointer"), firmware="bios", memory="256M")
    machine.wait_for(r"^exception 14: .*\n")
    count = 0
    while not machine.halted:
        machine.qmp.command("inject-nmi")
        count += 1
    assert count > 0
    machine.qmp.command("inject-nmi")
    machine.wait_until_halted()        # nothing will be drawn any more
    assert said(machine).endswith("\nkernel panic: #PF page fault\n")
    assert said(machine).count("registers:") == 1 and "NMI" not in said(machine)
    assert read_code(machine, tmp_path) == said(machine)


@pytest.mark.matrix
def test_report_that_dies(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """What was said of the first panic, and the line about the second."""
    machine = die_on(boot, "panic_in_panic", "1024x768")
    code = read_code(machine, tmp_path)
    assert code == said(machine) and code.startswith("panic: the first\n")
    assert code.splitlines()[-1].endswith("while reporting: the first")
