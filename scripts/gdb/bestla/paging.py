"""x86-64 page tables, read from any memory: one walker for every level."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import Callable, Iterator, NamedTuple, Optional

# What is read of an entry stands in entries.py; whoever walks finds it here too.
from .entries import (ACCESSED, ADDRESS_MASK, ALL_RIGHTS, CR0_PG, CR0_WP, CR4_LA57,  # noqa: F401
                      CR4_CET, CR4_LASS, CR4_PKE, CR4_PKS, CR4_SMAP, CR4_SMEP, DIRTY, EFER_LMA,
                      EFER_NXE, ENTRIES, EXECUTE, FRAME_BITS, GLOBAL, LARGE, LEVEL_NAMES, NX,
                      PAT_AT_POWER_ON, PAT_LARGE, PAT_SMALL, PCD, PRESENT, PWT, RIGHTS, TABLE_SIZE,
                      USER, WRITE, Controls, NotTranslating, bit_list, canonical, entry_rights,
                      is_leaf, leaf_frame, level_index, level_shift, page_size, pat_index, pat_type,
                      reserved_mask)
from .memory import Memory, Unreadable
from .runs import Flaw, Piece, Run, merged
from .table_store import TableStore, alike

# Subtrees whose runs are kept: enough for every sane map, and a table that points
# to itself cannot fill the memory.
KEPT_RUNS = 4096
KEPT_IN_ALL = 1 << 20
KEPT_TABLES = 1 << 16


class Step(NamedTuple):
    """One entry met on the way from CR3 to a page."""

    level: int
    index: int
    address: int                # physical, of the entry
    entry: Optional[int]        # None: the table is not in readable memory
    reserved: int               # reserved bits that are set

    @property
    def leaf(self) -> bool:
        return self.entry is not None and is_leaf(self.entry, self.level)

    @property
    def passable(self) -> bool:
        return self.entry is not None and bool(self.entry & PRESENT) and not self.reserved


class Walk(NamedTuple):
    virt: int
    steps: tuple[Step, ...]
    rights: int                 # effective: what all levels allow together

    @property
    def mapped(self) -> bool:
        return self.steps[-1].leaf and self.steps[-1].passable

    @property
    def phys(self) -> int:
        """Only of a walk that is mapped."""
        last = self.steps[-1]
        return leaf_frame(last.entry or 0, last.level) | self.virt & (page_size(last.level) - 1)


class Tables:
    """The tables under one CR3 at one moment; each is read once."""

    def __init__(self, memory: Memory, controls: Controls,
                 progress: Optional[Callable[[int], None]] = None) -> None:
        controls.require_long_mode()
        self.controls = controls
        self.store = TableStore(memory, progress)
        self._room = KEPT_IN_ALL
        self._kept: dict[tuple[int, int], tuple[Piece, ...]] = {}
        self._runs: dict[tuple[int, int], Optional[Run]] = {}
        self._reserved = {(level, leaf): reserved_mask(level, leaf, controls)
                          for level in LEVEL_NAMES for leaf in (False, True)}

    def entries(self, table: int) -> Optional[tuple[int, ...]]:
        """All entries of the table at a physical address, or None if it cannot be read."""
        return self.store.entries(table)

    def reserved(self, entry: int, level: int) -> int:
        """Reserved bits that are set in a present entry."""
        return entry & self._reserved[level, is_leaf(entry, level)] if entry & PRESENT else 0

    def walk(self, virt: int) -> Walk:
        """The way to an address, up to the leaf or to the first entry that ends it."""
        steps: list[Step] = []
        table, rights = self.controls.root, ALL_RIGHTS
        for level in range(self.controls.top, 0, -1):
            index = level_index(virt, level)
            entries = self.entries(table)
            entry = None if entries is None else entries[index]
            steps.append(Step(level, index, table + 8 * index, entry,
                              self.reserved(entry or 0, level)))
            if entry is None or not steps[-1].passable:
                break
            rights &= entry_rights(entry)
            if steps[-1].leaf:
                break
            table = entry & FRAME_BITS
        return Walk(virt, tuple(steps), rights)

    def pieces(self) -> Iterator[Piece]:
        """The whole map in the order of virtual addresses, lazily."""
        top = self.controls.top
        if not self.store.readable(self.controls.root):
            raise Unreadable("CR3 = 0x%x: the %s is outside readable memory"
                             % (self.controls.cr3, LEVEL_NAMES[top]))
        return self._below(self.controls.root, top)

    def _below(self, table: int, level: int) -> Iterator[Piece]:
        """Pieces of a table, relative to the start of what it maps, by its own rights.

        The work for a subtree that is used again is what it prints, not what it holds.
        """
        kept = self._kept.get((table, level))
        if kept is not None:
            yield from kept
            return
        seen: Optional[list[Piece]] = []
        for piece in merged(self._read(table, level)):
            yield piece
            if seen is not None:
                seen.append(piece)
                seen = seen if len(seen) < KEPT_RUNS else None
        if seen is not None and len(seen) <= self._room:
            self._room -= len(seen)
            self._kept[table, level] = tuple(seen)

    def _read(self, table: int, level: int) -> Iterator[Piece]:
        entries, shift, index = self.entries(table) or (), level_shift(level), 0
        if level > 1:
            self.store.expect(entry & FRAME_BITS for entry in entries if entry & PRESENT
                              and not is_leaf(entry, level) and not self.reserved(entry, level))
        while index < len(entries):
            entry, count = entries[index], 1
            if entry & PRESENT:
                # Only the top table reaches past the canonical hole: there its halves part.
                virt = canonical(index << shift, self.controls.top)
                leaf = is_leaf(entry, level)
                why = self._flaw(entry, level, leaf)
                if why:
                    yield Flaw(virt, table + 8 * index, entry, 1, level, why)
                elif leaf:
                    count = run_length(entries, index, 1 << shift, self.controls.phys_bits)
                    these = entries[index:index + count]
                    yield leaf_run(virt, entry, level, count,
                                   sum(1 for each in these if each & ACCESSED),
                                   sum(1 for each in these if each & DIRTY))
                else:
                    yield from self._behind(entry, level, virt)
            index += count

    def _behind(self, entry: int, level: int, virt: int) -> Iterator[Piece]:
        """Pieces of the table that an entry points to."""
        table, rights = entry & FRAME_BITS, entry_rights(entry)
        full = self._full(table, level - 1)
        if full is not None:
            yield full.moved(virt, rights)
            return
        for piece in self._below(table, level - 1):
            yield piece.moved(virt, rights)

    def _full(self, table: int, level: int) -> Optional[Run]:
        """The one run that a table is, as most tables of a large map are: the quick way."""
        if (table, level) not in self._runs:
            if len(self._runs) >= KEPT_TABLES:
                self._runs.clear()
            data = self.store.data(table)
            found = alike(data, level, self.controls.phys_bits) if data is not None else None
            if found is not None and self._flaw(found.first, level, True):
                found = None
            self._runs[table, level] = found and leaf_run(0, found.first, level, ENTRIES,
                                                          found.accessed, found.dirty)
        return self._runs[table, level]

    def counted(self, part: Run) -> Run:
        """A part that was cut out of a run, with what its own leaves give."""
        leaves = list(self._leaves(part))
        return part._replace(own_all=reduce(and_, (each.own_all for each in leaves)),
                             own_any=reduce(or_, (each.own_any for each in leaves)),
                             accessed=sum(each.accessed for each in leaves),
                             dirty=sum(each.dirty for each in leaves))

    def _leaves(self, run: Run) -> Iterator[Run]:
        """One by one, or a full table's at once."""
        virt, level = run.virt, run.level
        while virt < run.end:
            last = self.walk(virt).steps[-1]
            table, count = last.address & -TABLE_SIZE, min(ENTRIES - last.index,
                                                           run.end - virt >> level_shift(level))
            full = self._full(table, level) if count == ENTRIES else None
            if full is not None:
                yield full
            else:
                for each in (self.entries(table) or ())[last.index:last.index + count]:
                    yield leaf_run(0, each, level, 1, int(bool(each & ACCESSED)),
                                   int(bool(each & DIRTY)))
            virt += count << level_shift(level)

    def _flaw(self, entry: int, level: int, leaf: bool) -> str:
        reserved = entry & self._reserved[level, leaf]
        if reserved:
            return "reserved bits set: " + bit_list(reserved)
        if not leaf and not self.store.readable(entry & FRAME_BITS):
            return "points to a table outside readable memory"
        return ""


def leaf_run(virt: int, entry: int, level: int, count: int, accessed: int, dirty: int) -> Run:
    rights = entry_rights(entry)
    return Run(virt, leaf_frame(entry, level), count, level, rights, bool(entry & GLOBAL),
               pat_index(entry, level), rights, rights, accessed, dirty)


def run_length(entries: tuple[int, ...], index: int, step: int, phys_bits: int) -> int:
    """How many leaves from here on differ by nothing but the address, accessed and dirty.

    Past MAXPHYADDR the bits of an address are reserved ones: there a run ends.
    """
    start, mask = index, ~(ACCESSED | DIRTY)
    expected = entries[index] & mask
    limit = (1 << phys_bits) - 1
    end = min(len(entries), index + (limit - (expected & FRAME_BITS & limit)) // step + 1)
    while index < end and entries[index] & mask == expected:
        index += 1
        expected += step
    return index - start
