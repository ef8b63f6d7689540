"""The faults that other page-map tools are known for, each as a case that this one gets right.

An id names the tool and what it does wrong; docs/page-map.md has the same list. What they take
in time is compared in tests/boot/test_inspector.py with what nobody can be faster than.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from fake_stub import FakeStub
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World
from test_sources import core, image_of

from bestla import paging
from bestla.entries import LARGE, NX, PAT_LARGE, PAT_SMALL, PCD, PWT
from bestla.stub import Stub, StubError

PROGRAM = Path(__file__).resolve().parents[2] / "scripts" / "pagemap"
BASE = 0x10_0000
Rows = list[tuple[int, int, int, str, str]]     # address, physical, pages, rights, type


class Fault(NamedTuple):
    """Tables that some tool misreads, and the rows that are right."""

    id: str
    fill: Callable[[World], None]
    rows: Rows
    la57: bool = False


def under(*parents: int) -> Callable[[World], None]:
    """A leaf with every right under a chain of parents, each for one level from the PML4 down."""
    def fill(world: World) -> None:
        table = world.root
        for level, bits in zip((4, 3, 2), parents):
            world.tables[table][paging.level_index(KERNEL, level)] = (below := world.table()) | bits
            table = below
        world.tables[table][paging.level_index(KERNEL, 1)] = 0x5000 | P | W | U
    return fill


def same_table(world: World) -> None:
    table = world.put(0, 0x7000 | P | W)
    for index in range(1, 4):
        world.put(index * MIB2, table | P | W, 2)


def equal_leaves(world: World) -> None:
    table = world.put(0, 0x7000 | P | W)
    world.tables[table] = [0x7000 | P | W] * 512


def types(*indices: int) -> Callable[[World], None]:
    """Neighbours of 4 KiB, then of 2 MiB, that differ by nothing but their PAT index."""
    def fill(world: World) -> None:
        for page, index in enumerate(indices):
            bits = P | NX | (PWT if index & 1 else 0) | (PCD if index & 2 else 0)
            world.put(page * KIB4, page * KIB4 | bits | (PAT_SMALL if index & 4 else 0))
            world.put(GIB + page * MIB2,
                      page * MIB2 | bits | LARGE | (PAT_LARGE if index & 4 else 0), 2)
    return fill


def large_run(world: World) -> None:
    for index in range(512):
        world.put(GIB + index * MIB2, index * MIB2 | P | W | LARGE, 2)


ALL = P | W | U
FAULTS = (
    Fault("gdb-pt-dump: W under a read-only PML4 entry", under(P | U, ALL, ALL),
          [(KERNEL, 0x5000, 1, "RXU", "WB")]),
    Fault("gdb-pt-dump: W under a read-only PDPT entry", under(ALL, P | U, ALL),
          [(KERNEL, 0x5000, 1, "RXU", "WB")]),
    Fault("gdb-pt-dump: W under a read-only PD entry", under(ALL, ALL, P | U),
          [(KERNEL, 0x5000, 1, "RXU", "WB")]),
    Fault("gdb-pt-dump: X under an NX PML4 entry", under(ALL | NX, ALL, ALL),
          [(KERNEL, 0x5000, 1, "RWU", "WB")]),
    Fault("gdb-pt-dump: X under an NX PDPT entry", under(ALL, ALL | NX, ALL),
          [(KERNEL, 0x5000, 1, "RWU", "WB")]),
    Fault("info tlb: the leaf's rights only", under(P | W | NX, P | U, ALL),
          [(KERNEL, 0x5000, 1, "R", "WB")]),
    Fault("info mem: no X", types(0), [(0, 0, 1, "R", "WB"), (GIB, 0, 1, "R", "WB")]),
    Fault("gdb-pt-dump: repeated entries dropped", same_table,
          [(index * MIB2, 0x7000, 1, "RWX", "WB") for index in range(4)]),
    Fault("GEF: a table of 512 equal entries lost", equal_leaves,
          [(page * KIB4, 0x7000, 1, "RWX", "WB") for page in range(512)]),
    Fault("gdb-pt-dump: LA57 addresses wrong, lower half",
          lambda world: void(world.put(0x00FF_1234_5678_9000, 0x5000 | P)),
          [(0x00FF_1234_5678_9000, 0x5000, 1, "RX", "WB")], True),
    Fault("gdb-pt-dump: LA57 addresses wrong, upper half",
          lambda world: void(world.put(0xFF12_3456_789A_B000, 0x5000 | P)),
          [(0xFF12_3456_789A_B000, 0x5000, 1, "RX", "WB")], True),
    Fault("gdb-pt-dump: bits in place of a PAT type", types(1, 2, 3),
          [(page * size + base, page * size, 1, "R", name) for base, size in
           ((0, KIB4), (GIB, MIB2)) for page, name in enumerate(("WT", "UC-", "UC"))]),
    Fault("GEF, info mem: rows of WB and UC merged", types(0, 0, 3, 3),
          [(2 * page * size + base, 2 * page * size, 2, "R", name) for base, size in
           ((0, KIB4), (GIB, MIB2)) for page, name in enumerate(("WB", "UC"))]),
    Fault("info tlb: a row a page", large_run, [(GIB, 0, 512, "RWX", "WB")]),
)


def void(_: Any) -> None:
    """For a lambda that fills."""


def rows_of(text: str) -> Rows:
    return [(row["virt"], row["phys"], row["count"], row["rights"], row["type"])
            for row in json.loads(text)]


def run(*words: str | Path, status: int = 0) -> str:
    done = subprocess.run([PROGRAM, *words], text=True, capture_output=True, check=False,
                          timeout=60)
    assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
    return done.stdout + (done.stderr if status == 2 else "")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_misread_tables(fault: Fault, tmp_path: Path) -> None:
    """By the program, from a core: what a user sees."""
    world = World(fault.la57, first=BASE)
    fault.fill(world)
    path = tmp_path / "core"
    path.write_bytes(core(world, [(BASE, BASE, len(image_of(world)))]))
    assert rows_of(run("--core", path, "--json")) == fault.rows


def a_world() -> World:
    world = World(first=BASE)
    world.put(KERNEL, 0x5000 | P | W | NX)
    world.put(KERNEL + KIB4, 0x6000 | P)
    return world


def raw_file(world: World, folder: Path) -> list[str]:
    path = folder / "raw"
    path.write_bytes(image_of(world))
    return ["--memory", str(path), "--base", hex(world.first), "--cr3", hex(world.controls.cr3),
            "--cr4", "0"]


def no_root(world: World, _: Path) -> None:
    """By a user who may do nothing, without the machine's process to look into.

    In a folder that everybody can read: neither pytest's nor the clone need be one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "scripts").mkdir()
        program = shutil.copy(PROGRAM, folder / "scripts")
        shutil.copytree(PROGRAM.parent / "gdb" / "bestla", folder / "scripts" / "gdb" / "bestla")
        nobody = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        with FakeStub(world, folder / "stub"):
            done = subprocess.run([program, "--stub", folder / "stub", "--json"], text=True,
                                  stdout=subprocess.PIPE, check=True, timeout=60, **nobody)
    assert rows_of(done.stdout) == [(KERNEL, 0x5000, 1, "RW", "WB"),
                                    (KERNEL + KIB4, 0x6000, 1, "RX", "WB")]


