"""The machine that gdb is attached to: its control registers and its physical memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Optional

import gdb

from .memory import (BoundedMemory, Memory, Ranges, Unreadable, ask_features, parse_dump,
                     parse_flat_view, parse_registers)
from .paging import ADDRESS_MASK, CR0_PG, EFER_LMA, PAT_AT_POWER_ON, Controls, Tables
from .report import Mode

DIRECT_MAP = 0xFFFF_8880_0000_0000

# The most that QEMU's stub gives in one answer (MAX_PACKET_LENGTH / 2).
PACKET_BYTES = 0x800


class TargetError(Exception):
    """The machine cannot be asked now, or gave an answer that makes no sense."""


def require_target() -> gdb.TargetConnection:
    inferior = gdb.selected_inferior()
    if inferior.connection is None or not inferior.is_valid() or inferior.pid == 0:
        raise TargetError("not connected to a machine: start QEMU with a gdb stub, then "
                          "`target remote`")
    thread = gdb.selected_thread()
    if thread is None or thread.is_running():
        raise TargetError("the machine is running: stop it first (^C, `interrupt`)")
    return inferior.connection


def monitor(command: str) -> str:
    """The answer of the stub's own monitor, empty where it has none."""
    try:
        return gdb.execute("monitor " + command, to_string=True)
    except gdb.error:
        return ""


def register(name: str) -> Optional[int]:
    """A register of the selected thread; None if this target has none of that name."""
    try:
        return int(gdb.parse_and_eval("$" + name)) & ADDRESS_MASK
    except gdb.error:
        return None


def controls() -> Controls:
    """Control registers from gdb's registers, else from the stub's monitor.

    No stub shows the PAT MSR; the convenience variable $pat stands in for it.
    """
    values = {name: register(name) for name in ("cr0", "cr3", "cr4", "efer")}
    if None in values.values():
        values.update(parse_registers(monitor("info registers")))
    known = {name: value for name, value in values.items() if value is not None}
    missing = [name for name in values if name not in known]
    if missing:
        raise TargetError("the stub shows neither register %s nor `monitor info registers`"
                          % ", ".join(missing))
    pat = register("pat")
    return Controls(known["cr0"], known["cr3"], known["cr4"], known["efer"],
                    PAT_AT_POWER_ON if pat is None else pat, **ask_features(monitor))


def mode() -> Mode:
    """Who executes now: CS.RPL is the privilege level (SDM Vol. 3A 5.5)."""
    return Mode((register("cs") or 0) & 3 == 3, bool((register("eflags") or 0) & 1 << 18))


class StubMemory:
    """QEMU's stub in its physical-memory mode; only inside physical_mode().

    The packets go past gdb's caches, so these can neither answer with virtual memory
    nor keep physical bytes for a virtual address.
    """

    def __init__(self, connection: gdb.TargetConnection) -> None:
        self.connection = connection

    def read(self, phys: int, size: int) -> bytes:
        parts = []
        for offset in range(0, size, PACKET_BYTES):
            length = min(PACKET_BYTES, size - offset)
            answer = self.connection.send_packet("m%x,%x" % (phys + offset, length)) or b""
            try:
                part = bytes.fromhex(answer.decode("ascii"))
            except ValueError:
                part = b""
            if len(part) != length:
                raise Unreadable("0x%x: the stub answers %r" % (phys + offset, answer[:16]))
            parts.append(part)
        return b"".join(parts)

    def write(self, phys: int, data: bytes) -> None:
        self.connection.send_packet("M%x,%x:%s" % (phys, len(data), data.hex()))


class MonitorMemory:
    """The stub's monitor: slower, and known to QEMUs older than the packet."""

    def read(self, phys: int, size: int) -> bytes:
        start = phys & ~7
        words = (phys + size - start + 7) // 8
        data = parse_dump(monitor("xp /%dgx 0x%x" % (words, start)), 8 * words)
        return data[phys - start:phys - start + size]


class MappedMemory:
    """Physical memory through a mapping of all of it at one offset."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def read(self, phys: int, size: int) -> bytes:
        virt = phys + self.offset & ADDRESS_MASK
        try:
            return bytes(gdb.selected_inferior().read_memory(virt, size))
        except (gdb.error, OverflowError) as error:
            raise Unreadable("0x%x: %s" % (phys, error)) from None


def set_physical_mode(connection: gdb.TargetConnection, on: bool) -> bool:
    answer = connection.send_packet("Qqemu.PhyMemMode:%d" % on)
    # What gdb has cached belongs to the other mode.
    gdb.execute("maintenance flush dcache", to_string=True)
    return answer == b"OK"


@contextmanager
def physical_mode(connection: gdb.TargetConnection) -> Iterator[bool]:
    """Switches the stub to physical memory, and back whatever happens.

    Nothing may ask gdb for memory inside. Gives False where the stub has no such mode.
    """
    if not hasattr(connection, "send_packet"):
        yield False
        return
    try:
        yield set_physical_mode(connection, True)
    finally:
        try:
            set_physical_mode(connection, False)
        except KeyboardInterrupt:
            set_physical_mode(connection, False)
            raise


def trusted(memory: Memory, ranges: Optional[Ranges]) -> Memory:
    return memory if ranges is None else BoundedMemory(memory, ranges)


def maps_itself(candidate: MappedMemory, state: Controls) -> bool:
    """Whether the tables read through a mapping say that it is one."""
    if not state.cr0 & CR0_PG:
        return candidate.offset == 0
    if not state.efer & EFER_LMA:
        return False
    walk = Tables(candidate, state).walk(state.root + candidate.offset & ADDRESS_MASK)
    return walk.mapped and walk.phys == state.root


def direct_map() -> int:
    """Where the kernel has it, as far as its symbols tell: KASLR moves both."""
    try:
        return int(gdb.parse_and_eval("boot_info.direct_map_base")) or DIRECT_MAP
    except gdb.error:
        return DIRECT_MAP


def other_memory(state: Controls, ranges: Optional[Ranges]) -> Memory:
    """For stubs without physical mode."""
    try:
        MonitorMemory().read(state.root, 8)
        return trusted(MonitorMemory(), ranges)
    except Unreadable:
        pass
    for offset in (0, direct_map()):
        candidate = MappedMemory(offset)
        if maps_itself(candidate, state):
            return trusted(candidate, ranges)
    raise TargetError("no way to physical memory: the stub has no Qqemu.PhyMemMode, no `monitor "
                      "xp`, and CR3 = 0x%x maps its tables neither at 0 nor at 0x%x"
                      % (state.cr3, direct_map()))


def readable_ranges() -> Optional[Ranges]:
    """RAM and ROM, where the stub's monitor can tell."""
    return parse_flat_view(monitor("info mtree -f"))


@contextmanager
def physical_memory(state: Controls, ranges: Optional[Ranges]) -> Iterator[Memory]:
    """A reader of the stopped machine's physical memory."""
    connection = require_target()
    with physical_mode(connection) as on:
        if on:
            yield trusted(StubMemory(connection), ranges)
            return
    yield other_memory(state, ranges)
