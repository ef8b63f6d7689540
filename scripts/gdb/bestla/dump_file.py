"""The page tables that the kernel prints (`dump` in its monitor), out of a serial log.

docs/page-map.md has the format. Anything else between the lines is passed over; of several
dumps in one file the last is taken.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Optional

from .entries import ENTRIES, PAT_AT_POWER_ON, TABLE_SIZE, Controls
from .memory import Unreadable, read_whole

FIELDS = ("cr0", "cr3", "cr4", "efer", "pat", "maxphyaddr")
END = re.compile(r"tables: end (\d{1,7}) crc 0x([0-9a-f]{1,8})\s*$")
TABLE = re.compile(r"table 0x([0-9a-f]+) ([1-5]) (\d{1,3}):((?: [0-9a-f]+)*)\s*$")


class DumpError(Exception):
    """A dump that is missing, cut short or damaged."""


class Dump:
    """One dump: control registers and tables; a memory of these tables only."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls
        self.tables: dict[int, list[int]] = {}
        self.levels: dict[int, int] = {}
        self.whole = False

    def read(self, phys: int, size: int) -> bytes:
        base = phys & -TABLE_SIZE
        if base not in self.tables or phys - base + size > TABLE_SIZE:
            raise Unreadable("0x%x: not in the dump, which has the tables and nothing else" % phys)
        return struct.pack("<512Q", *self.tables[base])[phys - base:phys - base + size]

    def crc(self) -> int:
        """Over each table's frame and bytes, in order of printing."""
        value = 0
        for frame, entries in self.tables.items():
            value = zlib.crc32(struct.pack("<513Q", frame, *entries), value)
        return value


def parse(text: str, name: str) -> Dump:
    """The last dump in a text; `name` is for messages."""
    dump: Optional[Dump] = None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip("\r")
        if line.startswith("tables: cr0="):
            dump = Dump(start(line, "%s:%d" % (name, number)))
        elif line.startswith(("tables: end", "table 0x")):
            place = "%s:%d" % (name, number)
            if dump is None:
                raise DumpError("%s: '%s' before any 'tables: cr0=...': the dump's start is missing"
                                % (place, line[:40]))
            (end if line.startswith("tables:") else add)(dump, line, place)
    if dump is None:
        raise DumpError("%s: no page-table dump in it (no line 'tables: cr0=...')" % name)
    if not dump.whole:
        raise DumpError("%s: the dump is cut short: no line 'tables: end ...' after %d tables"
                        % (name, len(dump.tables)))
    return dump


def start(line: str, place: str) -> Controls:
    values: dict[str, int] = {}
    for name, text in re.findall(r"(\w+)=(\S*)", line):
        try:
            values[name] = int(text, 0)
        except ValueError:
            raise DumpError("%s: %s=%s is not a number" % (place, name, text)) from None
    missing = [name for name in FIELDS[:4] if name not in values]
    if missing:
        raise DumpError("%s: the line lacks %s" % (place, ", ".join(missing)))
    bits = values.get("maxphyaddr", 52)
    if not 32 <= bits <= 52:
        raise DumpError("%s: maxphyaddr=%d, expected 32 to 52" % (place, bits))
    return Controls(values["cr0"], values["cr3"], values["cr4"], values["efer"],
                    values.get("pat", PAT_AT_POWER_ON), bits)


def add(dump: Dump, line: str, place: str) -> None:
    match = TABLE.match(line)
    if not match:
        raise DumpError("%s: not of the form 'table 0xFRAME LEVEL INDEX: ENTRY...': %s"
                        % (place, line[:60]))
    frame, level, index = int(match[1], 16), int(match[2]), int(match[3])
    entries = [int(word, 16) for word in match[4].split()]
    if frame % TABLE_SIZE or frame >> 52:
        raise DumpError("%s: table 0x%x is not the address of a frame" % (place, frame))
    if index + len(entries) > ENTRIES:
        raise DumpError("%s: entries %d to %d, and a table has %d"
                        % (place, index, index + len(entries) - 1, ENTRIES))
    if any(entry >> 64 for entry in entries):
        raise DumpError("%s: an entry of more than 64 bits" % place)
    dump.whole = False
    dump.levels.setdefault(frame, level)
    dump.tables.setdefault(frame, [0] * ENTRIES)[index:index + len(entries)] = entries


def end(dump: Dump, line: str, place: str) -> None:
    match = END.match(line)
    if not match:
        raise DumpError("%s: not of the form 'tables: end COUNT crc 0xCRC': %s" % (place, line))
    count, crc = int(match[1]), int(match[2], 16)
    if count != len(dump.tables):
        raise DumpError("%s: %d tables were printed, %d arrived" % (place, count, len(dump.tables)))
    if crc != dump.crc():
        raise DumpError("%s: CRC 0x%08x, and what arrived has 0x%08x: the text was damaged on its "
                        "way" % (place, crc, dump.crc()))
    dump.whole = True


def load(path: str) -> Dump:
    try:
        return parse(read_whole(path).decode("ascii", "replace"), path)
    except Unreadable as error:
        raise DumpError(str(error)) from None