def no_raw_file(world: World, folder: Path) -> None:
    assert len(rows_of(run(*raw_file(world, folder), "--json"))) == 2


def truncated(world: World, folder: Path) -> None:
    """gdb reads zeros past the end of such a file, and says nothing."""
    path = folder / "core"
    whole = core(world, [(KERNEL, BASE, len(image_of(world)))])
    for cut in (1, 4096, len(image_of(world)) - 1):
        path.write_bytes(whole[:-cut])
        message = run("--core", path, status=2)
        assert "truncated" in message and "-p (paging)" in message


def no_diff(world: World, folder: Path) -> None:
    run(*raw_file(world, folder), "save", folder / "old.json")
    world.put(KERNEL, 0x5000 | P | NX)
    change, = json.loads(run(*raw_file(world, folder), "--json", "diff", folder / "old.json",
                             status=1))
    assert (change["change"], change["virt"]) == ("changed", KERNEL)
    assert (change["before"]["rights"], change["after"]["rights"]) == ("RW", "R")


def no_json(world: World, folder: Path) -> None:
    """Of a map, of entries, of tables, of a walk."""
    words = raw_file(world, folder)
    entries = json.loads(run(*words, "--json", "--raw"))
    assert [(each["virt"], each["entry"]) for each in entries if each["level"] == 1] == \
        [(KERNEL, 0x5000 | P | W | NX), (KERNEL + KIB4, 0x6000 | P)]
    assert [each["frame"] for each in json.loads(run(*words, "--json", "--tree"))] == \
        list(world.tables)
    assert json.loads(run(*words, "--json", "walk", hex(KERNEL + 5)))["phys"] == 0x5005


