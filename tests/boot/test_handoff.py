"""The machine at the kernel's first instruction, against what docs/handoff.md promises."""

import re
import struct
from dataclasses import dataclass
from typing import Any, Callable

import pytest

from booting import BOOT_TIMEOUT, QUICK, SCALE, Boot
from boot_info import OWN_TYPES, WRITE_BACK, Descriptor, read_descriptors, stretches_of_ram
from gdb_stub import GdbStub
from kernel_file import KERNEL, KERNEL_REGION, PAGE, pages, read, symbols
from page_walk import EFER_NXE, Leaf, leaves
from test_firmware_state import program
from test_rights import kernel_path

MAGIC = b"!Bestla!"
LOADER, IMAGE = OWN_TYPES | 3, OWN_TYPES | 5
# Offsets in struct boot_info; the framebuffer's address and size follow each other.
ROOT_TABLE, FRAMEBUFFER = 48, 96
CR0_CLEAR = 1 << 30 | 1 << 29 | 1 << 18 | 1 << 3 | 1 << 2           # CD NW AM TS EM
CR0_SET = 1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1          # PG WP NE ET MP PE
CR4_PAE = 1 << 5
CR4_KEPT = 1 << 6 | 1 << 12 | 1 << 13 | 1 << 14                     # MCE LA57 VMXE SMXE
EFER_LONG = 1 << 8 | 1 << 10                                        # LME LMA
FLAGS_CLEAR = 1 << 9 | 1 << 10                                      # IF DF
UNCACHED_MINUS = 2

MACHINES: dict[str, dict[str, Any]] = {
    "max": {"memory": "512M"},
    "la57-no1g": {**QUICK, "cpu": "max,-pdpe1gb", "efi": program("la57"), "memory": "5G"},
    "nonx": {**QUICK, "cpu": "max,-nx"},
}


@dataclass
class Handoff:
    """What was found at e_entry."""

    boot: Boot
    registers: dict[str, int]
    info: bytes
    firmware_map: list[Descriptor]
    leaves: list[Leaf]
    tables: set[int]


@pytest.fixture(name="handoff", scope="module", params=MACHINES)
def fixture_handoff(request: pytest.FixtureRequest, boot_once: Callable[..., Boot],
                    tmp_path_factory: pytest.TempPathFactory) -> Handoff:
    """Stops each machine at the kernel's first instruction and looks into it."""
    path = tmp_path_factory.mktemp("gdb") / "stub"
    boot = boot_once(gdb=str(path), stopped=True, options="nokaslr",
                     **MACHINES[request.param])
    header = read("readelf", "-h", KERNEL)
    entry = int(header.split("Entry point address:")[1].split()[0], 16)
    with GdbStub(path, BOOT_TIMEOUT * SCALE) as stub:
        stub.run_to(entry)
        registers = boot.registers()
        assert registers["RIP"] == entry
        info = boot.read_physical(registers["RDI"], 296)
        tables: set[int] = set()

        def read_table(address: int, size: int) -> bytes:
            tables.add(address)
            return boot.read_physical(address, size)

        found = list(leaves(read_table, registers["CR3"], registers["CR4"], registers["EFER"]))
        return Handoff(boot, registers, info, read_descriptors(boot, info), found, tables)


def has_nx(handoff: Handoff) -> bool:
    """Whether CPUID says that there is such a bit."""
    return "-nx" not in handoff.boot.running.machine.cpu


def test_processor(handoff: Handoff) -> None:
    """Control registers, flags and stack."""
    registers = handoff.registers
    assert registers["CR0"] & (CR0_SET | CR0_CLEAR) == CR0_SET
    assert registers["CR4"] & ~CR4_KEPT == CR4_PAE
    assert registers["EFER"] & EFER_LONG == EFER_LONG
    assert bool(registers["EFER"] & EFER_NXE) == has_nx(handoff)
    assert registers["RFL"] & FLAGS_CLEAR == 0
    assert (registers["RSP"] + 8) % 16 == 0 and registers["RBP"] == 0
    assert handoff.boot.read_physical(registers["RSP"], 8) == bytes(8)
    assert type_at(handoff, registers["RSP"] - 8192) == type_at(handoff, registers["RSP"]) == LOADER


def type_at(handoff: Handoff, address: int) -> int | None:
    """The type of memory that an address is in, by firmware's map."""
    return next((each.type for each in handoff.firmware_map if each.start <= address < each.end),
                None)


def test_boot_info(handoff: Handoff) -> None:
    """RDI leads to the struct, in the loader's memory, and CR3 is what it says."""
    assert handoff.info.startswith(MAGIC)
    assert handoff.registers["RDI"] % 8 == 0
    assert type_at(handoff, handoff.registers["RDI"]) == LOADER
    assert struct.unpack_from("<Q", handoff.info, ROOT_TABLE)[0] == handoff.registers["CR3"]
    assert all(each.attribute & WRITE_BACK for each in handoff.firmware_map if each.type == LOADER)


