"""The page for who has no mouse, has a small screen, or hears it: keys, focus, words, contrast."""

from __future__ import annotations

import re
from typing import Callable, Iterator

import pytest
from drawn_world import DIRECT, GUARD_BELOW, STACK, SYMBOLS, TEXT, kernel_world, snapshot, whole
from page_world import GIB, KIB4, P, W, World
from selenium.webdriver.common.keys import Keys

from bestla import picture
from bestla.paging import NX
from bestla.picture_data import Snapshot
from browser import Chrome, Picture

Show = Callable[..., Picture]


@pytest.fixture(name="low_window")
def fixture_low_window(chrome: Chrome) -> Iterator[None]:
    """800x600, of which a headless browser has 457 lines for the page."""
    before = chrome.get_window_size()
    chrome.set_window_size(800, 600)
    yield
    chrome.set_window_size(before["width"], before["height"])


@pytest.mark.usefixtures("low_window")
@pytest.mark.parametrize("maps, la57", [(1, False), (1, True), (2, False)])
def test_a_low_window(show: Show, maps: int, la57: bool) -> None:
    """The walk lies over a sixth of it at most, in two lines, until more is asked for."""
    made = snapshot(kernel_world(la57), symbols=SYMBOLS)
    page = show(*[made] * maps, fragment=f"#{TEXT:#x}")
    height = page.script("return innerHeight")
    assert height < 640
    boxes = [each.rect for each in page.all(".detail")]
    assert all(each["height"] <= height / 6 for each in boxes)
    last = page.all(".detail")[-1]
    assert f"{TEXT:#018x}" in last.text and "fetch: works" in last.text
    assert "also at" in last.text and "PML4" not in last.text
    button = page.all(".more")[-1]
    assert button.get_attribute("aria-expanded") == "false"
    page.press("v")
    assert button.get_attribute("aria-expanded") == "true" and "PML4" in last.text
    button.click()
    assert [each.rect["height"] for each in page.all(".detail")] == \
        [each["height"] for each in boxes]


def test_a_high_window(page: Picture) -> None:
    assert page.one(".more").get_attribute("aria-expanded") == "true"
    assert "PML4" in page.one(".detail").text


def test_the_overview_by_keys(page: Picture) -> None:
    """One stop of Tab; arrows go from run to run, and what is marked is told."""
    page.script("document.querySelector('.strip').focus()")
    page.press(Keys.HOME)
    seen = [page.selected]
    for _ in range(4):
        page.press(Keys.ARROW_RIGHT)
        seen.append(page.selected)
    assert seen[1:4] == [DIRECT, TEXT, TEXT + 24 * KIB4] and seen[4] == STACK
    page.press(Keys.ARROW_LEFT, Keys.ARROW_UP)
    assert page.selected == TEXT
    page.press(Keys.END)
    assert page.selected == STACK
    marked = page.one('.strip [aria-selected="true"]')
    assert marked.get_attribute("id") == \
        page.one(".strip").get_attribute("aria-activedescendant")
    assert "RW" in marked.text and len(page.all('.strip [role="option"]')) == \
        len(page.all(".strip li"))


def test_a_box_of_many_by_keys(show: Show) -> None:
    world = World()
    for number in range(3000):
        world.put(0x10_0000_0000 + 2 * number * KIB4, number * KIB4 | P)
    page = show(Snapshot("many", whole(world)))
    page.script("document.querySelector('.strip').focus()")
    page.press(Keys.HOME)
    assert "group" in page.one(".strip .current").get_attribute("class")
    page.press(Keys.ENTER)
    assert "run" in page.one(".strip .current").get_attribute("class").split()
    assert page.selected == 0x10_0000_0000 and page.one(".back").is_displayed()
    page.press(Keys.BACKSPACE)
    assert "group" in page.one(".strip .current").get_attribute("class")
    assert page.path.startswith("PML4[0] PDPT[64] PD[0] *PT[0]")


def test_a_table_that_the_keyboard_goes_to(page: Picture) -> None:
    """Is the one that the arrows move in; a mouse selects by itself."""
    assert page.path.endswith("*PT[256]")
    page.script("document.querySelector('.strip').focus()")
    page.press(Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB)
    while page.script("return document.activeElement.role") != "slider":
        page.press(Keys.TAB)
    assert page.path.startswith("*PML4[511]")
    page.press(Keys.TAB)
    assert "*PDPT[510]" in page.path
    page.press(Keys.ARROW_LEFT)
    assert "*PDPT[509]" in page.path


