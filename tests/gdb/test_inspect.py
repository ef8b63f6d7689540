"""What a page map is asked: parts of it, frames, differences, the audit, JSON, trees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World

from bestla import (actions, as_json, audit, diff, dump_file, image, memory, paging, query,
                    saved_map, space, table_store, tree)
from bestla.boot_info import BootInfo, Stretch
from bestla.dump_file import DumpError
from bestla.elf_file import Section, Segment, Symbol, SymbolTable
from bestla.entries import ACCESSED, DIRTY, GLOBAL, LARGE, NX, PAT_AT_POWER_ON, PWT
from bestla.query import Query, QueryError
from bestla.report import Mode
from bestla.space import PageSpace, View

DIRECT = 0xFFFF_8880_0000_0000


def space_of(world: World, **info: object) -> PageSpace:
    made = PageSpace(View(world, world.controls, whole_memory=False))
    if info:
        made.boot_info = BootInfo(0, 0, 0, DIRECT, (0, 0), (), )._replace(**info)
    return made


def selected(world: World, **wanted: object) -> list[tuple[int, int, int]]:
    return [(run.virt, run.phys, run.count) for run in query.select(
        world.pieces(), Query(**wanted), PAT_AT_POWER_ON,  # type: ignore[arg-type, union-attr]
        lambda run: run) if isinstance(run, paging.Run)]


@pytest.fixture
def world() -> World:
    """Eight data pages, two of code, one for the user, a large one."""
    made = World()
    for page in range(8):
        made.put(KERNEL + page * KIB4, 0x10_0000 + page * KIB4 | P | W | NX |
                 (ACCESSED if page % 2 else 0) | (DIRTY if page == 3 else 0))
    for page in range(2):
        made.put(KERNEL + MIB2 + page * KIB4, 0x20_0000 + page * KIB4 | P | GLOBAL)
    made.put(0x1000, 0x9000 | P | W | U | NX | PWT)
    made.put(DIRECT, P | W | NX | LARGE, 2)
    return made


def test_touched_and_own_rights(world: World) -> None:
    run = [each for each in world.pieces() if each.virt == KERNEL][0]
    assert isinstance(run, paging.Run)
    assert (run.count, run.accessed, run.dirty) == (8, 4, 1)
    mixed = World()
    for page, bits in enumerate((P | W, P | NX, P | W | NX)):
        mixed.put(page * KIB4, page * KIB4 | bits, above=P | NX)
    row = as_json.run_dict(mixed.pieces()[0], None, PAT_AT_POWER_ON)  # type: ignore[arg-type]
    assert (row["count"], row["rights"], row["own"], row["own_some"]) == (3, "R", "R", "RWX")


def test_a_full_table_is_as_its_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared as one number or entry by entry: the same, for whatever one entry differs in."""
    for level, large in ((1, 0), (2, LARGE), (3, LARGE)):
        for change in (0, W, U, NX, ACCESSED, DIRTY, GLOBAL, PWT, 1 << 52, KIB4 << 9 * 2, P):
            made = World()
            table = made.put(KERNEL & -512 * GIB, 0, level)
            size = paging.page_size(level)
            made.tables[table] = [index * size | P | large for index in range(512)]
            made.tables[table][300] ^= change
            quick = made.pieces()
            monkeypatch.setattr(paging, "alike", lambda *_: None)
            assert made.pieces() == quick, (level, change)
            monkeypatch.undo()
            whole = change in (0, ACCESSED, DIRTY)
            assert (table_store.alike(made.read(table, 4096), level, 52) is not None) == whole


