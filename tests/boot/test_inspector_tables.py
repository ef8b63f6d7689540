"""Tables made by hand in a machine that has run nothing, read by QEMU and in every way of ours.

The machine is stopped at the reset vector; its memory and control registers are written through
the gdb stub, so that QEMU's own `info tlb` says what a processor would find in them.
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

from booting import ROOT
from gdb_stub import GdbStub
from kernel_map import KernelMap
from machine import Machine, RunningMachine

sys.path[:0] = [str(ROOT / "tests" / "gdb"), str(ROOT / "scripts" / "gdb")]

# pylint: disable=wrong-import-position
from bestla import core_file, elf_file, memory, paging, query, report, saved_map  # noqa: E402
from bestla.entries import (EFER_NXE, GLOBAL, LARGE, NX, PAT_LARGE,  # noqa: E402
                            PAT_SMALL, PCD, PWT)
from page_world import GIB, KERNEL, KIB4, MIB2, P, U, W, World  # noqa: E402

BASE = 0x10_0000                # of the tables
# i386-64bit.xml: 16 registers, RIP, EFLAGS, 9 of segments.
CR0, CR3, CR4, EFER = 27, 29, 30, 32
PAE, PE, LME = 1 << 5, 1, 1 << 8
TLB = re.compile(r"^([0-9a-f]{16}): ([0-9a-f]{16}) ([-XGPDACTUW]{9})\s*$", re.M)
FLAT = [(0, 0x400_0000)]


def rights_of_parents(world: World) -> None:
    """Read-only, NX and supervisor parents at every level, above leaves with every right."""
    for slot, above in enumerate((P | W | U, P | U, P | W, P | W | U | NX, P)):
        for level in (1, 2, 3):
            leaf = 0x40_0000 | P | W | U | (LARGE if level > 1 else 0)
            virt = (2 * slot + 1 << 39) + (level << 30)
            world.put(virt, leaf & -paging.page_size(level) | leaf & 0xFFF, level, above)


def repeated(world: World) -> None:
    """512 equal leaves, and equal entries for one table."""
    table = world.put(0, 0x7000 | P | W)
    world.tables[table] = [0x7000 | P | W] * 512
    for index in range(8):
        world.put(GIB + index * MIB2, table | P | W, 2)


def memory_types(world: World) -> None:
    """All eight PAT indices at each size."""
    for level, bit in ((1, PAT_SMALL), (2, PAT_LARGE), (3, PAT_LARGE)):
        for index in range(8):
            entry = P | (PWT if index & 1 else 0) | (PCD if index & 2 else 0) | \
                (bit if index & 4 else 0) | (LARGE if level > 1 else 0)
            world.put(KERNEL - (16 * level << 30) + index * paging.page_size(level), entry, level)


def itself(world: World) -> None:
    """The recursive slot: tables are also pages."""
    world.put(KERNEL, 0x5000 | P | W | GLOBAL | NX)
    world.tables[world.root][510] = world.root | P | W


def halves(world: World) -> None:
    """The last page of the lower half and the first of the upper one."""
    top = 56 if world.controls.top == 5 else 47
    world.put((1 << top) - KIB4, 0x1000 | P)
    world.put((1 << 64) - (1 << top), 0x2000 | P | U)


def top_shift(world: World) -> int:
    """Of an address's index into the root: each case gets an entry there."""
    return paging.level_shift(world.controls.top)


def reserved(world: World) -> None:
    """A reserved bit at every level, on leaves and on tables, beside leaves that are right; and a
    run that goes on past MAXPHYADDR."""
    for level in range(world.controls.top, 0, -1):
        large = LARGE if 1 < level < 4 else 0
        for index, bits in enumerate((1 << 45, PHYS_BITS_MASK + 1, 1 << 13 if large else 0)):
            world.put(4 * level + index << top_shift(world), P | W | large | bits, level)
    for page in range(6):
        world.put(KERNEL + page * KIB4, PHYS_BITS_MASK + 1 - 3 * KIB4 + page * KIB4 | P)
    table = world.put(KERNEL + GIB, 0x7000 | P | W)
    world.put(KERNEL + GIB + MIB2, table | P | W | 1 << 40, 2)


def outside(world: World) -> None:
    """Tables where no memory is, at every level."""
    for level in range(world.controls.top, 1, -1):
        world.put(level << top_shift(world), 0x7F_0000_0000 | P | W, level)
    world.put(KERNEL, 0x5000 | P)


