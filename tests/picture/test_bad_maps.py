"""Maps that are wrong, too many, or made to break the page: each is shown as it is."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from drawn_world import DIRECT, TEXT, kernel_world, snapshot, whole
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World
from selenium.webdriver.common.keys import Keys

from bestla import picture_data, space
from bestla.paging import LARGE, NX
from bestla.picture_data import Snapshot
from browser import Chrome, Picture

Show = Callable[..., Picture]
PROGRAM = Path(__file__).resolve().parents[2] / "scripts" / "pagemap"
HOSTILE = ("</script><script>window.broken = 1</script>", "<!--<script>", "{{data}}",
           "\"><img src=x onerror='window.broken = 2'>", "&lt;b&gt;", "</title><img src=y>",
           "\u2028`${window.broken=3}`")


def test_names_cannot_become_markup(show: Show) -> None:
    """Of symbols, sections, files, and the map itself."""
    symbols = [(name, TEXT + 0x10 * number, 0x10) for number, name in enumerate(HOSTILE)]
    made = snapshot(kernel_world(), name="".join(HOSTILE), symbols=symbols)
    made.whole["kernel"]["file"] = HOSTILE[0]
    for row, name in zip(made.whole["runs"], HOSTILE):
        row["what"] = name
    shown = show(made)
    assert shown.script("return window.broken") is None
    assert len(shown.all("img")) == 0 and shown.requests() == [shown.address]
    for number, name in enumerate(HOSTILE):
        assert shown.search(name)[0].startswith(name)
        shown.press(Keys.ENTER)
        assert shown.selected == TEXT + 0x10 * number
        assert shown.texts(".detail .symbol") == [name]
    assert shown.texts("h2")[0] == "".join(HOSTILE) and HOSTILE[-2] in shown.chrome.title


def test_no_script_but_its_own_runs(show: Show) -> None:
    """Were there a hole in it, the policy would be left."""
    shown = show(snapshot(kernel_world()))
    shown.script("const added = document.createElement('script');"
                 "added.textContent = 'window.broken = 1'; document.body.append(added);")
    assert shown.script("return window.broken") is None
    assert any("Content Security Policy" in each for each in shown.log())


def test_entries_that_lead_nowhere(show: Show) -> None:
    """Reserved bits, and a table outside memory: purple, with the reason."""
    world = kernel_world()
    world.put(KERNEL + 0x40 * KIB4, 0x5000 | P | W | NX | 1 << 45)
    world.put(DIRECT + 600 * GIB, 0xFF_0000_0000 | P | W, 3)
    shown = show(snapshot(world, phys_bits=40))
    assert len(shown.all(".strip .flaw")) == 2
    assert "flaw" in shown.cell(1, 0x140).get_attribute("class")
    shown.find(hex(KERNEL + 0x40 * KIB4))
    assert "RESERVED 45" in shown.detail() and len(shown.all(".detail tr.bad")) == 1
    shown.find(hex(DIRECT + 600 * GIB))
    assert "not readable: the table is outside memory" in shown.detail()
    assert "outside readable memory" in shown.texts(".level.broken .note")[0]


@pytest.fixture(name="few_rows")
def fixture_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is what a hundred thousand runs cost, twenty thousand on the page too."""
    monkeypatch.setattr(space, "MOST_ROWS", 6000)
    monkeypatch.setattr(picture_data, "MOST_RUNS", 5000)


