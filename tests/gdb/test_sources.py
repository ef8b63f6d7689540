"""Where a page map is read from without gdb: cores, dumps and raw files, whole and damaged."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from typing import Callable

import pytest
from page_world import KERNEL, P, U, W, World

from bestla import cli, core_file, dump_file, elf_file, paging
from bestla.core_file import CoreMemory
from bestla.dump_file import DumpError
from bestla.elf_file import ElfError, ElfFile

BASE = 0x10_0000


def world_at(base: int = BASE) -> World:
    world = World(first=base)
    world.put(KERNEL, 0x5000 | P | W)
    world.put(0x1000, 0x6000 | P | U)
    return world


def image_of(world: World) -> bytes:
    """The tables as they lie in memory from the first on."""
    return b"".join(struct.pack("<512Q", *entries) for entries in world.tables.values())


# -- cores -----------------------------------------------------------------------------


def note(world: World, version: int = 1) -> bytes:
    """QEMU's, as target/i386/arch_dump.c has it; RSP is 0x7000, CS 0x08."""
    registers = [0] * 18
    registers[7] = 0x7000
    segments = struct.pack("<IIIIQ", 8, 0, 0, 0, 0) + bytes(9 * 24)
    data = struct.pack("<II18Q", version, 432, *registers) + segments
    state = world.controls
    data += struct.pack("<6Q", state.cr0, 0, 0, state.cr3, state.cr4, 0)
    return struct.pack("<III8s", 5, len(data), 0, b"QEMU") + data


def core(world: World, loads: list[tuple[int, int, int]], *, kind: int = 4, machine: int = 62,
         version: int = 1) -> bytes:
    """A file with one note, and segments of (virtual, physical, size) of the tables."""
    image, notes = image_of(world), note(world, version)
    count = 1 + len(loads)
    start = 64 + 56 * count + len(notes)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    segments = struct.pack("<IIQQQQQQ", 4, 0, 64 + 56 * count, 0, 0, len(notes), len(notes), 0)
    for virt, phys, size in loads:
        segments += struct.pack("<IIQQQQQQ", 1, 0, start + phys - BASE, virt, phys, size, size, 0)
    return header + segments + notes + image


def opened(folder: Path, data: bytes) -> ElfFile:
    (folder / "core").write_bytes(data)
    return ElfFile(str(folder / "core"))


def test_a_core(tmp_path: Path) -> None:
    world = world_at()
    size = len(image_of(world))
    elf = opened(tmp_path, core(world, [(BASE, BASE, 0x1800), (BASE + 0x1800, BASE + 0x1800,
                                                               size - 0x1800)]))
    core_file.check_core(elf)
    cpu, = core_file.processors(elf)
    assert (cpu.rsp, cpu.cs, cpu.cr3) == (0x7000, 8, world.controls.cr3)
    controls = core_file.controls_of(cpu)
    assert list(paging.Tables(CoreMemory(elf), controls).pieces()) == world.pieces()
    assert elf.size and CoreMemory(elf).read(BASE, size) == image_of(world)


def test_segments_that_overlap(tmp_path: Path) -> None:
    """A core with -p has one for each mapping: a short one inside of a long one."""
    world = world_at()
    size = len(image_of(world))
    elf = opened(tmp_path, core(world, [(0xFFFF_8880_0010_0000, BASE, size),
                                        (KERNEL, BASE + 0x1000, 0x1000)]))
    assert CoreMemory(elf).read(BASE, size) == image_of(world)
    for offset in range(0, size, 0x1000):
        assert CoreMemory(elf).read(BASE + offset, 8) == image_of(world)[offset:offset + 8]


@pytest.mark.parametrize("virt, words", [(BASE, "truncated: segment 0 .* ends at 0x"),
                                         (KERNEL, "made with -p .paging. is so")])
def test_a_truncated_core(tmp_path: Path, virt: int, words: str) -> None:
    world = world_at()
    data = core(world, [(virt, BASE, len(image_of(world)))])
    with pytest.raises(ElfError, match=words):
        core_file.check_core(opened(tmp_path, data[:-1]))


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """Whatever is missing, there is an ElfError and no map."""
    world = world_at()
    data = core(world, [(BASE, BASE, len(image_of(world)))])
    for cut in [*range(0, 700, 7), *range(700, len(data), 997)]:
        with pytest.raises(ElfError):
            elf = opened(tmp_path, data[:cut])
            core_file.check_core(elf)


def test_other_files(tmp_path: Path) -> None:
    world = world_at()
    loads = [(BASE, BASE, len(image_of(world)))]
    good = core(world, loads)
    for data, words in ((b"KDUMP   " + bytes(100), "compressed kdump"),
                        (b"MZ" + bytes(100), "not an ELF file"),
                        (good[:4] + b"\1" + good[5:], "32-bit ELF"),
                        (core(world, loads, kind=2), "e_type 2, not a core"),
                        (core(world, loads, machine=3), "e_machine 3"),
                        (core(world, []), "holds no memory"),
                        (core(world, loads, version=2), "version 2")):
        with pytest.raises(ElfError, match=words):
            elf = opened(tmp_path, data)
            core_file.check_core(elf)
            core_file.processors(elf)


# -- the kernel's dump -----------------------------------------------------------------