def loops(world: World) -> None:
    """A PD that is a PT of its own, a PDPT that is a PD of its own, the recursive slot."""
    directory = world.put(GIB, MIB2 | P | W | LARGE, 2)
    world.tables[directory][7] = directory | P | W
    pointers = world.put(3 << 39, 0x4000_0000 | P | LARGE, 3)
    world.tables[pointers][5] = pointers | P
    world.tables[world.root][511] = world.root | P | W | NX


PHYS_BITS, PHYS_BITS_MASK = 39, (1 << 39) - 1
WORLDS = (rights_of_parents, repeated, memory_types, itself, halves, loops)
# What QEMU's `info tlb` shows is not what a processor would do: it looks at no reserved bit, and
# reads zeros where there is no memory.
DAMAGED = (reserved, outside)


class Poured:
    """A machine that has a world's tables in its memory."""

    def __init__(self, running: RunningMachine, stub: GdbStub, folder: Path) -> None:
        self.running, self.stub, self.folder = running, stub, folder
        # QEMU lets itself be told registers only by who has asked for their description.
        assert stub.command("qXfer:features:read:target.xml:0,ffb")[0] in "lm"

    def pour(self, world: World) -> None:
        stub = self.stub
        assert stub.command("Qqemu.PhyMemMode:1") == "OK"
        for address, entries in world.tables.items():
            data = struct.pack("<512Q", *entries)
            for offset in range(0, 4096, 1024):
                part = data[offset:offset + 1024].hex()
                assert stub.command(f"M{address + offset:x},400:{part}") == "OK"
        assert stub.command("Qqemu.PhyMemMode:0") == "OK"
        for register, value in ((CR0, 0x6000_0010), (EFER, LME | EFER_NXE),
                                (CR4, world.controls.cr4 | PAE), (CR3, world.root),
                                (CR0, world.controls.cr0 | PE)):
            assert stub.command(f"P{register:x}={struct.pack('<Q', value).hex()}") == "OK"

    def monitor(self, line: str) -> str:
        assert self.running.qmp
        return self.running.qmp.monitor(line)

    def core(self) -> Path:
        assert self.running.qmp
        path = self.folder / "core"
        path.unlink(missing_ok=True)
        self.running.qmp.command("dump-guest-memory", paging=False, protocol=f"file:{path}")
        return path

    def read(self, phys: int, size: int) -> bytes:
        """Through the stub, as the commands in gdb do."""
        assert self.stub.command("Qqemu.PhyMemMode:1") == "OK"
        data = b"".join(bytes.fromhex(self.stub.command(f"m{phys + offset:x},800"))
                        for offset in range(0, size, 0x800))
        assert self.stub.command("Qqemu.PhyMemMode:0") == "OK"
        return data


@pytest.fixture(name="poured", scope="module")
def fixture_poured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Poured]:
    """One machine, poured anew for each test."""
    folder = tmp_path_factory.mktemp("tables")
    machine = Machine(firmware="bios", memory="64M", gdb=str(folder / "gdb"), stopped=True,
                      extra=["-vga", "none"])
    with RunningMachine(machine) as running, GdbStub(folder / "gdb", 30) as stub:
        yield Poured(running, stub, folder)


def pieces_over(reader: memory.Memory, controls: paging.Controls) -> list[paging.Piece]:
    return list(paging.Tables(reader, controls).pieces())


def pages(pieces: list[paging.Piece]) -> dict[int, int]:
    """Virtual to physical, for every page."""
    found = {}
    for run in pieces:
        assert isinstance(run, paging.Run)
        size = paging.page_size(run.level)
        for number in range(run.count):
            found[run.virt + number * size] = run.phys + number * size
    return found


def as_file(world: World, folder: Path) -> Path:
    """The tables as they lie in memory."""
    path = folder / "raw"
    path.write_bytes(b"".join(struct.pack("<512Q", *entries)
                              for _, entries in sorted(world.tables.items())))
    return path


def kernel_rows(pieces: list[paging.Piece]) -> list[str]:
    """As the kernel prints them; what leads nowhere it does not."""
    return [" ".join(report.row(each, paging.PAT_AT_POWER_ON).split()) for each in pieces
            if isinstance(each, paging.Run)]


def codes(text: str) -> dict[str, int | None]:
    """The error codes in a line of the reader's."""
    return {name: int(code, 16) if code else None for name, code in
            re.findall(r"(read|write|fetch): (?:works|#PF 0x(\w+))", text)}


def places(pieces: list[paging.Piece]) -> list[int]:
    """Addresses worth a walk: the first byte of every piece and the one past it."""
    found = [each for piece in pieces[:16] for each in (piece.virt, piece.end)]
    return sorted({each & (1 << 64) - 1 for each in (0, 1 << 47, *found)})