@pytest.mark.parametrize("level, large", [(1, 0), (2, LARGE), (3, LARGE)])
def test_a_run_ends_at_maxphyaddr(level: int, large: int) -> None:
    """Beyond it the address has reserved bits, though the entries go on as they were."""
    made, size, bits = World(), paging.page_size(level), 40
    table = made.put(0, 0, level)
    made.tables[table] = [((1 << bits) - 100 * size + index * size) | P | large
                          for index in range(512)]
    run, flaw = made.pieces(phys_bits=bits)
    assert isinstance(run, paging.Run) and isinstance(flaw, paging.Flaw)
    assert (run.virt, run.count) == (0, 100)
    assert (flaw.virt, flaw.count) == (100 * size, 412)
    assert [piece.count for piece in made.pieces()] == [512]


def test_many_tables_are_packed(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    pieces = world.pieces()
    monkeypatch.setattr(table_store, "PLAIN_TABLES", 1)
    assert world.pieces() == pieces
    large = World()
    for level, size in ((1, KIB4), (2, MIB2), (3, GIB)):
        table = large.put(level << 39, 0, level)
        large.tables[table] = [index * size + (7 << 39) | P | (LARGE if level > 1 else 0)
                               for index in range(512)]
    store = table_store.TableStore(large)
    for frame in large.tables:
        assert store.entries(frame) == tuple(large.tables[frame])
    for frame in large.tables:                      # and again, from what is kept
        assert store.entries(frame) == tuple(large.tables[frame])
    kinds = [type(table_store.packed(large.read(frame, 4096))) for frame in large.tables]
    assert kinds.count(table_store.Ramp) == 3
    counts: list[int] = []
    list(paging.Tables(world, world.controls, counts.append).pieces())
    assert counts == list(range(1, len(world.tables) + 1))


# -- parts of a map --------------------------------------------------------------------


def test_ranges(world: World) -> None:
    assert selected(world, virt=(KERNEL + KIB4, KERNEL + 3 * KIB4)) == \
        [(KERNEL + KIB4, 0x10_1000, 2)]
    assert selected(world, virt=(KERNEL + 1, KERNEL + 2)) == [(KERNEL, 0x10_0000, 1)]
    assert selected(world, phys=(0x10_6000, 0x20_1000)) == \
        [(DIRECT, 0, 1), (KERNEL + 6 * KIB4, 0x10_6000, 2), (KERNEL + MIB2, 0x20_0000, 1)]
    assert selected(world, virt=(0x2000, 0x3000)) == []


@pytest.mark.parametrize("flags, found", [
    (("x",), [KERNEL + MIB2]), (("w", "u"), [0x1000]), (("!w",), [KERNEL + MIB2]),
    (("w", "!u"), [DIRECT, KERNEL]), (("g",), [KERNEL + MIB2]), (("WT",), [0x1000]),
    (("wb", "!x"), [DIRECT, KERNEL]), (("w", "x"), []),
])
def test_flags(world: World, flags: tuple[str, ...], found: list[int]) -> None:
    assert [virt for virt, _, _ in selected(world, flags=flags)] == found


def test_sizes(world: World) -> None:
    assert [virt for virt, _, _ in selected(world, level=query.parse_size("2M"))] == [DIRECT]
    assert {query.parse_size(text) for text in ("2m", "2MiB", "2-MiB", "0x200000")} == {2}


def test_what_means_nothing() -> None:
    assert query.parse_range("0x1234") == (0x1000, 0x2000)
    assert query.parse_range("0xffffffff80000000-") == (KERNEL & -GIB, 1 << 64)
    for text in ("", "-", "x", "5-4", "0-0x10000000000000000", "1-2-3"):
        with pytest.raises(QueryError):
            query.parse_range(text)
    for text in ("", "q", "w,,x", "!!w"):
        with pytest.raises(QueryError):
            query.parse_flags(text)
    for text in ("3K", "0", "-"):
        with pytest.raises(QueryError):
            query.parse_size(text)


def test_every_address_of_a_frame(world: World) -> None:
    table = world.put(0x4000_0000, 0x10_2000 | P)
    world.put(0x4040_0000, table | P, 2)
    found = [virt for virt, _ in query.find_frame(world.pieces(), 0x10_2345)]
    assert found == [0x4000_0345, 0x4040_0345, DIRECT + 0x10_2345, KERNEL + 0x2345]
    assert not list(query.find_frame(world.pieces(), 0x7777_7000))


# -- differences -----------------------------------------------------------------------


def changes(before: World, after: World) -> list[tuple[str, int, int]]:
    types = saved_map.types_of(PAT_AT_POWER_ON)
    return [(each.kind, each.virt, each.size) for each in diff.compare(
        list(space_of(before).runs()), list(space_of(after).runs()), types, types)]


def test_differences(world: World) -> None:
    assert changes(world, world) == []
    after = World()
    after.tables = {frame: list(entries) for frame, entries in world.tables.items()}
    after.put(KERNEL, 0)                                        # went
    after.put(KERNEL + 2 * KIB4, 0x10_2000 | P | NX)            # lost W
    after.put(KERNEL + 3 * KIB4, 0x10_3000 | P | NX)
    after.put(KERNEL + 5 * KIB4, 0x66_6000 | P | W | NX)        # another frame
    after.put(KERNEL + 6 * KIB4, 0x10_6000 | P | W | NX | ACCESSED | DIRTY)
    after.put(KERNEL + 8 * KIB4, 0x10_8000 | P | W | NX)        # came, goes on with the run
    after.put(0x1000, 0x9000 | P | W | U | NX)                  # another memory type
    assert changes(world, after) == [
        ("changed", 0x1000, KIB4), ("went", KERNEL, KIB4),
        ("changed", KERNEL + 2 * KIB4, 2 * KIB4), ("changed", KERNEL + 5 * KIB4, KIB4),
        ("came", KERNEL + 8 * KIB4, KIB4)]
    assert [kind for kind, _, _ in changes(after, world)] == \
        ["changed", "came", "changed", "changed", "went"]


def test_what_came_in_two_pieces_is_two() -> None:
    after = World()
    for page, phys in ((0, 0x1000), (1, 0x2000), (2, 0x7000)):
        after.put(page * KIB4, phys | P)
    assert changes(World(), after) == [("came", 0, 2 * KIB4), ("came", 2 * KIB4, KIB4)]
    assert changes(after, World()) == [("went", 0, 2 * KIB4), ("went", 2 * KIB4, KIB4)]


def test_a_split_leaf_is_a_change_of_size(world: World) -> None:
    after = World()
    after.put(DIRECT, P | W | NX)
    before = World()
    before.put(DIRECT, P | W | NX | LARGE, 2)
    assert changes(before, after) == [("changed", DIRECT, KIB4),
                                      ("went", DIRECT + KIB4, MIB2 - KIB4)]


# -- JSON ------------------------------------------------------------------------------


def test_a_map_saved_and_read_back(world: World, tmp_path: Path) -> None:
    made = space_of(world)
    said: list[str] = []
    actions.save(made, str(tmp_path / "map.json"), said.append)
    assert not said and made.listed.stopped_at is None
    back = saved_map.load(str(tmp_path / "map.json"))
    assert back == saved_map.saved(made)
    data = json.loads((tmp_path / "map.json").read_text())
    assert data["controls"]["levels"] == 4 and data["unreachable"] == []
    assert {each["frame"] for each in data["tables"]} == set(world.tables)
    (tmp_path / "runs.json").write_text(json.dumps(data["runs"]))
    assert saved_map.load(str(tmp_path / "runs.json")).runs == back.runs


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"runs": 5, "controls": {}}',
                                  '{"runs": [{}], "controls": {"types": []}}', "[" * 9999,
                                  '[{"page_size": 4096, "virt": 1e999}]'])
