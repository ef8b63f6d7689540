"""Entries of x86-64 page tables, and the control registers that give them their meaning.

Everything here follows Intel SDM Vol. 3A chapter 4; tables are numbered by level,
1 (PT) to 5 (PML5), and no function knows more of a level than this number.
"""

from __future__ import annotations

from typing import NamedTuple

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
CR4_PKE, CR4_CET, CR4_PKS, CR4_LASS = 1 << 22, 1 << 23, 1 << 24, 1 << 27
EFER_LMA, EFER_NXE = 1 << 10, 1 << 11

PAT_AT_POWER_ON = 0x0007_0406_0007_0406     # SDM Vol. 3A 11.12.4
PAT_TYPES = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}

# The right to execute is the absence of NX. With that bit inverted, rights of all
# levels combine by one AND (SDM Vol. 3A 4.6).
EXECUTE = NX
RIGHTS = WRITE | USER | EXECUTE
ALL_RIGHTS = RIGHTS


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
    leaf_1gib: bool = True      # CPUID.80000001H:EDX.Page1GB

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
    if level >= 4 or level == 3 and not controls.leaf_1gib:
        mask |= LARGE
    elif leaf and level > 1:
        mask |= page_size(level) - (PAT_LARGE << 1)
    return mask


def bit_list(value: int) -> str:
    """The numbers of the bits that are set, runs as high:low."""
    spans: list[list[int]] = []
    for bit in (bit for bit in range(63, -1, -1) if value >> bit & 1):
        if spans and spans[-1][1] == bit + 1:
            spans[-1][1] = bit
        else:
            spans.append([bit, bit])
    return ", ".join("%d:%d" % (high, low) if high > low else str(high) for high, low in spans)
