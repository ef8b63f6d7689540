"""Cores that QEMU writes (`dump-guest-memory`): physical memory and each processor's registers."""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from .elf_file import EM_X86_64, ET_CORE, ElfError, ElfFile
from .entries import CR0_PG, EFER_LMA, EFER_NXE, Controls
from .memory import Unreadable

# struct QEMUCPUState, target/i386/arch_dump.c: version and size, 18 registers, 10 segments
# of 24 bytes, CR0 to CR4. Version 1.
NOTE_NAME = "QEMU"
NOTE_SIZE = 8 + 18 * 8 + 10 * 24 + 5 * 8
CS_AT, CR_AT = 8 + 18 * 8, 8 + 18 * 8 + 10 * 24
EFER_LME = 1 << 8


class Processor(NamedTuple):
    """Registers of one."""

    cr0: int
    cr3: int
    cr4: int
    rsp: int
    rflags: int
    cs: int


class CoreMemory:
    """Physical memory as the core's PT_LOAD segments give it."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self._loads = sorted((each.phys, each.file_size, each.offset) for each in elf.loads()
                             if each.file_size)
        self._starts = [each[0] for each in self._loads]
        # How far all segments up to one reach: those of a core with -p overlap.
        self._reach = list(accumulate((start + size for start, size, _ in self._loads), max))

    def read(self, phys: int, size: int) -> bytes:
        """A range may go on from one segment to the next."""
        parts = []
        while size:
            start, length, offset = self._segment_at(phys)
            part = min(size, start + length - phys)
            try:
                parts.append(self.elf.bytes_at(offset + phys - start, part))
            except ElfError as error:
                raise Unreadable(str(error)) from None
            phys, size = phys + part, size - part
        return b"".join(parts)

    def _segment_at(self, phys: int) -> tuple[int, int, int]:
        index = bisect_right(self._starts, phys) - 1
        while index >= 0 and phys < self._reach[index]:
            start, length, _ = self._loads[index]
            if phys < start + length:
                return self._loads[index]
            index -= 1
        raise Unreadable("0x%x: not in the core" % phys)


def check_core(elf: ElfFile) -> None:
    """Refuses what would read as zeros: gdb, for one, does not notice."""
    if elf.type != ET_CORE:
        raise ElfError("%s: e_type %d, not a core (%d)" % (elf.path, elf.type, ET_CORE))
    if elf.machine != EM_X86_64:
        raise ElfError("%s: e_machine %d, not x86-64 in long mode (%d)"
                       % (elf.path, elf.machine, EM_X86_64))
    loads = elf.loads()
    if not loads:
        raise ElfError("%s: no PT_LOAD segment: the core holds no memory" % elf.path)
    for number, each in enumerate(loads):
        if each.file_size and each.offset + each.file_size > elf.size:
            paging = "; a core made with -p (paging) is so: make it without" \
                if any(load.virt != load.phys for load in loads) else ""
            raise ElfError("%s: truncated: segment %d (physical 0x%x) is to end at 0x%x, and the "
                           "file ends at 0x%x%s" % (elf.path, number, each.phys,
                                                    each.offset + each.file_size, elf.size, paging))


def processors(elf: ElfFile) -> list[Processor]:
    found = []
    for name, _, data in elf.notes():
        if name != NOTE_NAME:
            continue
        version, size = struct.unpack_from("<II", data) if len(data) >= 8 else (0, 0)
        if version != 1 or len(data) < NOTE_SIZE:
            raise ElfError("%s: QEMU's note has version %d and %d bytes, expected 1 and at least "
                           "%d" % (elf.path, version, len(data), NOTE_SIZE))
        registers = struct.unpack_from("<18Q", data, 8)
        cr = struct.unpack_from("<5Q", data, CR_AT)
        selector, = struct.unpack_from("<I", data, CS_AT)
        found.append(Processor(cr[0], cr[3], cr[4], registers[7], registers[17], selector))
    return found


def controls_of(processor: Processor) -> Controls:
    """A core has no EFER. QEMU writes a 64-bit one of a machine in long mode; NXE is assumed."""
    efer = EFER_LMA | EFER_LME | EFER_NXE if processor.cr0 & CR0_PG else 0
    return Controls(processor.cr0, processor.cr3, processor.cr4, efer)
