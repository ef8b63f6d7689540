"""How the kernel waits at its monitor, and how it ends there: faults, poweroff, reboot, halt."""

import re
import time
from typing import Callable

import pytest

from booting import QUICK, READY, Boot
from kernel_log import report
from monitor import Monitor, start


def halted(boot: Boot) -> bool:
    """Whether the processor sleeps in HLT, that is burns none of the host's time."""
    return "HLT=1" in boot.qmp.monitor("info registers")


def power_off(monitor: Monitor) -> None:
    """QEMU ends, as powered off."""
    monitor.boot.send("poweroff\r")
    assert monitor.boot.wait_end() == "the machine powered itself off"


def test_processor_sleeps_at_the_prompt(boot: Callable[..., Boot]) -> None:
    """Between characters, and with an interrupt that will end it; then it powers off."""
    monitor = start(boot, **QUICK)
    assert "The monitor waits by interrupt" in monitor.boot.serial
    deadline = time.monotonic() + 5
    while not halted(monitor.boot):
        assert time.monotonic() < deadline
    assert monitor.boot.registers()["RFL"] & 1 << 9
    power_off(monitor)


def test_port_is_polled_where_no_interrupt_comes(boot: Callable[..., Boot]) -> None:
    """The port's interrupt line is another than COM1 has. The same machine is a pc."""
    extra = [*QUICK["extra"], "-global", "isa-serial.irq=7"]
    monitor = start(boot, machine="pc", **QUICK | {"extra": extra})
    assert "The monitor waits by polling" in monitor.boot.serial
    assert not halted(monitor.boot)
    assert monitor.run("sym run")
    power_off(monitor)


def test_monitor_off(boot: Callable[..., Boot]) -> None:
    """The kernel halts for good, interrupts off, as it does without a serial port."""
    machine = boot(options="monitor=off", **QUICK)
    machine.wait_for(READY)
    deadline = time.monotonic() + 5
    while not halted(machine):
        assert time.monotonic() < deadline
    machine.send("help\r")
    assert not machine.registers()["RFL"] & 1 << 9
    assert machine.serial.endswith("bestla: ready\n")


# How the kernel dies of it: the vector, None for a panic.
FAULTS: dict[str, tuple[int | None, str]] = {
    "null": (14, "#PF page fault"), "write-text": (14, "#PF page fault"),
    "stack-overflow": (8, "#DF double fault"), "nx": (14, "#PF page fault"),
    "divide": (0, "#DE divide error"), "gp": (13, "#GP general protection"),
    "ud": (6, "#UD invalid opcode"), "df": (8, "#DF double fault"),
    "panic": (None, "asked for"), "assert": (None, "assertion failed at ")}
QUICK_FAULTS = ("df",)


@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=() if kind in QUICK_FAULTS else pytest.mark.matrix)
    for kind in FAULTS])
def test_fault(boot: Callable[..., Boot], kind: str) -> None:
    """Nothing without a y; then the report, through the monitor's own frames."""
    monitor = start(boot, **QUICK)
    monitor.boot.send(f"fault {kind}\r")
    monitor.boot.wait_for(r"Go on\? \[y/n\] ")
    monitor.type("?\rn")
    monitor.boot.send(f"fault {kind}\ry")
    monitor.boot.wait_for(r"^kernel panic: .*\n")
    vector, words = FAULTS[kind]
    assert re.search(rf"^kernel panic: {re.escape(words)}", monitor.boot.serial, re.M)
    assert "monitor_run+" in monitor.boot.serial
    if vector is not None:
        assert report(monitor.boot.serial).vector == vector


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_reboot(boot: Callable[..., Boot], machine: str) -> None:
    """By the reset register; pc's FADT has none, so that the keyboard controller does it."""
    monitor = start(boot, machine=machine, **QUICK)
    monitor.boot.send("reboot\r")
    assert monitor.boot.wait_end().startswith("the machine reset")
    assert ("no reset register" in monitor.boot.serial) == (machine == "pc")
