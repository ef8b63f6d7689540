"""What the loader told the kernel, out of memory: memory map, direct map, framebuffer.

common/boot_info.h has the layout, common/memory_map.h the types.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional

from .memory import Memory, Unreadable

MAGIC = 0x2161_6C74_7365_4221
SIZE = 296
TYPES = (None, "usable", "boot services", "loader", "module", "kernel image", "ACPI tables",
         "ACPI NVS", "runtime code", "runtime data", "persistent", "unaccepted", "reserved",
         "MMIO", "unusable")
RAM = range(1, 10)              # MEMORY_RAM: what the direct map covers
MOST_RANGES = 65536


class Stretch(NamedTuple):
    """Physical memory of one type."""

    start: int
    end: int
    type: int

    @property
    def name(self) -> str:
        known = 0 < self.type < len(TYPES)
        return TYPES[self.type] or "" if known else "unknown type %d" % self.type


class BootInfo(NamedTuple):
    """The fields that a page map needs."""

    kernel_phys: int
    kernel_virt: int
    kernel_size: int
    direct_map: int
    framebuffer: tuple[int, int]            # start and end, 0 and 0 for none
    memory_map: tuple[Stretch, ...]

    def types_in(self, start: int, end: int) -> list[str]:
        """The names of the types between two physical addresses, each once."""
        types = {each.type: each.name for each in self.memory_map
                 if each.start < end and start < each.end}
        return [types[key] for key in sorted(types)]


def read_boot_info(memory: Memory, phys: int) -> Optional[BootInfo]:
    """The struct at an address, or None where none has been written yet."""
    try:
        data = memory.read(phys, SIZE)
        magic, _, size = struct.unpack_from("<QII", data)
        if magic != MAGIC or size < SIZE:
            return None
        kernel_phys, kernel_virt, kernel_size, direct_map, _ = struct.unpack_from("<5Q", data, 16)
        address, count, each = struct.unpack_from("<QII", data, 56)
        if each < 24 or count > MOST_RANGES:
            return None
        rows = memory.read(address, count * each)
    except Unreadable:
        return None
    screen, screen_size = struct.unpack_from("<QQ", data, 96)
    stretches = (struct.unpack_from("<QQI", rows, index * each) for index in range(count))
    return BootInfo(kernel_phys, kernel_virt, kernel_size, direct_map,
                    (screen, screen + screen_size if screen else 0),
                    tuple(Stretch(base, base + length, kind) for base, length, kind in stretches))
