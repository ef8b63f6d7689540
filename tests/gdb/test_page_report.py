"""What pagemap and pagewalk print, to the byte."""

from __future__ import annotations

import pytest
from page_world import GIB, KERNEL, MIB2, P, U, W, World

from bestla import paging, report
from bestla.paging import (ACCESSED, CR0_PG, CR4_CET, CR4_LASS, CR4_PKE, CR4_PKS, CR4_SMAP,
                           CR4_SMEP, DIRTY, EFER_LMA, GLOBAL, LARGE, NX, PAT_LARGE, PWT)


@pytest.fixture
def world() -> World:
    return World()


# -- memory types ----------------------------------------------------------------------


@pytest.mark.parametrize("level, pat_bit", [(1, 1 << 7), (2, 1 << 12), (3, 1 << 12)])
def test_pat_index_at_every_size(level: int, pat_bit: int) -> None:
    names = ["WB", "WT", "UC-", "UC", "WB", "WT", "UC-", "UC"]
    for index in range(8):
        world = World()
        entry = P | (index & 3) << 3 | (pat_bit if index & 4 else 0) | (LARGE if level > 1 else 0)
        world.put(KERNEL & -GIB, GIB | entry, level)
        run, = world.pieces()
        assert isinstance(run, paging.Run)
        assert (run.pat, run.phys) == (index, GIB)
        assert report.row(run, paging.PAT_AT_POWER_ON).endswith(" %s]" % names[index])


def test_types_of_another_pat(world: World) -> None:
    pat = 0x0001_0204_0507_0106
    assert [paging.pat_type(index, pat) for index in range(8)] == \
        ["WB", "WC", "UC-", "WP", "WT", "PAT5=2", "WC", "UC"]


# -- text ------------------------------------------------------------------------------


def test_rows_to_the_byte() -> None:
    world = World()
    for page in (4, 5):
        virt = 0xFFFF_8880_0000_0000 + page * GIB
        world.put(virt, page * GIB | P | W | NX | GLOBAL | LARGE, 3)
    world.put(0xFFFF_FFFF_FFFF_F000, 0x1000 | P | U | PWT)
    assert report.HEADER == (
        "Virtual address start-end              Physical address start-end             "
        "Total size   Page size   Count  Flags")
    assert world.rows() == [
        "0xffff888100000000-0xffff888180000000  0x0000000100000000-0x0000000180000000  "
        "0x80000000   0x40000000  2      [RW- KERN GLOBAL WB]",
        "0xfffffffffffff000-0x0000000000000000  0x0000000000001000-0x0000000000002000  "
        "0x1000       0x1000      1      [R-X KERN WT]".replace("KERN", "USER"),
    ]


def test_a_flaw_to_the_byte(world: World) -> None:
    for page in range(3):
        world.put(KERNEL + page * MIB2, 0x000F_0000_0000_0000 | P | W, 2)
    assert world.rows() == [
        "0xffffffff80000000-0xffffffff80600000  unreachable: PD entry at 0x4000002000 = "
        "0xf000000000003 and 2 more: points to a table outside readable memory"]


def test_a_walk_to_the_byte(world: World) -> None:
    world.put(KERNEL, 0x20_0000 | P | W | GLOBAL | LARGE | PAT_LARGE | DIRTY | NX | 0x200, 2,
              above=P | W | ACCESSED)
    rows = report.walk_rows(world.walk(KERNEL), world.controls, report.Mode())
    assert list(rows) == [
        "PML4 [511] at 0x0000004000000ff8: 0x0000004000001023  "
        "table 0x4000001000 writable supervisor accessed",
        "PDPT [510] at 0x0000004000001ff0: 0x0000004000002023  "
        "table 0x4000002000 writable supervisor accessed",
        "PD   [  0] at 0x0000004000002000: 0x80000000002013c3  "
        "2-MiB page 0x200000 writable supervisor NX global WB PAT dirty software 9",
        "0xffffffff80100000 -> 0x0000000000300000, page size 0x200000, [RW- KERN GLOBAL WB]",
        "by supervisor: read: works, write: works, fetch: #PF 0x11 (PD entry is NX)",
    ]


def test_a_walk_that_ends_early(world: World) -> None:
    world.put(KERNEL, 0, 3)
    rows = list(report.walk_rows(world.walk(KERNEL), world.controls, report.Mode()))
    assert rows[-3].endswith("0x0000000000000000  not present")
    assert rows[-2:] == ["0xffffffff80100000 is not mapped: PDPT entry not present",
                         "by supervisor: read: #PF 0x0, write: #PF 0x2, fetch: #PF 0x10"]


def test_an_address_that_is_not_canonical(world: World) -> None:
    rows = list(report.walk_rows(world.walk(1 << 47), world.controls, report.Mode()))
    assert rows == ["0x0000800000000000 is not canonical with 4-level tables: "
                    "any access gives #GP"]


READS, WRITES, FETCHES = range(3)


