"""What a machine may be like when firmware starts the loader: tests/efi/ makes it so."""

import re
from pathlib import Path
from typing import Callable

import pytest

from booting import QUICK, READY, ROOT, Boot
from boot_info import KERNEL_PHYS, BootInfo
from kernel_file import KERNEL_REGION, PAGE, pages, segments, slide_of
from kernel_log import assert_audited, page_map, report as report_of, row_of
from page_walk import CR4_LA57, runs
from test_rights import kernel_path

MIB, MIB2, GIB, GIB4 = 1 << 20, 2 << 20, 1 << 30, 4 << 30
LINKED = 0x100000


def program(name: str) -> Path:
    """Where the Makefile puts a program of tests/efi/."""
    return ROOT / "build" / "tests" / "efi" / f"{name}.efi"


def assert_stands(boot: Boot, excused: dict[int, str] | None = None) -> None:
    """Ready, audited, and the tables are what the kernel says they are."""
    boot.wait_for(READY)
    assert_audited(boot.serial, excused)
    assert [row for row, _ in page_map(boot.serial)] == [row_of(run) for run in
                                                        runs(boot.leaves())]


@pytest.mark.parametrize("memory", ["512M", "8G"])
def test_la57_is_on(boot: Callable[..., Boot], memory: str) -> None:
    """Firmware that runs with 5 levels gets a kernel that does."""
    machine = boot(efi=program("la57"), **QUICK | {"memory": memory})
    assert_stands(machine)
    assert "test: 5 levels" in machine.serial
    assert re.search(r"loader: tables at 0x[0-9a-f]+, 5 levels", machine.serial)
    assert machine.registers()["CR4"] & CR4_LA57


def test_la57_walk_has_five_steps(boot: Callable[..., Boot]) -> None:
    """So that the report of an exception is right there too."""
    machine = boot(efi=program("la57"), kernel=kernel_path("write_text"), **QUICK)
    machine.wait_for(r"^kernel panic: .*\n")
    report = report_of(machine.serial)
    table = report.registers["CR3"] & -PAGE
    assert [step.level for step in report.walk] == ["PML5", "PML4", "PDPT", "PD", "PT"]
    for level, step in enumerate(report.walk):
        assert step.index == report.registers["CR2"] >> (48 - 9 * level) & 511
        assert step.address == table + 8 * step.index
        table = step.entry & 0x000ffffffffff000
    assert report.walk[-1].words == "R-X supervisor leaf"


@pytest.mark.parametrize("name, memory, lowest", [("occupy", "512M", LINKED + 1),
                                                  ("occupy_low", "8G", GIB4)])
def test_linked_address_is_taken(boot: Callable[..., Boot], name: str, memory: str,
                                 lowest: int) -> None:
    """The kernel boots elsewhere, congruent modulo 2 MiB, also where only high memory is left."""
    machine = boot(efi=program(name), options="nokaslr", **QUICK | {"memory": memory})
    assert_stands(machine)
    place = BootInfo(machine).field(KERNEL_PHYS)
    assert place >= lowest and place % MIB2 == LINKED % MIB2
    assert f"{LINKED:#x} is taken, the kernel goes to {place:#x}" in machine.serial
    assert {leaf.virt: (leaf.phys, leaf.rights) for leaf in machine.leaves()
            if leaf.virt >= KERNEL_REGION} == {
        virt: (phys - LINKED + place, rights) for virt, (phys, rights) in pages().items()}


def test_memory_is_dirty(boot: Callable[..., Boot]) -> None:
    """What must be zero is cleared, and nothing else counts on memory to be."""
    kernel = kernel_path("zeroed")
    machine = boot(efi=program("dirty"), kernel=kernel, **QUICK)
    machine.wait_for(r"^test: passed$")
    assert_audited(machine.serial)
    assert_text_is_as_in_the_file(machine, kernel)


def assert_text_is_as_in_the_file(machine: Boot, kernel: Path) -> None:
    """Byte for byte, and behind its end zeros up to the end of the page."""
    text = next(segment for segment in segments(kernel) if segment.rights == "R-X")
    slide = slide_of(machine.serial, kernel)
    frames = {leaf.virt - slide: leaf.phys for leaf in machine.leaves()}
    mapped = b"".join(machine.read_physical(frames[page], PAGE)
                      for page in range(text.virt, text.virt + text.size, PAGE))
    content = kernel.read_bytes()[text.offset:text.offset + text.file_size]
    assert mapped == content.ljust(len(mapped), b"\0")


def test_firmware_does_not_let_go(boot: Callable[..., Boot]) -> None:
    """ExitBootServices fails for ever: COM1 says so, all of it, and the machine is reset."""
    machine = boot(efi=program("no_exit"), **QUICK)
    assert "reset" in machine.wait_end()
    assert machine.serial.endswith("bestla: error: firmware does not let go: ExitBootServices "
                                   "gives 0x8000000000000002 after 128 tries\n")


def test_leaves_keep_to_memory_types(boot: Callable[..., Boot]) -> None:
    """An MTRR makes 1 MiB inside a GiB of RAM uncached: 1-GiB leaves around that GiB, and in it
    none that reaches across (SDM Vol. 3A, 11.11.9)."""
    machine = boot(efi=program("mtrr"), options="nokaslr",    # the image splits a GiB, too
                   **QUICK | {"memory": "8G"})
    assert_stands(machine)
    found = re.search(r"^test: MTRR \d+: 0x100000 bytes at 0x([0-9a-f]+) are UC$",
                      machine.serial, re.M)
    assert found
    place = int(found[1], 16)
    assert f"mm: warning: 1024 KiB of RAM are not write-back by the MTRRs, the first UC at " \
        f"{place:#x}" in machine.serial
    gib = place & -GIB
    around = [leaf for leaf in machine.leaves() if gib - GIB <= leaf.phys < gib + GIB
              and leaf.virt < KERNEL_REGION]
    for leaf in around:
        assert leaf.phys + leaf.page_size <= place or leaf.phys >= place + MIB or \
            (leaf.phys >= place and leaf.phys + leaf.page_size <= place + MIB)
    assert GIB in {leaf.page_size for leaf in around if leaf.phys < gib}
    assert {leaf.page_size for leaf in around if place <= leaf.phys < place + MIB} == {PAGE}
    # Two MiB in which the border lies are of small pages, what is beyond them is not.
    assert {leaf.phys & -MIB2 for leaf in around if leaf.page_size == PAGE
            and leaf.phys >= gib} >= {place & -MIB2}
    assert MIB2 in {leaf.page_size for leaf in around if leaf.phys >= gib}
