"""The page tables that the kernel brings along: the same map as built ones, and lies refused."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest

from booting import BOOT_TIMEOUT, QUICK, READY, SCALE, Boot
from broken import LOAD_ERROR, Broken
from gdb_stub import GdbStub
from kernel_file import KERNEL, PAGE, pages, read, segments
from kernel_log import assert_audited
from page_walk import Leaf
from test_firmware_state import program
from test_refusals import ERROR, STARTS, Outcome, parse, volume

OWN = r"loader: the kernel's own page tables, (\d+) at 0x([0-9a-f]+)"
BUILT = r"loader: the kernel's page tables are built"
PRESENT, WRITE, USER, WRITE_THROUGH, ACCESSED, LARGE, GLOBAL, NO_EXECUTE = \
    1, 2, 4, 8, 1 << 5, 1 << 7, 1 << 8, 1 << 63

MACHINES: dict[str, dict[str, Any]] = {
    "plain": QUICK,
    "no-nx": {**QUICK, "cpu": "max,-nx"},
    "5-levels": {**QUICK, "efi": program("la57")},
    "moved": {**QUICK, "efi": program("occupy")},
    "uefi": {"memory": "512M"},
}


def find_sections() -> dict[str, tuple[int, int]]:
    """Address and file offset by name."""
    found = re.findall(r"\] (\.\S+) +\w+ +([0-9a-f]{16}) ([0-9a-f]+) ", read("readelf", "-SW",
                                                                          KERNEL))
    return {name: (int(address, 16), int(offset, 16)) for name, address, offset in found}


def descriptor() -> tuple[int, tuple[int, int, int, int]]:
    """File offset of the note's descriptor; version, frames, root and base in it."""
    offset = find_sections()[".note.bestla"][1] + 20
    return offset, struct.unpack_from("<IIQQ", KERNEL.read_bytes(), offset)


# ---- the same map ------------------------------------------------------------------------


def at_entry(boot: Callable[..., Boot], stub: Path, options: str, **machine: Any
             ) -> tuple[list[Leaf], str]:
    """All leaves when the kernel's first instruction is next, and the log of the boot."""
    header = read("readelf", "-h", KERNEL)
    entry = int(header.split("Entry point address:")[1].split()[0], 16)
    started = boot(gdb=str(stub), stopped=True, options=f"nokaslr {options}", **machine)
    with GdbStub(stub, BOOT_TIMEOUT * SCALE) as connection:
        connection.run_to(entry)
        found = started.leaves()
    started.qmp.command("cont")
    started.wait_for(READY)
    assert_audited(started.serial, {1: "the CPU has no NX"}
                   if "-nx" in started.running.machine.cpu else None)
    return found, started.serial


@pytest.mark.parametrize("name", MACHINES)
def test_same_map_either_way(boot: Callable[..., Boot], tmp_path: Path, name: str) -> None:
    """Leaf by leaf: place, frame, size, rights, memory type, global bit."""
    own, own_log = at_entry(boot, tmp_path / "own", "", **MACHINES[name])
    built, built_log = at_entry(boot, tmp_path / "built", "tables=built", **MACHINES[name])
    assert re.search(OWN, own_log) and not re.search(BUILT, own_log)
    assert re.search(BUILT, built_log) and not re.search(OWN, built_log)
    assert "tables=built: building" in built_log
    assert own == built
    assert [leaf.virt for leaf in own if leaf.virt >> 63] == list(pages())
    if name == "moved":
        assert {leaf.phys for leaf in own if leaf.virt >> 63}.isdisjoint(
            phys for phys, _ in pages().values())


@pytest.mark.parametrize("version, words", [(0, "the kernel has no page tables of its own"),
                                            (2, "page tables are of version 2, not 1")])
def test_without_tables(boot: Callable[..., Boot], version: int, words: str) -> None:
    """Tables that were never made, or that this loader does not know, are built instead."""
    kernel = bytearray(KERNEL.read_bytes())
    struct.pack_into("<I", kernel, descriptor()[0], version)
    machine = boot(files={"kernel.elf": bytes(kernel)}, **QUICK)
    machine.wait_for(READY)
    assert words in machine.serial and re.search(BUILT, machine.serial)
    assert_audited(machine.serial)


