"""Rights that really hold: kernels that do what the tables forbid, and what becomes of them.

Each kernel of tests/kernel/ that is named here prints the address of its attempt, makes it, and
must be stopped by the right exception; "survived" is what it says otherwise.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from booting import QUICK, ROOT, Boot
from kernel_file import KERNEL_REGION, PAGE, Segment, running_symbols, segments, slide_of
from kernel_log import Report, assert_audited, report as report_of

KERNELS = ROOT / "build" / "tests" / "kernel"
PAGE_FAULT = "#PF page fault"
# SDM Vol. 3A, 4.7: bits of a page fault's error code.
RIGHTS, WRITE, FETCH = 1 << 0, 1 << 1, 1 << 4
DIRECT_MAP, EDITED = range(0xffff888000000000, 0xffffc88000000000), \
    range(0xffffc90000000000, 0xffffc90000100000)
LOWER_HALF = range(0, 1 << 47)


def kernel_path(name: str) -> Path:
    """Where the Makefile puts a kernel of tests/kernel/."""
    return KERNELS / f"{name}.elf"


def die(boot: Callable[..., Boot], name: str) -> tuple[Boot, int, Report]:
    """Boots a kernel to its end; the address of its attempt, and the report of its death."""
    machine = boot(kernel=kernel_path(name), **QUICK)
    machine.wait_for(r"^kernel panic: .*\n")
    assert_audited(machine.serial)
    attempt = re.search(r"^attempt: 0x([0-9a-f]{16})$", machine.serial, re.M)
    return machine, int(attempt[1], 16) if attempt else 0, report_of(machine.serial)


def segment_of(name: str, address: int) -> Segment | None:
    """The segment of a kernel that a linked address lies in."""
    return next((segment for segment in segments(kernel_path(name))
                 if 0 <= address - segment.virt < segment.size), None)


@dataclass(frozen=True)
class Fault:
    """A page fault: what was done, where, and the rights on the last level of the walk."""

    done: str
    error_code: int
    where: range | str              # addresses, or the rights of a segment
    last: str
    remark: str = ""                # how a line begins that says what lies there

    @property
    def why(self) -> str:
        """The kernel's words for the error code."""
        return "the rights forbid it" if self.error_code & RIGHTS else "not mapped"


