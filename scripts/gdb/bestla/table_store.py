"""Tables as they were read: each once, and packed when there are very many.

512 GiB in 4-KiB leaves are 262,144 tables; as Python's integers they would not fit.
"""

from __future__ import annotations

import struct
import zlib
from typing import Callable, Iterable, Iterator, NamedTuple, Optional, Union

from .entries import (ACCESSED, DIRTY, ENTRIES, FRAME_BITS, PRESENT, TABLE_SIZE, is_leaf,
                      level_shift)
from .memory import Memory, Unreadable, expect

# From here on they are packed: what is one run to its first entry, all else by zlib.
PLAIN_TABLES = 8192

EVERY = sum(1 << 64 * index for index in range(ENTRIES))
FIRST = struct.Struct("<Q")
FIRST_TWO = struct.Struct("<QQ")
RAMP = {level: sum((index << level_shift(level)) << 64 * index for index in range(ENTRIES))
        for level in (1, 2, 3)}
EVERY_ACCESSED, EVERY_DIRTY = ACCESSED * EVERY, DIRTY * EVERY
ALL_ELSE = (1 << 64 * ENTRIES) - 1 ^ EVERY_ACCESSED ^ EVERY_DIRTY


class Ramp(NamedTuple):
    """A table packed: entries from the first on, each a page of this level further."""

    first: int
    level: int

    def data(self) -> bytes:
        return (self.first * EVERY + RAMP[self.level]).to_bytes(TABLE_SIZE, "little")


LEVEL_OF_STEP = {1 << level_shift(level): level for level in RAMP}


class Alike(NamedTuple):
    """A table full of leaves that differ by nothing but the address, accessed and dirty."""

    first: int
    accessed: int
    dirty: int


class TableStore:
    """`progress` is told how many tables have been read, at each one."""

    def __init__(self, memory: Memory, progress: Optional[Callable[[int], None]] = None) -> None:
        self._memory = memory
        self._progress = progress
        self._tables: dict[int, Union[None, bytes, Ramp]] = {}
        self._latest: tuple[int, bytes] = (-1, b"")     # whoever reads one looks at it at once

    def __len__(self) -> int:
        return len(self._tables)

    def __iter__(self) -> Iterator[int]:
        return (frame for frame, data in self._tables.items() if data is not None)

    def data(self, frame: int) -> Optional[bytes]:
        """The table's bytes, or None if it cannot be read."""
        if not self.readable(frame):
            return None
        data = self._tables[frame]
        if self._latest[0] == frame:
            return self._latest[1]
        if isinstance(data, Ramp):
            return data.data()
        return data if data is None or len(data) == TABLE_SIZE else zlib.decompress(data)

    def readable(self, frame: int) -> bool:
        """Reads the table if it has not been."""
        if frame not in self._tables:
            self._tables[frame] = self._read(frame)
            if self._progress is not None:
                self._progress(len(self._tables))
        return self._tables[frame] is not None

    def expect(self, frames: Iterable[int]) -> None:
        """These will be read next, in this order."""
        expect(self._memory, [each for each in dict.fromkeys(frames) if each not in self._tables])

    def _read(self, frame: int) -> Union[None, bytes, Ramp]:
        try:
            data = self._memory.read(frame, TABLE_SIZE)
        except Unreadable:
            return None
        if len(self._tables) < PLAIN_TABLES:
            return data
        self._latest = frame, data
        return packed(data)

    def entries(self, frame: int) -> Optional[tuple[int, ...]]:
        data = self.data(frame)
        return None if data is None else struct.unpack("<512Q", data)


def packed(data: bytes) -> Union[bytes, Ramp]:
    first, second = FIRST_TWO.unpack_from(data)
    level = LEVEL_OF_STEP.get(second - first)
    if level is not None and int.from_bytes(data, "little") == first * EVERY + RAMP[level]:
        return Ramp(first, level)
    smaller = zlib.compress(data, 1)
    return smaller if len(smaller) < TABLE_SIZE else data


def alike(data: bytes, level: int, phys_bits: int) -> Optional[Alike]:
    """What all 512 entries have in common if they are one run of leaves.

    As one number of 4096 bytes, a table is compared at once.
    """
    first, = FIRST.unpack_from(data)
    if not first & PRESENT or level not in RAMP or not is_leaf(first, level):
        return None
    if (first & FRAME_BITS) + (ENTRIES << level_shift(level)) > 1 << phys_bits:
        return None                         # reserved bits in some, or the address wraps
    table = int.from_bytes(data, "little")
    if table == first * EVERY + RAMP[level]:        # as most are: all touched, or none
        return Alike(first, ENTRIES if first & ACCESSED else 0, ENTRIES if first & DIRTY else 0)
    if table & ALL_ELSE != (first & ~(ACCESSED | DIRTY)) * EVERY + RAMP[level]:
        return None
    return Alike(first, (table & EVERY_ACCESSED).bit_count(), (table & EVERY_DIRTY).bit_count())