def kernel_agrees(world: World, made: list[paging.Piece], folder: Path, cr0: int = 0,
                  cr4: int = 0) -> None:
    """The kernel's map is the reader's, row by row; so are walks and accesses, address by
    address, and where a frame is found."""
    state = world.controls
    state = state._replace(cr0=state.cr0 ^ cr0, cr4=state.cr4 | cr4)
    kernel = KernelMap(as_file(world, folder), world.first, cr0=state.cr0, cr3=state.cr3,
                       cr4=state.cr4, efer=state.efer, phys_bits=state.phys_bits)
    assert kernel.rows() == kernel_rows(made)
    tables = paging.Tables(world, state)
    for virt in places(made):
        walk = tables.walk(virt)
        steps, accesses = kernel.walk(virt)
        if paging.canonical(virt, state.top) != virt:
            assert (steps, accesses) == (0, {})
            continue
        assert steps == sum(step.entry is not None for step in walk.steps), hex(virt)
        assert accesses == codes(report.access_row(walk, state, report.Mode())), hex(virt)
    for run in [each for each in made if isinstance(each, paging.Run)][:8]:
        assert kernel.found(run.phys) == [virt for virt, _ in query.find_frame(made, run.phys)]


@pytest.mark.parametrize("la57", [False, True])
@pytest.mark.parametrize("cr0, cr4", [
    (0, 0), (paging.CR0_WP, 0), (0, paging.CR4_SMEP), (0, paging.CR4_SMAP)])
@pytest.mark.parametrize("fill", (rights_of_parents, *DAMAGED))
def test_the_kernel_agrees(fill: Callable[[World], None], cr0: int, cr4: int, la57: bool,
                           tmp_path: Path) -> None:
    """Also on damaged tables, and with CR0.WP off, SMEP and SMAP on."""
    world = World(la57, first=BASE)
    world.controls = world.controls._replace(phys_bits=PHYS_BITS)
    fill(world)
    made = world.pieces()
    assert made
    kernel_agrees(world, made, tmp_path, cr0, cr4)


def test_the_kernel_agrees_without_nxe(tmp_path: Path) -> None:
    """Bit 63 is a reserved one then, and what a fetch would do is not told."""
    world = World(first=BASE, nxe=False)
    rights_of_parents(world)
    assert any(isinstance(piece, paging.Flaw) for piece in world.pieces())
    kernel_agrees(world, world.pieces(), tmp_path)


@pytest.mark.parametrize("la57", [False, True])
@pytest.mark.parametrize("fill", WORLDS)
def test_all_readers_agree(poured: Poured, fill: Callable[[World], None], la57: bool) -> None:
    """QEMU's walker, ours over the stub, over a core, and over the tables as they were made."""
    world = World(la57, first=BASE)
    fill(world)
    poured.pour(world)
    made = world.pieces()
    bounded = memory.BoundedMemory(poured, memory.Ranges(FLAT))
    assert pieces_over(bounded, world.controls) == made
    elf = elf_file.ElfFile(str(poured.core()))
    core_file.check_core(elf)
    cpu, = core_file.processors(elf)
    controls = core_file.controls_of(cpu)
    assert controls.root == world.root and controls.top == world.controls.top
    assert pieces_over(core_file.CoreMemory(elf), controls) == made
    elf.close()
    kernel_agrees(world, made, poured.folder)
    tlb = {int(virt, 16): (int(phys, 16), flags)
           for virt, phys, flags in TLB.findall(poured.monitor("info tlb"))}
    assert {virt: phys for virt, (phys, _) in tlb.items()} == pages(made)
    for run in made:
        assert isinstance(run, paging.Run)
        own = (W if "W" in tlb[run.virt][1] else 0) | (U if "U" in tlb[run.virt][1] else 0) | \
            (0 if "X" in tlb[run.virt][1] else NX)
        assert own & ~run.own_any == 0 and run.own_all & ~own == 0
        assert ("G" in tlb[run.virt][1]) == run.is_global


def test_the_program_reads_such_a_core(poured: Poured) -> None:
    """The whole way to JSON, with effective rights where parents take some away."""
    world = World(first=BASE)
    rights_of_parents(world)
    poured.pour(world)
    done = subprocess.run([ROOT / "scripts" / "pagemap", "--core", poured.core(), "--json",
                           "--virt", f"0-{1 << 47:#x}"],
                          stdout=subprocess.PIPE, text=True, check=True)
    shown = [saved_map.parse_run(row) for row in json.loads(done.stdout)]
    assert [(run.virt, run.phys, run.rights) for run in shown] == \
        [(run.virt, run.phys, run.rights) for run in world.pieces()]
