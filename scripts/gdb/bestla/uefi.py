"""The firmware's list of loaded images, found in memory from outside.

UEFI 2.10 section 18.4: a debugger finds EFI_SYSTEM_TABLE_POINTER on a 4-MiB boundary,
from there the system table, and in its configuration tables the debug image info table.
Firmware's addresses are physical: it maps memory at itself.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import Iterable, Iterator, NamedTuple, Optional

from .memory import Memory, Unreadable

POINTER_ALIGNMENT = 4 << 20
SYSTEM_TABLE_SIGNATURE = b"IBI SYST"
SYSTEM_TABLE_SIZE = 120
DEBUG_IMAGE_INFO_GUID = uuid.UUID("49152e77-1ada-4764-b7a2-7afefed95e8b").bytes_le
UPDATE_IN_PROGRESS = 1
EXECUTABLE = 0x2000_0000        # IMAGE_SCN_MEM_EXECUTE
IMAGE_INFO_NORMAL = 1

# Bounds on what is believed: far more than any firmware has.
MOST_CONFIGURATION_TABLES = 1024
MOST_IMAGES = 4096


class FirmwareError(Exception):
    """The firmware's tables are not there, or not to be believed."""


class SystemTable(NamedTuple):
    address: int
    boot_services: int          # 0 once ExitBootServices has succeeded (UEFI 2.10, 7.4.6)
    table_count: int
    tables: int


class Image(NamedTuple):
    base: int
    size: int


def unpack(memory: Memory, layout: str, address: int) -> tuple:
    return struct.unpack(layout, memory.read(address, struct.calcsize(layout)))


def find_system_table(memory: Memory, candidates: Iterable[int]) -> Optional[SystemTable]:
    """The table that the first believable pointer among the candidates leads to."""
    for address in candidates:
        try:
            if memory.read(address, 8) == SYSTEM_TABLE_SIGNATURE:
                table = follow_pointer(memory, address)
                if table is not None:
                    return table
        except Unreadable:
            continue
    return None


def follow_pointer(memory: Memory, address: int) -> Optional[SystemTable]:
    """EFI_SYSTEM_TABLE_POINTER; its CRC is 0 until firmware can compute one."""
    data = memory.read(address, 24)
    base, crc = struct.unpack("<QI", data[8:20])
    if crc and crc != zlib.crc32(data[:16] + bytes(4) + data[20:]):
        return None
    data = memory.read(base, SYSTEM_TABLE_SIZE)
    if data[:8] != SYSTEM_TABLE_SIGNATURE:
        return None
    boot_services, count, tables = struct.unpack_from("<QQQ", data, 96)
    return SystemTable(base, boot_services, count, tables)


def find_image_list(memory: Memory, table: SystemTable) -> Optional[int]:
    """The address of EFI_DEBUG_IMAGE_INFO_TABLE_HEADER, None while there is none."""
    for index in range(min(table.table_count, MOST_CONFIGURATION_TABLES)):
        try:
            guid, address = unpack(memory, "<16sQ", table.tables + 24 * index)
        except Unreadable:
            return None
        if guid == DEBUG_IMAGE_INFO_GUID:
            return address
    return None


def being_updated(memory: Memory, header: int) -> bool:
    return bool(unpack(memory, "<I", header)[0] & UPDATE_IN_PROGRESS)


def images(memory: Memory, header: int) -> Iterator[Image]:
    """Every image in the list; what cannot be read is passed over."""
    try:
        count, table = unpack(memory, "<IQ", header + 4)
    except Unreadable:
        return
    # edk2 counts the entries in use and leaves holes where images were unloaded.
    for slot in range(MOST_IMAGES):
        if not count:
            return
        try:
            info, = unpack(memory, "<Q", table + 8 * slot)
            count -= 1 if info else 0
            image = normal_image(memory, info) if info else None
        except Unreadable:
            continue
        if image is not None:
            yield image


def normal_image(memory: Memory, info: int) -> Optional[Image]:
    """EFI_DEBUG_IMAGE_INFO_NORMAL, then EFI_LOADED_IMAGE_PROTOCOL (UEFI 2.10, 9.1)."""
    kind, protocol = unpack(memory, "<IxxxxQ", info)
    if kind != IMAGE_INFO_NORMAL:
        return None
    return Image(*unpack(memory, "<QQ", protocol + 64))


class PeFile:
    """A PE file as the linker wrote it, to be recognised in memory."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        try:
            self._parse()
        except (struct.error, IndexError):
            raise FirmwareError("%s: cut short, %d bytes" % (name, len(data))) from None
        if self.problem:
            raise FirmwareError("%s: %s" % (name, self.problem))

    def _parse(self) -> None:
        data, self.problem = self.data, ""
        pe, = struct.unpack_from("<I", data, 60)
        if data[:2] != b"MZ" or data[pe:pe + 4] != b"PE\0\0":
            self.problem = "not a PE file"
            return
        sections, optional_size = struct.unpack_from("<HxxxxxxxxxxxxH", data, pe + 6)
        optional = pe + 24
        magic, = struct.unpack_from("<H", data, optional)
        if magic != 0x20B:
            self.problem = "magic 0x%x, not that of PE32+" % magic
            return
        self.image_size, self.header_size = struct.unpack_from("<II", data, optional + 56)
        # The one header field that firmware rewrites when it relocates an image.
        self._image_base = optional + 24
        table = optional + optional_size
        self.text = self._executable(table, sections)
        self.headers = self.without_base(data[:table + 40 * sections])

    def _executable(self, table: int, sections: int) -> tuple[int, bytes]:
        """RVA and bytes of the first section with code; position-independent, so unpatched."""
        for index in range(sections):
            size, rva, raw_size, raw = struct.unpack_from("<IIII", self.data,
                                                          table + 40 * index + 8)
            flags, = struct.unpack_from("<I", self.data, table + 40 * index + 36)
            if flags & EXECUTABLE:
                code = self.data[raw:raw + min(size, raw_size)]
                if len(code) < min(size, raw_size):
                    raise IndexError
                return rva, code
        return 0, b""

    def without_base(self, headers: bytes) -> bytes:
        return headers[:self._image_base] + headers[self._image_base + 8:]

    def has_headers_at(self, memory: Memory, base: int) -> bool:
        """All headers with the section table agree: sizes, entry point, every section."""
        try:
            return self.without_base(memory.read(base, len(self.headers) + 8)) == self.headers
        except Unreadable:
            return False

    def has_code_at(self, memory: Memory, base: int) -> bool:
        rva, code = self.text
        try:
            return memory.read(base + rva, len(code)) == code
        except Unreadable:
            return False


def find_loader(memory: Memory, header: int, loader: PeFile) -> Optional[int]:
    """Where the loader is, from the image list; of several the last loaded."""
    found = [image.base for image in images(memory, header)
             if loader.has_headers_at(memory, image.base)]
    return found[-1] if found else None


def find_loader_around(memory: Memory, address: int, loader: PeFile) -> Optional[int]:
    """The image that an address lies in, with no list: images start on a page."""
    page = address & ~0xFFF
    for base in range(page, max(page - loader.image_size, 0), -0x1000):
        if loader.has_headers_at(memory, base):
            return base
    return None