# ---- lies --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lie:
    """An entry of the page at `virt`, or of a table, or a field of the note, and the answer."""

    frame: int
    index: int
    entry: int
    words: str


def index_of(virt: int, level: int) -> int:
    """Which entry of a table of this level stands for an address."""
    return virt >> (12 + 9 * (level - 1)) & 511


def make_lies() -> dict[str, Lie]:
    """By name; the kernel lies inside 2 MiB, so that it has three tables."""
    _, (_, frames, root, base) = descriptor()
    assert frames == 3
    by_rights = {segment.rights: segment for segment in segments()}
    text, data, fixed = (by_rights[rights] for rights in ("R-X", "RW-", "R--"))

    def leaf(virt: int, entry: int, words: str) -> Lie:
        return Lie(2, index_of(virt, 1), entry, words)

    def table(level: int, entry: int, words: str) -> Lie:
        return Lie(3 - level, index_of(base, level), entry, words)

    def at(virt: int) -> int:
        return (virt & -PAGE) - base

    more, pd, pt = "grants more than its segment", root + PAGE, root + 2 * PAGE
    return {
        "text-written": leaf(text.virt, at(text.virt) | PRESENT | WRITE, more),
        "data-executed": leaf(data.virt, at(data.virt) | PRESENT | WRITE, more),
        "fixed-written": leaf(fixed.virt, at(fixed.virt) | PRESENT | WRITE | NO_EXECUTE, more),
        "tables-written": leaf(base + root, root | PRESENT | WRITE | NO_EXECUTE, more),
        "text-not-executed": leaf(text.virt, at(text.virt) | PRESENT | NO_EXECUTE,
                                  "grants less than its segment"),
        "other-frame": leaf(data.virt, at(fixed.virt) | PRESENT | WRITE | NO_EXECUTE,
                            "maps another page of the image"),
        "tables-through-data": leaf(data.virt, root | PRESENT | WRITE | NO_EXECUTE,
                                    "maps another page of the image"),
        "outside-image": leaf(data.virt, 0x4000000 | PRESENT | WRITE | NO_EXECUTE,
                              "maps what is not the image's"),
        "past-52-bits": leaf(data.virt, 1 << 51 | PRESENT | WRITE | NO_EXECUTE,
                             "maps what is not the image's"),
        "missing": leaf(text.virt + PAGE, 0, "maps nothing where a segment has a page"),
        "guard": leaf(text.virt - PAGE, at(text.virt - PAGE) | PRESENT | NO_EXECUTE,
                      "stands where no segment has a page"),
        "low-memory": leaf(base - PAGE, PRESENT, "stands where no segment has a page"),
        "user": leaf(text.virt, at(text.virt) | PRESENT | USER, "has the user bit"),
        "global": leaf(text.virt, at(text.virt) | PRESENT | GLOBAL, "has the global bit"),
        "type": leaf(text.virt, at(text.virt) | PRESENT | WRITE_THROUGH, "is not write-back"),
        "reserved": leaf(text.virt, at(text.virt) | PRESENT | 1 << 52,
                         "has a bit that must be 0"),
        "accessed": leaf(text.virt, at(text.virt) | PRESENT | ACCESSED,
                         "has a bit that must be 0"),
        "pd-large": table(2, PRESENT | WRITE | LARGE, "is a large leaf"),
        "pd-loop": table(2, pd | PRESENT | WRITE, "leads to a table that is not the next"),
        "pd-back": table(2, root | PRESENT | WRITE, "leads to a table that is not the next"),
        "pd-out": table(2, at(data.virt) | PRESENT | WRITE, "leads out of the tables"),
        "pd-user": table(2, pt | PRESENT | WRITE | USER, "has the user bit"),
        "pd-twice": Lie(1, 1, pt | PRESENT | WRITE, "stands where no segment has a page"),
        "pdpt-large": table(3, PRESENT | WRITE | LARGE, "is a large leaf"),
        "pdpt-far": table(3, 0x4000000 | PRESENT | WRITE, "leads out of the tables"),
        "pdpt-other": Lie(0, 0, pd | PRESENT | WRITE, "stands where no segment has a page"),
    }