def test_what_is_no_saved_map(tmp_path: Path, text: str) -> None:
    (tmp_path / "map").write_text(text)
    with pytest.raises(saved_map.JsonError, match="map: (not JSON|JSON, but not a page map|runs)"):
        saved_map.load(str(tmp_path / "map"))


def test_json_of_an_address_that_is_not_canonical(world: World) -> None:
    """Its lower bits may well be mapped."""
    virt = KERNEL & (1 << 48) - 1
    assert world.walk(virt).mapped
    shown = as_json.walk_dict(world.walk(virt), world.controls, Mode(), "")
    assert not shown["mapped"] and shown["phys"] is None and "not canonical" in shown["outcome"]


def test_a_file_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_TEXT", 4096)
    with pytest.raises(saved_map.JsonError, match="/dev/zero: more than 4096 bytes"):
        saved_map.load("/dev/zero")
    with pytest.raises(DumpError, match="/dev/zero: more than 4096 bytes"):
        dump_file.load("/dev/zero")


# -- the audit -------------------------------------------------------------------------


def failed(made: PageSpace) -> dict[str, list[int]]:
    return {each.check: [finding.virt for finding in each.findings]
            for each in audit.audit(made) if each.status == audit.FAIL}


def test_a_sound_map_passes() -> None:
    made = World()
    made.put(KERNEL, 0x10_0000 | P)
    made.put(DIRECT, P | W | NX | LARGE, 2)
    ram = Stretch(0, 0x100_0000, 1)
    assert failed(space_of(made, memory_map=(ram,))) == \
        {"no frame is executable here and writable there": [KERNEL]}
    made.put(DIRECT, P | NX | LARGE, 2)
    assert failed(space_of(made, memory_map=(ram,))) == {}
    skipped = [each.check for each in audit.audit(space_of(made)) if each.status == audit.SKIPPED]
    assert len(skipped) == 3


