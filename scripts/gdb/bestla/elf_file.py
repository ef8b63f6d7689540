"""ELF64 files, as far as a page map needs them: segments, sections, symbols, notes.

Everything in the file is checked before it is used; what is wrong with one is an ElfError.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Iterator, NamedTuple, Optional

ET_EXEC, ET_DYN, ET_CORE = 2, 3, 4
EM_X86_64 = 62
PT_LOAD, PT_NOTE = 1, 4
PF_X, PF_W = 1, 2
SHT_SYMTAB, SHT_NOBITS, SHF_ALLOC = 2, 8, 2
STT_NOTYPE, STT_OBJECT, STT_FUNC = 0, 1, 2
PN_XNUM = 0xFFFF


class ElfError(Exception):
    """A file that is not what was asked for, or damaged."""


class Segment(NamedTuple):
    type: int
    flags: int
    offset: int
    virt: int
    phys: int
    file_size: int
    size: int


class Section(NamedTuple):
    name: str
    type: int
    flags: int
    virt: int
    offset: int
    size: int
    link: int


class Symbol(NamedTuple):
    virt: int
    size: int
    name: str
    type: int


class ElfFile:
    """A file opened for reading; `size` is all that is there of it."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            # Kept open as long as the object: a core is read where a table lies.
            self.file = open(path, "rb")    # pylint: disable=consider-using-with
            self.size = self.file.seek(0, 2)
        except OSError as error:
            raise ElfError("%s: %s" % (path, error.strerror)) from None
        header = self.bytes_at(0, min(64, self.size))
        self._check_identity(header)
        (self.type, self.machine, _, self.entry, self._segments_at, self._sections_at, _, _,
         self._segment_size, self._segment_count, self._section_size, self._section_count,
         self._names) = struct.unpack_from("<HHIQQQIHHHHHH", header, 16)
        self.segments = list(self._read_segments())

    def close(self) -> None:
        self.file.close()

    def _check_identity(self, header: bytes) -> None:
        if header[:8] == b"KDUMP   " or header[:12] == b"makedumpfile":
            raise ElfError("%s: a compressed kdump file; dump-guest-memory without -z, -l, -s "
                           "gives an ELF core" % self.path)
        if header[:4] != b"\x7fELF":
            raise ElfError("%s: not an ELF file" % self.path)
        if len(header) < 64:
            raise ElfError("%s: cut short, %d bytes" % (self.path, len(header)))
        if header[4] == 1:
            raise ElfError("%s: a 32-bit ELF file (EI_CLASS 1); of a machine that is not in long "
                           "mode QEMU writes such a core" % self.path)
        if header[4] != 2 or header[5] != 1:
            raise ElfError("%s: EI_CLASS %d, EI_DATA %d, expected 2 and 1 (64-bit, little-endian)"
                           % (self.path, header[4], header[5]))

    def bytes_at(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > self.size:
            raise ElfError("%s: cut short: 0x%x bytes at 0x%x, and the file ends at 0x%x"
                           % (self.path, size, offset, self.size))
        try:
            self.file.seek(offset)
            return self.file.read(size)
        except OSError as error:
            raise ElfError("%s: %s" % (self.path, error.strerror)) from None

    def _table(self, name: str, offset: int, count: int, each: int, least: int) -> list[bytes]:
        if count and each < least:
            raise ElfError("%s: %s is %d, less than %d" % (self.path, name, each, least))
        data = self.bytes_at(offset, count * each) if count else b""
        return [data[index * each:(index + 1) * each] for index in range(count)]

    def _read_segments(self) -> Iterator[Segment]:
        count = self._segment_count
        if count == PN_XNUM:                # as many as do not fit: section 0 tells (gABI, 5)
            count, = struct.unpack("<I", self.bytes_at(self._sections_at + 44, 4))
        for data in self._table("e_phentsize", self._segments_at, count, self._segment_size, 56):
            kind, flags, offset, virt, phys, file_size, size = struct.unpack_from("<IIQQQQQ", data)
            yield Segment(kind, flags, offset, virt, phys, file_size, size)

    def sections(self) -> list[Section]:
        rows = [struct.unpack_from("<IIQQQQI", data) for data in self._table(
            "e_shentsize", self._sections_at, self._section_count, self._section_size, 64)]
        if self._names >= len(rows):
            return []
        names = self.bytes_at(rows[self._names][4], rows[self._names][5])
        return [Section(text_at(names, row[0]), row[1], row[2], row[3], row[4], row[5], row[6])
                for row in rows]

    def symbols(self) -> list[Symbol]:
        """Functions, objects and labels that have an address, in ascending order."""
        sections, found = self.sections(), []
        for table in sections:
            if table.type == SHT_SYMTAB and table.link < len(sections):
                names = self.bytes_at(sections[table.link].offset, sections[table.link].size)
                data = self.bytes_at(table.offset, table.size - table.size % 24)
                found += [Symbol(virt, size, text_at(names, name), info & 15)
                          for name, info, _, where, virt, size
                          in struct.iter_unpack("<IBBHQQ", data)
                          if where and where < 0xFF00 and name
                          and info & 15 in (STT_NOTYPE, STT_OBJECT, STT_FUNC)]
        return sorted(found)

    def loads(self) -> list[Segment]:
        return [each for each in self.segments if each.type == PT_LOAD]

    def notes(self) -> Iterator[tuple[str, int, bytes]]:
        for segment in self.segments:
            if segment.type == PT_NOTE:
                yield from self._notes_in(self.bytes_at(segment.offset, segment.file_size))

    def _notes_in(self, data: bytes) -> Iterator[tuple[str, int, bytes]]:
        at = 0
        while at + 12 <= len(data):
            name_size, size, kind = struct.unpack_from("<III", data, at)
            start = at + 12 + (name_size + 3 & ~3)
            if start + size > len(data):
                raise ElfError("%s: a note of 0x%x bytes passes the end of its segment"
                               % (self.path, size))
            yield text_at(data[at + 12:at + 12 + name_size], 0), kind, data[start:start + size]
            at = start + (size + 3 & ~3)


def text_at(names: bytes, offset: int) -> str:
    end = names.find(b"\0", offset)
    return names[offset:end if end >= 0 else len(names)].decode("utf-8", "replace")


class SymbolTable:
    """Finds the symbol at an address, and the address of a symbol."""

    def __init__(self, symbols: list[Symbol]) -> None:
        self.symbols = symbols
        self._addresses = [each.virt for each in symbols]
        self._by_name = {each.name: each for each in reversed(symbols)}

    def named(self, name: str) -> Optional[Symbol]:
        return self._by_name.get(name)

    def at(self, virt: int) -> Optional[Symbol]:
        """The nearest at or below it that has not ended before."""
        index = bisect_right(self._addresses, virt) - 1
        while index >= 0 and virt - self._addresses[index] < 1 << 20:
            symbol = self.symbols[index]
            if virt < symbol.virt + symbol.size or virt == symbol.virt or not symbol.size:
                return symbol
            index -= 1
        return None

    def between(self, start: int, end: int) -> list[Symbol]:
        """Those that begin there."""
        low = bisect_right(self._addresses, start - 1)
        return self.symbols[low:bisect_right(self._addresses, end - 1)]
