"""The tables that the kernel runs on, read from outside, against all that must hold of them."""

import re
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator

import pytest

from booting import READY, Boot
from boot_info import CONVENTIONAL, DIRECT_MAP_BASE, KERNEL_PHYS, BootInfo
from kernel_file import KERNEL_REGION, PAGE, pages
from kernel_log import MEMORY_TYPES, assert_audited, mapping_record, page_map, row_of
from page_walk import EFER_NXE, Leaf, leaves, runs

MIB2, GIB = 2 << 20, 1 << 30
FULL = 512 * GIB
FRAMEBUFFER_REGION = 0xffffe00000000000
CR0_WP = 1 << 16
CR4_PGE, CR4_UMIP, CR4_SMEP, CR4_SMAP = 1 << 7, 1 << 11, 1 << 20, 1 << 21


@dataclass
class Booted:
    """A machine at its end, and what was read of it."""

    boot: Boot
    full: bool
    info: BootInfo
    leaves: list[Leaf]
    tables: set[int]


def look_into(boot: Boot, full: bool) -> Booted:
    """Walks the tables once for all tests, and notes where they lie."""
    boot.wait_for(READY)
    registers = boot.registers()
    tables: set[int] = set()

    def read(address: int, size: int) -> bytes:
        tables.add(address)
        return boot.read_physical(address, size)

    found = list(leaves(read, registers["CR3"], registers["CR4"], registers["EFER"]))
    return Booted(boot, full, BootInfo(boot), found, tables)


MACHINES = {
    "default": {},
    "directmap-full": {"options": "directmap=full"},
    "2-MiB leaves": {"cpu": "max,-pdpe1gb", "memory": "6G"},
    "nokaslr": {"options": "nokaslr"},
}


@pytest.fixture(name="booted", scope="module", params=MACHINES)
def fixture_booted(request: pytest.FixtureRequest, boot_once: Callable[..., Boot]
                   ) -> Iterator[Booted]:
    """Each machine boots once for all tests."""
    boot = boot_once(**MACHINES[request.param])
    yield look_into(boot, request.param == "directmap-full")
    boot.stop()


def test_printed_map_is_the_machines(booted: Booted) -> None:
    """The kernel's own words, row by row, against the walker that is not the kernel's."""
    printed = [row for row, _ in page_map(booted.boot.serial)]
    assert printed == [row_of(run) for run in runs(booted.leaves)]


def test_mapping_record_is_what_the_tables_say(booted: Booted) -> None:
    """Every line, page by page; the image's segments and the direct map are all there, and those
    who share the boot info's frames stand under one line."""
    record = mapping_record(booted.boot.serial)
    for line in record:
        there = [leaf for leaf in booted.leaves if leaf.virt < line.virt + line.size and
                 line.virt < leaf.virt + leaf.page_size]
        assert sum(min(leaf.virt + leaf.page_size, line.virt + line.size) -
                   max(leaf.virt, line.virt) for leaf in there) == line.size
        assert {(leaf.phys - leaf.virt, leaf.rights, MEMORY_TYPES[leaf.pat_index])
                for leaf in there} == {(line.phys - line.virt, line.rights, line.memory_type)}
    image = [line for line in record if line.virt >= KERNEL_REGION]
    assert {page for line in image for page in range(line.virt, line.virt + line.size, PAGE)} == \
        {page + booted.info.slide for page in pages()}
    assert [line.users[0] for line in image] == ["data", "boot stack", "#DF stack", "NMI stack",
                                                 "#MC stack", "text", "read-only data"]
    direct = [leaf for leaf in booted.leaves if leaf.virt < FRAMEBUFFER_REGION]
    assert sum(line.size for line in record if line.users == ["direct map"]) == \
        sum(leaf.page_size for leaf in direct)
    assert [(line.phys, line.memory_type) for line in record if line.users == ["framebuffer"]] == \
        [(booted.info.framebuffer()[0], "WC")]
    assert any(len(line.users) >= 4 and line.users[0] == "boot info: memory map"
               for line in record)


def test_audit_passes(booted: Booted) -> None:
    """The kernel's own judgement."""
    assert_audited(booted.boot.serial)


def test_image_is_mapped_as_its_file_says(booted: Booted) -> None:
    """readelf and the map agree page by page, and the kernel region holds nothing else."""
    moved = booted.info.field(KERNEL_PHYS) - min(phys for phys, _ in pages().values())
    expected = {virt + booted.info.slide: (phys + moved, rights, PAGE)
                for virt, (phys, rights) in pages().items()}
    assert {leaf.virt: (leaf.phys, leaf.rights, leaf.page_size) for leaf in booted.leaves
            if leaf.virt >= KERNEL_REGION} == expected