def test_image(handoff: Handoff) -> None:
    """Each segment at its address with its rights, and nothing else up there."""
    assert {leaf.virt: (leaf.phys, leaf.rights, leaf.page_size) for leaf in handoff.leaves
            if leaf.virt >> 63} == {
        virt: (phys, rights if has_nx(handoff) else rights[:2] + "X", PAGE)
        for virt, (phys, rights) in pages().items()}
    assert min(leaf.virt for leaf in handoff.leaves if leaf.virt >> 63) >= KERNEL_REGION


def covered(found: list[Leaf]) -> list[tuple[int, int]]:
    """Start and end of each stretch that is mapped without a hole."""
    stretches: list[tuple[int, int]] = []
    for leaf in found:
        if stretches and stretches[-1][1] == leaf.virt:
            stretches[-1] = (stretches[-1][0], leaf.virt + leaf.page_size)
        else:
            stretches.append((leaf.virt, leaf.virt + leaf.page_size))
    return stretches


def test_memory(handoff: Handoff) -> None:
    """RAM but for page 0, and the framebuffer, at their own addresses, readable and writable.

    The image's read-only frames are read-only here too; one page of the loader is executable.
    """
    low = [leaf for leaf in handoff.leaves if not leaf.virt >> 63]
    screen, size = struct.unpack_from("<QQ", handoff.info, FRAMEBUFFER)
    screen_leaves = [leaf for leaf in low if screen and screen <= leaf.virt < screen + size]
    memory = [leaf for leaf in low if leaf not in screen_leaves]

    assert [leaf for leaf in low if leaf.phys != leaf.virt] == []
    assert covered(memory) == [(max(start, PAGE), end) for start, end in
                               stretches_of_ram(handoff.firmware_map) if end > PAGE]
    assert covered(screen_leaves) == ([(screen, screen + (size + PAGE - 1 & -PAGE))]
                                      if screen else [])
    assert {(leaf.rights[:2], leaf.pat_index) for leaf in screen_leaves} <= \
        {("RW", UNCACHED_MINUS)}
    assert {leaf.pat_index for leaf in memory} == {0}
    sealed = {leaf.phys for leaf in handoff.leaves if leaf.virt >> 63 and not leaf.writable}
    [gate] = [leaf for leaf in memory if not leaf.writable and leaf.phys not in sealed]
    assert gate.executable and gate.page_size == PAGE and type_at(handoff, gate.phys) is not None
    assert [leaf for leaf in memory if leaf.writable and leaf.phys in sealed] == []
    if has_nx(handoff):
        assert [leaf for leaf in low if leaf.executable] == [gate]


def test_no_leaf_is_global_or_for_users(handoff: Handoff) -> None:
    """So that the kernel's first load of CR3 leaves nothing behind."""
    assert handoff.leaves
    assert [leaf for leaf in handoff.leaves if leaf.global_ or leaf.user] == []


def test_tables_are_the_loaders_or_the_images(handoff: Handoff) -> None:
    """Nothing of firmware's tables is shared; those of the image are those it brought along."""
    names = symbols()
    brought = {leaf.phys for leaf in handoff.leaves
               if names["page_tables_start"] <= leaf.virt < names["page_tables_end"]}
    assert brought and brought <= handoff.tables
    assert {type_at(handoff, table) for table in brought} == {IMAGE}
    assert {type_at(handoff, table) for table in handoff.tables - brought} == {LOADER}


def test_boot_logo_is_kept(boot: Callable[..., Boot]) -> None:
    """OVMF has it in its boot services' memory: it is whole after a kernel has written to every
    frame that is given out."""
    machine = boot(kernel=kernel_path("frames"), memory="256M", firmware="bios")
    machine.wait_for(r"^test: passed, ")
    found = re.search(r"loader: the boot logo, 0x([0-9a-f]+) bytes at 0x([0-9a-f]+), is kept$",
                      machine.serial, re.M)
    assert found
    size, address = int(found[1], 16), int(found[2], 16)
    bitmap = machine.read_physical(address, size)
    # A BMP: its size, where the pixels begin, then width and height; 24 bits a pixel.
    assert bitmap[:2] == b"BM" and struct.unpack_from("<I", bitmap, 2)[0] == size
    pixels, width, height, bits = *struct.unpack_from("<I", bitmap, 10), \
        *struct.unpack_from("<II2xH", bitmap, 18)
    assert bits == 24 and pixels + height * (-(-width * 3 // 4) * 4) == size
    # The logo is drawn on one colour.
    assert bitmap[pixels:pixels + 3 * width] == bitmap[pixels:pixels + 3] * width
