"""Readers of physical memory, and what they take from a monitor's answers."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import page_world  # noqa: F401  (finds the package)

from bestla import memory


def test_a_raw_file_and_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 32
    (tmp_path / "raw").write_bytes(data)
    with open(tmp_path / "raw", "rb") as file:
        for reader in (memory.FileMemory(file, 0x1000), memory.BytesMemory(data, 0x1000)):
            assert reader.read(0x1004, 4) == bytes([4, 5, 6, 7])
            for phys in (0, 0xFFF, 0x1000 + len(data) - 3, 1 << 70):
                with pytest.raises(memory.Unreadable, match="0x%x" % phys):
                    reader.read(phys, 4)


FLAT_VIEW = """FlatView #0
 AS "I/O", root: io
  0000000000000000-000000000000ffff (prio 0, ram): not this one

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
  00000000000c0000-00000000000fffff (prio 1, rom): pc.rom
  0000000000100000-000000000fffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
  00000000ffc84000-00000000ffffffff (prio 0, romd): system.flash0
"""


def test_only_ram_and_rom_are_read() -> None:
    ranges = memory.parse_flat_view(FLAT_VIEW)
    assert ranges is not None
    assert ranges.spans == [(0, 0xA_0000), (0xC_0000, 0x1000_0000), (0xFFC8_4000, 1 << 32)]
    assert ranges.aligned(0x800_0000) == [0, 0x800_0000]
    reader = memory.BoundedMemory(memory.BytesMemory(bytes(0x10_0000)), ranges)
    assert reader.read(0x9_F000, 4096) == bytes(4096)
    for phys in (0x9_F001, 0xA_0000, 0xFEE0_0000, 1 << 40):
        with pytest.raises(memory.Unreadable, match="0x%x: neither RAM nor ROM" % phys):
            reader.read(phys, 4096)


@pytest.mark.parametrize("text", ["", "unknown command: 'info mtree -f'", "FlatView #0\n"])
def test_no_flat_view(text: str) -> None:
    assert memory.parse_flat_view(text) is None


def test_monitor_answers() -> None:
    text = "EIP=0000fff0\nCR0=80010033 CR2=0 CR3=000000000f801000 CR4=00000668\nEFER=d00\n"
    assert memory.parse_registers(text) == {
        "cr0": 0x8001_0033, "cr3": 0xF80_1000, "cr4": 0x668, "efer": 0xD00}
    dump = "0000000000001000: 0x0000000000000001 0x00000000000000ff\n"
    assert memory.parse_dump(dump, 16) == struct.pack("<QQ", 1, 255)
    for refusal in ("0000010000000000: Cannot access memory\n", ""):
        with pytest.raises(memory.Unreadable):
            memory.parse_dump(refusal, 8)
