"""The tables of tools/hexelf: parts against avr-gcc and avr-libc, instructions against
avr-objdump, all of them."""

from __future__ import annotations

import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avr import PARTS_SOURCE, hexelf
from tool import run

# The one with every instruction but avrtiny's.
ALL = "avrxmega7"


def of_gcc(part: str) -> tuple[int, int, int, int]:
    """Architecture, flash, first and last address of RAM."""
    source = ("#include <avr/io.h>\nlong x[] = {__AVR_ARCH__, FLASHEND + 1L, RAMSTART, RAMEND};")
    text = subprocess.run(["avr-gcc", f"-mmcu={part}", "-S", "-x", "c", "-", "-o", "-"],
                          input=source, capture_output=True, check=True, text=True).stdout
    data = bytes(int(row) & 255 for row in re.findall(r"^\t\.byte\t(-?\d+)", text, re.M))
    return tuple(int.from_bytes(data[i:i + 4], "little") for i in range(0, 16, 4))


def test_parts_are_what_gcc_says() -> None:
    """A fifth of them, always the same."""
    rows = {row[1]: (int(row[2]), 512 * int(row[3]), int(row[4], 16), int(row[5], 16))
            for row in re.finditer(r'^ +\{"(\w+)", (\d+), (\d+), (0x\w+), (0x\w+)\},$',
                                   PARTS_SOURCE.read_text(), re.M)}
    assert len(rows) > 220
    names = random.Random(1).sample(sorted(rows), len(rows) // 5)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(of_gcc, names)) == [rows[name] for name in names]


@pytest.mark.parametrize(("part", "flags"), [
    ("ATmega328P", "0x5, avr:5"), ("attiny85", "0x19, avr:25"), ("avr6", "0x6, avr:6"),
    ("attiny10", "0x64, avr:100"), ("avrxmega2", "0x66, avr:102"), ("avr51", "0x33, avr:51")])
def test_flags(tmp_path: Path, part: str, flags: str) -> None:
    """e_flags by part or architecture, in any case; never the bit that lets ld shrink the code."""
    (tmp_path / "in.hex").write_text(":020000000895" + "61\n:00000001FF\n")
    (tmp_path / "in.map").write_text("start code 0\n")
    hexelf("--machine", "avr", "--device", part, "--map", tmp_path / "in.map",
           tmp_path / "in.hex", "-o", tmp_path / "out.o")
    assert re.search(f"Flags: +{flags}$", run("avr-readelf", "-h", tmp_path / "out.o"), re.M)


def test_every_instruction(tmp_path: Path) -> None:
    """What is none, and which have two words, for all 65536 words: as avr-objdump has it."""
    words, ours, theirs = range(0x10000), set(), set()
    data = b"".join(word.to_bytes(2, "little") + bytes(4) for word in words)
    (tmp_path / "in.bin").write_bytes(data)
    (tmp_path / "in.map").write_text("".join(f"w{word:04x} code {3 * word:x}\n" for word in words))
    said = hexelf("--machine", "avr", "--device", ALL, "--raw", "--map", tmp_path / "in.map",
                  tmp_path / "in.bin", "-o", tmp_path / "out.o")
    for found in re.finditer(r"^note: 0x([0-9a-f]+): control reaches what is no", said, re.M):
        ours.add(int(found[1], 16))
    text = run("avr-objdump", "-b", "binary", "-m", "avr:107", "-D", tmp_path / "in.bin")
    for found in re.finditer(r"^ +([0-9a-f]+):\t[0-9a-f ]+\t\.word", text, re.M):
        theirs.add(int(found[1], 16))
    assert {at for at in ours if at % 6 == 0} == {at for at in theirs if at % 6 == 0}
