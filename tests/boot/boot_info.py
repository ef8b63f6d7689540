"""The firmware's memory map, found in a booted machine through the kernel's struct boot_info.

The kernel keeps the map as firmware gave it; what RAM there is follows from it alone, without
the code that made the kernel's own map of it.
"""

import struct
from dataclasses import dataclass

from booting import Boot
from kernel_file import KERNEL_REGION, PAGE, pages, symbols

# Offsets in common/boot_info.h, which its assertions freeze.
KERNEL_PHYS, KERNEL_VIRT, DIRECT_MAP_BASE, FIRMWARE_MAP = 16, 24, 40, 72
FRAMEBUFFER = 96
SEED_SIZE = 288

# UEFI 2.10, table 7.6 and 7.2 (EFI_MEMORY_WB). Types of the loader's own count as LoaderData.
LOADER_CODE, LOADER_DATA, BOOT_CODE, BOOT_DATA, RUNTIME_CODE, RUNTIME_DATA, CONVENTIONAL = \
    range(1, 8)
ACPI_RECLAIM, ACPI_NVS = 9, 10
OWN_TYPES = 0x80000000
WRITE_BACK = 1 << 3
RAM = {LOADER_CODE, LOADER_DATA, BOOT_CODE, BOOT_DATA, RUNTIME_CODE, RUNTIME_DATA, CONVENTIONAL,
       ACPI_RECLAIM, ACPI_NVS}


@dataclass(frozen=True)
class Descriptor:
    """An EFI_MEMORY_DESCRIPTOR."""

    type: int
    start: int
    size: int
    attribute: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.size

    @property
    def is_ram(self) -> bool:
        """Whether the direct map must cover it."""
        return (self.type in RAM or self.type >= OWN_TYPES) and bool(self.attribute & WRITE_BACK)


def read_descriptors(boot: Boot, info: bytes) -> list[Descriptor]:
    """The firmware's map that a struct boot_info leads to, ascending."""
    address, count, size = struct.unpack_from("<QII", info, FIRMWARE_MAP)
    data = boot.read_physical(address, count * size)
    found = []
    for offset in range(0, len(data), size):
        kind, start, _, page_count, attribute = struct.unpack_from("<I4x4Q", data, offset)
        found.append(Descriptor(kind, start, page_count * PAGE, attribute))
    return sorted(found, key=lambda each: each.start)


def stretches_of_ram(descriptors: list[Descriptor]) -> list[tuple[int, int]]:
    """Start and end of each stretch of RAM, as long as they go."""
    stretches: list[tuple[int, int]] = []
    for each in descriptors:
        if each.is_ram and stretches and stretches[-1][1] == each.start:
            stretches[-1] = (stretches[-1][0], each.end)
        elif each.is_ram:
            stretches.append((each.start, each.end))
    return stretches


class BootInfo:
    """struct boot_info of a kernel that has come to its end, read from outside."""

    def __init__(self, boot: Boot):
        self._boot = boot
        self._leaves = [leaf for leaf in boot.leaves() if leaf.virt >= KERNEL_REGION]
        self.slide = min(leaf.virt for leaf in self._leaves) - min(pages())
        self._struct = self._read_image(symbols()["boot_info"] + self.slide, 296)
        assert self.field(KERNEL_VIRT) == min(pages()) + self.slide

    def _read_image(self, virt: int, size: int) -> bytes:
        """Bytes of the image, page by page: its frames need not follow each other."""
        data = b""
        while len(data) < size:
            here = virt + len(data)
            leaf = next(leaf for leaf in self._leaves if 0 <= here - leaf.virt < leaf.page_size)
            into = here - leaf.virt
            data += self._boot.read_physical(leaf.phys + into,
                                             min(leaf.page_size - into, size - len(data)))
        return data

    def field(self, offset: int) -> int:
        """A field of 64 bits."""
        return struct.unpack_from("<Q", self._struct, offset)[0]

    def framebuffer(self) -> tuple[int, int]:
        """Start and end of the pages it lies in; 0 and 0 where there is none."""
        start, size = struct.unpack_from("<QQ", self._struct, FRAMEBUFFER)
        return start & -PAGE, start + size + PAGE - 1 & -PAGE

    def seed(self) -> bytes:
        """The random seed; empty where firmware had none."""
        return self._struct[256:256 + struct.unpack_from("<I", self._struct, SEED_SIZE)[0]]

    def firmware_map(self) -> list[Descriptor]:
        """All descriptors, ascending."""
        return read_descriptors(self._boot, self._struct)

    def ram(self) -> list[tuple[int, int]]:
        """Start and end of each stretch of RAM, as long as they go."""
        return stretches_of_ram(self.firmware_map())