ALIAS = "where the kernel's {} is: "
FAULTS = {
    "write_rodata": Fault("write", WRITE | RIGHTS, "R--", "R-- supervisor leaf",
                          "that is in the kernel's read-only data: "),
    "write_text": Fault("write", WRITE | RIGHTS, "R-X", "R-X supervisor leaf",
                        "that is in the kernel's text: run+0x0 (tests/kernel/write_text.c:"),
    "write_text_alias": Fault("write", WRITE | RIGHTS, DIRECT_MAP, "R-- supervisor leaf",
                              ALIAS.format("text") + "run+0x0 (tests/kernel/write_text_alias.c:"),
    "write_rodata_alias": Fault("write", WRITE | RIGHTS, DIRECT_MAP, "R-- supervisor leaf",
                                ALIAS.format("read-only data")),
    "execute_data": Fault("fetch", FETCH | RIGHTS, "RW-", "RW- supervisor leaf",
                          "that is in the kernel's data: "),
    "execute_direct_map": Fault("fetch", FETCH | RIGHTS, DIRECT_MAP, "RW- supervisor leaf",
                                "that is the direct map of physical {:#x}, usable"),
    "read_below_stack": Fault("read", 0, "", "not present",
                              "that is the guard page below the boot stack"),
    "read_above_stack": Fault("read", 0, "", "not present",
                              "that is the guard page above the boot stack"),
    "touch_lower_half": Fault("read", 0, LOWER_HALF, "not present"),
    "edit_protect": Fault("write", WRITE | RIGHTS, EDITED, "R-- supervisor leaf"),
    "edit_unmap": Fault("read", 0, EDITED, "not present"),
    "edit_direct_map": Fault("write", WRITE | RIGHTS, DIRECT_MAP, "R-- supervisor leaf",
                             "that is the direct map of physical {:#x}, usable"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_page_fault(boot: Callable[..., Boot], name: str) -> None:
    """The right error code in words, at the address of the attempt, with the walk of it."""
    fault = FAULTS[name]
    machine, address, report = die(boot, name)
    slide = slide_of(machine.serial, kernel_path(name))

    assert (report.vector, report.message, report.error_code) == (14, PAGE_FAULT, fault.error_code)
    assert report.registers["CR2"] == address
    if isinstance(fault.where, range):
        assert address in fault.where
    else:
        segment = segment_of(name, address - slide)
        assert (segment.rights if segment else "") == fault.where
    assert report.details[0] == \
        f"{fault.done} of {address:#018x}: {fault.why}, by supervisor mode"
    base = re.search(r"direct map at 0x([0-9a-f]{16})$", machine.serial, re.M)
    remark = fault.remark.format(address - int(base[1] if base else "", 16))
    assert any(line.startswith(remark) for line in report.details[1:-1]) or not remark
    assert report.details[-1] == f"missing: {missing(fault, address, report)}"
    assert_walked(report, address)
    assert report.walk[-1].words == fault.last
    code = segment_of(name, report.rip - slide)
    assert report.rip == address if fault.error_code & FETCH else code and code.rights == "R-X"


def missing(fault: Fault, address: int, report: Report) -> str:
    """The kernel's words for what the last entry of the walk lacks."""
    level = report.walk[-1].level
    if fault.error_code & RIGHTS:
        right = "execute" if fault.error_code & FETCH else "write"
        return f"the right to {right}, which the {level} entry withholds"
    size = PAGE << 9 * ["PT", "PD", "PDPT", "PML4"].index(level)
    return f"the {level} entry; nothing is mapped in the {size:#x} bytes from " \
        f"{address & -size:#018x}"


def assert_walked(report: Report, address: int) -> None:
    """The walk is that of the address, from CR3 on, each step where the one above leads."""
    levels = ["PML4", "PDPT", "PD", "PT"]
    table = report.registers["CR3"] & -PAGE
    assert report.walk and [step.level for step in report.walk] == levels[:len(report.walk)]
    for level, step in enumerate(report.walk):
        index = address >> (39 - 9 * level) & 511
        assert (step.index, step.address) == (index, table + index * 8)
        assert step.words.endswith(("leaf", "not present") if step is report.walk[-1]
                                   else "table")
        table = step.entry & 0x000ffffffffff000


def test_stack_overflow_is_reported_on_its_own_stack(boot: Callable[..., Boot]) -> None:
    """A double fault at the guard page, and the report ran on the #DF stack."""
    machine, _, report = die(boot, "stack_overflow")
    edges = running_symbols(machine.serial, kernel_path("stack_overflow"))
    bottom = edges["boot_stack_bottom"]

    assert (report.vector, report.message, report.error_code) == (8, "#DF double fault", 0)
    assert bottom - PAGE <= report.registers["CR2"] < bottom
    assert_walked(report, report.registers["CR2"])
    assert report.walk[-1].words == "not present"
    assert bottom - PAGE <= report.registers["RSP"] < bottom + PAGE
    assert edges["double_fault_stack_bottom"] <= machine.registers()["RSP"] < \
        edges["double_fault_stack_top"]


OTHERS = {
    "undefined_opcode": (6, "#UD invalid opcode", 0, []),
    "bad_selector": (13, "#GP general protection", 0x1238, ["selector 0x1238 of the GDT"]),
    "not_canonical": (13, "#GP general protection", 0, []),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_exceptions(boot: Callable[..., Boot], name: str) -> None:
    """What is no page fault has no address to walk."""
    vector, words, error_code, details = OTHERS[name]
    machine, _, report = die(boot, name)
    assert (report.vector, report.message, report.error_code) == (vector, words, error_code)
    assert report.details == details
    assert not report.walk
    code = segment_of(name, report.rip - slide_of(machine.serial, kernel_path(name)))
    assert code and code.rights == "R-X" and report.registers["RIP"] == report.rip
    assert report.registers["CS"] == 8 and report.registers["RSP"] > KERNEL_REGION


def test_nmi_is_reported_on_its_own_stack(boot: Callable[..., Boot]) -> None:
    """Also while the monitor waits, in the middle of its line: nothing masks it."""
    machine = boot(**QUICK)
    machine.wait_for("^bestla> ")
    machine.qmp.command("inject-nmi")
    machine.wait_for(r"^kernel panic: NMI\n")
    edges = running_symbols(machine.serial)
    assert report_of(machine.serial).vector == 2
    assert edges["nmi_stack_bottom"] <= machine.registers()["RSP"] < edges["nmi_stack_top"]


def test_frame_allocator(boot: Callable[..., Boot]) -> None:
    """Random takes and gives, exhaustion to the last frame and back, wrong gives refused."""
    machine = boot(kernel=kernel_path("frames"), **QUICK)
    passed = machine.wait_for(r"^test: passed, (\d+) frames\n")
    free = re.search(r"reclaimed; (\d+) of \d+ KiB free", machine.serial)
    assert free and int(passed[1]) == int(free[1]) // 4
