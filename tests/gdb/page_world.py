"""Page tables made by hand, for the tests of the GDB commands' reader; no gdb needed."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "gdb"))

from bestla import memory, paging, report  # noqa: E402
from bestla.paging import (CR0_PG, CR0_WP, CR4_LA57, EFER_LMA, EFER_NXE, PRESENT,  # noqa: E402
                           USER, WRITE, Controls, Tables)

P, W, U = PRESENT, WRITE, USER
GIB, MIB2, KIB4 = 1 << 30, 1 << 21, 1 << 12
KERNEL = 0xFFFF_FFFF_8010_0000

# Tables lie here, so that an address taken for an index, or the reverse, hits nothing.
FIRST_TABLE = 0x40_0000_0000


class World:
    """Memory that holds tables and nothing else, and counts how often each is read."""

    def __init__(self, la57: bool = False, nxe: bool = True, first: int = FIRST_TABLE) -> None:
        self.first = first
        self.tables: dict[int, list[int]] = {}
        self.reads: list[int] = []
        self.root = self.table()
        self.controls = Controls(CR0_PG | CR0_WP, self.root | 0x18, CR4_LA57 if la57 else 0,
                                 EFER_LMA | (EFER_NXE if nxe else 0))

    def table(self) -> int:
        address = self.first + 0x1000 * len(self.tables)
        self.tables[address] = [0] * 512
        return address

    def read(self, phys: int, size: int) -> bytes:
        if phys not in self.tables or size != 4096:
            raise memory.Unreadable("0x%x" % phys)
        self.reads.append(phys)
        return struct.pack("<512Q", *self.tables[phys])

    def put(self, virt: int, leaf: int, level: int = 1, above: int = P | W | U) -> int:
        """Sets the entry for virt at a level; gives the table that it is in."""
        table = self.root
        for upper in range(self.controls.top, level, -1):
            index = paging.level_index(virt, upper)
            if not self.tables[table][index]:
                self.tables[table][index] = self.table() | above
            table = self.tables[table][index] & paging.FRAME_BITS
        self.tables[table][paging.level_index(virt, level)] = leaf
        return table

    def pieces(self, **changed: int) -> list[paging.Piece]:
        return list(Tables(self, self.controls._replace(**changed)).pieces())

    def rows(self) -> list[str]:
        return [report.piece_row(piece, paging.PAT_AT_POWER_ON) for piece in self.pieces()]

    def walk(self, virt: int, **changed: int) -> paging.Walk:
        return Tables(self, self.controls._replace(**changed)).walk(virt)
