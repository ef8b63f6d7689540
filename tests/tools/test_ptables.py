"""tools/ptables on ELF files with any segments, and on all that it must refuse.

What it writes is read by the boot tests' walker, which shares nothing with it.
"""

from __future__ import annotations

import random
import re
import struct
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "boot"))

# pylint: disable=wrong-import-position
from page_walk import EFER_NXE, Leaf, leaves  # noqa: E402
from tool import ROOT, run  # noqa: E402

PTABLES = ROOT / "build" / "host" / "ptables"
KERNEL = ROOT / "build" / "kernel.elf"
# Of tools/status.h.
OK, USAGE, UNREADABLE, NOT_ELF, TRUNCATED, NOT_LINKED = 0, 2, 3, 4, 5, 8
NO_PLACEHOLDER, SMALL = 12, 13
OVERLAP, WRITE_EXECUTE, BAD_IMAGE, BAD_PLACE = range(19, 23)

PAGE, MIB2, GIB, REGION = 4096, 2 << 20, 1 << 30, 0xffffffd000000000
X, W, R = 1, 2, 4
LOAD, NOTE = 1, 4
PROGBITS, STRTAB, SHT_NOTE, NOBITS = 1, 3, 7, 8
NOTE_BYTES, DESCRIPTOR_AT = 44, 20
NOTE_TYPE = 0x4c425450


@dataclass
class Segment:
    """A PT_LOAD."""

    virt: int
    size: int
    flags: int

    @property
    def pages(self) -> range:
        """The addresses of its pages."""
        return range(self.virt & -PAGE, self.virt + self.size, PAGE)


@dataclass
class File:
    """An ELF file; the segment `holder` has the note in its first page and the placeholder next."""

    segments: list[Segment]
    holder: int
    room: int                                   # of the placeholder, in bytes
    changes: dict[str, int] = field(default_factory=dict)

    @property
    def virt(self) -> int:
        """The address of the holder's first page."""
        return self.segments[self.holder].virt & -PAGE

    @property
    def base(self) -> int:
        """The image's first page."""
        return self.segments[0].virt & -PAGE

    def bytes(self) -> bytes:
        """The file: headers, page 1 with the note, page 2 on with the placeholder, sections."""
        names = b"\0.page_tables\0.note.bestla\0.shstrtab\0"
        held = PAGE + self.room
        entry = next((each.virt for each in self.segments if each.flags & X), 0)
        sections_at = PAGE + held + len(names) + 7 & -8
        get = self.changes.get
        data = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, entry, 64, sections_at,
                           0, 64, 56, len(self.segments) + 1, 64, 4, 3)
        for number, each in enumerate(self.segments):
            offset, size = (PAGE, held) if number == self.holder else (each.virt % PAGE, 0)
            data += struct.pack("<IIQQQQQQ", LOAD, each.flags, offset, each.virt,
                                0x100000 + each.virt - self.base, size, each.size, PAGE)
        note = get("note at", self.virt)
        data += struct.pack("<IIQQQQQQ", get("header", NOTE), R, PAGE, note, note,
                            get("note size", NOTE_BYTES), NOTE_BYTES, 4)
        data = data.ljust(PAGE, b"\0")
        data += struct.pack("<III8s", 7, get("descriptor", 24), NOTE_TYPE,
                            b"Bestla").ljust(PAGE, b"\0")
        data += bytes(self.room) + names
        data = data.ljust(sections_at + 64, b"\0")
        for row in ((1, get("type", PROGBITS), 3, self.virt + PAGE + get("shift", 0),
                     2 * PAGE + get("shift", 0), self.room - get("shift", 0)),
                    (14, SHT_NOTE, 2, self.virt, PAGE, NOTE_BYTES),
                    (27, STRTAB, 0, 0, PAGE + held, len(names))):
            data += struct.pack("<IIQQQQIIQQ", *row, 0, 0, 4, 0)
        return data


