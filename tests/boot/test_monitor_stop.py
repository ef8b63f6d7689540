"""^C at a command that is running: every command that may be long ends, and says how far it got.

Most of it on a kernel whose tables have no end (tests/kernel/endless_tables.c), so that a command
which is not stopped is never done: nothing here depends on how fast a machine is. Commands that
end all the same are in tests/unit/test_monitor_memory.c.
"""

import re
from typing import Any, Callable, Iterator

import pytest

from booting import BOOT_TIMEOUT, QUICK, SCALE, Boot
from kernel_log import page_map
from keyboard import press
from monitor import Monitor, start
from test_rights import kernel_path

INTERRUPT = "\x03"
ENDLESS = QUICK | {"kernel": kernel_path("endless_tables")}


@pytest.fixture(name="endless", scope="module")
def fixture_endless(boot_once: Callable[..., Boot]) -> Iterator[Monitor]:
    """One machine for all commands: each leaves it as it was."""
    monitor = start(boot_once, **ENDLESS)
    yield monitor
    monitor.boot.stop()


def by_serial(monitor: Monitor) -> None:
    """^C as a terminal sends it."""
    monitor.boot.send(INTERRUPT)


def by_keyboard(monitor: Monitor) -> None:
    """^C as two keys."""
    press(monitor.boot, "ctrl", "c")


def stop(monitor: Monitor, line: str, printed: str = "",
         interrupt: Callable[[Monitor], None] = by_serial) -> list[str]:
    """What a command prints that is stopped when it has printed this."""
    begin = len(monitor.boot.serial)
    monitor.boot.send(f"{line}\r")
    wanted = re.compile(re.escape(line) + r"\n" + printed)
    found = monitor.boot.running.serial.wait(lambda text: wanted.search(text, begin),
                                             BOOT_TIMEOUT * SCALE)
    assert found, monitor.boot.tail()
    interrupt(monitor)
    lines = monitor.wait_prompt(begin).split("\n")[1:-1]
    assert lines.count("^C") == 1 and lines[-2] == "^C", lines[-3:]
    assert monitor.run("sym no_such_symbol") == ["no_such_symbol: neither a number nor a symbol"]
    return lines


def not_shown(line: str) -> int:
    """Where a command stopped."""
    found = re.fullmatch(r"  stopped: not \w+( \w+)? is what lies from 0x([0-9a-f]{16}) on", line)
    assert found, line
    return int(found[2], 16)


ROWS = r"(?:.*\n){20}"


def assert_map_stops(monitor: Monitor, interrupt: Callable[[Monitor], None]) -> None:
    """Behind the last row that is there."""
    lines = stop(monitor, "map", ROWS, interrupt)
    rows = page_map("\n".join(lines) + "\n")
    assert len(rows) == len(lines) - 3 >= 19
    assert rows[-1][0].virt + rows[-1][0].size == not_shown(lines[-1])


def test_map(endless: Monitor) -> None:
    """Behind the last row that is there."""
    assert_map_stops(endless, by_serial)


def test_map_of_a_range(endless: Monitor) -> None:
    """The same, where it begins."""
    lines = stop(endless, "map 0xfffff00000000000+1T", ROWS)
    rows = page_map("\n".join(lines) + "\n")
    assert rows[0][0].virt == 0xfffff00000000000
    assert rows[-1][0].virt + rows[-1][0].size == not_shown(lines[-1])


def test_find_that_finds(endless: Monitor) -> None:
    """Behind the last address that it found, or beyond that."""
    rows = stop(endless, "map 0xfffff00000000000+1T", ROWS)
    frame = page_map("\n".join(rows) + "\n")[0][0].phys
    lines = stop(endless, f"find {frame:#x}", ROWS)
    found = [int(line.split()[0], 16) for line in lines[:-2]]
    assert len(found) >= 20 and found == sorted(set(found))
    assert 0 < not_shown(lines[-1]) - found[-1] <= 8192


def test_find_that_finds_nothing(endless: Monitor) -> None:
    """Nothing is printed before ^C, and it does not say that there is nothing."""
    lines = stop(endless, "find 0xfee00000")
    assert len(lines) == 2
    assert not_shown(lines[-1]) >= 0


def test_dump(endless: Monitor) -> None:
    """Every table is printed soon, and gone through for ever."""
    lines = stop(endless, "dump", r"tables: .*\n(?:table .*\n){8}")
    assert lines[0].startswith("tables: cr0=")
    assert all(line.startswith("table 0x") for line in lines[1:-2])
    assert re.fullmatch(r"stopped: not finished; of \d+ tables the last may be printed in part",
                        lines[-1])
    before = endless.run("mem")
    stop(endless, "dump")
    assert endless.run("mem") == before, "dump keeps no frame"


def test_audit(endless: Monitor) -> None:
    """Within the first rule, of which it says nothing; the next audit begins anew."""
    for _ in range(2):
        assert stop(endless, "audit") == [
            "^C", "  stopped at rule 1: of those before it 0 do not hold"]


def test_what_is_typed_meanwhile(endless: Monitor) -> None:
    """What was typed before ^C is gone, what comes after it is run."""
    lines = stop(endless, "map", ROWS, lambda monitor: monitor.boot.send(
        "sym kernel_entry\r" + INTERRUPT))
    assert not any("kernel_entry" in line for line in lines)
    endless.boot.send("map\r")
    begin = len(endless.boot.serial)
    endless.boot.send("nonsense\r" + INTERRUPT + "sym kernel_main\rsym kernel_entry\r")
    text = endless.wait_prompt(begin, prompts=3)
    assert "nonsense" not in text
    assert text.index("kernel_main+0x0") < text.index("kernel_entry+0x0")


def test_question(endless: Monitor) -> None:
    """^C and ^D mean no."""
    for key, shown in ((INTERRUPT, "^C"), ("\x04", "^D"), ("n", "n")):
        begin = len(endless.boot.serial)
        endless.boot.send("fault null\r")
        assert endless.boot.running.serial.wait(
            lambda text, at=begin: text.endswith("[y/n] ", at) or None, BOOT_TIMEOUT * SCALE)
        endless.boot.send(key)
        assert endless.wait_prompt(begin).endswith(f"Go on? [y/n] {shown}\nbestla> ")


def test_by_keyboard(endless: Monitor) -> None:
    """Ctrl and C of the PS/2 keyboard, which is read when the serial port has nothing."""
    assert_map_stops(endless, by_keyboard)
    assert stop(endless, "find 0xfee00000", "", by_keyboard)[-1].startswith("  stopped: ")


def test_where_no_interrupt_comes(boot: Callable[..., Boot]) -> None:
    """The port's and the keyboard's lines are others than a PC has: both are polled."""
    extra: list[Any] = [*QUICK["extra"], "-global", "isa-serial.irq=7",
                        "-global", "i8042.kbd-irq=5"]
    monitor = start(boot, machine="pc", **ENDLESS | {"extra": extra})
    assert "The monitor waits by polling" in monitor.boot.serial
    assert_map_stops(monitor, by_serial)
    assert_map_stops(monitor, by_keyboard)