@pytest.mark.usefixtures("few_rows")
def test_tables_that_lead_to_themselves(show: Show) -> None:
    """Every entry of the root: 2^36 pages, of which no more than so many runs are told."""
    world = World()
    world.tables[world.root] = [world.root | P | W | U | NX] * 512
    world.tables[world.root][7] = 0
    made = Snapshot("endless", whole(world))
    shown = show(made)
    assert "5,000 runs" in shown.texts(".facts")[0]
    assert "were left out" in shown.texts(".facts")[0]
    boxes = shown.all(".strip li")
    assert "not read" in shown.texts(".strip li b")
    assert 10 < len(boxes) <= 401
    assert "rw" in shown.cell(4, 511).get_attribute("class")
    shown.cell(4, 511).click()
    assert "PML4[511]" in shown.path and "leaf rw" in shown.cell(1, 3).get_attribute("class")
    group = shown.all(".strip .group")[3]
    words = group.text
    group.click()
    assert words.split()[0] != "0" and len(shown.all(".strip li")) > 1
    assert shown.one(".back").is_displayed()
    shown.one(".back").click()
    assert len(shown.all(".strip li")) == len(boxes)


@pytest.mark.usefixtures("few_rows")
def test_rubbish(show: Show) -> None:
    """A root of random bits, with every level below it."""
    chance = random.Random(7)
    world = World()
    tables = [world.root] + [world.table() for _ in range(3)]
    for table in tables:
        world.tables[table] = [chance.choice((0, chance.getrandbits(64),
                                              chance.choice(tables) | chance.getrandbits(7)))
                               for _ in range(512)]
    shown = show(Snapshot("rubbish", whole(world)))
    assert shown.all(".strip .group") and shown.texts(".detail")[0]


def test_an_empty_map(show: Show) -> None:
    shown = show(Snapshot("empty", whole(World())))
    assert shown.texts(".strip li b") == ["unmapped", "not canonical", "unmapped"]
    assert "PML4 entry not present" in shown.detail()
    shown.press("n", "p", "d", "w")


def test_a_table_that_is_not_full(show: Show) -> None:
    """Leaves of 2 MiB with one of another kind among them are not taken for the same."""
    world = World()
    for index in range(512):
        world.put(MIB2 * index, MIB2 * index | P | W | LARGE | (0 if index == 300 else NX), 2)
    shown = show(Snapshot("one of 512", whole(world)))
    assert "alarm" in shown.cell(3, 0).get_attribute("class")
    assert ["rwx" in shown.cell(2, each).get_attribute("class").split() for each in
            (299, 300, 301)] == [False, True, False]


# -- what is no map --------------------------------------------------------------------


def test_the_program(chrome: Chrome, tmp_path: Path) -> None:
    """Of saved maps; and what it says of files that are none."""
    for name, world in (("old.json", World()), ("new.json", kernel_world())):
        (tmp_path / name).write_text(json.dumps(whole(world)))
    (tmp_path / "runs.json").write_text(json.dumps(whole(World())["runs"]))

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run([PROGRAM, *words], cwd=tmp_path, text=True, capture_output=True,
                              check=False)
        assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    assert run("picture", "map.html", "new.json") == "map.html: open it in a browser\n"
    one = Picture(chrome, tmp_path / "map.html")
    assert one.texts("h2") == ["new.json", "Keys"] and not one.all(".changes")
    run("picture", "map.html", "old.json", "new.json")
    two = Picture(chrome, tmp_path / "map.html")
    assert two.texts(".panel h2") == ["old.json", "new.json"]
    assert "5 came" in two.texts(".changes h2")[0]
    assert "name one source" in run("picture", "map.html", status=2)
    assert "picture takes 1 to 3 arguments" in run("picture", status=2)
    assert "runs.json: an array of runs; " in run("picture", "map.html", "runs.json", status=2)
    assert "No such file" in run("picture", "/nonexistent/x", "new.json", status=2)
    assert "No such file" in run("picture", "map.html", "none.json", status=2)


def test_a_line_that_ends_in_a_search(show: Show) -> None:
    """U+2028 and its like, which no pattern's dot takes for a character, come by pasting."""
    shown = show(snapshot(kernel_world()))
    shown.script("const field = document.getElementById('search'); field.value = arguments[0];"
                 "field.dispatchEvent(new Event('input'));", "kernel\u2028x")
    assert shown.texts("#found li") == ["nothing of that name"]
