"""How the kernel waits at its monitor, and how it ends there: faults, poweroff, reboot, halt."""

import re
import struct
from pathlib import Path
from typing import Callable

import pytest

from booting import QUICK, READY, Boot
from gdb_stub import GdbStub
from kernel_log import report
from monitor import Monitor, start


def power_off(monitor: Monitor) -> None:
    """QEMU ends, as powered off."""
    monitor.boot.send("poweroff\r")
    assert monitor.boot.wait_end() == "the machine powered itself off"


def test_processor_sleeps_at_the_prompt(boot: Callable[..., Boot]) -> None:
    """Between characters, and with an interrupt that will end it; then it powers off."""
    monitor = start(boot, **QUICK)
    assert "The monitor waits by interrupt" in monitor.boot.serial
    monitor.boot.wait_until_halted()
    assert monitor.boot.registers()["RFL"] & 1 << 9
    power_off(monitor)


def test_line_of_level(boot: Callable[..., Boot]) -> None:
    """COM1's line interrupts as long as it is up (ELCR, port 4d0h, bit 4), not once for each
    rise: it neither storms nor is slept through."""
    monitor = start(boot, **QUICK)
    monitor.boot.qmp.monitor("o /b 0x4d0 0x10")
    for _ in range(3):
        assert len(monitor.run("sym run")) == 1
    monitor.boot.wait_until_halted()
    power_off(monitor)


def test_port_is_polled_where_no_interrupt_comes(boot: Callable[..., Boot]) -> None:
    """The port's interrupt line is another than COM1 has. The same machine is a pc."""
    extra = [*QUICK["extra"], "-global", "isa-serial.irq=7"]
    monitor = start(boot, machine="pc", **QUICK | {"extra": extra})
    assert "The monitor waits by polling" in monitor.boot.serial
    assert not monitor.boot.halted
    assert monitor.run("sym run")
    power_off(monitor)


def test_monitor_off(boot: Callable[..., Boot]) -> None:
    """The kernel halts for good, interrupts off, as it does without a serial port."""
    machine = boot(options="monitor=off", **QUICK)
    machine.wait_for(READY)
    machine.wait_until_halted()
    machine.send("help\r")
    assert not machine.registers()["RFL"] & 1 << 9
    assert machine.serial.endswith("bestla: ready\n")


# How the kernel dies of it: the vector, None for a panic.
FAULTS: dict[str, tuple[int | None, str]] = {
    "null": (14, "#PF page fault"), "write-text": (14, "#PF page fault"),
    "stack-overflow": (8, "#DF double fault"), "nx": (14, "#PF page fault"),
    "divide": (0, "#DE divide error"), "gp": (13, "#GP general protection"),
    "ud": (6, "#UD invalid opcode"), "df": (8, "#DF double fault"),
    "panic": (None, "asked for"), "assert": (None, "assertion failed: 0x")}
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


def write_fadt(monitor: Monitor, stub_path: Path, changes: dict[int, bytes],
               damage: int = 0) -> None:
    """Puts bytes into the FADT behind the kernel's back; its checksum is right again, or off."""
    listed = "\n".join(monitor.run("acpi"))
    found = re.search(r"^  0x([0-9a-f]+)  FACP  0x([0-9a-f]+)", listed, re.M)
    assert found
    at, length = int(found[1], 16), int(found[2], 16)
    table = bytearray(monitor.boot.read_physical(at, length))
    for offset, content in changes.items():
        table[offset:offset + len(content)] = content
    table[9] = 0
    table[9] = (damage - sum(table)) & 0xff
    alias = int(monitor.run(f"find {at:#x}")[0].split()[0], 16)
    monitor.boot.qmp.command("stop")
    with GdbStub(stub_path, 30) as stub:
        assert stub.command(f"M{alias:x},{length:x}:{table.hex()}") == "OK"
        assert stub.command("D") == "OK"
    assert monitor.boot.read_physical(at, length) == table


