"""The kernel's symbols where the kernel runs: KASLR slides it, and only its tables tell."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import gdb

from . import target
from .elf_file import ElfFile
from .paging import CR0_PG, EFER_LMA, Tables
from .target import TargetError

# common/layout.h, common/kaslr.h.
REGION, REGION_SIZE, STEP = 0xFFFF_FFFF_8000_0000, 1 << 30, 2 << 20

# loader/handoff.asm: on the kernel's tables, and not yet in the kernel.
SWITCHED = "handoff_switched"


def symbol_file() -> Path:
    """The file that gdb was started with."""
    name = gdb.current_progspace().filename
    if name is None:
        raise TargetError("gdb has no kernel: `file build/kernel.elf.debug`")
    return Path(name)


def linked_start(path: Path) -> int:
    """The page of the lowest PT_LOAD."""
    elf = ElfFile(str(path))
    try:
        starts = [each.virt for each in elf.loads()]
    finally:
        elf.close()
    if not starts:
        raise TargetError("%s: no PT_LOAD" % path)
    return min(starts) & -0x1000


def running_start(linked: int) -> Optional[int]:
    """Where the image's first page is mapped now: the lowest place that it can have."""
    state, ranges = target.controls(), target.readable_ranges()
    if not (state.cr0 & CR0_PG and state.efer & EFER_LMA):
        return None
    with target.physical_memory(state, ranges) as memory:
        tables = Tables(memory, state)
        places = range(REGION + (linked - REGION) % STEP, REGION + REGION_SIZE, STEP)
        return next((place for place in places if tables.walk(place).mapped), None)


def load_symbols() -> None:
    """Moves the symbols to where the kernel is; breakpoints by name go with them."""
    target.require_target()
    path = symbol_file()
    linked = linked_start(path)
    running = running_start(linked)
    if running is None:
        raise TargetError("no kernel is mapped yet: the loader's tables are not in use")
    slide = running - linked
    name = '"%s"' % str(path).replace("\\", "\\\\").replace('"', '\\"')
    gdb.execute("symbol-file -o %d %s" % (slide, name), to_string=True)
    print("kernel at 0x%x, 0x%x from where it is linked" % (running, slide))


_gate: Optional[gdb.Breakpoint] = None  # follow()'s; deletes itself when it is hit


def follow() -> None:
    """Before the kernel's first instruction its symbols move to it, and the machine runs on.

    A machine has four hardware breakpoints: the one of a call before, not hit yet, makes room."""
    global _gate
    if _gate is not None and _gate.is_valid():
        _gate.delete()
    _gate = gate = gdb.Breakpoint("*%s" % SWITCHED, gdb.BP_HARDWARE_BREAKPOINT, internal=True,
                          temporary=True)
    gate.silent = True
    gate.commands = "bestla-kernel-symbols\ncontinue"
