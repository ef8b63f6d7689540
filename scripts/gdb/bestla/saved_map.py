"""Maps of other moments: what `pagemap save` and `--json` wrote, read back.

docs/page-map.md has the fields. Whoever changed a file by hand is told which field is wrong.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Optional, Sequence

from . import fields
from .diff import EVERYWHERE
from .entries import ADDRESS_MASK, EXECUTE, FRAME_BITS, USER, WRITE, page_size, pat_type
from .fields import Row, Wrong
from .memory import Unreadable, read_whole
from .runs import Run
from .space import PageSpace

RIGHTS_BY_LETTER = {"W": WRITE, "X": EXECUTE, "U": USER}
LEVELS = {page_size(level): level for level in (1, 2, 3)}
PAT_INDICES = 8


class JsonError(Exception):
    """A file that is not a saved map."""


class Saved(NamedTuple):
    """A map of another moment."""

    runs: list[Run]
    types: list[str]            # the memory type of each PAT index
    stopped_at: Optional[int] = None        # from there on rows were left out
    range: tuple[int, int] = EVERYWHERE     # outside nobody asked
    tells: bool = True          # False: whether it is all of the map stands nowhere


def types_of(pat: int) -> list[str]:
    return [pat_type(index, pat) for index in range(PAT_INDICES)]


def rights_of(text: str) -> int:
    return sum(bit for letter, bit in RIGHTS_BY_LETTER.items() if letter in text)


def saved(space: PageSpace) -> Saved:
    """The map as it is, as if it had been saved."""
    return Saved(list(space.runs()), types_of(space.controls.pat), space.stopped_at)


def known_of_both(one: Saved, other: Saved) -> tuple[int, int]:
    """Where both maps are known; the end is at or below the start where that is nowhere."""
    ends = [each.stopped_at for each in (one, other) if each.stopped_at is not None]
    return max(one.range[0], other.range[0]), min(one.range[1], other.range[1], *ends)


def read(path: str) -> Any:
    """What a file of JSON holds."""
    try:
        return json.loads(read_whole(path).decode("utf-8"))
    except Unreadable as error:
        raise JsonError(str(error)) from None
    except (ValueError, RecursionError):
        raise JsonError("%s: not JSON" % path) from None


def load(path: str) -> Saved:
    return parse(read(path), path)


def parse(data: Any, name: str) -> Saved:
    """The runs of a map that was saved as `name`."""
    tells = not isinstance(data, list)
    if isinstance(data, list):              # of --json without --all
        data = {"runs": data}
    if not isinstance(data, dict) or "runs" not in data:
        raise JsonError("%s: JSON, but not a page map (`pagemap save`, `--json`)" % name)
    try:
        runs = list(fields.each_of(data, "runs", parse_run))
        types = fields.inside(data, "controls", parse_types) if "controls" in data \
            else names_of(data["runs"])
        check_order(runs)
        return Saved(runs, types, fields.optional(data, "stopped_at"), parse_range(data), tells)
    except Wrong as error:
        raise JsonError("%s: %s" % (name, error)) from None


def parse_run(row: Row) -> Run:
    size = fields.integer(row, "page_size")
    if size not in LEVELS:
        fields.wrong("page_size", size, "one of %s" % ", ".join(map(str, LEVELS)))
    virt = fields.integer(row, "virt", step=size)
    phys = fields.integer(row, "phys", 0, FRAME_BITS, size)
    count = fields.integer(row, "count", 1, (ADDRESS_MASK + 1 - virt) // size)
    if fields.integer(row, "size", 0, ADDRESS_MASK + 1) != count * size:
        fields.wrong("size", row["size"], "count * page_size, %d" % (count * size))
    return Run(virt, phys, count, LEVELS[size], parse_rights(row, "rights"),
               fields.flag(row, "global"), fields.integer(row, "pat", 0, PAT_INDICES - 1),
               parse_rights(row, "own"), parse_rights(row, "own_some"),
               fields.integer(row, "accessed", 0, count), fields.integer(row, "dirty", 0, count))


def parse_rights(row: Row, name: str) -> int:
    letters = fields.text(row, name)
    if letters.strip("RWXU"):
        fields.wrong(name, letters, "letters of RWXU")
    return rights_of(letters)


def parse_types(controls: Row) -> list[str]:
    types = fields.texts(controls, "types")
    if len(types) != PAT_INDICES:
        raise Wrong("types", "has %d elements, expected %d" % (len(types), PAT_INDICES))
    return types


def names_of(rows: Sequence[Row]) -> list[str]:
    """The types that runs name themselves."""
    types = [""] * PAT_INDICES
    for index, row in enumerate(rows):
        types[row["pat"]] = fields.string(row.get("type", fields.MISSING), "runs[%d].type" % index)
    return types


def parse_range(data: Row) -> tuple[int, int]:
    """The addresses that a map was asked for; what else it was asked leaves gaps."""
    if data.get("asked") is None:
        return EVERYWHERE
    asked = fields.section(data, "asked")
    for name in ("phys", "flags", "page_size"):
        if asked.get(name):
            raise Wrong("asked." + name, "is set: these are not all runs, and what became of the "
                                         "others cannot be told")
    if asked.get("virt") is None:
        return EVERYWHERE
    ends = fields.array(asked, "virt")
    if len(ends) != 2:
        raise Wrong("asked.virt", "has %d elements, expected 2" % len(ends))
    low, high = (fields.integer({"asked.virt": each}, "asked.virt", 0, ADDRESS_MASK + 1)
                 for each in ends)
    return low, high


def check_order(runs: Sequence[Run]) -> None:
    for index, (one, other) in enumerate(zip(runs, runs[1:])):
        if one.end > other.virt:
            raise Wrong("runs[%d].virt" % (index + 1), "is 0x%x, before the end of the run before "
                        "it, 0x%x" % (other.virt, one.end))