def dump_text(world: World, crc: int = 0) -> str:
    """As the kernel prints it, among other lines; 8 entries a line."""
    state, value = world.controls, 0
    lines = ["> dump", "tables: cr0=0x%x cr3=0x%x cr4=0x%x efer=0x%x pat=0x7040600070406 "
             "maxphyaddr=40" % (state.cr0, state.cr3, state.cr4, state.efer)]
    for frame, entries in world.tables.items():
        value = zlib.crc32(struct.pack("<513Q", frame, *entries), value)
        for index in range(0, 512, 8):
            part = entries[index:index + 8]
            used = [number for number, entry in enumerate(part) if entry]
            if used:
                lines.append("table 0x%x 4 %d: %s" % (frame, index + used[0], " ".join(
                    "%x" % entry for entry in part[used[0]:used[-1] + 1])))
        lines.append("[    1.000000] something else")
    return "\r\n".join([*lines, "tables: end %d crc 0x%08x" % (len(world.tables), crc or value)])


def test_a_dump() -> None:
    world = world_at()
    dump = dump_file.parse("noise\n" + dump_text(world), "log")
    assert dump.controls == world.controls._replace(phys_bits=40)
    assert list(paging.Tables(dump, dump.controls).pieces()) == world.pieces()


def test_the_last_of_two_dumps() -> None:
    first, second = world_at(), world_at(0x20_0000)
    dump = dump_file.parse(dump_text(first) + "\n" + dump_text(second), "log")
    assert dump.controls.root == second.root and list(dump.tables) == list(second.tables)


@pytest.mark.parametrize("change, words", [
    (lambda text: text[:text.index("tables: end")], "log: the dump is cut short"),
    (lambda text: text[text.index("table 0x"):], "log:1: .* the dump's start is missing"),
    (lambda text: "\n".join(line for line in text.splitlines() if "table 0x101" not in line),
     "7 tables were printed, 6 arrived"),
    (lambda text: text.replace("5003", "5001"), "log:[0-9]+: CRC 0x.* damaged"),
    (lambda text: text.replace(" 511: ", " 600: "), "log:[0-9]+: entries 600 to 600"),
    (lambda text: text.replace("5003", "10000000000005003"), "more than 64 bits"),
    (lambda text: text.replace("5003", "5zz3"), "log:[0-9]+: not of the form 'table"),
    (lambda text: text.replace(" 511: ", " %s: " % ("9" * 5000)), "log:[0-9]+: not of the form"),
    (lambda text: text.replace(" end ", " end " + "9" * 5000), "not of the form 'tables: end"),
    (lambda text: text.replace(" crc ", " crk "), "not of the form 'tables: end"),
    (lambda text: text.replace("cr3=0x", "cr3=q"), "cr3=q.* is not a number"),
    (lambda text: text.replace("maxphyaddr=40", "maxphyaddr=99"), "maxphyaddr=99, expected"),
    (lambda text: "nothing", "no page-table dump in it"),
])
def test_a_damaged_dump(change: Callable[[str], str], words: str) -> None:
    text = dump_text(world_at())
    with pytest.raises(DumpError, match=words):
        dump_file.parse(change(text), "log")


# -- the program over them -------------------------------------------------------------


def test_all_files_give_one_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Core, dump and raw memory of the same tables, to the byte."""
    world = world_at()
    size = len(image_of(world))
    (tmp_path / "core").write_bytes(core(world, [(BASE, BASE, size)]))
    (tmp_path / "log").write_text(dump_text(world), encoding="ascii")
    (tmp_path / "raw").write_bytes(image_of(world))
    given = ["--cr3", hex(world.root), "--cr4", "0x20", "--base", hex(BASE)]
    seen = []
    for source in (["--core", tmp_path / "core"], ["--dump", tmp_path / "log"],
                   ["--memory", tmp_path / "raw", *given]):
        assert cli.main([*map(str, source), "--json"]) == 0
        seen.append(capsys.readouterr().out)
    assert len(set(seen)) == 1 and '"virt": %d' % KERNEL in seen[0]


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                     capsys: pytest.CaptureFixture[str]) -> None:
    """^C while tables are read: one line, the status of a shell."""
    def read(*_: object) -> bytes:
        raise KeyboardInterrupt
    world = world_at()
    (tmp_path / "core").write_bytes(core(world, [(BASE, BASE, len(image_of(world)))]))
    monkeypatch.setattr(CoreMemory, "read", read)
    assert cli.main(["--core", str(tmp_path / "core")]) == 130
    assert capsys.readouterr().err.endswith("pagemap: interrupted\n")


@pytest.mark.parametrize("source", ["--core", "--dump", "--elf"])
def test_random_damage_never_gives_a_traceback(tmp_path: Path, source: str,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes changed at random: a map or a message, whatever is asked."""
    world, chance = world_at(), random.Random(1)
    size = len(image_of(world))
    good = core(world, [(BASE, BASE, size)])
    data = dump_text(world).encode() if source == "--dump" else good
    (tmp_path / "good").write_bytes(good)
    path = tmp_path / "damaged"
    for turn in range(150):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(min(len(changed), 900))] = chance.randrange(256)
        path.write_bytes(changed)
        also = ["--core", str(tmp_path / "good")] if source == "--elf" else ["--rows", "500"]
        verb = (["map"], ["--json", "--all"], ["audit"], ["walk", hex(KERNEL)],
                ["--tree"])[turn % 5]
        assert cli.main([source, str(path), *also, *verb]) in (0, 1, 2)
    capsys.readouterr()