def no_checks(world: World, folder: Path) -> None:
    world.put(KERNEL, 0x5000 | P | W)
    checks = json.loads(run(*raw_file(world, folder), "--json", "audit", status=1))["checks"]
    assert [each["check"] for each in checks if each["status"] == "fail"] == \
        ["no leaf is writable and executable"]


def no_reverse(world: World, folder: Path) -> None:
    world.put(0x1000, 0x5000 | P)
    found = json.loads(run(*raw_file(world, folder), "--json", "find", "0x5123"))
    assert [each["address"] for each in found] == [0x1123, KERNEL + 0x123]


@pytest.mark.parametrize("case", [
    pytest.param(no_root, id="gdb-pt-dump, info mem, info tlb: root, or QEMU's own process"),
    pytest.param(no_raw_file, id="all: no raw file"),
    pytest.param(truncated, id="gdb: a truncated core read as zeros"),
    pytest.param(no_diff, id="all: no difference between two moments"),
    pytest.param(no_json, id="all: no JSON"),
    pytest.param(no_checks, id="all: no checks"),
    pytest.param(no_reverse, id="info mem, info tlb: no way back from a frame"),
])
def test_what_others_cannot(case: Callable[[World, Path], None], tmp_path: Path) -> None:
    """Symbols: test_inspect.py and, in a live kernel, test_inspector.py."""
    case(a_world(), tmp_path)


# -- asking ahead ----------------------------------------------------------------------


def test_tables_are_asked_for_ahead_and_once(tmp_path: Path) -> None:
    """In the order of the walk, none that it does not need, and what was unreadable stays so."""
    world = World(first=BASE)
    for index in range(100):
        world.put(index * MIB2, index * MIB2 | P | W)
    world.put(GIB, BASE - 0x1000 | P | W, 2)            # no such table
    world.put(GIB + MIB2, 0x5000 | P)
    with FakeStub(world, tmp_path / "stub") as served, Stub(str(tmp_path / "stub")) as stub:
        assert list(paging.Tables(stub, world.controls).pieces()) == world.pieces()
        assert stub.command("qC") == "OK"               # nothing is left on its way
        asked = [text for text in served.requests if text.startswith("m")]
    assert len(set(asked)) == len(asked) == 2 * (len(world.tables) + 1)


def test_a_stub_without_physical_memory_is_left_running(tmp_path: Path) -> None:
    with FakeStub(a_world(), tmp_path / "stub", physical=False) as served:
        with pytest.raises(StubError, match="no Qqemu.PhyMemMode"):
            with Stub(str(tmp_path / "stub")):
                pass
    assert served.requests[-1] == "D"


def test_a_stub_that_ends_is_said(tmp_path: Path) -> None:
    world = a_world()
    with FakeStub(world, tmp_path / "stub"):
        stub = Stub(str(tmp_path / "stub"))
        stub.command("D")
        with pytest.raises(StubError, match="ended the connection|[Bb]roken pipe|reset by peer"):
            stub.read(BASE, 4096)

