"""How the work of tools/hexelf grows with the number of labels: counted in basic blocks, so that it
is the same on every machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from avr import HEXELF
from tool import ROOT

STEPS = ROOT / "build" / "host" / "hexelf_steps"
SMALL, FACTOR = 500, 4


def words(*values: int) -> bytes:
    """Little-endian."""
    return b"".join(value.to_bytes(2, "little") for value in values)


def ldi(register: int, byte: int) -> int:
    """The instruction."""
    return 0xe000 | (byte & 0xf0) << 4 | (register - 16) << 4 | (byte & 15)


def routines(count: int) -> tuple[bytes, str]:
    """That nothing calls."""
    return (words(0, 0x9508) * count,
            "".join(f"CSEG f{i} {2 * i:x}\n" for i in range(count)))


def calls(count: int) -> tuple[bytes, str]:
    """Each calls another."""
    return (b"".join(words(0x940e, 3 * (7 * i % count), 0x9508) for i in range(count)),
            "".join(f"CSEG f{i} {3 * i:x}\n" for i in range(count)))


def numbers(count: int) -> tuple[bytes, str]:
    """Each holds a number that is another's address."""
    def routine(number: int) -> bytes:
        other = 3 * (7 * number % count)
        return words(ldi(24, other & 255), ldi(25, other >> 8), 0x9508)
    return (b"".join(map(routine, range(count))),
            "".join(f"CSEG f{i} {3 * i:x}\n" for i in range(count)))


def tables(count: int) -> tuple[bytes, str]:
    """One behind each routine, of two others' addresses."""
    return (b"".join(words(0, 0x9508, 4 * (7 * i % count), 4 * (3 * i % count))
                     for i in range(count)),
            "".join(f"CSEG f{i} {4 * i:x}\nCSEG t{i} {4 * i + 2:x}\n" for i in range(count)))


def doubts(count: int) -> tuple[bytes, str]:
    """Labels that may be of RAM."""
    return (words(0, 0x9508) * count,
            "".join(f"f{i}\tL\t{2 * i:04x}\t{2 * i}\n" for i in range(count)))


def steps(folder: Path, program: bytes, labels: str) -> int:
    """To convert it; the build with sanitizers likes it, too."""
    (folder / "in.bin").write_bytes(program)
    (folder / "in.map").write_text(labels)
    arguments = ["--machine", "avr", "--device", "avr6", "--raw", "--map", folder / "in.map",
                 folder / "in.bin", "-o", folder / "out.o"]
    checked, counted = (subprocess.run([tool, *arguments], capture_output=True, check=True,
                                       text=True) for tool in (HEXELF, STEPS))
    assert checked.stdout == counted.stdout and not checked.stderr
    found = re.fullmatch(r"steps: (\d+)\n", counted.stderr)
    assert found
    return int(found[1])


@pytest.mark.parametrize("shape", [routines, calls, numbers, tables, doubts],
                         ids=lambda shape: shape.__name__)
def test_work_grows_like_the_program(tmp_path: Path, shape) -> None:
    """A little more than that, for what is sorted and searched; not like its square."""
    small, large = (steps(tmp_path, *shape(count)) for count in (SMALL, FACTOR * SMALL))
    assert large < 1.5 * FACTOR * small, (small, large)
