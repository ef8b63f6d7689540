"""Whether all of a map is told: where it is not, a message says so, and so does the JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page_world import FIRST_TABLE, GIB, KERNEL, KIB4, MIB2, P, U, W, World
from test_sources import image_of

from bestla import audit, cli, diff, saved_map, space
from bestla.entries import LARGE, NX, PAT_AT_POWER_ON

TABLES = 10


class Program:
    """scripts/pagemap over a world's tables in a raw file."""

    def __init__(self, world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        (folder / "raw").write_bytes(image_of(world))
        self.source = ["--memory", str(folder / "raw"), "--base", hex(FIRST_TABLE), "--cr3",
                       hex(world.root), "--cr4", "0", "--pat", hex(PAT_AT_POWER_ON),
                       "--efer", "0xd00"]
        self.aside: list[str] = []

    def __call__(self, *words: str, status: int = 0, source: bool = True) -> str:
        assert cli.main([*(self.source if source else ()), *words]) == status, words
        said = self.capsys.readouterr()
        self.aside = said.err.splitlines()
        return said.out

    def whole(self, *words: str) -> dict[str, Any]:
        return json.loads(self("--json", "--all", *words))

    def save(self, name: str, *words: str) -> str:
        path = self.folder / name
        path.write_text(self("--json", *words))
        return str(path)


@pytest.fixture(name="world")
def fixture_world() -> World:
    """Eight pages, every second one, in a table each; the last has the user bit."""
    made = World()
    for page in range(8):
        made.put(KERNEL + page * MIB2, page * KIB4 | P | W | NX | (U if page == 7 else 0))
    assert len(made.tables) == TABLES + 1
    return made


@pytest.fixture(name="program")
def fixture_program(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(world, tmp_path, capsys)


@pytest.fixture(name="few_tables")
def fixture_few_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "MOST_TABLES", TABLES)


def test_a_whole_map_says_so(program: Program) -> None:
    data = program.whole()
    assert (data["whole"], data["stopped_at"], data["tables_stopped_at"], data["asked"]) == \
        (True, None, None, None)
    assert not program.aside


@pytest.mark.usefixtures("few_tables")
def test_tables_that_are_left_out(program: Program, tmp_path: Path) -> None:
    """The eleventh of them, in a file, in JSON, in the list; all of them are asked for by 0."""
    last = KERNEL + 7 * MIB2 & -MIB2
    remark = f"pagemap: listed 10 tables, and the next translates {last:#x}; --rows 0 lists all"
    program("save", str(tmp_path / "map.json"))
    assert program.aside == [remark]
    for data in (json.loads((tmp_path / "map.json").read_text()), program.whole()):
        assert (data["whole"], data["tables_stopped_at"], len(data["tables"])) == \
            (False, last, TABLES)
    assert program.aside == [remark]
    assert len(json.loads(program("--tree", "--json"))) == TABLES and program.aside == [remark]
    program("picture", str(tmp_path / "x.html"), status=2)
    assert program.aside[-1].endswith("tables are 10, and the map has more; of a map that "
                                      "`pagemap save` writes all is there")
    assert len(program.whole("--rows", "0")["tables"]) == TABLES + 1 and not program.aside


def test_exactly_as_many_tables_are_all(monkeypatch: pytest.MonkeyPatch, program: Program) -> None:
    monkeypatch.setattr(space, "MOST_TABLES", TABLES + 1)
    assert program.whole()["whole"] and not program.aside


def test_rows_that_are_left_out(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    data = program.whole("--rows", "3")
    assert len(data["runs"]) == 3
    assert (data["whole"], data["stopped_at"]) == (False, KERNEL + 3 * MIB2)
    monkeypatch.setattr(space, "MOST_ROWS", 5)
    assert program.whole("--rows", "4")["stopped_at"] == KERNEL + 4 * MIB2
    assert program.whole("--rows", "5")["stopped_at"] == KERNEL + 5 * MIB2
    program("find", "0x7000", "--rows", "5", status=1)
    assert program("find", "0x7000", "--rows", "5", status=1) == \
        f"0x7000 is mapped nowhere below {KERNEL + 5 * MIB2:#x}\n"
    assert json.loads(program("audit", "--rows", "5", "--json"))["stopped_at"] == KERNEL + 5 * MIB2


@pytest.mark.parametrize("words, asked", [
    (["--virt", f"{KERNEL:#x}-{KERNEL + MIB2:#x}"], {"virt": [KERNEL, KERNEL + MIB2]}),
    (["--phys", "0x1000-0x2000"], {"phys": [0x1000, 0x2000]}),
    (["--flags", "w,!x"], {"flags": ["w", "!x"]}), (["--size", "4K"], {"page_size": 4096}),
])
def test_a_part_says_what_was_asked_for(program: Program, words: list[str],
                                        asked: dict[str, Any]) -> None:
    data = program.whole(*words)
    assert not data["whole"] and data["asked"] == {"virt": None, "phys": None, "flags": [],
                                                   "page_size": None, **asked}


def test_parts_are_compared_where_both_are_known(program: Program, world: World) -> None:
    """What is outside has neither come nor gone."""
    part = program.save("part.json", "--all", "--virt", f"{KERNEL + MIB2:#x}-{KERNEL + GIB:#x}")
    assert program("diff", part) == "no difference\n"
    known = f"{KERNEL + MIB2:#018x}-{KERNEL + GIB:#018x}"
    assert program.aside == [f"pagemap: compared only what is known of both, {known}"]
    world.put(KERNEL + 2 * MIB2, 0)
    world.put(KERNEL, 0)
    changed = Program(world, program.folder, program.capsys)
    rows = json.loads(changed("diff", part, "--json", status=1))
    assert [(each["change"], each["virt"]) for each in rows] == [("went", KERNEL + 2 * MIB2)]
    low = program.save("low.json", "--all", "--virt", "0-0x1000")
    program("diff", low, part, source=False, status=2)
    assert "different parts of a map" in program.aside[-1]


@pytest.mark.parametrize("option, value", [("--flags", "w"), ("--phys", "0-0x1000"),
                                           ("--size", "4K")])
def test_a_choice_of_runs_is_not_compared(program: Program, option: str, value: str) -> None:
    chosen = program.save("chosen.json", "--all", option, value)
    program("diff", chosen, status=2)
    assert f"{chosen}: asked." in program.aside[-1] and "cannot be told" in program.aside[-1]
    program("picture", str(program.folder / "x.html"), chosen, status=2, source=False)
    assert f"{Path(chosen).name}: asked" in program.aside[-1]


def test_an_array_of_runs_does_not_tell(program: Program) -> None:
    runs = program.save("runs.json")
    assert program("diff", runs) == "no difference\n"
    assert program.aside == ["pagemap: whether an array of runs is all of a map is not known; "
                             "`pagemap save` tells it"]


def test_the_border_of_what_is_known() -> None:
    """A large page reaches over it, leaves' own rights beyond it are in the sum."""
    small, large = World(), World()
    for page in range(512):
        small.put(page * KIB4, page * KIB4 | P | (W if page > 300 else 0), above=P)
    large.put(0, P | LARGE, 2)
    types = saved_map.types_of(PAT_AT_POWER_ON)
    whole = [each for each in small.pieces() if not isinstance(each, diff.Change)]
    cut = [each._replace(count=200, own_any=each.own_all) for each in whole]
    assert not list(diff.compare(whole, cut, types, types, (0, 200 * KIB4)))
    change, = diff.compare(whole, large.pieces(), types, types, (0x1001, 0x3000))
    assert (change.kind, change.virt, change.size) == ("changed", 0x1001, 0x1FFF)


def test_tables_of_a_range(program: Program, world: World) -> None:
    """Those that the text shows, a shared one too; and what goes with runs only is refused."""
    world.put(0, world.put(KERNEL, P | W) | P, 2)
    changed = Program(world, program.folder, program.capsys)
    rows = json.loads(changed("--tree", "--json", "--virt", f"{KERNEL:#x}-{KERNEL + KIB4:#x}"))
    assert [each["level"] for each in rows] == [4, 3, 2, 1]
    assert rows[-1]["virt"] == KERNEL & -MIB2
    for option, value in (("--flags", "w"), ("--phys", "0-1"), ("--size", "2M")):
        for kind in ("--tree", "--raw"):
            program(kind, option, value, status=2)
            assert "choose among runs" in program.aside[-1]


def test_a_check_that_finds_too_much(program: Program, world: World,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_FINDINGS", 8)
    for page in range(8):
        world.put(page * MIB2, page * KIB4 | P)
    for more in (False, True):
        changed = Program(world, program.folder, program.capsys)
        check, = (each for each in json.loads(changed("audit", "--json", status=1))["checks"]
                  if each["check"] == "nothing in the lower half")
        assert (len(check["findings"]), check["ended_early"]) == (8, more)
        world.put(9 * MIB2, P)
    monkeypatch.setattr(audit, "MOST_FINDINGS", 12)
    for page in range(20):
        world.put(page * MIB2, page * KIB4 | P)
    changed = Program(world, program.folder, program.capsys)
    assert "        and 2 more, and then the check was ended\n" in changed("audit", status=1)
