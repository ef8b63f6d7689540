"""Programs of which only flat bytes and a map survived, in a kernel that calls them."""

from __future__ import annotations

import subprocess
from typing import Callable

from booting import QUICK, ROOT, Boot

KERNELS = ROOT / "build" / "tests" / "kernel"


def gdb(file: str, *commands: str) -> str:
    """What gdb says of a file."""
    words = [word for command in commands for word in ("-ex", command)]
    return subprocess.run(["gdb", "-batch", "-nx", *words, ROOT / "build" / file],
                          capture_output=True, check=True, text=True).stdout


def test_flat_programs_run(boot: Callable[..., Boot]) -> None:
    """The kernel calls both, 64-bit and 16-bit, and looks one of them up by its name."""
    machine = boot(kernel=KERNELS / "flat_code.elf", **QUICK)
    machine.wait_for(r"^kernel panic: .*\n")
    for line in ("flat: 64-bit code is right", "flat: 16-bit code is right", "test: passed"):
        assert line in machine.serial


def test_gdb_names_them() -> None:
    """Calls have the names of what they call, moved or not."""
    text = gdb("tests/kernel/flat_code.elf.debug", "disassemble flat64_sum", "disassemble "
               "flat64_weigh", "info symbol &flat64_calls")
    assert "call " in text and "<flat64_weigh>" in text and "<flat64_double>" in text
    assert "flat64_calls in section .bss" in text
    text = gdb("flat/real_mode.elf", "set architecture i8086", "x/2i flat16_sum",
               "x/3dh &flat16_numbers", "x/1xh &flat16_step")
    assert "mov    $0x6018,%si" in text
    assert "<flat16_numbers>:\t1\t20\t300" in text and "0x6015" in text
