"""What the kernel's file says, as readelf and nm tell it; nothing of ours reads the file here."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from booting import ROOT

KERNEL = ROOT / "build" / "kernel.elf"
KERNEL_REGION = 0xffffffff80000000
PAGE = 4096


@dataclass(frozen=True)
class Segment:
    """A PT_LOAD."""

    offset: int
    virt: int
    phys: int
    file_size: int
    size: int
    flags: str                      # such as R, RE or RW

    @property
    def rights(self) -> str:
        """In the words of the page map."""
        return "R" + ("W" if "W" in self.flags else "-") + ("X" if "E" in self.flags else "-")


def read(tool: str, *arguments: str | Path) -> str:
    """What one of the binutils prints."""
    return subprocess.run([tool, *arguments], check=True, capture_output=True, text=True).stdout


def segments(kernel: Path = KERNEL) -> list[Segment]:
    """The PT_LOADs in the order of the file."""
    found = re.findall(r"^ +LOAD +((?:0x[0-9a-f]+ +){5})([RWE ]{3}) 0x", read(
        "readelf", "-lW", kernel), re.M)
    assert found, f"readelf shows no LOAD in {kernel}"
    return [Segment(*(int(number, 16) for number in numbers.split()), flags.replace(" ", ""))
            for numbers, flags in found]


def pages(kernel: Path = KERNEL) -> dict[int, tuple[int, str]]:
    """Every page of every segment: linked physical address and rights."""
    return {page: (page - segment.virt + segment.phys, segment.rights)
            for segment in segments(kernel)
            for page in range(segment.virt & -PAGE, segment.virt + segment.size, PAGE)}


def slide_of(log: str, kernel: Path = KERNEL) -> int:
    """How far from where it is linked a kernel runs, as the loader says."""
    found = re.search(r"loader: /kernel\.elf: .* to run at 0x([0-9a-f]+), ", log)
    assert found, "the loader does not say where the kernel runs"
    return int(found[1], 16) - min(pages(kernel))


def symbols(kernel: Path = KERNEL) -> dict[str, int]:
    """Addresses by name, from the file with the symbols that lies beside it."""
    lines = read("nm", kernel.with_name(kernel.name + ".debug")).splitlines()
    return {name: int(address, 16) for address, _, name in
            (line.split() for line in lines if len(line.split()) == 3)}


def running_symbols(log: str, kernel: Path = KERNEL) -> dict[str, int]:
    """Addresses by name in a kernel that runs, or did."""
    slide = slide_of(log, kernel)
    return {name: address + slide for name, address in symbols(kernel).items()}
