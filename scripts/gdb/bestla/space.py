"""One page map with all that is known about it: what the commands work on."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Callable, Iterator, NamedTuple, Optional

from .annotate import Surroundings
from .boot_info import BootInfo, read_boot_info
from .entries import FRAME_BITS, PRESENT, Controls, canonical, is_leaf, level_shift
from .image import Image, KernelFile, find_image
from .memory import Memory, Unreadable
from .paging import Tables
from .report import Mode
from .runs import Piece, Run
from .tree import Range, shown_as, touches

PAT_ASSUMED = "the PAT MSR is taken to be that of power-on (this source does not tell)"
# More rows than any map that is meant; tables that lead to themselves have 2^36.
MOST_ROWS = 100_000
MOST_TABLES = 1 << 20


class View(NamedTuple):
    """A way into a stopped machine: its memory and its registers, wherever they come from."""

    memory: Memory
    controls: Controls
    mode: Mode = Mode()
    stack_pointer: Optional[int] = None
    whole_memory: bool = True               # False: nothing but tables can be read
    assumed: tuple[str, ...] = ()           # what had to be guessed, in words


class TableAt(NamedTuple):
    """A table, at the level and by the way that it was first reached."""

    frame: int
    level: int
    path: tuple[int, ...]                   # indices from the root down
    virt: int
    times: int                              # how many entries point to it


class Listed(NamedTuple):
    """Tables, and what the first one translates that was left out, if any was."""

    tables: list[TableAt]
    stopped_at: Optional[int]


class PageSpace:
    """A view's tables, read once, with their runs and what lies there."""

    def __init__(self, view: View, kernel: Optional[KernelFile] = None, rows: int = MOST_ROWS,
                 progress: Optional[Callable[[int], None]] = None) -> None:
        self.view = view
        self.tables = Tables(view.memory, view.controls, progress)
        # Where more rows than asked for were left out.
        self.stopped_at: Optional[int] = None
        self._kernel = kernel
        # What lies where is told from all of a sane map, however few of its rows are wanted.
        self._rows = max(rows, MOST_ROWS) if rows else 0

    @cached_property
    def pieces(self) -> list[Piece]:
        """All of the map, or as many rows as were asked for."""
        pieces = self.tables.pieces()
        found = list(islice(pieces, self._rows) if self._rows else pieces)
        following = next(pieces, None) if self._rows else None
        self.stopped_at = following.virt if following is not None else None
        return found

    @cached_property
    def image(self) -> Optional[Image]:
        if self._kernel is None:
            return None
        return find_image(self._kernel, self.tables, self.pieces, self._memory)

    @cached_property
    def boot_info(self) -> Optional[BootInfo]:
        virt = self.image.address_of("boot_info") if self.image else None
        if virt is None or self._memory is None:
            return None
        walk = self.tables.walk(virt)
        return read_boot_info(self._memory, walk.phys) if walk.mapped else None

    @cached_property
    def _noted_pat(self) -> Optional[int]:
        """The PAT that the kernel has noted (kernel/cpu/memory_types.c), where it is not told."""
        virt = self.image.address_of("page_attribute_table") if self.image else None
        if virt is None or self._memory is None or PAT_ASSUMED not in self.view.assumed:
            return None
        walk = self.tables.walk(virt)
        try:
            data = self._memory.read(walk.phys, 8) if walk.mapped else b""
        except Unreadable:
            return None
        return int.from_bytes(data, "little") or None

    @cached_property
    def controls(self) -> Controls:
        noted = self._noted_pat
        return self.view.controls if noted is None else self.view.controls._replace(pat=noted)

    @property
    def assumed(self) -> tuple[str, ...]:
        """What had to be guessed, in words."""
        return tuple(each for each in self.view.assumed
                     if each != PAT_ASSUMED or self._noted_pat is None)

    @cached_property
    def around(self) -> Surroundings:
        return Surroundings(self.pieces, self.tables.store, self.image, self.boot_info,
                            self.view.stack_pointer)

    @property
    def _memory(self) -> Optional[Memory]:
        return self.view.memory if self.view.whole_memory else None

    def runs(self) -> Iterator[Run]:
        return (piece for piece in self.pieces if isinstance(piece, Run))

    @cached_property
    def listed(self) -> Listed:
        """All tables, or as many as any map that is meant has."""
        return self.tables_in(None)

    def tables_in(self, wanted: Range) -> Listed:
        """Those by which a range is translated."""
        return list_tables(self.tables, MOST_TABLES if self._rows else 0, wanted)


def list_tables(tables: Tables, most: int = 0, wanted: Range = None) -> Listed:
    """Every table once at each level that it serves, the root first; `most` 0 is no limit."""
    controls, stopped_at = tables.controls, None
    looked_into = set()
    found: dict[tuple[int, int], TableAt] = {}
    times: dict[tuple[int, int], int] = {}
    waiting: list[tuple[int, int, tuple[int, ...], int]] = [
        (controls.root, controls.top, (), 0)]
    while waiting:
        frame, level, path, virt = waiting.pop()
        times[frame, level] = times.get((frame, level), 0) + 1
        this = shown_as(frame, level, virt, wanted)
        if this in looked_into:
            continue
        looked_into.add(this)
        entries = tables.entries(frame)
        if entries is None:
            continue
        if most and len(found) == most and (frame, level) not in found:
            stopped_at = virt
            break
        found.setdefault((frame, level), TableAt(frame, level, path, virt, 1))
        if level == 1:
            continue
        below = [(entry & FRAME_BITS, level - 1, path + (index,),
                  canonical(virt + (index << level_shift(level)), controls.top))
                 for index, entry in enumerate(entries)
                 if entry & PRESENT and not is_leaf(entry, level)
                 and not tables.reserved(entry, level)]
        waiting += reversed([each for each in below
                             if touches(each[3], 1 << level_shift(level), wanted)])
    return Listed([each._replace(times=times[key]) for key, each in found.items()], stopped_at)