# Offsets in the FADT (ACPI 6.5, table 5.9).
SMI_COMMAND, X_PM1A_EVENT, X_PM1A = 48, 148, 172
WRITTEN = "still on: the control register was written, and nothing came of it"
SLEEP = 1 << 13


def test_power_registers_anywhere(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """In device memory, which is mapped for it and not longer; in PCI configuration space; and
    refused in RAM and in a damaged table. QEMU's own are all ports."""
    monitor = start(boot, **QUICK | {"extra": [], "gdb": str(tmp_path / "stub")})

    def place(space: int, address: int, damage: int = 0) -> list[str]:
        register = struct.pack("<BBBBQ", space, 16, 0, 0, address)
        write_fadt(monitor, tmp_path / "stub", {SMI_COMMAND: bytes(4), X_PM1A: register}, damage)
        return monitor.run("poweroff")

    screen = re.search(r"framebuffer \S+ at 0x([0-9a-f]+)", monitor.boot.serial)
    assert screen
    unseen = int(screen[1], 16) + (8 << 20)         # of the card's 16 MiB, where nobody draws
    control, status = unseen + 6, unseen + 10
    before, = struct.unpack("<H", monitor.boot.read_physical(control, 2))
    write_fadt(monitor, tmp_path / "stub",
               {X_PM1A_EVENT: struct.pack("<BBBBQ", 0, 32, 0, 0, status)})
    assert place(0, control) == [WRITTEN]
    after, = struct.unpack("<H", monitor.boot.read_physical(control, 2))
    assert after == before & ~0x3c00 | SLEEP
    assert monitor.boot.read_physical(status, 2) == b"\0\x80"      # WAK_STS, and no other
    assert monitor.run("audit")[-1] == "  every rule that can be enforced holds"

    assert place(2, 0xdc) == [WRITTEN]                              # the MCH's scratchpad
    monitor.boot.qmp.monitor("o /4 0xcf8 0x800000dc")
    assert int(monitor.boot.qmp.monitor("i /4 0xcfc").split("=")[1], 16) & 0xffff == SLEEP

    refused = ["still on: the FADT names no control register that can be reached"]
    assert place(0, int(screen[1], 16) + 6) == refused              # mapped write-combining
    assert place(0, 0x1000) == place(0, 1 << 60) == place(2, 32 << 32) == refused
    assert place(1, 0x10000) == place(10, 0x1000) == refused
    assert place(1, 0x604, damage=1) == ["still on: the FADT is damaged: its checksum is wrong"]


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_reboot(boot: Callable[..., Boot], machine: str) -> None:
    """By the reset register; pc's FADT has none, so that the keyboard controller does it."""
    monitor = start(boot, machine=machine, **QUICK)
    monitor.boot.send("reboot\r")
    assert monitor.boot.wait_end().startswith("the machine reset")
    assert ("no reset register" in monitor.boot.serial) == (machine == "pc")


def test_foreign_interrupts(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """A command that raises one (its code is changed behind the kernel's back) of the local APIC's
    spurious vector, of COM1's with nothing in service, of the 8259's spurious one: nothing comes
    of it, and COM1's own still wake the monitor."""
    monitor = start(boot, **QUICK, gdb=str(tmp_path / "stub"))
    found = re.search(r"0x([0-9a-f]{16}) command_history",
                      "\n".join(monitor.run("sym command_history")))
    assert found and "by interrupt" in monitor.boot.serial
    for vector in (15, 0x24, 0x27):
        monitor.boot.qmp.command("stop")
        with GdbStub(tmp_path / "stub", 30) as stub:
            code = bytes([0xcd, vector, 0xc3])          # int VECTOR; ret
            assert stub.command(f"M{found[1]},3:{code.hex()}") == "OK"
            assert stub.command("D") == "OK"
        assert monitor.run("history") == []
        assert len(monitor.run("sym run")) == 1
    monitor.boot.wait_until_halted()
    power_off(monitor)
