"""What the kernel prints, read back: the page map, the audit, the report of an exception."""

import re
from dataclasses import dataclass, field

from page_walk import Leaf

MEMORY_TYPES = ("WB", "WT", "UC-", "UC", "WB", "WC", "UC-", "UC")   # by PAT index

_HEX = r"0x([0-9a-f]+)"
_ROW = re.compile(rf"^{_HEX}-{_HEX} +{_HEX}-{_HEX} +{_HEX} +{_HEX} +(\d+) +"
                  r"\[([RWX-]{3}) (KERN|USER)( GLOBAL)? (\S+)\] *(.*)$", re.M)
_HEADING = re.compile(r"^Virtual address start-end .*What lies there$", re.M)
_RULE = re.compile(r"audit: (?:error: )?(\d+) (pass|not enforceable \((.*)\)|FAIL): (.*)$", re.M)
RULES = 9


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
               MEMORY_TYPES[run.pat_index])


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


_RECORD = re.compile(rf"^  {_HEX}-{_HEX}  {_HEX}-{_HEX} +(\d+) ([KMGT])iB  "
                     r"(\S+) +R([WO]) X(N?) +(.*)$")
_SHARED = re.compile(r"^ {40,}(\S.*)$", re.M)


@dataclass(frozen=True)
class Mapping:
    """A line of the mapping record; `users` has those of the lines below it too."""

    virt: int
    phys: int
    size: int
    memory_type: str
    rights: str
    users: list[str]


def mapping_record(log: str) -> list[Mapping]:
    """What the kernel says of who lives where."""
    text = log.split("\nMMU online:\n")[1].split("\nVirtual address start-end")[0]
    record: list[Mapping] = []
    for line in text.splitlines()[1:]:
        if shared := _SHARED.match(line):
            record[-1].users.append(shared[1])
            continue
        found = _RECORD.match(line)
        assert found, line
        start, end, phys, phys_end = (int(found[i], 16) for i in range(1, 5))
        size = int(found[5]) << 10 * (1 + "KMGT".index(found[6]))
        assert (end - start) % (1 << 64) == phys_end - phys == size, line
        rights = "R" + ("W" if found[8] == "W" else "-") + ("-" if found[9] else "X")
        record.append(Mapping(start, phys, size, found[7], rights, [found[10]]))
    return record


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
class Frame:
    """A line of a backtrace; what is not known is empty."""

    address: int
    certain: bool
    name: str
    offset: int
    file: str
    line: int


@dataclass(frozen=True)
class Report:  # pylint: disable=too-many-instance-attributes
    """What a kernel that died has left."""

    vector: int | None              # None: panic was called
    message: str
    error_code: int
    place: Frame
    details: list[str] = field(default_factory=list)    # the cause in words
    registers: dict[str, int] = field(default_factory=dict)
    walk: list[Step] = field(default_factory=list)
    stack: str = ""
    backtrace: list[Frame] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)    # the backtrace's other lines
    memory: str = ""

    @property
    def rip(self) -> int:
        """Where it happened."""
        return self.place.address


_TITLE = re.compile(r"^(?:exception (\d+): (.*), error code 0x([0-9a-f]+)|panic: (.*))$\n"
                    r"^RIP (.*)$", re.M)
_REGISTER = re.compile(r"\b([A-Z][A-Z0-9]{1,2}) +([0-9a-f]{16})\b")
_STEP = re.compile(rf"^  (PML5|PML4|PDPT|PD|PT) *\[ *(\d+)\] at {_HEX}: {_HEX} (.*)$", re.M)
_FRAME = re.compile(rf"^{_HEX}( \?)?(?: (\S+)\+{_HEX}(?: \((\S+?)(?::(\d+))?\))?)?$")


def frame(text: str) -> Frame | None:
    """A place as the kernel prints it: address, symbol and source line."""
    found = _FRAME.match(text.strip())
    return found and Frame(int(found[1], 16), not found[2], found[3] or "",
                           int(found[4] or "0", 16), found[5] or "", int(found[6] or 0))


def report(log: str) -> Report:
    """The one report of a kernel that died, whole and at the log's end."""
    titles = list(_TITLE.finditer(log))
    assert len(titles) == 1, f"{len(titles)} reports"
    found = titles[0]
    end = log.index("kernel panic: ", found.end())
    message = found[2] or found[4]
    assert log[end:] == f"kernel panic: {message}\n", log[end:]
    parts = re.fullmatch(r"(.*?)^registers:\n(.*?)^(  (?:on|RSP) .*?\n)backtrace:\n(.*?)"
                         r"^memory: (.*)\n", log[found.end() + 1:end], re.M | re.S)
    assert parts, log[found.start():]
    place = frame(found[5])
    assert place, found[5]
    lines = [(line.strip(" "), frame(line)) for line in parts[4].splitlines()]
    return Report(
        int(found[1]) if found[1] else None, message, int(found[3] or "0", 16), place,
        [line.strip() for line in parts[1].splitlines() if not _STEP.match(line)],
        {name: int(value, 16) for name, value in _REGISTER.findall(parts[2])},
        [Step(step[1], int(step[2]), int(step[3], 16), int(step[4], 16), step[5].strip())
         for step in _STEP.finditer(parts[1])],
        parts[3].strip(), [each for _, each in lines if each],
        [line for line, each in lines if not each], parts[5])
