"""Saved maps that somebody changed by hand: the field that is wrong is named, with its value."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from page_world import GIB, KERNEL, KIB4, P, U, W, World

from bestla import as_json, cli, fields, saved_map
from bestla.entries import LARGE, NX
from bestla.picture_data import Snapshot, pack
from bestla.saved_map import JsonError
from bestla.space import PageSpace, View

MANY = 1 << 70


def good() -> dict[str, Any]:
    """A map with everything that there can be in one."""
    world = World()
    world.put(KERNEL, 0x5000 | P | W | NX)
    world.put(KERNEL + 2 * KIB4, 0x6000 | P | U)
    world.put(KERNEL + GIB, P | LARGE | 1 << 45, 2)
    data = as_json.whole(PageSpace(View(world, world.controls._replace(phys_bits=40))))
    data["kernel"] = {"file": "k", "start": KERNEL, "end": KERNEL + KIB4, "slide": 0}
    data["stacks"] = [{"name": "stack", "start": KERNEL, "end": KERNEL + KIB4}]
    data["symbols"] = [{"name": "main", "virt": KERNEL, "size": 4}]
    return json.loads(json.dumps(data))


def put(data: Any, path: str, value: Any) -> None:
    """`runs.0.virt`; MISSING takes the field away."""
    *way, last = (int(each) if each.isdigit() else each for each in path.split("."))
    for each in way:
        data = data[each]
    if value is fields.MISSING:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize("path, value, says", [
    ("runs", 5, "runs is 5, expected an array"),
    ("runs.1", 7, "runs[1] is 7, expected an object"),
    ("runs.1.virt", -1, "runs[1].virt is -1, expected an integer from 0 to 0xffffffffffffffff"),
    ("runs.0.virt", 1.5, "runs[0].virt is 1.5, expected"),
    ("runs.0.pat", True, "runs[0].pat is true, expected"),
    ("runs.0.virt", 5, "runs[0].virt is 5, expected .*, a multiple of 4096"),
    ("runs.0.virt", "x" * 99, "runs[0].virt is \"x{36}..., expected"),
    ("runs.1.virt", 0, "runs[1].virt is 0x0, before the end of the run before it"),
    ("runs.0.virt", fields.MISSING, "runs[0].virt is missing"),
    ("runs.0.phys", 1 << 52, "runs[0].phys is 4503599627370496, expected"),
    ("runs.0.count", 0, "runs[0].count is 0, expected an integer from 1 to"),
    ("runs.0.count", MANY, "runs[0].count is"),
    ("runs.0.size", 0x2000, "runs[0].size is 8192, expected count . page_size, 4096"),
    ("runs.0.page_size", 8192, "runs[0].page_size is 8192, expected one of 4096, 2097152"),
    ("runs.0.page_size", [], "runs[0].page_size is an array, expected"),
    ("runs.0.rights", "RQ", "runs[0].rights is \"RQ\", expected letters of RWXU"),
    ("runs.0.own", ["R"], "runs[0].own is an array, expected a string"),
    ("runs.0.own_some", None, "runs[0].own_some is null, expected a string"),
    ("runs.0.global", 1, "runs[0].global is 1, expected true or false"),
    ("runs.0.pat", 8, "runs[0].pat is 8, expected an integer from 0 to 7"),
    ("runs.0.accessed", 2, "runs[0].accessed is 2, expected an integer from 0 to 1"),
    ("runs.0.dirty", -1, "runs[0].dirty is -1"),
    ("controls", [], "controls is an array, expected an object"),
    ("controls.types", ["WB"], "controls.types has 1 elements, expected 8"),
    ("controls.types.3", {}, "controls.types[3] is an object, expected a string"),
    ("stopped_at", "6", "stopped_at is \"6\", expected"),
    ("asked", 1, "asked is 1, expected an object"),
    ("asked", {"virt": [1]}, "asked.virt has 1 elements, expected 2"),
    ("asked", {"virt": [1, "2"]}, "asked.virt is \"2\", expected"),
    ("asked", {"flags": ["w"]}, "asked.flags is set"),
])
def test_a_field_that_no_map_has(path: str, value: Any, says: str) -> None:
    data = good()
    saved_map.parse(data, "a map")
    put(data, path, value)
    with pytest.raises(JsonError, match="a map: " + says.replace("[", r"\[").replace("]", r"\]")):
        saved_map.parse(data, "a map")


@pytest.mark.parametrize("path, value, says", [
    ("controls.cr3", "<b>", "controls.cr3 is \"<b>\", expected an integer"),
    ("controls.levels", 6, "controls.levels is 6, expected an integer from 4 to 5"),
    ("controls.maxphyaddr", 64, "controls.maxphyaddr is 64, expected an integer from 32 to 52"),
    ("controls.leaf_1gib", 1, "controls.leaf_1gib is 1"),
    ("controls.assumed", [1], "controls.assumed[0] is 1, expected a string"),
    ("runs.0.what", 5, "runs[0].what is 5, expected a string"),
    ("unreachable.0.level", 9, "unreachable[0].level is 9, expected"),
    ("unreachable.0.virt", 1, "unreachable[0].virt is 1, expected .*, a multiple of 2097152"),
    ("unreachable.0.count", MANY, "unreachable[0].count is"),
    ("unreachable.0.entry", MANY, "unreachable[0].entry is"),
    ("unreachable.0.why", None, "unreachable[0].why is null"),
    ("tables", fields.MISSING, "tables is missing"),
    ("tables.0.frame", 1, "tables[0].frame is 1, expected .*, a multiple of 4096"),
    ("tables.1.level", 0, "tables[1].level is 0"),
    ("tables.0.entries", {}, "tables[0].entries is an object"),
    ("tables.0.entries.0", [1, 2], "tables[0].entries[0] is an array, expected four integers"),
    ("tables.0.entries.0", [0, 1, 1.0, 0], "tables[0].entries[0] is an array, expected four"),
    ("tables.0.entries.0", [511, 2, 1, 0], "tables[0].entries[0] is of entries 511 to 512"),
    ("tables.0.entries.0", [0, 2, 0, -1], "tables[0].entries[0] has an entry of more than"),
    ("tables.0.entries.0", [0, 1, 1 << 64, 0], "tables[0].entries[0] has an entry of more than"),
    ("kernel", 5, "kernel is 5, expected an object"),
    ("kernel.end", MANY, "kernel.end is"),
    ("stacks.0", {}, "stacks[0].name is missing"),
    ("stacks.0.start", -1, "stacks[0].start is -1"),
    ("symbols.0.virt", -1, "symbols[0].virt is -1"),
    ("symbols.0.name", 5, "symbols[0].name is 5, expected a string"),
])
def test_a_field_that_no_picture_can_be_made_of(path: str, value: Any, says: str) -> None:
    data = good()
    pack([Snapshot("a map", data)])
    put(data, path, value)
    with pytest.raises(JsonError, match="a map: " + says.replace("[", r"\[").replace("]", r"\]")):
        pack([Snapshot("a map", data)])


def test_a_picture_of_runs_alone() -> None:
    with pytest.raises(JsonError, match="a map: an array of runs; a picture needs the tables"):
        pack([Snapshot("a map", good()["runs"])])


def test_symbols_are_in_the_order_that_the_page_needs() -> None:
    data = good()
    data["symbols"] = [{"name": name, "virt": virt, "size": 0} for name, virt in
                       (("b", 0x20), ("a", 0x100), ("c", 3))]
    assert [row[0] for row in pack([Snapshot("", data)])["snapshots"][0]["symbols"]] == \
        ["c", "b", "a"]


def test_halves_of_characters_are_not_printed() -> None:
    """JSON has them, and no terminal takes them."""
    data = good()
    data["controls"]["types"][0] = "W\ud800B"
    assert saved_map.parse(data, "").types[0] == "W?B"


VALUES = (None, True, -1, 0, 1, 7, 1.5, 4096, 1 << 47, (1 << 64) - 1, 1 << 64, 10 ** 300, "", "x",
          "\ud800", "\33[31m", "</script>", [], [[]], {}, {"virt": 0}, [1, 2, 3, 4])


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    keys = list(data) if isinstance(data, dict) else \
        list(range(len(data))) if isinstance(data, list) else []
    return [pair for key in keys for pair in [(data, key), *places(data[key])]]


def damaged(whole: dict[str, Any], chance: random.Random) -> bytes:
    """Fields that are others, gone or swapped; or bytes that are."""
    data = copy.deepcopy(whole)
    for _ in range(chance.randrange(1, 3)):
        where, key = chance.choice(places(data))
        if chance.random() < 0.2:
            del where[key]
        else:
            where[key] = chance.choice(VALUES)
    text = bytearray(json.dumps(data).encode())
    if chance.random() < 0.2:
        text[chance.randrange(len(text))] = chance.randrange(256)
    return bytes(text[:chance.randrange(len(text))] if chance.random() < 0.1 else text)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A difference, a page, or one line that begins with the file's name."""
    chance, whole, seen = random.Random(seed), good(), set()
    bad, sound = tmp_path / "bad.json", tmp_path / "sound.json"
    sound.write_text(json.dumps(whole))
    for turn in range(120):
        bad.write_bytes(damaged(whole, chance))
        words = ["picture", str(tmp_path / "x.html"), str(bad)] if turn % 2 else \
            ["diff", str(bad), str(sound)]
        status = cli.main([*words, *(["--json"] if turn % 4 == 0 else [])])
        said = capsys.readouterr()
        seen.add(status)
        assert status in (0, 1, 2) and "Traceback" not in said.err
        assert said.out.encode("utf-8") is not None
        if status == 2:
            line, = said.err.splitlines()
            assert line.startswith("pagemap: ") and "bad.json: " in line
    assert {0, 2} <= seen
