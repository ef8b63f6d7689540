"""What a user does with the picture of one map: look, zoom, hover, search, press keys."""

from __future__ import annotations

from typing import Callable

from drawn_world import DIRECT, GUARD_ABOVE, GUARD_BELOW, STACK, TEXT, TEXT_FRAME, USER_CODE, whole
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World
from selenium.webdriver.common.keys import Keys

from bestla import picture
from bestla.paging import LARGE, NX, PCD, PWT
from bestla.picture_data import Snapshot
from browser import Picture

Show = Callable[..., Picture]


# -- looking ---------------------------------------------------------------------------


def test_it_loads_and_asks_for_nothing_else(page: Picture) -> None:
    """Of all addresses there is one box each, in order; the log is looked at by the fixture."""
    assert page.requests() == [page.address]
    assert "a map" in page.chrome.title
    sizes = page.texts(".strip li")
    assert "".join(sizes).count("guard page") == 2
    assert page.selected == TEXT and page.path == "PML4[511] PDPT[510] PD[0] *PT[256]"
    facts = "".join(page.texts(".facts"))
    assert "4-level" in facts and "512 GiB mapped in 5 runs" in facts and "8 tables" in facts


def test_a_guard_page_is_seen_beside_512_gib(page: Picture) -> None:
    """Both large enough to be hit, in the window, and told apart."""
    guard, *_ = page.all(".strip .guard")
    direct = page.one(".strip .level3")
    for each in (guard, direct):
        assert each.size["width"] >= 60 and each.size["height"] >= 40
        assert each.rect["y"] + each.rect["height"] < 960
    assert "512 GiB" in direct.text and "4 KiB" in guard.text
    assert guard.value_of_css_property("background-color") != \
        direct.value_of_css_property("background-color")


def test_rights_have_colours_of_their_own(show: Show) -> None:
    """Four; W+X is told in words too, and leads there."""
    world = World()
    for page, bits in enumerate((P | NX, P | W | NX, P, P | W)):
        world.put(KERNEL + page * KIB4, page << 12 | bits)
    shown = show(Snapshot("kinds", whole(world)))
    backs = [box.value_of_css_property("background-image") +
             box.value_of_css_property("background-color") for box in shown.all(".strip .run")]
    assert len(set(backs)) == 4
    alarm = shown.one("#alarm")
    assert alarm.is_displayed() and "1 run is writable and executable" in alarm.text
    alarm.click()
    assert shown.selected == KERNEL + 3 * KIB4
    assert "alarm" in shown.cell(4, 511).get_attribute("class")
    assert "rwx" in shown.cell(1, 259).get_attribute("class")


def test_no_alarm_without_a_reason(page: Picture) -> None:
    assert not page.one("#alarm").is_displayed()


def test_page_size_and_memory_type_are_seen(show: Show) -> None:
    world = World()
    world.put(GIB, GIB | P | W | NX | LARGE | PCD | PWT, 3)
    world.put(2 * GIB, GIB | P | W | NX | LARGE, 2)
    world.put(3 * GIB, GIB | P | W | NX | U)
    shown = show(Snapshot("sizes", whole(world)))
    marks = [box.get_attribute("class") for box in shown.all(".strip .run")]
    assert ["level3" in marks[0], "level2" in marks[1], "level1" in marks[2]] == [True] * 3
    assert ["uncached" in each for each in marks] == [True, False, False]
    assert [" user" in each for each in marks] == [False, False, True]
    heights = [shown.script("return parseFloat(getComputedStyle(arguments[0], '::after').height)",
                            box) for box in shown.all(".strip .run")]
    assert heights == sorted(heights, reverse=True) and len(set(heights)) == 3
    assert "UC" in shown.texts(".strip .run")[0]


def test_light_and_dark(page: Picture) -> None:
    """As the system has it, and by a key."""
    def background() -> str:
        return page.one("body").value_of_css_property("background-color")

    seen = []
    for scheme in ("light", "dark"):
        page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        seen.append(background())
    assert seen[0] != seen[1]
    page.press("t")
    assert background() == seen[0]
    page.press("t")
    assert background() == seen[1]


# -- zooming ---------------------------------------------------------------------------


def test_zoom_by_clicks_to_a_guard_page(page: Picture) -> None:
    """From another half of the address space, entry by entry."""
    page.find(hex(USER_CODE))
    assert page.path == "PML4[0] PDPT[0] PD[2] *PT[0]"
    for level, index in ((4, 511), (3, 510), (2, 0)):
        page.cell(level, index).click()
    number = (GUARD_ABOVE - KERNEL) // KIB4 + 256
    page.cell(1, number).click()
    assert page.selected == GUARD_ABOVE
    assert page.path == f"PML4[511] PDPT[510] PD[0] *PT[{number}]"
    below, guard, above = (page.cell(1, number + each).get_attribute("class")
                           for each in (-1, 0, 1))
    assert ("leaf rw" in below, "leaf" in guard, "leaf" in above) == (True, False, False)
    assert "guard page of .boot_stack: 1.9 GiB from" in page.detail()
    page.find("guard page below")
    assert page.selected == GUARD_BELOW and "guard page of .boot_stack: 4 KiB" in page.detail()


