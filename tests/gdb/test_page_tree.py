"""Tables as they hang from each other and entries as they are: with a range, and as JSON."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest
from page_world import GIB, KERNEL, KIB4, P, U, W, World

from bestla import actions, as_json, space, tree
from bestla.entries import ACCESSED, DIRTY, LARGE, canonical
from bestla.paging import Tables
from bestla.present import Paint
from bestla.space import PageSpace, View

SHARED = 512 * GIB                          # what one PML4 entry maps


@pytest.fixture(name="shared")
def fixture_shared() -> World:
    """One PDPT with pages of 1 GiB at 0 and 5 GiB, under two equal entries and a third."""
    world = World()
    for gib in (0, 5):
        world.put(gib * GIB, gib * GIB | P | W | LARGE, 3)
    pointer = world.tables[world.root][0]
    world.tables[world.root][:4] = [pointer, pointer, 0, pointer & ~U]
    return world


def text(lines: Any) -> str:
    return "\n".join(lines)


def test_a_range_behind_the_second_of_two_equal_entries(shared: World) -> None:
    tables = Tables(shared, shared.controls)
    shown = text(tree.tree_lines(tables, (SHARED + 5 * GIB, SHARED + 6 * GIB)))
    assert "[1]        0x0000008000000000-0x0000010000000000  PDPT" in shown
    assert "0x0000008140000000-0x0000008180000000  1 1-GiB page at 0x140000000" in shown
    assert shown.count("1-GiB page") == 1


def test_a_run_of_leaves_is_cut_to_the_range() -> None:
    world = World()
    for page in range(9):
        world.put(page * KIB4, 0x5000 + page * KIB4 | P)
    shown = text(tree.tree_lines(Tables(world, world.controls), (3 * KIB4, 5 * KIB4 + 1)))
    assert "[3-5]      0x0000000000003000-0x0000000000006000  3 4-KiB pages at 0x8000" in shown


@pytest.mark.parametrize("lines", [tree.raw_lines, tree.tree_lines])
def test_a_range_with_two_parts_of_a_shared_table(shared: World, lines: Any) -> None:
    """The end of what the table maps at one address, and the start of what it does at another."""
    shown = text(lines(Tables(shared, shared.controls), (SHARED + 5 * GIB, 3 * SHARED + GIB)))
    assert shown.count("1-GiB page") == 2
    assert "0x0000008140000000" in shown and "0x0000018000000000" in shown


def test_a_range_in_tables_without_end() -> None:
    world = World()
    world.tables[world.root] = [world.root | P | W] * 512
    for lines in (tree.raw_lines, tree.tree_lines):
        assert sum(1 for _ in lines(Tables(world, world.controls), (KIB4, KERNEL))) < 20_000


def test_a_table_of_the_upper_half_begins_there() -> None:
    world = World()
    world.put(KERNEL, 0x5000 | P)
    listed = space.list_tables(Tables(world, world.controls)).tables
    assert [each.virt for each in listed] == \
        [0, canonical(511 << 39, 4), KERNEL & -GIB, KERNEL & -0x20_0000]


def shown_as_json(world: World, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    said: list[str] = []
    aside: list[str] = []
    whole = {"json": True, "raw": False, "tree": False, "all": False, "rows": 100, "virt": None,
             "phys": None, "flags": None, "size": None, "touched": False, **options}
    made = PageSpace(View(world, world.controls, whole_memory=False))
    assert actions.show_map(made, Namespace(**whole), Paint(False), said.append,
                            aside.append) == actions.OK
    return json.loads(text(said)), aside


@pytest.mark.parametrize("level, large", [(1, 0), (2, LARGE)])
def test_a_part_of_a_run_tells_of_its_own_leaves(level: int, large: int) -> None:
    """Two tables and a bit; the part that is asked for begins in one and ends in another."""
    world, size = World(), KIB4 << 9 * (level - 1)
    for page in range(1030):
        touched = (ACCESSED if page > 500 else 0) | (DIRTY if page % 100 == 99 else 0)
        world.put(page * size, page * size | P | large | touched | (0 if page == 1025 else W),
                  level, above=P)
    for first, last, accessed, dirty, some in ((490, 510, 9, 1, "RWX"), (510, 1025, 515, 5, "RWX"),
                                               (1025, 1026, 1, 0, "RX"), (0, 1030, 529, 10, "RWX")):
        row, = shown_as_json(world, virt="%d-%d" % (first * size, last * size))[0]
        assert (row["count"], row["accessed"], row["dirty"], row["own_some"]) == \
            (last - first, accessed, dirty, some)
        assert row["own"] == ("RX" if first <= 1025 < last else "RWX")


@pytest.mark.parametrize("kind", ["raw", "tree"])
def test_json_stops_after_as_many_rows_as_text(shared: World, kind: str) -> None:
    rows, aside = shown_as_json(shared, **{kind: True})
    assert len(rows) == {"raw": 5, "tree": 2}[kind] and not aside
    few, aside = shown_as_json(shared, **{kind: True, "rows": 1})
    assert few == rows[:1] and aside == ["stopped after 1 rows; --rows 0 shows all"]


def test_json_of_tables_is_that_of_a_saved_map(shared: World) -> None:
    made = PageSpace(View(shared, shared.controls, whole_memory=False))
    saved = [{key: value for key, value in each.items() if key != "entries"}
             for each in as_json.whole(made)["tables"]]
    assert shown_as_json(shared, tree=True)[0] == saved
