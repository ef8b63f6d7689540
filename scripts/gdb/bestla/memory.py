"""Physical memory as bytes, wherever they come from.

A reader has one method, read(phys, size), which gives all the bytes or raises
Unreadable. Those that need gdb are in target.py.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, BinaryIO, Callable, Iterable, Optional, Protocol, Sequence

from .entries import TABLE_SIZE


class Unreadable(Exception):
    """No memory there, or the reader cannot get at it."""


# Text that is larger is none that anybody prints; /dev/zero has no end.
MOST_TEXT = 1 << 30


def read_whole(path: str) -> bytes:
    """A file of text, or a pipe."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_TEXT + 1)
    except (OSError, ValueError) as error:
        raise Unreadable("%s: %s" % (path, getattr(error, "strerror", None) or error)) from None
    if len(data) > MOST_TEXT:
        raise Unreadable("%s: more than %d bytes" % (path, MOST_TEXT))
    return data


class Memory(Protocol):
    def read(self, phys: int, size: int) -> bytes:
        ...


def expect(memory: Memory, tables: Iterable[int]) -> None:
    """Tells a reader which tables will be read next, if it is one that asks ahead."""
    ask_ahead = getattr(memory, "expect", None)
    if ask_ahead is not None:
        ask_ahead(tables)


class BytesMemory:
    """Memory held here: a dump read into bytes, or the tables of a test."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.data = data
        self.base = base

    def read(self, phys: int, size: int) -> bytes:
        start = phys - self.base
        if start < 0 or start + size > len(self.data):
            raise Unreadable("0x%x: outside memory 0x%x-0x%x"
                             % (phys, self.base, self.base + len(self.data)))
        return bytes(self.data[start:start + size])


class FileMemory:
    """A raw memory file, the byte at offset 0 being the one at `base`."""

    def __init__(self, file: BinaryIO, base: int = 0) -> None:
        self.file = file
        self.base = base

    def read(self, phys: int, size: int) -> bytes:
        try:
            self.file.seek(phys - self.base)
            data = self.file.read(size)
        except (OSError, ValueError) as error:
            raise Unreadable("0x%x: %s" % (phys, error)) from None
        if len(data) != size:
            raise Unreadable("0x%x: past the end of the file" % phys)
        return data


class Ranges:
    """Half-open ranges of physical addresses, sorted and merged."""

    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.spans: list[tuple[int, int]] = []
        for start, end in sorted(ranges):
            if self.spans and start <= self.spans[-1][1]:
                start, before = self.spans.pop()
                end = max(end, before)
            self.spans.append((start, end))
        self._starts = [start for start, _ in self.spans]

    def hold(self, phys: int, size: int) -> bool:
        index = bisect_right(self._starts, phys) - 1
        return index >= 0 and phys + size <= self.spans[index][1]

    def aligned(self, alignment: int) -> list[int]:
        """Every multiple of alignment inside, in ascending order."""
        return [address for start, end in self.spans
                for address in range(-(-start // alignment) * alignment, end, alignment)]


class BoundedMemory:
    """Reads RAM and ROM only.

    QEMU's stub reads any physical address, and zeroes where nothing is: a wild table
    pointer would look like an empty table, and one into a device would touch it.
    """

    def __init__(self, memory: Memory, ranges: Ranges) -> None:
        self.memory = memory
        self.ranges = ranges

    def read(self, phys: int, size: int) -> bytes:
        if not self.ranges.hold(phys, size):
            raise Unreadable("0x%x: neither RAM nor ROM" % phys)
        return self.memory.read(phys, size)

    def expect(self, tables: Iterable[int]) -> None:
        expect(self.memory, (each for each in tables if self.ranges.hold(each, TABLE_SIZE)))


def parse_flat_view(text: str) -> Optional[Ranges]:
    """RAM and ROM in the answer to QEMU's `info mtree -f`; None if there is none."""
    for view in text.split("FlatView #"):
        if ' AS "memory"' in view:
            found = re.findall(r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (\S+)\)", view,
                               re.MULTILINE)
            spans = [(int(first, 16), int(last, 16) + 1) for first, last, kind in found
                     if kind in ("ram", "rom", "romd")]
            return Ranges(spans) if spans else None
    return None


def parse_registers(text: str) -> dict[str, int]:
    """Control registers in the answer to QEMU's `info registers`."""
    return {name.lower(): int(value, 16)
            for name, value in re.findall(r"\b(CR[034]|EFER)=([0-9a-fA-F]+)", text)}


def ask_features(monitor: Callable[[str], str]) -> dict[str, Any]:
    """What the first processor can, as fields of Controls, if QEMU's monitor tells."""
    def ask(name: str) -> str:
        return monitor("qom-get /machine/unattached/device[0] " + name).strip()
    found: dict[str, Any] = {}
    bits, gib = ask("phys-bits"), ask("pdpe1gb")
    if bits.isascii() and bits.isdigit() and 32 <= int(bits) <= 52:
        found["phys_bits"] = int(bits)
    if gib in ("true", "false"):
        found["leaf_1gib"] = gib == "true"
    return found


def parse_dump(text: str, size: int) -> bytes:
    """The bytes in the answer to QEMU's `xp /Ngx ADDRESS`."""
    data = b"".join(int(word, 16).to_bytes(8, "little")
                    for word in re.findall(r"\b0x([0-9a-f]{16})\b", text))
    if len(data) < size:
        raise Unreadable(text.strip().splitlines()[-1] if text.strip() else "no answer")
    return data[:size]
