"""The GDB commands' page-table reader, on tables made here; runs without gdb."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Iterator, Optional

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "gdb"))

from bestla import memory, paging, report  # noqa: E402
from bestla.paging import (ACCESSED, CR0_PG, CR0_WP, CR4_LA57, CR4_SMAP, CR4_SMEP,  # noqa: E402
                           DIRTY, EFER_LMA, EFER_NXE, GLOBAL, LARGE, NX, PAT_LARGE, PAT_SMALL,
                           PRESENT, PWT, USER, WRITE, Controls, Flaw, Run, Tables)

P, W, U = PRESENT, WRITE, USER
GIB, MIB2, KIB4 = 1 << 30, 1 << 21, 1 << 12
KERNEL = 0xFFFF_FFFF_8010_0000

# Tables lie here, so that an address taken for an index, or the reverse, hits nothing.
FIRST_TABLE = 0x40_0000_0000


class World:
    """Memory that holds tables and nothing else, and counts how often each is read."""

    def __init__(self, la57: bool = False, nxe: bool = True) -> None:
        self.tables: dict[int, list[int]] = {}
        self.reads: list[int] = []
        self.root = self.table()
        self.controls = Controls(CR0_PG | CR0_WP, self.root | 0x18, CR4_LA57 if la57 else 0,
                                 EFER_LMA | (EFER_NXE if nxe else 0))

    def table(self) -> int:
        address = FIRST_TABLE + 0x1000 * len(self.tables)
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


@pytest.fixture
def world() -> World:
    return World()


def the_run(world: World) -> Run:
    piece, = world.pieces()
    assert isinstance(piece, Run)
    return piece


def the_flaw(world: World) -> Flaw:
    piece, = world.pieces()
    assert isinstance(piece, Flaw)
    return piece


# -- addresses and levels --------------------------------------------------------------


@pytest.mark.parametrize("la57, virt", [
    (False, 0), (False, 0x7FFF_FFFF_F000), (False, 0xFFFF_8000_0000_0000), (False, KERNEL),
    (True, 0x0000_8000_0000_0000), (True, 0x00FF_FFFF_FFFF_F000),
    (True, 0xFF00_0000_0000_0000), (True, KERNEL),
])
def test_addresses_of_both_halves(la57: bool, virt: int) -> None:
    world = World(la57)
    world.put(virt, 0x1234_5000 | P)
    assert the_run(world)[:3] == (virt, 0x1234_5000, 1)
    walk = world.walk(virt | 0xABC)
    assert walk.mapped and walk.phys == 0x1234_5ABC
    assert [step.level for step in walk.steps] == ([5] if la57 else []) + [4, 3, 2, 1]


@pytest.mark.parametrize("level, size, extra", [(1, KIB4, 0), (2, MIB2, LARGE), (3, GIB, LARGE)])
def test_every_page_size(world: World, level: int, size: int, extra: int) -> None:
    virt, phys = 0xFFFF_8880_0000_0000 + 3 * size, 0x70_0000_0000 + 5 * size
    world.put(virt, phys | P | W | extra, level)
    run = the_run(world)
    assert (run.virt, run.phys, run.size, run.count, run.level) == (virt, phys, size, 1, level)
    assert world.walk(virt + size - 1).phys == phys + size - 1
    assert not world.walk(virt + size).mapped


def test_frames_up_to_bit_51(world: World) -> None:
    world.put(KERNEL, 0x000F_FFFF_FFFF_F000 | P | NX)
    assert the_run(world).phys == 0x000F_FFFF_FFFF_F000


@pytest.mark.parametrize("virt, top, canonical", [
    (0x7FFF_FFFF_FFFF, 4, 0x7FFF_FFFF_FFFF), (0x8000_0000_0000, 4, 0xFFFF_8000_0000_0000),
    (0x8000_0000_0000, 5, 0x8000_0000_0000), (1 << 56, 5, 0xFF00_0000_0000_0000),
])
def test_canonical(virt: int, top: int, canonical: int) -> None:
    assert paging.canonical(virt, top) == canonical


# -- rights ----------------------------------------------------------------------------


@pytest.mark.parametrize("la57", [False, True])
@pytest.mark.parametrize("takes, expected", [
    (P | W | U, "[RWX USER WB]"), (P | U, "[R-X USER WB]"), (P | W, "[RWX KERN WB]"),
    (P | W | U | NX, "[RW- USER WB]"), (P | NX, "[R-- KERN WB]"),
])
def test_any_level_restricts(la57: bool, takes: int, expected: str) -> None:
    """A leaf with every right, under one parent without."""
    for level in range(5 if la57 else 4, 0, -1):
        world = World(la57)
        table = world.put(KERNEL, 0x5000 | P | W | U)
        if level > 1:
            table = world.put(KERNEL, 0, level)
            child = FIRST_TABLE + 0x1000 * (world.controls.top - level + 1)
            world.tables[table][paging.level_index(KERNEL, level)] = child | takes
        else:
            world.tables[table][paging.level_index(KERNEL, 1)] = 0x5000 | takes
        assert world.rows()[0].endswith(expected), level
        assert world.walk(KERNEL).rights == the_run(world).rights


def test_rights_that_a_parent_makes_equal_are_one_run(world: World) -> None:
    for page, bits in enumerate((P | W, P, P | W | NX, P | NX | U)):
        world.put(page * KIB4, 0x9000 + page * KIB4 | bits, above=P | NX)
    assert the_run(world).count == 4


def test_without_nxe_everything_executes() -> None:
    world = World(nxe=False)
    world.put(KERNEL, 0x5000 | P)
    assert world.rows()[0].endswith("[R-X KERN WB]")


# -- runs ------------------------------------------------------------------------------


def test_accessed_and_dirty_split_nothing(world: World) -> None:
    for page, bits in enumerate((0, ACCESSED, DIRTY, ACCESSED | DIRTY, 0)):
        world.put(page * KIB4, page * KIB4 | P | bits)
        world.put(GIB + page * MIB2, page * MIB2 | P | LARGE | bits, 2)
    assert [(piece.count, piece.level) for piece in world.pieces()] == [(5, 1), (5, 2)]


def test_bits_free_for_software_split_nothing(world: World) -> None:
    world.put(0, 0 | P | 0x200)
    world.put(KIB4, KIB4 | P | 1 << 55)
    assert the_run(world).count == 2


@pytest.mark.parametrize("bits", [W, U, NX, GLOBAL, PWT, PAT_SMALL])
def test_what_does_split(world: World, bits: int) -> None:
    world.put(0, 0 | P)
    world.put(KIB4, KIB4 | P | bits)
    assert [piece.count for piece in world.pieces()] == [1, 1]


def test_a_gap_splits_in_either_address(world: World) -> None:
    for virt, phys in ((0, 0), (0x2000, 0x1000), (0x3000, 0x3000), (0x4000, 0x2000)):
        world.put(virt, phys | P)
    assert [piece.count for piece in world.pieces()] == [1, 1, 1, 1]


def test_runs_go_on_across_tables(world: World) -> None:
    start = GIB - 2 * KIB4
    for page in range(4):
        world.put(start + page * KIB4, 0x9000 + page * KIB4 | P)
    assert the_run(world)[:3] == (start, 0x9000, 4)
    assert len(world.tables) == 6


def test_page_sizes_are_separate_runs(world: World) -> None:
    for page in range(512):
        world.put(page * KIB4, page * KIB4 | P)
    world.put(MIB2, MIB2 | P | LARGE, 2)
    assert [(piece.count, piece.level) for piece in world.pieces()] == [(512, 1), (1, 2)]


def test_halves_do_not_join() -> None:
    """Physically adjacent pages at both sides of the canonical hole."""
    world = World()
    world.put(0x7FFF_FFFF_F000, 0x1000 | P)
    world.put(0xFFFF_8000_0000_0000, 0x2000 | P)
    assert [piece.virt for piece in world.pieces()] == [0x7FFF_FFFF_F000, 0xFFFF_8000_0000_0000]


def test_512_equal_entries_are_all_there(world: World) -> None:
    for page in range(512):
        world.put(page * KIB4, 0x7000 | P | W)
    pieces = world.pieces()
    assert [piece.virt for piece in pieces] == [page * KIB4 for page in range(512)]
    assert {piece.phys for piece in pieces} == {0x7000}


# -- tables that are used more than once -----------------------------------------------


def test_a_table_used_512_times_is_read_once(world: World) -> None:
    table = world.put(0, 0x7000 | P | W)
    for index in range(512):
        world.put(index * MIB2, table | P | (W if index % 2 else 0), 2)
    pieces = world.pieces()
    assert [piece.virt for piece in pieces] == [index * MIB2 for index in range(512)]
    assert [bool(piece.rights & W) for piece in pieces] == [False, True] * 256
    assert len(world.reads) == len(world.tables) == 4


def test_one_physical_table_at_two_levels(world: World) -> None:
    """What is a page directory here is a page table there."""
    directory = world.put(0, 0x20_0000 | P | LARGE, 2)
    world.put(GIB, directory | P, 2)
    runs = world.pieces()
    assert [(piece.virt, piece.level, piece.pat) for piece in runs] == [(0, 2, 0), (GIB, 1, 4)]
    assert len(world.reads) == len(set(world.reads))


def test_a_root_that_maps_itself(world: World) -> None:
    """The usual recursive slot: every table shows as a page, the root last."""
    world.put(KERNEL, 0x5000 | P | W)
    world.tables[world.root][510] = world.root | P | W
    virts = [piece.virt for piece in world.pieces()]
    window = paging.canonical(510 << 39, 4)
    assert virts[0] == window | (510 << 30) | (510 << 21) | (510 << 12)
    assert world.walk(virts[0]).phys == world.root
    assert len(virts) == len(world.tables) + 1
    assert len(world.reads) == len(world.tables)


@pytest.mark.parametrize("la57", [False, True])
def test_a_root_of_nothing_but_itself_starts_at_once(la57: bool) -> None:
    """2^36 or 2^45 pages: all of them can be asked for, none costs more than itself."""
    world = World(la57)
    world.tables[world.root] = [world.root | P | W] * 512
    pieces: Iterator[paging.Piece] = Tables(world, world.controls).pieces()
    for number in range(5000):
        assert next(pieces).virt == number * KIB4
    assert len(world.reads) == 1


def test_a_forest_that_leads_nowhere_ends(world: World) -> None:
    """512^3 ways to one empty table."""
    low, middle, high = world.table(), world.table(), world.table()
    world.tables[middle] = [low | P] * 512
    world.tables[high] = [middle | P] * 512
    world.tables[world.root] = [high | P] * 512
    assert world.pieces() == []


# -- tables that are wrong -------------------------------------------------------------


@pytest.mark.parametrize("level", [4, 3, 2])
def test_a_pointer_outside_memory(world: World, level: int) -> None:
    table = world.put(KERNEL, 0x000F_0000_0000_0000 | P | W, level)
    flaw = the_flaw(world)
    address = table + 8 * paging.level_index(KERNEL, level)
    assert (flaw.level, flaw.address, flaw.count) == (level, address, 1)
    assert "outside readable memory" in report.flaw_row(flaw)
    walk = world.walk(KERNEL)
    assert not walk.mapped and walk.steps[-1].entry is None
    assert "outside readable memory" in report.outcome(walk, world.controls)
    assert "cannot be told" in report.access_row(walk, world.controls, report.Mode())


def test_a_root_outside_memory(world: World) -> None:
    tables = Tables(world, world.controls._replace(cr3=0x66_6000))
    with pytest.raises(memory.Unreadable, match="CR3 = 0x666000"):
        tables.pieces()
    assert not tables.walk(0).mapped


def test_a_table_of_garbage_is_few_rows(world: World) -> None:
    table = world.put(0, 0, 2)
    world.tables[table] = [0xFFFF_FFFF_FFFF_FFFF] * 512
    assert (the_flaw(world).virt, the_flaw(world).count) == (0, 512)


@pytest.mark.parametrize("level, entry, nxe, reserved", [
    (1, P | NX, False, "63"),
    (1, P | NX, True, ""),
    (1, P | PAT_SMALL, True, ""),
    (2, P | LARGE | 1 << 13, True, "13"),
    (2, P | LARGE | 1 << 20 | 1 << 13, True, "20, 13"),
    (2, P | LARGE | PAT_LARGE, True, ""),
    (3, P | LARGE | 0x3FFF_E000, True, "29:13"),
    (3, P | LARGE | 1 << 30, True, ""),
    (4, P | LARGE, True, "7"),
    (5, P | LARGE, True, "7"),
    (1, P | 1 << 51, True, "51"),
    (1, 1 << 51 | 0xFFE, True, ""),
])
def test_reserved_bits(level: int, entry: int, nxe: bool, reserved: str) -> None:
    world = World(la57=level == 5, nxe=nxe)
    world.controls = world.controls._replace(phys_bits=51)
    world.put(KERNEL, entry, level)
    walk = world.walk(KERNEL)
    assert paging.bit_list(walk.steps[-1].reserved) == reserved
    flaws = [piece for piece in world.pieces() if isinstance(piece, Flaw)]
    assert [flaw.why for flaw in flaws] == \
        (["reserved bits set: " + reserved] if reserved else [])
    if reserved:
        assert report.step_row(walk.steps[-1], world.controls).endswith("RESERVED " + reserved)
        assert "reserved bits %s set" % reserved in report.outcome(walk, world.controls)


@pytest.mark.parametrize("changed, words", [
    ({"cr0": 0x6000_0010}, "paging is off"), ({"efer": 0}, "32-bit paging"),
])
def test_no_tables_in_use(world: World, changed: dict[str, int], words: str) -> None:
    with pytest.raises(paging.NotTranslating, match=words):
        world.walk(0, **changed)


# -- memory types ----------------------------------------------------------------------


@pytest.mark.parametrize("level, pat_bit", [(1, 1 << 7), (2, 1 << 12), (3, 1 << 12)])
def test_pat_index_at_every_size(level: int, pat_bit: int) -> None:
    names = ["WB", "WT", "UC-", "UC", "WB", "WT", "UC-", "UC"]
    for index in range(8):
        world = World()
        entry = P | (index & 3) << 3 | (pat_bit if index & 4 else 0) | (LARGE if level > 1 else 0)
        world.put(KERNEL & -GIB, GIB | entry, level)
        run = the_run(world)
        assert (run.pat, run.phys) == (index, GIB)
        assert report.row(run, paging.PAT_AT_POWER_ON).endswith(" %s]" % names[index])


def test_types_of_another_pat(world: World) -> None:
    pat = 0x0001_0204_0507_0106
    assert [paging.pat_type(index, pat) for index in range(8)] == \
        ["WB", "WC", "UC-", "WP", "WT", "PAT5=2", "WC", "UC"]


# -- text ------------------------------------------------------------------------------


def test_rows_to_the_byte() -> None:
    world = World()
    for page in (4, 5):
        virt = 0xFFFF_8880_0000_0000 + page * GIB
        world.put(virt, page * GIB | P | W | NX | GLOBAL | LARGE, 3)
    world.put(0xFFFF_FFFF_FFFF_F000, 0x1000 | P | U | PWT)
    assert report.HEADER == (
        "Virtual address start-end              Physical address start-end             "
        "Total size   Page size   Count  Flags")
    assert world.rows() == [
        "0xffff888100000000-0xffff888180000000  0x0000000100000000-0x0000000180000000  "
        "0x80000000   0x40000000  2      [RW- KERN GLOBAL WB]",
        "0xfffffffffffff000-0x0000000000000000  0x0000000000001000-0x0000000000002000  "
        "0x1000       0x1000      1      [R-X KERN WT]".replace("KERN", "USER"),
    ]


def test_a_flaw_to_the_byte(world: World) -> None:
    for page in range(3):
        world.put(KERNEL + page * MIB2, 0x000F_0000_0000_0000 | P | W, 2)
    assert world.rows() == [
        "0xffffffff80000000-0xffffffff80600000  unreachable: PD entry at 0x4000002000 = "
        "0xf000000000003 and the 2 after it: points to a table outside readable memory"]


def test_a_walk_to_the_byte(world: World) -> None:
    world.put(KERNEL, 0x20_0000 | P | W | GLOBAL | LARGE | PAT_LARGE | DIRTY | NX | 0x200, 2,
              above=P | W | ACCESSED)
    rows = report.walk_rows(world.walk(KERNEL), world.controls, report.Mode())
    assert list(rows) == [
        "PML4 [511] at 0x0000004000000ff8: 0x0000004000001023  "
        "table 0x4000001000 writable supervisor accessed",
        "PDPT [510] at 0x0000004000001ff0: 0x0000004000002023  "
        "table 0x4000002000 writable supervisor accessed",
        "PD   [  0] at 0x0000004000002000: 0x80000000002013c3  "
        "2-MiB page 0x200000 writable supervisor NX global WB PAT dirty software 9",
        "0xffffffff80100000 -> 0x0000000000300000, page size 0x200000, [RW- KERN GLOBAL WB]",
        "by supervisor: read: works, write: works, fetch: #PF 0x11 (PD entry is NX)",
    ]


def test_a_walk_that_ends_early(world: World) -> None:
    world.put(KERNEL, 0, 3)
    rows = list(report.walk_rows(world.walk(KERNEL), world.controls, report.Mode()))
    assert rows[-3].endswith("0x0000000000000000  not present")
    assert rows[-2:] == ["0xffffffff80100000 is not mapped: PDPT entry not present",
                         "by supervisor: read: #PF 0x0, write: #PF 0x2, fetch: #PF 0x10"]


def test_an_address_that_is_not_canonical(world: World) -> None:
    rows = list(report.walk_rows(world.walk(1 << 47), world.controls, report.Mode()))
    assert rows == ["0x0000800000000000 is not canonical with 4-level tables: "
                    "any access gives #GP"]


READS, WRITES, FETCHES = range(3)


@pytest.mark.parametrize("access, bits, mode, changed, expected", [
    (READS, P | U, (), {}, "works"),
    (READS, P | U, (), {"cr4": CR4_SMAP}, "#PF 0x1 (user page, CR4.SMAP)"),
    (READS, P | U, (False, True), {"cr4": CR4_SMAP}, "works"),
    (READS, P | U, (True,), {"cr4": CR4_SMAP}, "works"),
    (READS, P, (True,), {}, "#PF 0x5 (PT entry is supervisor)"),
    (WRITES, P, (), {}, "#PF 0x3 (PT entry is read-only)"),
    (WRITES, P, (), {"cr0": CR0_PG}, "works"),
    (WRITES, P | U, (True,), {"cr0": CR0_PG}, "#PF 0x7 (PT entry is read-only)"),
    (FETCHES, P | NX, (), {}, "#PF 0x11 (PT entry is NX)"),
    (FETCHES, P | U, (), {"cr4": CR4_SMEP}, "#PF 0x11 (user page, CR4.SMEP)"),
    (FETCHES, P | U, (), {}, "works"),
    (FETCHES, P | U | NX, (True,), {}, "#PF 0x15 (PT entry is NX)"),
    (FETCHES, P | NX, (), {"efer": EFER_LMA}, "#PF 0x8"),
    (FETCHES, P | NX, (), {"efer": EFER_LMA, "cr4": CR4_SMEP}, "#PF 0x18"),
])
def test_what_an_access_does(world: World, access: int, bits: int, mode: tuple[bool, ...],
                             changed: dict[str, int], expected: str) -> None:
    world.put(KERNEL, 0x5000 | bits)
    controls = world.controls._replace(**changed)
    text = report.access_row(world.walk(KERNEL, **changed), controls, report.Mode(*mode))
    words = text.split(": ", 1)[1].replace("read: ", "|").replace(", write: ", "|")
    assert words.replace(", fetch: ", "|").split("|")[access + 1] == expected


# -- readers ---------------------------------------------------------------------------


def test_a_raw_file_and_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 32
    (tmp_path / "raw").write_bytes(data)
    with open(tmp_path / "raw", "rb") as file:
        for reader in (memory.FileMemory(file, 0x1000), memory.BytesMemory(data, 0x1000)):
            assert reader.read(0x1004, 4) == bytes([4, 5, 6, 7])
            for phys in (0, 0xFFF, 0x1000 + len(data) - 3, 1 << 70):
                with pytest.raises(memory.Unreadable, match="0x%x" % phys):
                    reader.read(phys, 4)


FLAT_VIEW = """FlatView #0
 AS "I/O", root: io
  0000000000000000-000000000000ffff (prio 0, ram): not this one

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
  00000000000c0000-00000000000fffff (prio 1, rom): pc.rom
  0000000000100000-000000000fffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
  00000000ffc84000-00000000ffffffff (prio 0, romd): system.flash0
