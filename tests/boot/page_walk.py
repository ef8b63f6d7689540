"""A page-table walker for the tests, written from the manual and sharing nothing with the rest.

The kernel's own map and the GDB commands are checked against it, so it must stay independent:
it is given a way to read physical memory and the control registers, and knows no more.
Intel SDM Vol. 3A, 4.5 ("4-Level Paging and 5-Level Paging"), is all that it follows.
"""

import struct
from dataclasses import dataclass, replace
from typing import Callable, Iterable, Iterator

PRESENT, WRITE, USER, LARGE, GLOBAL = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 8
NO_EXECUTE = 1 << 63
ADDRESS = 0x000ffffffffff000
CR4_LA57 = 1 << 12
EFER_NXE = 1 << 11


@dataclass(frozen=True)
class Leaf:  # pylint: disable=too-many-instance-attributes
    """A mapping, or a run of `count` alike ones; rights are those of all levels together."""

    virt: int
    phys: int
    page_size: int
    writable: bool
    executable: bool
    user: bool
    global_: bool
    pat_index: int
    count: int = 1

    @property
    def size(self) -> int:
        """Bytes mapped."""
        return self.page_size * self.count

    @property
    def rights(self) -> str:
        """Such as RWX, R-X or RW-; a U at the end where user code has the same."""
        return f"R{'W' if self.writable else '-'}{'X' if self.executable else '-'}" + \
            ("U" if self.user else "")


def leaves(read_physical: Callable[[int, int], bytes], cr3: int, cr4: int,
           efer: int) -> Iterator[Leaf]:
    """All leaves in the order of their addresses; each table is read once."""
    tables: dict[int, tuple[int, ...]] = {}
    top = 5 if cr4 & CR4_LA57 else 4
    # Without EFER.NXE bit 63 is reserved and takes no right away.
    no_execute = NO_EXECUTE if efer & EFER_NXE else 0

    def walk(table: int, level: int, base: int, allowed: int, denied: int) -> Iterator[Leaf]:
        if table not in tables:
            tables[table] = struct.unpack("<512Q", read_physical(table, 4096))
        page_size = 1 << (12 + 9 * (level - 1))
        for index, entry in enumerate(tables[table]):
            if not entry & PRESENT:
                continue
            virt = base + index * page_size
            may, not_may = allowed & entry, denied | entry
            if level > 3 or (level > 1 and not entry & LARGE):
                yield from walk(entry & ADDRESS, level - 1, virt, may, not_may)
                continue
            # In a large leaf PAT is bit 12, in a PTE bit 7, where others have PS.
            pat = entry >> (12 if level > 1 else 7) & 1
            yield Leaf(canonical(virt, top), entry & ADDRESS & -page_size, page_size,
                       bool(may & WRITE), not not_may & no_execute, bool(may & USER),
                       bool(entry & GLOBAL), pat << 2 | entry >> 3 & 3)

    yield from walk(cr3 & ADDRESS, top, 0, WRITE | USER, 0)


def canonical(virt: int, top: int) -> int:
    """Copies the highest bit that is translated into all above it."""
    bits = 12 + 9 * top
    return virt | (1 << 64) - (1 << bits) if virt >> (bits - 1) & 1 else virt


def runs(mappings: Iterable[Leaf]) -> Iterator[Leaf]:
    """Joins neighbours that go on, virtually and physically, with the same size and rights."""
    last: Leaf | None = None
    for leaf in mappings:
        if last and leaf == replace(last, virt=last.virt + last.size,
                                    phys=last.phys + last.size, count=leaf.count):
            last = replace(last, count=last.count + leaf.count)
            continue
        if last:
            yield last
        last = leaf
    if last:
        yield last