def merge(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Joins those that touch or overlap."""
    start = end = None
    for low, high in sorted(stretches):
        if end is not None and low <= end:
            end = max(end, high)
            continue
        if end is not None:
            yield start, end
        start, end = low, high
    yield start, end


def expected_leaves(stretches: Iterable[tuple[int, int]], read_only: set[int],
                    largest: int) -> Iterator[tuple[int, int, str]]:
    """The largest leaves that stay within one stretch and one set of rights."""
    def fits(start: int, end: int, size: int) -> bool:
        inside = start % size == 0 and start + size <= end
        mixed = any(start <= frame < start + size for frame in read_only)
        return inside and size <= largest and not mixed

    for start, end in stretches:
        while start < end:
            size = next((size for size in (GIB, MIB2) if fits(start, end, size)), PAGE)
            yield start, size, "R--" if start in read_only else "RW-"
            start += size


def test_direct_map_is_the_ram(booted: Booted) -> None:
    """All of it and no more: every byte once, in the largest leaves, never to be executed.

    Over the image's read-only frames it is read-only too.
    """
    base = booted.info.field(DIRECT_MAP_BASE)
    read_only = {leaf.phys for leaf in booted.leaves
                 if leaf.virt >= KERNEL_REGION and not leaf.writable}
    assert read_only
    ram = booted.info.ram()
    if booted.full:
        # All but the framebuffer, which no second mapping may have as another type of memory.
        start, end = booted.info.framebuffer()
        ram = [*ram, (0, start), (end, FULL)]
    largest = MIB2 if "-pdpe1gb" in booted.boot.running.machine.cpu else GIB
    assert [(leaf.virt - base, leaf.page_size, leaf.rights) for leaf in booted.leaves
            if leaf.virt < FRAMEBUFFER_REGION] == [*expected_leaves(merge(ram), read_only, largest)]
    assert all(leaf.virt - base == leaf.phys for leaf in booted.leaves
               if leaf.virt < FRAMEBUFFER_REGION)


def test_framebuffer_is_write_combining(booted: Booted) -> None:
    """Every byte once and no more, to be written and never executed, in the largest leaves within
    it, by an index of the page attribute table that stands for write-combining."""
    start, end = booted.info.framebuffer()
    leaves_ = [leaf for leaf in booted.leaves if FRAMEBUFFER_REGION <= leaf.virt < KERNEL_REGION]
    assert start % GIB + FRAMEBUFFER_REGION == leaves_[0].virt
    largest = MIB2 if "-pdpe1gb" in booted.boot.running.machine.cpu else GIB
    assert [(leaf.phys, leaf.page_size, leaf.rights) for leaf in leaves_] == \
        [*expected_leaves([(start, end)], set(), largest)]
    assert {leaf.pat_index for leaf in leaves_} == {5}
    pat = re.search(r"cpu: PAT 0x([0-9a-f]{16}), ", booted.boot.serial)
    assert pat and bytes.fromhex(pat[1])[7 - 5] == 1    # SDM Vol. 3A, table 12-10


def test_every_leaf_is_the_kernels_alone(booted: Booted) -> None:
    """Nothing in the lower half or for user mode; global; no rights too many; write-back but for
    the framebuffer."""
    assert booted.leaves
    assert [leaf for leaf in booted.leaves if leaf.virt < 1 << 63] == []
    assert [leaf for leaf in booted.leaves if leaf.user or not leaf.global_] == []
    assert [leaf for leaf in booted.leaves if leaf.pat_index != 0 and
            not FRAMEBUFFER_REGION <= leaf.virt < KERNEL_REGION] == []
    assert [leaf for leaf in booted.leaves if leaf.writable and leaf.executable] == []


def test_processor_enforces_the_rights(booted: Booted) -> None:
    """Write protection for the kernel too, NX, global pages, and user pages kept away."""
    registers = booted.boot.registers()
    assert registers["CR0"] & CR0_WP
    wanted = CR4_PGE | CR4_UMIP | CR4_SMEP | CR4_SMAP
    assert registers["CR4"] & wanted == wanted
    assert registers["EFER"] & EFER_NXE


def test_tables_lie_in_the_kernels_memory(booted: Booted) -> None:
    """In frames that neither firmware nor the loader had in use when the kernel was entered."""
    free = [each for each in booted.info.firmware_map() if each.type == CONVENTIONAL]
    foreign = {hex(table) for table in booted.tables
               if not any(each.start <= table < each.end for each in free)}
    assert len(booted.tables) > 4 and foreign == set()