def test_two_memory_types_of_one_frame() -> None:
    """By what the PAT makes of the indices; a large page and a small one of it."""
    made = World()
    made.put(DIRECT, P | NX | LARGE, 2)
    made.put(KERNEL, 0x1F_F000 | P | NX | PWT)
    made.put(KERNEL + 0x1000, 0x20_0000 | P | NX | PWT)
    check = "no frame has two memory types"
    assert failed(space_of(made))[check] == [KERNEL]
    made.controls = made.controls._replace(pat=0x0606)      # both are WB
    assert check not in failed(space_of(made))


@pytest.mark.parametrize("virt, entry, level, check", [
    (KERNEL, 0x5000 | P | W, 1, "no leaf is writable and executable"),
    (0x1000, 0x5000 | P | NX, 1, "nothing in the lower half"),
    (KERNEL, 0x5000 | P | U | NX, 1, "no user bit"),
    (KERNEL, 0x000F_0000_0000_0000 | P, 2,
     "no reserved bit is set, no pointer leads outside memory"),
    (DIRECT + 0x20_0000, 0x20_0000 | P | NX | LARGE, 2,
     "no large leaf reaches across kinds of memory"),
    (DIRECT, P | NX | LARGE, 3, "no large leaf reaches across kinds of memory"),
])
def test_each_fault_is_found(virt: int, entry: int, level: int, check: str) -> None:
    made = World()
    made.put(virt, entry, level)
    ranges = (Stretch(0, 0x10_0000, 1), Stretch(0x10_0000, 0x30_0000, 4),
              Stretch(0x30_0000, 0x50_0000, 12))
    page = virt & -paging.page_size(level)
    assert failed(space_of(made, memory_map=ranges)) == {check: [page]}


# -- the kernel's image ----------------------------------------------------------------


def kernel_file() -> image.KernelFile:
    """Data, a guard, a stack, a guard, text: linked at KERNEL."""
    made = image.KernelFile.__new__(image.KernelFile)
    made.loads = [Segment(1, flags, 0, KERNEL + page * KIB4, page * KIB4, KIB4, size)
                  for flags, page, size in ((6, 0, KIB4), (6, 2, KIB4), (5, 4, 0x1800))]
    made.sections = [Section(name, 1, 2, KERNEL + page * KIB4, 0, size, 0) for name, page, size in
                     ((".data", 0, KIB4), (".boot_stack", 2, KIB4), (".text", 4, 0x1800))]
    made.symbols = SymbolTable([Symbol(KERNEL + 4 * KIB4, 16, "start", 2),
                                Symbol(KERNEL + 5 * KIB4, 0x800, "finish", 2)])
    return made


