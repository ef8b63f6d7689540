"""The firmware's list of images and the loader in it, in memory made here."""

from __future__ import annotations

import struct
import zlib

import page_world  # noqa: F401  (finds the package)
import pytest

from bestla import uefi
from bestla.memory import BytesMemory
from bestla.uefi import FirmwareError, PeFile

BASE = 0x40_0000                # where memory starts, and the pointer lies
SYSTEM_TABLE, CONFIGURATION, HEADER, LIST = (BASE + offset for offset in
                                             (0x1000, 0x2000, 0x3000, 0x4000))
INFOS, PROTOCOLS, IMAGES = BASE + 0x5000, BASE + 0x6000, BASE + 0x10000
OTHER_GUID = bytes(range(16))


def pe_file(entry: int = 0x1000, base: int = 0, code: bytes = b"\x90" * 64) -> bytes:
    """Headers, and one section of code at RVA 0x1000."""
    optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, 0x200, 0, 0, entry, 0x1000)
    optional += struct.pack("<QII", base, 0x1000, 0x200) + bytes(16)
    optional += struct.pack("<II", 0x2000, 0x200) + bytes(48)
    section = struct.pack("<8sIIII", b".text", len(code), 0x1000, len(code), 0x200)
    section += bytes(12) + struct.pack("<I", 0x6000_0020)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, len(optional), 0x206)
    data = b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + optional + section
    return data.ljust(0x200, b"\0") + code


class Firmware:
    """Memory with everything from the pointer to the images."""

    def __init__(self) -> None:
        self.data = bytearray(0x40000)
        self.count = self.slots = 0
        self.crc = True
        self.boot_services = 0x1234
        self.put(CONFIGURATION, OTHER_GUID + struct.pack("<Q", 1) +
                 uefi.DEBUG_IMAGE_INFO_GUID + struct.pack("<Q", HEADER))

    def put(self, address: int, data: bytes) -> None:
        self.data[address - BASE:address - BASE + len(data)] = data

    def load(self, pe: bytes, kind: int = 1) -> int:
        """An image as firmware loads it: relocated, its base in its headers."""
        base = IMAGES + 0x2000 * self.slots
        self.put(base, pe[:0x200])
        self.put(base + 0x70, struct.pack("<Q", base))
        self.put(base + 0x1000, pe[0x200:])
        info, protocol = INFOS + 32 * self.slots, PROTOCOLS + 128 * self.slots
        self.put(LIST + 8 * self.slots, struct.pack("<Q", info))
        self.put(info, struct.pack("<IIQQ", kind, 0, protocol, 0))
        self.put(protocol + 64, struct.pack("<QQ", base, 0x2000))
        self.slots += 1
        self.count += 1
        return base

    def unload(self, slot: int) -> None:
        self.put(LIST + 8 * slot, bytes(8))
        self.count -= 1

    def memory(self) -> BytesMemory:
        pointer = uefi.SYSTEM_TABLE_SIGNATURE + struct.pack("<Q", SYSTEM_TABLE) + bytes(8)
        crc = zlib.crc32(pointer) if self.crc else 0xBAD
        self.put(BASE, pointer[:16] + struct.pack("<II", crc, 0))
        self.put(SYSTEM_TABLE, uefi.SYSTEM_TABLE_SIGNATURE)
        self.put(SYSTEM_TABLE + 96, struct.pack("<QQQ", self.boot_services, 2, CONFIGURATION))
        self.put(HEADER, struct.pack("<IIQ", 2, self.count, LIST))
        return BytesMemory(bytes(self.data), BASE)


def list_of(memory: BytesMemory) -> int:
    """Candidates below and above memory must do no harm."""
    table = uefi.find_system_table(memory, [1 << 40, BASE + 0x1000, BASE, 0])
    assert table is not None
    header = uefi.find_image_list(memory, table)
    assert header is not None
    return header


def test_from_the_pointer_to_the_loader() -> None:
    firmware, loader = Firmware(), pe_file()
    firmware.load(pe_file(entry=0x1004))
    base = firmware.load(loader)
    firmware.load(pe_file(entry=0x1008))
    memory = firmware.memory()
    assert list_of(memory) == HEADER
    pe = PeFile(loader, "loader")
    assert uefi.find_loader(memory, HEADER, pe) == base
    assert pe.has_code_at(memory, base)
    assert pe.image_size == 0x2000