def patched(offset: int, kind: str, value: int) -> bytes:
    """The kernel's file with some bytes changed."""
    kernel = bytearray(KERNEL.read_bytes())
    struct.pack_into("<" + kind, kernel, offset, value)
    return bytes(kernel)


def make_broken() -> dict[str, Broken]:
    """A volume for each lie."""
    note, (_, frames, root, base) = descriptor()
    tables = find_sections()[".page_tables"][1]
    fields = {
        "note-root": (8, "Q", root + 8,
                      f"note: root 0x{root + 8:x} is not a page inside the image of 0x"),
        "note-root-far": (8, "Q", 1 << 40, "note: root 0x10000000000 is not a page inside the"),
        "note-base": (16, "Q", base + PAGE,
                      f"note: base 0x{base + PAGE:x} is not the image's first page 0x{base:x}"),
        "note-frames": (4, "I", frames + 1,
                        f"note: frames 0x{frames + 1:x} are more than the tables use, "
                        f"0x{frames:x}"),
        "note-frames-huge": (4, "I", 0xffffffff,
                             "note: frames 0xffffffff do not lie in one read-only segment"),
        "note-frames-few": (4, "I", frames - 1,
                            f"note: frames 0x{frames - 1:x} are less than the tables have, "
                            f"0x{frames:x}"),
    }
    broken = {name: (patched(tables + lie.frame * PAGE + lie.index * 8, "Q", lie.entry),
                     f"page table {lie.frame} ({('PDPT', 'PD', 'PT')[lie.frame]}), entry "
                     f"{lie.index}, for 0x", f"0x{lie.entry:x} {lie.words};")
              for name, lie in make_lies().items()}
    broken |= {name: (patched(note + offset, kind, value), "", words)
               for name, (offset, kind, value, words) in fields.items()}
    return {name: Broken(f"{place}\n{words}", LOAD_ERROR, {"kernel.elf": kernel})
            for name, (kernel, place, words) in broken.items()}


LYING = make_broken() if KERNEL.exists() else {}


@pytest.fixture(name="machine", scope="module")
def fixture_machine(boot_once: Callable[..., Boot]) -> Boot:
    """All of them in one boot, each three times, and the good volume after them."""
    files = {f"cases/{name}/{path}": content for name, broken in LYING.items()
             for path, content in volume(broken).items()}
    machine = boot_once(efi=program("leak"), files=files, **QUICK)
    machine.wait_for("^test: all cases done", timeout=3 * BOOT_TIMEOUT)
    return machine


@pytest.fixture(name="outcomes", scope="module")
def fixture_outcomes(machine: Boot) -> dict[tuple[str, int], Outcome]:
    """What was said."""
    return parse(machine.serial)


@pytest.mark.parametrize("name", LYING)
def test_refused(outcomes: dict[tuple[str, int], Outcome], name: str) -> None:
    """The entry is named, firmware gets the status, everything is given back."""
    for start in STARTS:
        outcome = outcomes[name, start]
        printed = "".join(outcome.printed.split())
        assert printed.startswith("bestla:error:/kernel.elf:")
        for words in LYING[name].message.split("\n"):
            assert words.replace(" ", "") in printed
        assert outcome.status == ERROR | LYING[name].status
        assert (outcome.open_files, outcome.more_handles) == (0, 0)
    assert [outcomes[name, start].memory for start in STARTS[1:]] == ["the same"] * 2


def test_good_volume_boots_afterwards(machine: Boot) -> None:
    """On its own tables."""
    machine.wait_for(READY)
    assert re.search(OWN, machine.serial)
    assert_audited(machine.serial)
