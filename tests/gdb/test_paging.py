"""The GDB commands' page-table reader: walks, runs and rights, on tables made here."""

from __future__ import annotations

from typing import Iterator

import pytest
from page_world import FIRST_TABLE, GIB, KERNEL, KIB4, MIB2, P, U, W, World

from bestla import memory, paging, report
from bestla.paging import (ACCESSED, DIRTY, GLOBAL, LARGE, NX, PAT_LARGE, PAT_SMALL, PWT, Flaw,
                           Run, Tables)


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
    """The usual recursive slot: every table shows as a page, the root first."""
    world.put(KERNEL, 0x5000 | P | W)
    world.tables[world.root][510] = world.root | P | W
    runs = world.pieces()
    window = paging.canonical(510 << 39, 4)
    assert runs[0].virt == window | (510 << 30) | (510 << 21) | (510 << 12)
    assert world.walk(runs[0].virt).phys == world.root
    assert sum(run.count for run in runs) == len(world.tables) + 1
    assert world.reads[:4] == sorted(world.tables)


@pytest.mark.parametrize("la57", [False, True])
def test_a_root_of_nothing_but_itself_starts_at_once(la57: bool) -> None:
    """2^36 or 2^45 pages: all of them can be asked for, none costs more than itself."""
    world = World(la57)
    world.tables[world.root] = [world.root | P | W] * 512
    pieces: Iterator[paging.Piece] = Tables(world, world.controls).pieces()
    for number in range(5000):
        assert next(pieces).virt == number * KIB4
    assert len(world.reads) == 1


def test_what_is_kept_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subtrees with more runs than are kept are gone through again, to the same end."""
    table = world.put(0, 0x7000 | P | W)
    world.put(2 * KIB4, 0x8000 | P)
    for index in range(20):
        world.put(index * MIB2, table | P | W, 2)
    pieces = world.pieces()
    for kept in (1, 2, 3, 40):
        monkeypatch.setattr(paging, "KEPT_RUNS", kept)
        assert world.pieces() == pieces
    assert len(pieces) == 40


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


def test_leaves_of_1_gib_without_the_feature(world: World) -> None:
    """CPUID decides whether PS is reserved in a PDPT entry."""
    world.put(KERNEL, P | LARGE, 3)
    assert the_run(world).level == 3
    flaw, = world.pieces(leaf_1gib=False)
    assert isinstance(flaw, Flaw) and flaw.why == "reserved bits set: 7"
    assert not world.walk(KERNEL, leaf_1gib=False).mapped


@pytest.mark.parametrize("answers, found", [
    ({"phys-bits": "40\r\n", "pdpe1gb": "false\r\n"}, {"phys_bits": 40, "leaf_1gib": False}),
    ({"phys-bits": "36", "pdpe1gb": "true"}, {"phys_bits": 36, "leaf_1gib": True}),
    ({}, {}), ({"phys-bits": "99", "pdpe1gb": "Error: no such property"}, {}),
])
def test_what_a_monitor_tells_of_the_processor(answers: dict[str, str],
                                               found: dict[str, object]) -> None:
    assert memory.ask_features(lambda line: answers.get(line.split()[-1], "")) == found


@pytest.mark.parametrize("changed, words", [
    ({"cr0": 0x6000_0010}, "paging is off"), ({"efer": 0}, "32-bit paging"),
])
def test_no_tables_in_use(world: World, changed: dict[str, int], words: str) -> None:
    with pytest.raises(paging.NotTranslating, match=words):
        world.walk(0, **changed)