def test_what_is_heard(page: Picture) -> None:
    """A table is a slider over its entries; what is selected is told as it changes."""
    slider = page.one('[data-level="1"] [role="slider"]')
    assert [slider.get_attribute("aria-" + name) for name in
            ("valuemin", "valuemax", "valuenow")] == ["0", "511", "256"]
    assert slider.get_attribute("aria-valuetext") == \
        "entry 256: 4-KiB page 0x100000 read-only supervisor WB"
    said = page.one("#said")
    assert said.text == f"PT entry 256, {TEXT:#018x}, RX, kernel .text: first .. last"
    page.find(hex(GUARD_BELOW))
    assert said.text.startswith(f"PT entry 288, {GUARD_BELOW:#018x}, no page, guard page of")
    page.find(hex(DIRECT + 3 * GIB))
    assert page.one('[data-level="1"] [role="slider"]').get_attribute("aria-valuetext") == \
        "entry 0: one 1-GiB page: RW"
    assert said.aria_role == "status" and page.one("main").is_displayed()


def test_everything_that_can_be_used_has_a_name(page: Picture) -> None:
    nameless = page.script("""
        return [...document.querySelectorAll('button, input, [tabindex], [role]')].filter(each =>
            !each.textContent.trim() && !each.getAttribute('aria-label')
            && !each.closest('[hidden]')).map(each => each.outerHTML.slice(0, 80))""")
    assert nameless == []


def test_all_that_is_found_is_told(show: Show) -> None:
    """Forty are listed; how many more there are stands below."""
    symbols = [(f"name_{number}", TEXT + number, 1) for number in range(57)]
    page = show(snapshot(kernel_world(), symbols=symbols))
    found = page.search("name_")
    assert len(found) == 41 and found[-1] == "and 17 more places: type more of it"
    page.press(Keys.ARROW_UP, Keys.ENTER)
    assert page.one("#found").is_displayed()


def test_differences_of_maps_that_are_not_whole(show: Show) -> None:
    early, late = (snapshot(kernel_world(), name) for name in ("early", "late"))
    late.whole["stopped_at"] = TEXT
    page = show(early, late)
    assert f"compared only from 0x0000000000000000 to {TEXT:#018x}" in \
        page.texts(".changes h2")[0]
    assert "were left out" in page.texts(".facts")[1]


def test_kinds_are_told_apart_without_colour(show: Show) -> None:
    """In grey code is as light as what is read-only; differences have lines of their own."""
    later = kernel_world()
    later.put(TEXT, 0)
    later.put(TEXT + 0x30 * KIB4, P | W | NX)
    later.put(TEXT + KIB4, 0x10_1000 | P | W)
    page = show(snapshot(kernel_world()), snapshot(later), fragment=f"#{TEXT:#x}")
    style = "return getComputedStyle(arguments[0], arguments[1])[arguments[2]]"
    assert page.script(style, page.cell(1, 0x102), "", "boxShadow") != "none"
    assert page.script(style, page.cell(1, 0x119), "", "boxShadow") == "none"
    lines = [page.script(style, page.cell(1, index, 1), "::after", "borderTopStyle")
             for index in (0x100, 0x101, 0x130)]
    assert lines == ["dashed", "solid", "double"]


# What text stands on, both by the variables of colours.css.
PAIRS = (("ink", "page"), ("ink", "card"), ("soft", "page"), ("soft", "card"), ("soft", "cell"),
         ("ink", "cell"), ("page", "ink"), ("on-r", "r"), ("on-rw", "rw"), ("on-rx", "rx"),
         ("on-rwx", "rwx"), ("card", "came"), ("card", "went"), ("card", "changed"),
         ("came", "card"), ("went", "card"), ("changed", "card"))


def luminance(colour: str) -> float:
    """Of WCAG 2.1."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    return sum(weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
               for weight, part in zip((0.2126, 0.7152, 0.0722), parts))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(page: Picture, theme: str) -> None:
    """At least 4.5 to 1 (AA), in light and in dark."""
    shown = page.script("""
        document.documentElement.dataset.theme = arguments[0];
        const made = document.body.appendChild(document.createElement('i'));
        const colour = name => {
            made.style.color = `var(--${name})`;
            return getComputedStyle(made).color;
        };
        return arguments[1].map(([one, other]) => [colour(one), colour(other)]);
        """, theme, PAIRS)
    for pair, colours in zip(PAIRS, shown):
        low, high = sorted(map(luminance, colours))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (pair, colours)
    assert page.script("""
        return [...document.querySelectorAll('*')].filter(each => each.textContent.trim() &&
            Number(getComputedStyle(each).opacity) < 1).map(each => each.className)""") == []


def test_each_colour_stands_once() -> None:
    """Light and dark are one line, so that neither is forgotten."""
    names = re.findall(r"(--[\w-]+):", picture.source("colours.css"))
    assert len(names) == len(set(names)) > 20


def test_a_large_page_has_few_elements(show: Show) -> None:
    """Twenty thousand runs: what is not looked at is not built, whatever the file holds."""
    world = World()
    for number in range(20_000):
        world.put(0x10_0000_0000 + 2 * number * KIB4, number * KIB4 | P)
    page = show(Snapshot("large", whole(world)))
    assert page.script("return document.querySelectorAll('*').length") < 5000
    assert "20,000 runs" in page.texts(".facts")[0]