def test_zoom_by_wheel_to_the_direct_map(page: Picture) -> None:
    page.cell(4, 273).click()
    assert page.path == "PML4[273] PDPT[0] PD[0] PT[0]".replace("PML4", "*PML4")
    page.wheel(page.cell(4, 273), -120)
    assert page.path == "PML4[273] *PDPT[0] PD[0] PT[0]"
    page.cell(3, 5).click()
    assert page.selected == DIRECT + 5 * GIB
    assert page.texts(".level.slab .note") == ["one 1-GiB page: RW"] * 2
    page.wheel(page.cell(3, 5), 120)
    assert page.path == "*PML4[273] PDPT[5] PD[0] PT[0]"
    page.wheel(page.cell(4, 273), 120)                  # nothing is above the root
    assert page.path == "*PML4[273] PDPT[5] PD[0] PT[0]"


def test_keys(page: Picture) -> None:
    assert page.path == "PML4[511] PDPT[510] PD[0] *PT[256]"
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    assert page.selected == TEXT + 16 * KIB4
    page.press(Keys.END)
    assert page.path.endswith("*PT[511]")
    page.press(Keys.ARROW_RIGHT)                        # not into another table
    assert page.path.endswith("*PT[511]")
    page.press(Keys.HOME, Keys.ARROW_UP)
    assert page.path.endswith("*PT[0]")
    page.press("-", "-", "-", "-")
    assert page.path.startswith("*PML4")
    page.press("+", Keys.ENTER)
    assert "*PD" in page.path
    page.press("n")
    assert page.selected == TEXT
    page.press("n", "n")
    assert page.selected == STACK
    page.press("p")
    assert page.selected == TEXT + 24 * KIB4
    page.press("?")
    assert page.one("#keys").is_displayed()
    page.press(Keys.ESCAPE)
    assert not page.one("#keys").is_displayed()


def test_the_address_of_the_page_keeps_the_place(page: Picture) -> None:
    page.find("handler")
    assert page.chrome.current_url.endswith(f"#{hex(TEXT + 0x2000)}/1")
    page.chrome.execute_script("location.hash = arguments[0]", f"#{hex(DIRECT + GIB)}/4")
    page.chrome.execute_async_script("setTimeout(arguments[0])")
    assert page.path == "*PML4[273] PDPT[1] PD[0] PT[0]"


# -- searching -------------------------------------------------------------------------


def test_symbols(page: Picture) -> None:
    found = page.search("kernel_")
    assert [each.split("0x")[0] for each in found] == ["kernel_main", "kernel_panic"]
    assert page.search("kernel_mai")[0].startswith("kernel_main")
    page.find("kernel_main+0x12")
    assert page.selected == TEXT + 0x1242
    assert "kernel_main+0x12" in page.detail()
    assert page.search("no_such_name") == ["nothing of that name"]
    page.find("handler")
    assert page.texts(".detail .symbol") == ["handler"]


def test_addresses(page: Picture) -> None:
    """A virtual one; a physical one by all that maps it; one that is neither."""
    page.find("0xffffffff80101234")
    assert page.selected == 0xFFFF_FFFF_8010_1234
    found = page.search(hex(TEXT_FRAME + 0x1238))
    assert len(found) == 3                  # as a virtual address it is not mapped
    assert f"at {hex(DIRECT + TEXT_FRAME + 0x1238)}RW" in found[0]
    assert f"at {hex(TEXT + 0x1238)}RX kernel_main+0x8" in found[1]
    assert found[2] == "virtual 0x0000000000101238not mapped"
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ENTER)
    assert page.selected == TEXT + 0x1238
    assert page.search("0x800000000000") == \
        ["virtual 0x0000800000000000not canonical: any access gives #GP"]
    assert "0xffff888000000000" in page.search("direct map")[0]


def test_the_file_is_small() -> None:
    """1 TiB in 2-MiB leaves, as OVMF has it, and 8 GiB in pages of 4 KiB."""
    world = World()
    for page in range(0, 1 << 40, GIB):
        table = world.put(page, 0, 2)
        world.tables[table] = [page + MIB2 * index | P | W | LARGE for index in range(512)]
    assert len(picture.page([Snapshot("wide", whole(world))])) < 100_000
    world = World()
    for page in range(0, 8 * GIB, MIB2):
        table = world.put(page, 0)
        world.tables[table] = [page + KIB4 * index | P | W for index in range(512)]
    assert len(world.tables) > 4096
    assert len(picture.page([Snapshot("deep", whole(world))])) < 110_000