def ptables(*arguments: str | Path) -> str:
    """What the tool prints."""
    done = subprocess.run([PTABLES, *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == OK and not done.stderr, done.stderr
    return done.stdout


def refuse(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and message, one line, where the tool says no; and it prints nothing else."""
    done = subprocess.run([PTABLES, *arguments], capture_output=True, check=False, text=True)
    assert done.stderr.startswith("ptables: ") and done.stderr.count("\n") == 1, done.stderr
    assert not done.stdout
    return done.returncode, done.stderr.strip()


def write(folder: Path, file: File, name: str = "kernel.elf") -> Path:
    """Puts it into a file."""
    path = folder / name
    path.write_bytes(file.bytes())
    return path


def rows(file: File) -> dict[int, tuple[int, bool, bool]]:
    """Offset in the image, and whether it is written and executed, of every page."""
    return {page: (page - file.base, bool(each.flags & W), bool(each.flags & X))
            for each in file.segments for page in each.pages}


def walk(data: bytes, frames_at: int, root: int) -> list[Leaf]:
    """The leaves of the tables in a file, under a PML4 that has no other entry."""
    pml4 = 1 << 50

    def read(address: int, size: int) -> bytes:
        if address == pml4:
            return bytes(511 * 8) + struct.pack("<Q", root | 3)
        at = frames_at + address - root
        assert frames_at <= at and size == PAGE
        return data[at:at + size]

    return list(leaves(read, pml4, 0, EFER_NXE))


# ---- what it writes ----------------------------------------------------------------------


def some_segments(dice: random.Random) -> list[Segment]:
    """1 to 40, at every alignment, with sizes about 2 MiB and, now and then, 1 GiB."""
    at = REGION + dice.randrange(4) * GIB - dice.choice((0, 0, 5)) * PAGE + \
        dice.randrange(1024) * PAGE
    found: list[Segment] = []
    for _ in range(dice.randint(1, 40)):
        flags = dice.choice((R, R | W, R | X)) if found else R | X
        at = -(-at // PAGE) * PAGE
        how = dice.randrange(10)
        at += dice.randrange(PAGE) if how < 3 else PAGE if how < 5 else -at % MIB2 if how < 6 else 0
        size = dice.randint(1, 3 * PAGE)
        if dice.random() < .1:
            size += MIB2 * dice.randint(1, 3) - PAGE
        if dice.random() < .003:
            size += GIB
        if at + size > REGION + 6 * GIB:
            break
        found.append(Segment(at, size, flags))
        at += size
    return found


@pytest.mark.parametrize("seed", range(200))
def test_any_segments(tmp_path: Path, seed: int) -> None:
    """The tables map each page to its own place with its rights; nothing else in the file moves."""
    dice = random.Random(seed)
    found = some_segments(dice)
    end = -(-(found[-1].virt + found[-1].size) // PAGE) * PAGE
    file = File([*found, Segment(end, 2 * PAGE, R)], len(found), PAGE)
    while True:                                 # as the Makefile does it
        file.segments[-1].size = PAGE + file.room
        need = int(ptables("--size", write(tmp_path, file)))
        if need <= file.room:
            break
        file.room = need
    before, spare = file.bytes(), dice.choice((0, PAGE, 3 * PAGE))
    if spare:
        file = replace(file, room=file.room + spare)
        file.segments[-1].size += spare
        before = file.bytes()
    kernel = write(tmp_path, file)
    need = int(ptables("--size", kernel))
    ptables(kernel)
    after = kernel.read_bytes()
    note = PAGE + DESCRIPTOR_AT
    version, frames, root, base = struct.unpack_from("<IIQQ", after, note)
    assert (version, frames, base) == (1, need // PAGE, file.base)
    assert root == file.virt + PAGE - file.base
    mapped = walk(after, 2 * PAGE, root)
    assert {leaf.virt: (leaf.phys, leaf.writable, leaf.executable) for leaf in mapped} == rows(file)
    assert {(leaf.page_size, leaf.user, leaf.global_, leaf.pat_index) for leaf in mapped} == \
        {(PAGE, False, False, 0)}
    assert frames == 1 + len({leaf.virt // MIB2 for leaf in mapped}) + \
        len({leaf.virt // GIB for leaf in mapped})
    assert not any(after[2 * PAGE + need:2 * PAGE + file.room])
    assert after[:note] == before[:note] and after[2 * PAGE + file.room:] == before[
        2 * PAGE + file.room:] and after[note + 24:2 * PAGE] == before[note + 24:2 * PAGE]
    stamp = kernel.stat().st_mtime_ns
    ptables(kernel)
    assert kernel.read_bytes() == after and kernel.stat().st_mtime_ns == stamp


def good() -> File:
    """A small kernel: text, read-only data with the tables, data."""
    return File([Segment(0xffffffff80100010, 0x1800, R | X),
                 Segment(0xffffffff80102000, 5 * PAGE, R),
                 Segment(0xffffffff80108000, 0x2345, R | W)], 1, 3 * PAGE)


def test_what_it_prints(tmp_path: Path) -> None:
    """A line a segment, and what was written where."""
    lines = ptables(write(tmp_path, good())).splitlines()
    assert [re.split(r" *\| *", line.strip()) for line in lines[1:5]] == [
        ["Sections", "Virtual start", "Physical start", "Size", "Attr"],
        ["", "0xffff_ffff_8010_0000", "0x0000_0000_0010_0000", "8 KiB", "C RO X"],
        [".page_tables .note.bestla", "0xffff_ffff_8010_2000", "0x0000_0000_0010_2000", "20 KiB",
         "C RO XN"],
        ["", "0xffff_ffff_8010_8000", "0x0000_0000_0010_8000", "12 KiB", "C RW XN"]]
    assert lines[5:] == ["  3 tables of 4 KiB into .page_tables (12 KiB) at file offset 0x2000",
                         "  their root, 0x3000 from the image's start, into the note at file "
                         "offset 0x1014"]


def test_the_kernel(tmp_path: Path) -> None:
    """As it was built: filled, and to be filled again without a change."""
    kernel = tmp_path / "kernel.elf"
    kernel.write_bytes(KERNEL.read_bytes())
    printed = ptables(kernel)
    assert kernel.read_bytes() == KERNEL.read_bytes()
    names = re.findall(r"^ +0\d +(.*\S) *$", run("readelf", "-lW", kernel), re.M)[:7]
    for name in names:
        assert name[:30] in printed
    assert len(re.findall(r"\| C RO X$", printed, re.M)) == 1
    assert len(re.findall(r"\| C RO XN$", printed, re.M)) == 1
    assert len(re.findall(r"\| C RW XN$", printed, re.M)) == 5


# ---- what it refuses ---------------------------------------------------------------------


def half_a_page() -> File:
    """Read-only data ends in the page where the data begins."""
    file = good()
    file.segments[2].virt = 0xffffffff80106800
    file.segments[1].size -= 0x800
    return file


def segment(index: int, **values: int) -> File:
    """The small kernel with a segment that is different."""
    file = good()
    file.segments[index] = replace(file.segments[index], **values)
    return file


REFUSED: dict[str, tuple[File, int, str]] = {
    "too small": (replace(good(), room=2 * PAGE), SMALL,
                  ".page_tables has 8192 bytes, the tables need 12288"),
    "none": (replace(good(), room=0), SMALL, ".page_tables has 0 bytes, the tables need 12288"),
    "in BSS": (replace(good(), changes={"type": NOBITS}), NO_PLACEHOLDER,
               "no section .page_tables with bytes to fill"),
    "no note": (replace(good(), changes={"note size": 0}), NO_PLACEHOLDER,
                "no PT_NOTE has a note of type 1279415376 and owner Bestla"),
    # The section is there, but loaders read program headers.
    "a section only": (replace(good(), changes={"header": 0}), NO_PLACEHOLDER,
                       "no PT_NOTE has a note of type 1279415376 and owner Bestla"),
    "note not loaded": (replace(good(), changes={"note at": 0x1000}), BAD_PLACE,
                        "note: p_vaddr 0x1000 is in no PT_LOAD that has room for p_filesz 0x2c"),
    "note in BSS": (replace(good(), changes={"note at": 0xffffffff80108000}), BAD_PLACE,
                    "note: p_vaddr 0xffffffff80108000 is in no PT_LOAD that has room for"),
    "note cut": (replace(good(), changes={"note size": 43}), BAD_PLACE,
                 "note: n_descsz 0x18 reaches past the notes, of which 0x17 bytes are left"),
    "note short": (replace(good(), changes={"descriptor": 23}), BAD_PLACE,
                   "note: n_descsz 0x17 is less than the descriptor's 0x18 bytes"),
    "not on a page": (replace(good(), room=4 * PAGE, changes={"shift": 8}), BAD_PLACE,
                      ".page_tables at 0xffffffff80103008 is not a page of a PT_LOAD"),
    "written": (segment(1, flags=R | W), BAD_PLACE, "0xffffffff80103000 is not a page"),
    "executed": (segment(1, flags=R | X), BAD_PLACE, "0xffffffff80103000 is not a page"),
    "overlap": (segment(2, virt=0xffffffff80106fff), OVERLAP,
                "program header 2: p_vaddr 0xffffffff80106fff"),
    "shared page": (half_a_page(), OVERLAP, "program header 2: p_vaddr 0xffffffff80106800"),
    "write and execute": (segment(2, flags=R | W | X), WRITE_EXECUTE,
                          "program header 2: p_flags 0x7 allows both PF_W and PF_X"),
    "unsorted": (segment(2, virt=0xffffffff80000000), BAD_IMAGE, "program header 2: p_vaddr"),
    "no rights": (segment(2, flags=W), BAD_IMAGE, "program header 2: p_flags 0x2"),
    "low": (segment(0, virt=0x100010), BAD_IMAGE, "program header 0: p_vaddr 0x100010"),
    "no text": (segment(0, flags=R), BAD_IMAGE, "e_entry 0x0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path: Path, name: str) -> None:
    """Its own message and exit code; the file is not touched, nor is there another beside it."""
    file, code, words = REFUSED[name]
    kernel = write(tmp_path, file)
    stamp = kernel.stat()
    status, message = refuse(kernel)
    assert status == code and words in message and str(kernel) in message, message
    assert kernel.read_bytes() == file.bytes()
    assert (kernel.stat().st_mtime_ns, kernel.stat().st_ino) == (stamp.st_mtime_ns, stamp.st_ino)
    assert list(tmp_path.iterdir()) == [kernel]


def test_refused_files(tmp_path: Path) -> None:
    """What is no kernel at all, and no file."""
    assert refuse(tmp_path / "nothing")[0] == UNREADABLE
    assert refuse(tmp_path)[0] == UNREADABLE
    text = tmp_path / "text"
    text.write_text("not an ELF file")
    assert refuse(text)[0] == refuse("--size", text)[0] == NOT_ELF
    text.write_bytes(good().bytes()[:5000])
    assert refuse(text)[0] == TRUNCATED
    text.write_bytes(good().bytes()[:56] + bytes(2) + good().bytes()[58:])    # e_phnum
    assert refuse(text)[0] == NOT_LINKED


@pytest.mark.parametrize("arguments", [[], ["--size"], ["--list", "x"], ["a", "b"], ["-x"],
                                       ["--size", "a", "b"]])
def test_usage(arguments: list[str]) -> None:
    """Anything else."""
    assert refuse(*arguments) == (USAGE, "ptables: usage: ptables KERNEL | --size KERNEL")
