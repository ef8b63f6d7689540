"""The kernel's own walker, and what its monitor says, over a file of raw memory
(tests/tools/kernel_map.c)."""

import re
import subprocess
from pathlib import Path

from booting import ROOT

PROGRAM = ROOT / "build" / "host" / "kernel_map"
ACCESS = re.compile(r"^  (read|write|fetch) +(?:(succeeds)|#PF, error code 0x(\w+))$", re.M)


class KernelMap:
    """A memory whose first byte is the one at `base`, and the registers of who stands on it."""

    def __init__(self, path: Path, base: int, *, cr0: int, cr3: int, cr4: int, efer: int,
                 phys_bits: int = 52, leaf_1gib: bool = True):
        self._words = [str(path), *(f"{each:x}" for each in (
            base, cr0, cr3, cr4, efer, phys_bits, int(leaf_1gib)))]

    def _run(self, *words: str) -> str:
        return subprocess.run([PROGRAM, *self._words, *words], text=True, check=True,
                              stdout=subprocess.PIPE).stdout

    def text(self) -> str:
        """The whole map as the kernel prints it."""
        return self._run("map")

    def rows(self) -> list[str]:
        """Every run, blanks as one."""
        heading, *rows = self.text().splitlines()
        assert heading.startswith("Virtual address")
        return [" ".join(row.split()) for row in rows]

    def found(self, phys: int) -> list[int]:
        """Where a physical address is mapped."""
        return [int(each, 16) for each in re.findall(r"^  (0x\w{16})  R",
                                                     self._run("find", hex(phys)), re.M)]

    def walk(self, virt: int) -> tuple[int, dict[str, int | None]]:
        """How many entries are on the way, and the error code of each access; None: no fault."""
        text = self._run("walk", hex(virt))
        return (len(re.findall(r"^  P\w+ *\[ *\d+\] at ", text, re.M)),
                {name: None if works else int(code, 16)
                 for name, works, code in ACCESS.findall(text)})