@pytest.mark.parametrize("access, bits, mode, changed, expected", [
    (READS, P | U, (), {}, "works"),
    (READS, P | U, (), {"cr4": CR4_SMAP}, "#PF 0x1 (user page, CR4.SMAP)"),
    (READS, P | U, (False, True), {"cr4": CR4_SMAP}, "works"),
    (READS, P | U, (True,), {"cr4": CR4_SMAP}, "works"),
    (READS, P, (True,), {}, "#PF 0x5 (PT entry is supervisor)"),
    (WRITES, P, (), {}, "#PF 0x3 (PT entry is read-only)"),
    (WRITES, P, (), {"cr0": CR0_PG}, "works"),
    (WRITES, P | U, (True,), {"cr0": CR0_PG}, "#PF 0x7 (PT entry is read-only)"),
    (FETCHES, P | NX, (), {}, "#PF 0x11 (PT entry is NX)"),
    (FETCHES, P | U, (), {"cr4": CR4_SMEP}, "#PF 0x11 (user page, CR4.SMEP)"),
    (FETCHES, P | U, (), {}, "works"),
    (FETCHES, P | U | NX, (True,), {}, "#PF 0x15 (PT entry is NX)"),
    (FETCHES, P | NX, (), {"efer": EFER_LMA}, "#PF 0x9"),
    (FETCHES, P | NX, (), {"efer": EFER_LMA, "cr4": CR4_SMEP}, "#PF 0x19"),
])
def test_what_an_access_does(world: World, access: int, bits: int, mode: tuple[bool, ...],
                             changed: dict[str, int], expected: str) -> None:
    world.put(KERNEL, 0x5000 | bits)
    controls = world.controls._replace(**changed)
    text = report.access_row(world.walk(KERNEL, **changed), controls, report.Mode(*mode))
    words = text.split(": ", 1)[1].replace("read: ", "|").replace(", write: ", "|")
    assert words.replace(", fetch: ", "|").split("|")[access + 1] == expected


LOW = 0x40_0000


@pytest.mark.parametrize("virt, mode, also, expected", [
    (LOW, (), 0, "works works #GP (CR4.LASS)"),
    (LOW, (), CR4_SMAP, "#GP (CR4.LASS) #GP (CR4.LASS) #GP (CR4.LASS)"),
    (LOW, (False, True), CR4_SMAP, "works works #GP (CR4.LASS)"),
    (LOW, (True,), CR4_SMAP, "works works works"), (KERNEL, (), CR4_SMAP, "works works works"),
    (KERNEL, (True,), 0, "#GP (CR4.LASS) #GP (CR4.LASS) #GP (CR4.LASS)"),
])
def test_separated_halves(world: World, virt: int, mode: tuple[bool, ...], also: int,
                          expected: str) -> None:
    """By the address alone, before any table is read: also where nothing is mapped."""
    world.put(virt, 0x5000 | P | W | (U if virt == LOW else 0))
    controls = world.controls._replace(cr4=CR4_LASS | also)
    words = [report.access_words(world.walk(virt), access, controls, report.Mode(*mode))
             for access in ("read", "write", "fetch")]
    assert " ".join(words) == expected
    if "#GP" in words[0]:
        assert report.access_words(World().walk(virt), "read", controls, report.Mode(*mode)) == \
            "#GP (CR4.LASS)"


@pytest.mark.parametrize("cr4, above, bits, expected", [
    (CR4_PKE, P | W | U, U, " (protection key 5 not considered)"), (CR4_PKE, P | W, U, ""),
    (CR4_PKS, P | W, U, " (protection key 5 not considered)"), (CR4_PKS, P | W | U, U, ""),
    (CR4_PKE, P | W | U, 0, ""), (CR4_PKS, P | W | U, 0, " (protection key 5 not considered)"),
])
def test_whose_page_a_key_protects(world: World, cr4: int, above: int, bits: int,
                                   expected: str) -> None:
    """A leaf with the user bit below a supervisor's entry is the supervisor's."""
    world.put(KERNEL, 0x5000 | P | W | bits | 5 << 59, above=above)
    controls = world.controls._replace(cr4=cr4)
    assert report.access_row(world.walk(KERNEL), controls, report.Mode()).partition("works (")[2] \
        == expected.removeprefix(" (")


@pytest.mark.parametrize("cr4, above, bits, is_one", [
    (CR4_CET, P | W, DIRTY, True), (0, P | W, DIRTY, False), (CR4_CET, P, DIRTY, False),
    (CR4_CET, P | W, DIRTY | W, False), (CR4_CET, P | W, 0, False),
])
def test_shadow_stacks(world: World, cr4: int, above: int, bits: int, is_one: bool) -> None:
    world.put(KERNEL, 0x5000 | P | NX | bits, above=above)
    row = report.access_row(world.walk(KERNEL), world.controls._replace(cr4=cr4), report.Mode())
    assert row.endswith(" (shadow-stack page)") == is_one
    assert ("write: #PF 0x3 (P" in row) == (not bits & W)


def test_what_user_code_does_with_a_user_page(world: World) -> None:
    """Stopped in the kernel, which SMAP and SMEP keep off it."""
    world.put(LOW, 0x5000 | P | U)
    world.put(KERNEL, 0x5000 | P)
    state = world.controls._replace(cr4=CR4_SMAP | CR4_SMEP)
    assert list(report.walk_rows(world.walk(LOW), state, report.Mode()))[-2:] == [
        "by supervisor: read: #PF 0x1 (user page, CR4.SMAP), write: #PF 0x3 (user page, CR4.SMAP), "
        "fetch: #PF 0x11 (user page, CR4.SMEP)",
        "by user code: read: works, write: #PF 0x7 (PT entry is read-only), fetch: works"]
    for virt, mode in ((LOW, report.Mode(user=True)), (KERNEL, report.Mode())):
        assert len(list(report.access_rows(world.walk(virt), state, mode))) == 1


def test_bit_list() -> None:
    expected: dict[int, str] = {0: "", 1: "0", 1 << 63: "63", 0b1011: "3, 1:0",
                                          (1 << 64) - 1: "63:0"}
    assert {value: paging.bit_list(value) for value in expected} == expected
