"""The picture's own walker, against `pagewalk`'s; and its colours, against the runs."""

from __future__ import annotations

import random
import re
from typing import Callable

import pytest
from drawn_world import SYMBOLS, TEXT, kernel_world, snapshot, whole
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World

from bestla import report
from bestla.paging import (ACCESSED, ADDRESS_MASK, CR0_PG, CR4_CET, CR4_LASS, CR4_PKE, CR4_PKS,
                           CR4_SMAP, CR4_SMEP, DIRTY, EFER_LMA, GLOBAL, LARGE, NX, PAT_LARGE, PCD,
                           PWT, Flaw, Tables, canonical, level_index)
from bestla.picture_data import Snapshot
from browser import Picture

Show = Callable[..., Picture]


def test_hovering_shows_the_walk(page: Picture) -> None:
    """To the level that the pointer is at; without the pointer the selected one's again."""
    tables = Tables(kernel_world(), kernel_world().controls)
    page.hover(page.cell(1, 258))
    walk = tables.walk(TEXT + 2 * KIB4)
    assert [row[0] for row in page.walk()] == ["PML4", "PDPT", "PD", "PT"]
    assert page.walk() == [
        [report.LEVEL_NAMES[step.level], f"[{step.index}]", f"at {hex(step.address)}",
         f"0x{step.entry:016x}", report.entry_words(step, kernel_world().controls)]
        for step in walk.steps]
    assert report.outcome(walk, kernel_world().controls) in page.detail()
    assert "handler" in page.detail() and "0 of 24 pages accessed" in page.detail()
    page.hover(page.cell(4, 273))
    assert [row[0] for row in page.walk()] == ["PML4"]
    assert "below it 1 run: RW 512 GiB" in page.detail()
    page.hover(page.one(".top h1"))
    assert f"0x{TEXT:016x}" in page.detail()


def test_nothing_moves_under_the_pointer(page: Picture) -> None:
    """However long the walk is."""
    places = []
    for level, index in ((4, 511), (4, 3), (3, 510), (1, 258), (1, 400)):
        page.hover(page.cell(level, index))
        places.append([page.one(each).rect for each in (".detail", ".levels")])
    assert places == [places[0]] * len(places)


def bits_of_all_kinds(chance: random.Random) -> int:
    return P | sum(bit for bit in (W, U, PWT, PCD, ACCESSED, DIRTY, 1 << 7, GLOBAL, 0x200, NX,
                                   1 << 55, 5 << 59) if chance.random() < 0.5)


def random_world(chance: random.Random, la57: bool) -> tuple[World, list[int]]:
    """Entries of every kind, some of them with bits that must not be set, and where they are."""
    world, places = World(la57), []
    for _ in range(60):
        level = chance.choice((1, 1, 2, 3))
        virt = canonical(chance.getrandbits(56), world.controls.top) & -KIB4
        frame = chance.getrandbits(30) & -(KIB4 << 9 * (level - 1))
        leaf = frame | bits_of_all_kinds(chance) | (LARGE if level > 1 else 0)
        leaf |= chance.choice((0, 0, 0, PAT_LARGE if level > 1 else 0, 1 << 13, 1 << 45))
        above = P | chance.choice((W | U, W, U, W | U | NX, 0)) | chance.choice((0, ACCESSED))
        try:
            world.put(virt, leaf, level, above)
        except KeyError:                    # a leaf of another size is in the way
            continue
        places += [virt, virt + chance.getrandbits(12), canonical(
            virt ^ 1 << chance.randrange(12, 48), world.controls.top)]
    return world, places


@pytest.mark.parametrize("number, la57, changed", [
    (1, False, {}), (2, True, {}), (3, False, {"efer": EFER_LMA, "phys_bits": 40}),
    (4, False, {"cr4": CR4_SMEP | CR4_PKE | CR4_CET}),
    (4, False, {"cr4": CR4_SMAP | CR4_PKS | CR4_LASS}), (7, True, {"cr4": CR4_LASS}),
    (8, False, {"cr0": CR0_PG}),
    (5, True, {"pat": 0x0001_0204_0507_0106, "phys_bits": 45}), (6, False, {"leaf_1gib": False}),
])
def test_its_walker_agrees_with_pagewalk(show: Show, number: int, la57: bool,
                                         changed: dict[str, int]) -> None:
    """Some 180 addresses of a random map, to the letter; then its colours, by entry of the root."""
    chance = random.Random(number)
    world, places = random_world(chance, la57)
    places += [chance.getrandbits(64) for _ in range(20)] + [0, ADDRESS_MASK]
    controls = world.controls._replace(**{**changed, "cr4": world.controls.cr4 |
                                          changed.get("cr4", 0)})
    shown = show(Snapshot("random", whole(world, **controls._asdict())))
    said = shown.script("return arguments[0].map(each => walkText(thePage.map, BigInt(each)))",
                        [str(each) for each in places])
    tables = Tables(world, controls)
    assert said == [list(report.walk_rows(tables.walk(each), controls, report.Mode()))
                    for each in places]
    assert shown.script("""
        const root = thePage.map.table(thePage.map.root, thePage.map.top);
        return Array.from({length: 512}, (_, index) =>
            kindColours(cellOf(thePage.map, root, index, ALL_RIGHTS).kinds).sort().join(' '))
        """) == colours_below(tables, controls.top)


