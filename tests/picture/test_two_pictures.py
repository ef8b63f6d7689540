"""Two maps side by side: what came, went and changed is marked, listed, and can be gone to."""

from __future__ import annotations

from typing import Callable

import pytest
from drawn_world import DIRECT, STACK, TEXT, TEXT_FRAME, kernel_world, snapshot
from page_world import GIB, KIB4, P, W, World
from selenium.webdriver.common.by import By

from bestla.paging import GLOBAL, LARGE, NX, PCD, PWT
from browser import Picture

Show = Callable[..., Picture]
CAME, CHANGED, WENT, UNCACHED = TEXT + 0x30 * KIB4, TEXT + 3 * KIB4, STACK + KIB4, DIRECT + 5 * GIB


def later_world() -> World:
    """One page more, one less, one with another right, a gigabyte with another type."""
    world = kernel_world()
    world.put(CAME, 0x30_0000 | P | W | NX)
    world.put(CHANGED, TEXT_FRAME + 3 * KIB4 | P | W)
    world.put(WENT, 0)
    world.put(UNCACHED, 5 * GIB | P | W | NX | LARGE | GLOBAL | PCD | PWT, 3)
    return world


@pytest.fixture(name="page")
def fixture_page(show: Show) -> Picture:
    """Both, as they open: at the first difference."""
    return show(snapshot(kernel_world(), "early"), snapshot(later_world(), "late"))


def marks(page: Picture, level: int, index: int) -> list[str]:
    """What is marked of an entry on either side."""
    return [" ".join(word for word in page.cell(level, index, panel).get_attribute("class").split()
                     if word in ("came", "went", "changed", "mixed", "differs"))
            for panel in (0, 1)]


def test_side_by_side(page: Picture) -> None:
    left, right = page.all(".panel")
    assert left.rect["y"] == right.rect["y"]
    assert left.rect["x"] + left.rect["width"] < right.rect["x"]
    for panel in (left, right):
        for part in (".strip", ".levels", ".detail"):
            inside = panel.find_element(By.CSS_SELECTOR, part).rect
            assert inside["x"] + inside["width"] <= panel.rect["x"] + panel.rect["width"]
    assert page.texts(".panel h2") == ["early", "late"] and page.selected == UNCACHED
    below = [panel.find_element(By.CSS_SELECTOR, ".levels").rect["y"] for panel in (left, right)]
    assert below[0] == below[1]


def test_the_list(page: Picture) -> None:
    rows = page.texts(".changes li")
    assert [row[0] for row in rows] == ["~", "~", "−", "+"]
    assert "[RW- KERN GLOBAL WB]  →  0x140000000 in 0x40000000 [RW- KERN GLOBAL UC]" in rows[0]
    assert "[R-X KERN WB]  →  0x103000 in 0x1000 [RWX KERN WB]" in rows[1]
    assert page.texts(".changes h2 .sign") == ["+ 1 came", "− 1 went", "~ 2 changed"]


def test_the_list_jumps(page: Picture) -> None:
    for row, virt in zip(page.all(".changes li button"), (UNCACHED, CHANGED, WENT, CAME)):
        row.click()
        assert page.selected == virt
        assert [each.text[:1] for each in page.all(".changes li.current")] == [row.text[:1]]
    page.press("d")
    assert page.selected == UNCACHED
    page.press("D")
    assert page.selected == CAME


def test_marks(page: Picture) -> None:
    """On every level, on both sides."""
    assert marks(page, 4, 273) == ["differs changed"] * 2
    assert marks(page, 4, 511) == ["differs mixed"] * 2
    assert marks(page, 3, 5) == ["differs changed"] * 2 and marks(page, 3, 4) == [""] * 2
    page.find(hex(CAME))
    first = 0x100
    assert [marks(page, 1, first + (virt - TEXT) // KIB4)[1] for virt in
            (CHANGED, WENT, CAME, TEXT)] == ["differs changed", "differs went", "differs came", ""]
    assert page.script("return getComputedStyle(arguments[0], '::after').borderTopStyle",
                       page.cell(1, first + 3)) == "solid"
    assert page.texts(".strip .mark") == ["~", "~", "−", "+", "~", "~", "−", "+"]


def test_each_side_has_its_own_walk(page: Picture) -> None:
    page.hover(page.cell(3, 5))
    assert "[RW- KERN GLOBAL WB]" in page.detail(0) and "[RW- KERN GLOBAL UC]" in page.detail(1)


def test_four_levels_beside_five(show: Show) -> None:
    """As the loader's tables and the kernel's may be; an address of one is none of the other."""
    page = show(snapshot(kernel_world(), "four"), snapshot(kernel_world(la57=True), "five"))
    assert len(page.all(".level")) == 9
    page.find(hex(1 << 50))
    assert "is not canonical with 4-level tables" in page.detail(0)
    assert "not mapped: PML5 entry" in page.detail(1)
    page.cell(5, 511, 1).click()
    assert [row[0] for row in page.walk(0)][0] == "PML4" and page.walk(1)[0][0] == "PML5"


def test_a_long_list(show: Show) -> None:
    """It scrolls to what is selected."""
    world = kernel_world()
    for number in range(60):
        world.put(CAME + 2 * number * KIB4, number * KIB4 | P)
    page = show(snapshot(kernel_world(), "early"), snapshot(world, "late"))
    page.press("D")
    current, box = page.one(".changes li.current").rect, page.one(".changes ol").rect
    assert box["y"] - 1 < current["y"] and \
        current["y"] + current["height"] < box["y"] + box["height"] + 1


def test_no_difference(show: Show) -> None:
    page = show(snapshot(kernel_world(), "one"), snapshot(kernel_world(), "other"))
    assert page.texts(".changes h2")[0].startswith("No difference")
    assert not page.all(".differs") and not page.all(".changes li")
