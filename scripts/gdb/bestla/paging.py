"""x86-64 page tables, read from any memory: one walker for every level.

Everything here follows Intel SDM Vol. 3A chapter 4; tables are numbered by level,
1 (PT) to 5 (PML5), and no function knows more of a level than this number.
"""

from __future__ import annotations

import struct
from typing import Iterable, Iterator, NamedTuple, Optional, Union

from .memory import Memory, Unreadable

ADDRESS_MASK = (1 << 64) - 1
ENTRIES = 512
TABLE_SIZE = 4096
LEVEL_NAMES = {5: "PML5", 4: "PML4", 3: "PDPT", 2: "PD", 1: "PT"}

# Entry bits, SDM Vol. 3A tables 4-14 to 4-20.
PRESENT = 1 << 0
WRITE = 1 << 1
USER = 1 << 2
PWT = 1 << 3
PCD = 1 << 4
ACCESSED = 1 << 5
DIRTY = 1 << 6
LARGE = 1 << 7          # PS in a PDPTE or PDE; in a PTE the same bit is PAT
PAT_SMALL = 1 << 7
GLOBAL = 1 << 8
PAT_LARGE = 1 << 12
NX = 1 << 63
FRAME_BITS = 0x000F_FFFF_FFFF_F000

# Control register bits, SDM Vol. 3A 2.5 and 2.2.1.
CR0_WP, CR0_PG = 1 << 16, 1 << 31
CR4_LA57, CR4_SMEP, CR4_SMAP = 1 << 12, 1 << 20, 1 << 21
CR4_PKE, CR4_PKS = 1 << 22, 1 << 24
EFER_LMA, EFER_NXE = 1 << 10, 1 << 11

PAT_AT_POWER_ON = 0x0007_0406_0007_0406     # SDM Vol. 3A 11.12.4
PAT_TYPES = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}

# The right to execute is the absence of NX. With that bit inverted, rights of all
# levels combine by one AND (SDM Vol. 3A 4.6).
EXECUTE = NX
RIGHTS = WRITE | USER | EXECUTE
ALL_RIGHTS = RIGHTS

# Subtrees whose runs are kept: enough for every sane map, and a table that points
# to itself cannot fill the memory.
KEPT_RUNS = 4096


class NotTranslating(Exception):
    """The processor does not use 4- or 5-level tables now."""


class Controls(NamedTuple):
    """What decides how tables are read."""

    cr0: int
    cr3: int
    cr4: int
    efer: int
    pat: int = PAT_AT_POWER_ON
    phys_bits: int = 52

    @property
    def top(self) -> int:
        """Level of the table in CR3."""
        return 5 if self.cr4 & CR4_LA57 else 4

    @property
    def root(self) -> int:
        return self.cr3 & FRAME_BITS

    def require_long_mode(self) -> None:
        if not self.cr0 & CR0_PG:
            raise NotTranslating("paging is off (CR0 = 0x%x): virtual addresses are physical"
                                 % self.cr0)
        if not self.efer & EFER_LMA:
            raise NotTranslating("32-bit paging (CR0 = 0x%x, EFER = 0x%x): only the 4- and "
                                 "5-level tables of long mode are read" % (self.cr0, self.efer))


def level_shift(level: int) -> int:
    return 12 + 9 * (level - 1)


def page_size(level: int) -> int:
    return 1 << level_shift(level)


def level_index(virt: int, level: int) -> int:
    return (virt >> level_shift(level)) & (ENTRIES - 1)


def canonical(virt: int, top: int) -> int:
    """Copies the highest translated bit into those above it (SDM Vol. 1 3.3.7.1)."""
    sign = 1 << (level_shift(top) + 8)
    low = virt & (2 * sign - 1)
    return (low ^ sign) - sign & ADDRESS_MASK


def is_leaf(entry: int, level: int) -> bool:
    """Bit 7 of a PML4E or PML5E is reserved, so those are always tables."""
    return level == 1 or (level <= 3 and bool(entry & LARGE))


def leaf_frame(entry: int, level: int) -> int:
    """A large leaf keeps PAT in bit 12: clear all bits below the page size (4.5.4)."""
    return entry & FRAME_BITS & ~(page_size(level) - 1)


def pat_index(entry: int, level: int) -> int:
    pat = PAT_SMALL if level == 1 else PAT_LARGE
    return (entry >> 3) & 3 | (4 if entry & pat else 0)


def pat_type(index: int, pat: int) -> str:
    value = (pat >> (8 * index)) & 7
    return PAT_TYPES.get(value, "PAT%d=%d" % (index, value))


def entry_rights(entry: int) -> int:
    return (entry ^ NX) & RIGHTS


