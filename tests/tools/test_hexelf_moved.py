"""Against the assembler itself: an object that is linked at an address has the bytes that avra
gives when it assembles the same source for that address."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avr import Program, assemble, convert, flat, link_at
from avr_programs import PARTS, Part, Source, program

PROGRAMS = 40       # of each part


def labels(old: Program) -> dict[str, int]:
    """The map's, in words."""
    return {row[1]: int(row[2]) for row in re.finditer(r"^(\w+)\t+L\t\w+\t(\d+)$",
                                                       old.map.read_text(), re.M)}


def told(old: Program) -> list[str]:
    """Which labels are of RAM, where code goes to a place of the same value and nobody
    could know."""
    values = labels(old)
    ours = ("first", "second", "third")
    if all(value not in (values[name], values[name] - 1) or label == name
           for name in ours for label, value in values.items()):
        return []
    return [word for name in ours for word in ("--data", name)]


def compare(folder: Path, part: Part, number: int) -> str:
    """What differs; "" if nothing does."""
    chance = random.Random(number)
    source: Source = program(part, number)
    folder.mkdir()
    words, limit = part.flash // 2, part.ram + 40
    first = (chance.choice([0, 0, chance.randrange(words // 4)]), part.ram, words - 2)
    values = labels(assemble(folder, source.at(*first, {}), part.name))
    old = assemble(folder, source.at(*first, values), part.name)
    size = len(flat(old, "bin")) // 2
    # Past 128 KiB a pointer of two bytes goes by a jump of the linker's, which avra has not.
    place = chance.randrange(0x200 if words > 0x10000 else 0, min(words, 0x10000) - size - 3)
    second = (place, chance.randrange(part.ram, limit), words - 1)
    again = assemble(folder, source.at(*second, values), part.name, "again")
    target, said = convert(old, "--data-end", str(part.ram + 36), *source.options, *told(old))
    expected = flat(again, "bin")
    moved = link_at(folder, part, target, *second)
    at = next((i for i in range(len(expected)) if moved[i:i + 1] != expected[i:i + 1]), None)
    if at is None and len(moved) == len(expected):
        return ""
    return (f"{part.name} {number}: word {first[0]} to {second[0]}: at 0x{at or 0:x}, 0x"
            f"{2 * first[0] + (at or 0):x} of old\n{said}")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_moved_like_assembled_there(tmp_path: Path, part: Part) -> None:
    """Programs of every form of address, to any place."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: compare(tmp_path / str(number), part, number),
                              range(PROGRAMS)))
    wrong = [each for each in found if each]
    assert not wrong, f"{len(wrong)} of {PROGRAMS}\n" + wrong[0]