def colours_below(tables: Tables, top: int) -> list[str]:
    """The kinds of pages below each entry of the root."""
    found: list[set[str]] = [set() for _ in range(512)]
    for piece in tables.pieces():
        if isinstance(piece, Flaw):
            kind = "flaw"
        else:
            kind = "r" + ("w" if piece.rights & W else "") + ("" if not piece.rights & NX else "x")
        found[level_index(piece.virt, top)].add(kind)
    return [" ".join(sorted(each)) for each in found]


def test_other_mappings_of_a_frame(show: Show) -> None:
    """Each with its rights; one that writes what another executes stands out."""
    world = World()
    world.put(KERNEL, 0x5000 | P)
    world.put(KERNEL + KIB4, 0x5000 | P | NX)
    world.put(KERNEL + 2 * KIB4, 0x5000 | P | W | NX)
    shown = show(Snapshot("aliases", whole(world)), fragment=f"#{hex(KERNEL)}")
    assert shown.texts(".aliases span") == [f"also at {hex(KERNEL + KIB4)}: R mapped",
                                            f"also at {hex(KERNEL + 2 * KIB4)}: RW mapped, "
                                            "W+X together"]
    assert len(shown.all(".aliases .breach")) == 1
    shown.press("n")
    assert len(shown.all(".aliases span")) == 2 and not shown.all(".aliases .breach")


@pytest.mark.parametrize("above, leaf, colour", [
    (P | W | U, P | W | U, "rwx user"), (P | U, P | W | U, "rx user"), (P | W, P | W | U, "rwx"),
    (P | W | U | NX, P | W, "rw"), (P | U | NX, P | W | U, "r user"),
])
def test_colours_are_of_all_levels_together(show: Show, above: int, leaf: int,
                                            colour: str) -> None:
    """At the leaf and, as a table, above it."""
    world = World()
    world.put(KERNEL, 0x5000 | leaf, above=above)
    shown = show(Snapshot("rights", whole(world)), fragment=f"#{hex(KERNEL)}")
    for level in (1, 2, 3, 4):
        words = shown.one(f'[data-level="{level}"] i.selected').get_attribute("class").split()
        assert set(words) - {"alarm"} == {"leaf" if level == 1 else "table", "selected",
                                          *colour.split()}


@pytest.mark.parametrize("first, second, colours", [
    (P, P | NX, ["rx", "r"]), (P | NX, P | W | NX, ["rw", "r"]),
    (P, 1 << 13 | P | W, ["rwx", "rx"]), (P, P | 1 << 45, ["flaw", "rx"]),
])
def test_stripes_of_all_that_lies_below(show: Show, first: int, second: int,
                                        colours: list[str]) -> None:
    """Two entries are always a progression, which need not be of one kind."""
    world = World()
    world.put(KERNEL, first)
    world.put(KERNEL + KIB4, second)
    shown = show(Snapshot("two", whole(world, phys_bits=40)), fragment=f"#{hex(KERNEL)}")
    style = shown.one('[data-level="4"] i.selected').get_attribute("style")
    assert re.findall(r"var\(--(\w+)\)", style) == colours


def test_tables_that_were_packed_together(show: Show) -> None:
    """Each is shown with its own frame and entries."""
    world = World()
    world.put(0, 0, 3)
    for gib in range(4):
        table = world.put(gib * GIB, 0, 2)
        world.tables[table] = [gib * GIB + index * MIB2 | P | W | LARGE for index in range(512)]
    places = [number * GIB // 2 + number * MIB2 for number in range(9)]
    shown = show(Snapshot("packed", whole(world)))
    said = shown.script("return arguments[0].map(each => walkText(thePage.map, BigInt(each)))",
                        [str(each) for each in places])
    tables = Tables(world, world.controls)
    assert said == [list(report.walk_rows(tables.walk(each), world.controls, report.Mode()))
                    for each in places]
    shown.hover(shown.cell(3, 1))
    assert "below it 1 run: RWX 1 GiB" in shown.detail()


def test_five_levels(show: Show) -> None:
    """A column more, halves that meet at another address, and the walk."""
    shown = show(snapshot(kernel_world(la57=True), symbols=SYMBOLS), fragment=f"#{hex(TEXT)}")
    assert shown.path == "PML5[511] PML4[511] PDPT[510] PD[0] *PT[256]"
    assert len(shown.all(".level")) == 5
    assert [row[0] for row in shown.walk()] == ["PML5", "PML4", "PDPT", "PD", "PT"]
    shown.find(hex(1 << 50))
    assert shown.path.startswith("*PML5[4]") and "not mapped: PML5 entry" in shown.detail()
    shown.find("direct map")
    assert shown.path == "PML5[511] PML4[273] *PDPT[0] PD[0] PT[0]"
    assert shown.search(hex(1 << 57))[0].endswith("#GP")