def with_kernel(slide: int) -> World:
    made = World()
    for page, bits in ((0, W | NX), (2, W | NX), (4, 0), (5, 0)):
        made.put(KERNEL + slide + page * KIB4, 0x80_0000 + page * KIB4 | P | bits)
    return made


@pytest.mark.parametrize("slide", [0, 0x20_0000, 0x1E40_0000, -0x10_0000])
def test_the_image_is_found_wherever_it_runs(slide: int) -> None:
    made = with_kernel(slide)
    found = PageSpace(View(made, made.controls, whole_memory=False), kernel_file())
    assert found.image is not None and found.image.start == KERNEL + slide
    assert [found.around.what(run).removeprefix("kernel ") for run in found.runs()] == \
        [".data", ".boot_stack, a guard page below and above", ".text: start .. finish"]
    assert failed(found) == {}
    assert actions.resolve(found, "finish - 0x10") == KERNEL + slide + 5 * KIB4 - 16
    made.put(KERNEL + slide + KIB4, 0x5000 | P | NX)            # a guard is gone
    made.put(KERNEL + slide + 5 * KIB4, 0x80_5000 | P | NX)     # code that cannot execute
    assert failed(PageSpace(found.view, kernel_file())) == {
        "the image has its segments' rights, page by page":
            [KERNEL + slide + KIB4, KERNEL + slide + 5 * KIB4],
        "every stack has an unmapped guard page on both sides": [KERNEL + slide + KIB4]}


def test_no_image_where_a_page_is_missing_or_elsewhere() -> None:
    for entry in (0, 0x99_9000 | P | W | NX):
        made = with_kernel(0)
        made.put(KERNEL + 2 * KIB4, entry)
        assert PageSpace(View(made, made.controls, whole_memory=False), kernel_file()).image is None


# -- trees and endless maps ------------------------------------------------------------


def test_a_tree_shows_each_table_once() -> None:
    made = World()
    table = made.put(0, 0x7000 | P | W)
    for index in (1, 2, 3, 9):
        made.put(index * MIB2, table | P, 2)
    made.tables[made.root][510] = made.root | P | W
    lines = list(tree.tree_lines(paging.Tables(made, made.controls)))
    assert sum("4-KiB page at 0x7000" in line for line in lines) == 1
    assert sum("(above)" in line for line in lines) >= 2
    assert any("[1-3] " in line for line in lines)
    raw = list(tree.raw_lines(paging.Tables(made, made.controls), (0, MIB2)))
    assert len(raw) == 4 and raw[-1].startswith("PT   0x")


def test_tables_are_listed_once_at_each_level() -> None:
    made = World()
    made.put(KERNEL, 0x5000 | P)
    made.tables[made.root] = [made.root | P | W] * 512
    listed = space.list_tables(paging.Tables(made, made.controls)).tables
    assert [(each.frame, each.level) for each in listed] == \
        [(made.root, level) for level in (4, 3, 2, 1)]
    assert listed[1].times == 512


def test_an_endless_map_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "MOST_ROWS", 500)
    made = World()
    made.tables[made.root] = [made.root | P | W] * 512
    cut = PageSpace(View(made, made.controls), rows=500)
    assert len(cut.pieces) == 500 and cut.stopped_at == 500 * KIB4
    checks = {each.check: each.status for each in audit.audit(cut)}
    assert checks["no user bit"] == audit.SKIPPED


def test_the_package_is_ascii() -> None:
    """gdb in the C locale refuses a command whose help is not."""
    for path in Path(space.__file__).parent.glob("*.py"):
        assert path.read_bytes().isascii(), path