"""


def test_only_ram_and_rom_are_read() -> None:
    ranges = memory.parse_flat_view(FLAT_VIEW)
    assert ranges is not None
    assert ranges.spans == [(0, 0xA_0000), (0xC_0000, 0x1000_0000), (0xFFC8_4000, 1 << 32)]
    assert ranges.aligned(0x800_0000) == [0, 0x800_0000]
    reader = memory.BoundedMemory(memory.BytesMemory(bytes(0x10_0000)), ranges)
    assert reader.read(0x9_F000, 4096) == bytes(4096)
    for phys in (0x9_F001, 0xA_0000, 0xFEE0_0000, 1 << 40):
        with pytest.raises(memory.Unreadable, match="0x%x: neither RAM nor ROM" % phys):
            reader.read(phys, 4096)


@pytest.mark.parametrize("text", ["", "unknown command: 'info mtree -f'", "FlatView #0\n"])
def test_no_flat_view(text: str) -> None:
    assert memory.parse_flat_view(text) is None


def test_monitor_answers() -> None:
    text = "EIP=0000fff0\nCR0=80010033 CR2=0 CR3=000000000f801000 CR4=00000668\nEFER=d00\n"
    assert memory.parse_registers(text) == {
        "cr0": 0x8001_0033, "cr3": 0xF80_1000, "cr4": 0x668, "efer": 0xD00}
    dump = "0000000000001000: 0x0000000000000001 0x00000000000000ff\n"
    assert memory.parse_dump(dump, 16) == struct.pack("<QQ", 1, 255)
    for refusal in ("0000010000000000: Cannot access memory\n", ""):
        with pytest.raises(memory.Unreadable):
            memory.parse_dump(refusal, 8)


def test_bit_list() -> None:
    expected: dict[int, Optional[str]] = {0: "", 1: "0", 1 << 63: "63", 0b1011: "3, 1:0",
                                          (1 << 64) - 1: "63:0"}
    assert {value: paging.bit_list(value) for value in expected} == expected