def test_holes_in_the_list() -> None:
    """edk2 leaves a slot empty where an image was unloaded, and counts the others."""
    firmware, loader = Firmware(), pe_file()
    for entry in (1, 2, 3):
        firmware.load(pe_file(entry=entry))
    base = firmware.load(loader)
    for slot in (0, 1):
        firmware.unload(slot)
    assert uefi.find_loader(firmware.memory(), HEADER, PeFile(loader, "loader")) == base


def test_other_kinds_of_entries_are_passed_over() -> None:
    firmware, loader = Firmware(), pe_file()
    firmware.load(loader, kind=2)
    assert uefi.find_loader(firmware.memory(), HEADER, PeFile(loader, "loader")) is None


def test_an_entry_that_points_nowhere() -> None:
    firmware, loader = Firmware(), pe_file()
    firmware.load(pe_file(entry=1))
    base = firmware.load(loader)
    firmware.put(LIST, struct.pack("<Q", 0xDEAD_0000_0000))
    assert uefi.find_loader(firmware.memory(), HEADER, PeFile(loader, "loader")) == base


def test_a_list_that_is_garbage() -> None:
    """What a kernel may have left of it: the search ends, and finds nothing."""
    firmware, pe = Firmware(), PeFile(pe_file(), "loader")
    firmware.count = 0xFFFF_FFFF
    assert uefi.find_loader(firmware.memory(), HEADER, pe) is None
    assert uefi.find_loader(firmware.memory(), 0xDEAD_0000, pe) is None
    table = uefi.SystemTable(SYSTEM_TABLE, 1, 1 << 60, 0xDEAD_0000)
    assert uefi.find_image_list(firmware.memory(), table) is None


def test_being_updated() -> None:
    memory = Firmware().memory()
    assert not uefi.being_updated(memory, HEADER)
    changed = bytearray(memory.data)
    changed[HEADER - BASE] |= 1
    assert uefi.being_updated(BytesMemory(bytes(changed), BASE), HEADER)


def test_a_pointer_with_a_wrong_crc_is_not_believed() -> None:
    firmware = Firmware()
    firmware.crc = False
    assert uefi.find_system_table(firmware.memory(), [BASE]) is None


def test_the_system_table_itself_is_no_pointer() -> None:
    """It begins with the same signature, and may lie on such a boundary too."""
    assert uefi.find_system_table(Firmware().memory(), [SYSTEM_TABLE]) is None


def test_a_pointer_to_something_else_is_not_believed() -> None:
    memory = Firmware().memory()
    at = SYSTEM_TABLE - BASE
    changed = memory.data[:at] + b"IBI sYST" + memory.data[at + 8:]
    assert uefi.find_system_table(BytesMemory(changed, BASE), [BASE]) is None


def test_boot_services_left() -> None:
    firmware = Firmware()
    firmware.boot_services = 0
    table = uefi.find_system_table(firmware.memory(), [BASE])
    assert table is not None and table.boot_services == 0


def test_other_code_under_the_same_headers() -> None:
    firmware = Firmware()
    base = firmware.load(pe_file(code=b"\xCC" * 64))
    pe, memory = PeFile(pe_file(), "loader"), firmware.memory()
    assert pe.has_headers_at(memory, base) and not pe.has_code_at(memory, base)


def test_from_an_address_inside() -> None:
    firmware, loader = Firmware(), pe_file()
    firmware.load(pe_file(entry=1))
    base = firmware.load(loader)
    memory, pe = firmware.memory(), PeFile(loader, "loader")
    for inside in (0, 0x1010, 0x1FFF):
        assert uefi.find_loader_around(memory, base + inside, pe) == base
    for outside in (-1, 0x2000):
        assert uefi.find_loader_around(memory, base + outside, pe) is None
    assert uefi.find_loader_around(memory, 0xFFF0, pe) is None


GOOD = pe_file()


@pytest.mark.parametrize("data, problem", [
    pytest.param(b"", "cut short, 0 bytes", id="empty"),
    pytest.param(b"MZ", "cut short, 2 bytes", id="two bytes"),
    pytest.param(GOOD[:0x90], "cut short, 144 bytes", id="half the headers"),
    pytest.param(GOOD[:-1], "cut short, 575 bytes", id="not all code"),
    pytest.param(b"\x7fELF" + bytes(100), "not a PE file", id="ELF"),
    pytest.param(GOOD[:60] + b"\xff\xff\xff\xff" + GOOD[64:], "not a PE file", id="far header"),
    pytest.param(GOOD[:0x58] + b"\x0b\x01" + GOOD[0x5A:], "magic 0x10b", id="PE32"),
])
def test_bad_files(data: bytes, problem: str) -> None:
    with pytest.raises(FirmwareError, match="loader.efi: .*" + problem):
        PeFile(data, "loader.efi")
