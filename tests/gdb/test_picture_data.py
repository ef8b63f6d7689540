"""How tables come into few words for the picture, and that nothing of them is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from page_world import GIB, KIB4, MIB2, P, U, W, World

from bestla import as_json, picture, saved_map, space, spans
from bestla.paging import ACCESSED, DIRTY, LARGE, NX
from bestla.picture_data import MOST_RUNS, Snapshot, Table, pack, together
from bestla.query import QueryError
from bestla.space import PageSpace, View


def whole(world: World) -> dict[str, Any]:
    return as_json.whole(PageSpace(View(world, world.controls)))


def spread(rows: list[Any]) -> list[int]:
    """The entries that spans tell of."""
    entries = [0] * 512
    for index, count, entry, step in rows:
        for number in range(count):
            assert not entries[index + number]
            entries[index + number] = entry + number * step
    return entries


def unpacked(rows: list[Any]) -> dict[tuple[int, int], list[int]]:
    """Tables by level and frame, from what the page holds."""
    found = {}
    for level, frame, count, packed in rows:
        for number in range(count):
            ahead = number * 512
            found[level, int(frame, 16) + number * KIB4] = spread(
                [(index, length, int(entry, 16) + ahead * int(step, 16), int(step, 16))
                 for index, length, entry, step in packed])
    return found


@pytest.mark.parametrize("entries, expected", [
    ([], []), ([5], [(0, 1, 5, 0)]), ([0, 7, 7, 7], [(1, 3, 7, 0)]),
    ([1, 2, 3, 0, 4], [(0, 3, 1, 1), (4, 1, 4, 0)]),
    ([9, 6, 3], [(0, 3, 9, -3)]), ([4, 2, 0], [(0, 2, 4, -2)]),
    ([1, 5, 6, 7], [(0, 2, 1, 4), (2, 2, 6, 1)]),
])
def test_spans(entries: list[int], expected: list[tuple[int, ...]]) -> None:
    assert [tuple(each) for each in spans.spans(entries)] == expected


def test_every_entry_is_in_a_saved_map_and_on_the_page() -> None:
    """Of tables that are even, odd, touched in part, shared, random."""
    chance = random.Random(3)
    world = World()
    for gib in range(6):
        table = world.put(gib * GIB, 0, 2)
        world.tables[table] = [gib * GIB + index * MIB2 | P | W | LARGE for index in range(512)]
    for number in range(4):
        table = world.put(0x7000_0000_0000 + number * MIB2, 0)
        world.tables[table] = [index * KIB4 | P | U | NX for index in range(512)]
    world.tables[table][100] |= ACCESSED
    world.tables[table - KIB4][100] |= DIRTY
    noise = world.put(0xFFFF_FFFF_8000_0000, 0)
    world.tables[noise] = [chance.choice((0, chance.getrandbits(64))) for _ in range(512)]
    world.tables[world.root][9] = world.tables[world.root][0]
    data = json.loads(json.dumps(whole(world)))
    assert {each["frame"]: spread(each["entries"]) for each in data["tables"]} == world.tables
    page = pack([Snapshot("a map", data)])["snapshots"][0]
    assert {frame: entries for (_, frame), entries in unpacked(page["tables"]).items()} == \
        world.tables
    assert page["tableCount"] == len(world.tables)


def full(frame: int, entry: int, step: int = MIB2) -> Table:
    return Table(frame, 1, ((0, 512, entry, step),))


@pytest.mark.parametrize("tables, counts", [
    ([full(0x1000, 3), full(0x2000, 3 + GIB), full(0x3000, 3 + 2 * GIB)], [3]),
    ([full(0x1000, 3), full(0x3000, 3 + GIB)], [1, 1]),
    ([full(0x1000, 3), full(0x2000, 3 + 2 * GIB)], [1, 1]),
    ([full(0x1000, 3), full(0x2000, 3 + GIB, KIB4)], [1, 1]),
    ([full(0x1000, 3, 0), full(0x2000, 3, 0)], [2]),
    ([full(0x1000, 3), Table(0x2000, 1, ((0, 511, 3 + GIB, MIB2),))], [1, 1]),
    ([Table(0x1000, 1, ((0, 511, 3, MIB2),)), full(0x2000, 3 + GIB)], [1, 1]),
    ([], []),
])
def test_tables_that_go_on_from_each_other(tables: list[Table], counts: list[int]) -> None:
    assert [each.count for each in together(iter(tables))] == counts


def test_a_map_without_some_of_its_tables_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would look as if they lay outside memory."""
    world = World()
    world.put(0, P)
    data = whole(world)
    pack([Snapshot("a map", data)])
    monkeypatch.setattr(space, "MOST_TABLES", 3)
    with pytest.raises(saved_map.JsonError, match="a map: tables are 3, and the map has more"):
        pack([Snapshot("a map", whole(world))])
    monkeypatch.setattr("bestla.picture_data.MOST_TABLES", 4)
    pack([Snapshot("a map", data)])             # it tells that these are all
    del data["whole"]
    with pytest.raises(saved_map.JsonError, match="a map: tables are 4, and the map has more"):
        pack([Snapshot("a map", data)])


def test_no_more_runs_than_a_page_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for page in range(10):
        world.put(page * 2 * KIB4, page * KIB4 | P)
    data = whole(world)
    assert MOST_RUNS >= 10_000 and pack([Snapshot("", data)])["snapshots"][0]["stoppedAt"] is None
    monkeypatch.setattr("bestla.picture_data.MOST_RUNS", 7)
    page = pack([Snapshot("", data)])["snapshots"][0]
    assert len(page["runs"]) == 7 and page["stoppedAt"] == "%x" % (7 * 2 * KIB4)
    monkeypatch.setattr("bestla.picture_data.MOST_CHANGES", 4)
    both = pack([Snapshot("", whole(World())), Snapshot("", data)])
    assert (len(both["changes"]), both["changesLeftOut"]) == (4, 6)


def test_a_picture_is_not_written_over_a_saved_map(tmp_path: Path) -> None:
    """Who forgets OUT.html names a saved map there."""
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    with pytest.raises(QueryError, match="kept.json: .* not drawn over"):
        picture.write(str(kept), [Snapshot("", whole(World()))])
    assert kept.read_text() == "{}"
