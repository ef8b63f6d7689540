"""What the kernel prints, read back: the page map, the audit, the report of an exception."""

import re
from dataclasses import dataclass, field

from page_walk import Leaf

MEMORY_TYPES = ("WB", "WT", "UC-", "UC")    # by PAT index, which repeats from 4 on

_HEX = r"0x([0-9a-f]+)"
_ROW = re.compile(rf"^{_HEX}-{_HEX} +{_HEX}-{_HEX} +{_HEX} +{_HEX} +(\d+) +"
                  r"\[([RWX-]{3}) (KERN|USER)( GLOBAL)? (\S+)\] *(.*)$", re.M)
_HEADING = re.compile(r"^Virtual address start-end .*What lies there$", re.M)
_RULE = re.compile(r"audit: (?:error: )?(\d+) (pass|not enforceable \((.*)\)|FAIL): (.*)$", re.M)
RULES = 8


@dataclass(frozen=True)
class Row:  # pylint: disable=too-many-instance-attributes
    """A row of the page map; `what` is what the kernel says of it, which no walker knows."""

    virt: int
    phys: int
    size: int
    page_size: int
    count: int
    rights: str
    global_: bool
    memory_type: str


def row_of(run: Leaf) -> Row:
    """The row that the kernel should print for this run."""
    return Row(run.virt, run.phys, run.size, run.page_size, run.count, run.rights, run.global_,
               MEMORY_TYPES[run.pat_index & 3])


def page_map(log: str) -> list[tuple[Row, str]]:
    """The rows as printed, each with what is said to lie there."""
    heading = _HEADING.search(log)
    assert heading, "no page map was printed"
    rows = []
    for found in _ROW.finditer(log, heading.end()):
        virt, virt_end, phys, phys_end, size, page_size = (int(found[i], 16) for i in range(1, 7))
        # A range that ends with the address space ends at 0.
        assert (virt_end - virt) % (1 << 64) == phys_end - phys == size, found[0]
        rights = found[8] + ("U" if found[9] == "USER" else "")
        rows.append((Row(virt, phys, size, page_size, int(found[7]), rights, bool(found[10]),
                         found[11]), found[12].strip()))
    return rows


def audit(log: str) -> dict[int, str]:
    """What the kernel says of each rule: "pass", "FAIL …" or the reason it cannot be enforced."""
    return {int(found[1]): found[3] or ("pass" if found[2] == "pass" else f"FAIL {found[4]}")
            for found in _RULE.finditer(log)}


def assert_audited(log: str, excused: dict[int, str] | None = None) -> None:
    """Every rule was checked and holds, but for those that this machine cannot enforce."""
    expected = dict.fromkeys(range(1, RULES + 1), "pass") | (excused or {})
    assert audit(log) == expected


@dataclass(frozen=True)
class Step:
    """An entry that the walk of an address came through."""

    level: str
    index: int
    address: int
    entry: int
    words: str


@dataclass(frozen=True)
class ExceptionReport:
    """The report of an exception."""

    vector: int
    name: str
    error_code: int
    rip: int
    details: list[str] = field(default_factory=list)
    registers: dict[str, int] = field(default_factory=dict)
    walk: list[Step] = field(default_factory=list)


_EXCEPTION = re.compile(r"^exception (\d+): (.*), error code 0x([0-9a-f]+), at RIP 0x([0-9a-f]+)$",
                        re.M)
_REGISTER = re.compile(r"\b([A-Z][A-Z0-9]{1,2}) +([0-9a-f]{16})\b")
_STEP = re.compile(rf"^  (PML5|PML4|PDPT|PD|PT) *\[ *(\d+)\] at {_HEX}: {_HEX} (.*)$", re.M)


def exception(log: str) -> ExceptionReport:
    """The report at the end of a kernel that died of an exception, and of nothing else."""
    found = _EXCEPTION.search(log)
    assert found, "no exception was reported"
    end = log.index("kernel panic: ", found.end())
    report = log[found.end():end]
    assert log[end:].startswith(f"kernel panic: {found[2]}\n"), log[end:]
    first_register = report.index("  RAX ")
    return ExceptionReport(
        int(found[1]), found[2], int(found[3], 16), int(found[4], 16),
        [line.strip() for line in report[:first_register].splitlines() if line.strip()],
        {name: int(value, 16) for name, value in _REGISTER.findall(report)},
        [Step(step[1], int(step[2]), int(step[3], 16), int(step[4], 16), step[5].strip())
         for step in _STEP.finditer(report)])