def reserved_mask(level: int, leaf: bool, controls: Controls) -> int:
    """Bits that must be clear in a present entry, else any access faults (4.7, RSVD)."""
    mask = (1 << 52) - (1 << controls.phys_bits)
    if not controls.efer & EFER_NXE:
        mask |= NX
    if level >= 4:
        mask |= LARGE
    elif leaf and level > 1:
        mask |= page_size(level) - (PAT_LARGE << 1)
    return mask


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


class Run(NamedTuple):
    """Adjacent pages of one size with the same effective rights and memory type."""

    virt: int
    phys: int
    count: int
    level: int
    rights: int
    is_global: bool
    pat: int

    @property
    def size(self) -> int:
        return self.count << level_shift(self.level)

    def moved(self, virt: int, rights: int) -> Run:
        return self._replace(virt=self.virt + virt, rights=self.rights & rights)

    def joined(self, following: Piece) -> Optional[Run]:
        """Both as one, or None. Accessed and dirty are no part of a run: they never split."""
        if self[3:] == following[3:] and isinstance(following, Run):
            size = self.size
            if self.virt + size == following.virt and self.phys + size == following.phys:
                return self._replace(count=self.count + following.count)
        return None


class Flaw(NamedTuple):
    """Adjacent present entries through which nothing can be reached."""

    virt: int
    address: int                # of the first entry
    entry: int                  # the first one's value
    count: int
    level: int
    why: str

    @property
    def size(self) -> int:
        return self.count << level_shift(self.level)

    def moved(self, virt: int, rights: int) -> Flaw:
        return self._replace(virt=self.virt + virt)

    def joined(self, following: Piece) -> Optional[Flaw]:
        if isinstance(following, Flaw) and self[4:] == following[4:] and \
                self.virt + self.size == following.virt:
            return self._replace(count=self.count + following.count)
        return None


Piece = Union[Run, Flaw]


def merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    last: Optional[Piece] = None
    for piece in pieces:
        both = last.joined(piece) if last is not None else None
        if last is not None and both is None:
            yield last
        last = both or piece
    if last is not None:
        yield last


class Tables:
    """The tables under one CR3 at one moment; each is read once."""

    def __init__(self, memory: Memory, controls: Controls) -> None:
        controls.require_long_mode()
        self.memory = memory
        self.controls = controls
        self._tables: dict[int, Optional[tuple[int, ...]]] = {}
        self._kept: dict[tuple[int, int], tuple[Piece, ...]] = {}
        self._reserved = {(level, leaf): reserved_mask(level, leaf, controls)
                          for level in LEVEL_NAMES for leaf in (False, True)}

    def entries(self, table: int) -> Optional[tuple[int, ...]]:
        """All entries of the table at a physical address, or None if it cannot be read."""
        if table not in self._tables:
            try:
                data = self.memory.read(table, TABLE_SIZE)
                self._tables[table] = struct.unpack("<512Q", data)
            except Unreadable:
                self._tables[table] = None
        return self._tables[table]

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
        if self.entries(self.controls.root) is None:
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
        if seen is not None:
            self._kept[table, level] = tuple(seen)

    def _read(self, table: int, level: int) -> Iterator[Piece]:
        entries = self.entries(table) or ()
        shift, index = level_shift(level), 0
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
                    count = run_length(entries, index, 1 << shift)
                    yield Run(virt, leaf_frame(entry, level), count, level, entry_rights(entry),
                              bool(entry & GLOBAL), pat_index(entry, level))
                else:
                    rights = entry_rights(entry)
                    for piece in self._below(entry & FRAME_BITS, level - 1):
                        yield piece.moved(virt, rights)
            index += count

    def _flaw(self, entry: int, level: int, leaf: bool) -> str:
        reserved = entry & self._reserved[level, leaf]
        if reserved:
            return "reserved bits set: " + bit_list(reserved)
        if not leaf and self.entries(entry & FRAME_BITS) is None:
            return "points to a table outside readable memory"
        return ""


def run_length(entries: tuple[int, ...], index: int, step: int) -> int:
    """How many leaves from here on differ by nothing but the address, accessed and dirty."""
    start, mask = index, ~(ACCESSED | DIRTY)
    expected = entries[index] & mask
    while index < len(entries) and entries[index] & mask == expected:
        index += 1
        expected += step
    return index - start


def bit_list(value: int) -> str:
    """The numbers of the bits that are set, runs as high:low."""
    spans: list[list[int]] = []
    for bit in (bit for bit in range(63, -1, -1) if value >> bit & 1):
        if spans and spans[-1][1] == bit + 1:
            spans[-1][1] = bit
        else:
            spans.append([bit, bit])
    return ", ".join("%d:%d" % (high, low) if high > low else str(high) for high, low in spans)
