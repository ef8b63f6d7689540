"""Page maps and all that is asked of them as JSON, and a saved map read back.

docs/page-map.md has the fields.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, NamedTuple, Optional, Sequence

from .audit import FAIL, Result
from .diff import Change
from .entries import ADDRESS_MASK, EXECUTE, LEVEL_NAMES, USER, WRITE, Controls, page_size, pat_type
from .memory import Unreadable, read_whole
from .paging import Step, Walk
from .query import clipped
from .report import Mode, access_row, entry_words, not_canonical, outcome
from .runs import Flaw, Piece, Run
from .space import PageSpace, TableAt
from .spans import table_spans
from .tree import Range, raw_steps

RIGHTS_BY_LETTER = {"W": WRITE, "X": EXECUTE, "U": USER}
FORMAT = 2


class JsonError(Exception):
    """A file that is not a saved map."""


class Saved(NamedTuple):
    """A map of another moment."""

    runs: list[Run]
    types: list[str]            # the memory type of each PAT index
    stopped_at: Optional[int] = None        # from there on rows were left out


def words(rights: int) -> str:
    """The letters of the rights that there are."""
    return "R" + "".join(letter for letter, bit in RIGHTS_BY_LETTER.items() if rights & bit)


def rights_of(text: str) -> int:
    return sum(bit for letter, bit in RIGHTS_BY_LETTER.items() if letter in text)


def types_of(pat: int) -> list[str]:
    return [pat_type(index, pat) for index in range(8)]


def run_dict(run: Run, space: Optional[PageSpace], pat: int) -> dict[str, Any]:
    return {"virt": run.virt, "phys": run.phys, "size": run.size,
            "page_size": page_size(run.level), "count": run.count, "rights": words(run.rights),
            "own": words(run.own_all), "own_some": words(run.own_any), "global": run.is_global,
            "type": pat_type(run.pat, pat), "pat": run.pat, "accessed": run.accessed,
            "dirty": run.dirty, "what": space.around.what(run) if space else ""}


def flaw_dict(flaw: Flaw) -> dict[str, Any]:
    return {"virt": flaw.virt, "size": flaw.size, "level": flaw.level, "entry_at": flaw.address,
            "entry": flaw.entry, "count": flaw.count, "why": flaw.why}


def controls_dict(controls: Controls, assumed: Sequence[str] = ()) -> dict[str, Any]:
    return {"cr0": controls.cr0, "cr3": controls.cr3, "cr4": controls.cr4, "efer": controls.efer,
            "pat": controls.pat, "levels": controls.top, "maxphyaddr": controls.phys_bits,
            "leaf_1gib": controls.leaf_1gib,
            "types": types_of(controls.pat), "assumed": list(assumed)}


def run_list(pieces: Iterable[Piece], space: Optional[PageSpace], pat: int
             ) -> list[dict[str, Any]]:
    return [run_dict(each, space, pat) for each in pieces if isinstance(each, Run)]


def whole(space: PageSpace, pieces: Optional[Iterable[Piece]] = None) -> dict[str, Any]:
    """Everything that a picture needs, and that a saved map is."""
    shown = space.pieces if pieces is None else list(pieces)
    image, info = space.image, space.boot_info
    return {
        "format": FORMAT,
        "controls": controls_dict(space.controls, space.assumed),
        "stopped_at": space.stopped_at,
        "runs": run_list(shown, space, space.controls.pat),
        "unreachable": [flaw_dict(each) for each in shown if isinstance(each, Flaw)],
        "tables": [{**table_dict(each),
                    "entries": table_spans(space.tables.store, each.frame, each.level)}
                   for each in space.table_list()],
        "kernel": None if image is None else {
            "file": image.file.elf.path, "start": image.start, "end": image.end,
            "slide": image.slide},
        "direct_map": space.around.offset,
        "framebuffer": list(info.framebuffer) if info and info.framebuffer[0] else None,
        "memory_map": [{"start": each.start, "end": each.end, "type": each.name}
                       for each in (info.memory_map if info else ())],
        "stacks": [{"name": each.name, "start": each.start, "end": each.end}
                   for each in space.around.stacks()],
        "sections": [] if image is None else [
            {"name": each.name, "virt": image.virt(each.virt), "size": each.size}
            for each in image.file.sections],
        "symbols": [] if image is None else [
            {"name": each.name, "virt": image.virt(each.virt), "size": each.size}
            for each in image.file.symbols.symbols],
    }


def table_dict(table: TableAt) -> dict[str, Any]:
    return {"frame": table.frame, "level": table.level, "path": list(table.path),
            "virt": table.virt, "times": table.times}


def table_rows(space: PageSpace) -> Iterator[dict[str, Any]]:
    return (table_dict(each) for each in space.table_list())


def entry_rows(space: PageSpace, wanted: Range) -> Iterator[dict[str, Any]]:
    """Every present entry, with the first address that it stands for."""
    return ({**step_dict(step, space.controls), "virt": virt}
            for step, _, virt in raw_steps(space.tables, wanted))


def step_dict(step: Step, controls: Controls) -> dict[str, Any]:
    return {"level": step.level, "table": LEVEL_NAMES[step.level], "index": step.index,
            "entry_at": step.address, "entry": step.entry, "reserved": step.reserved,
            "words": entry_words(step, controls)}


def walk_dict(walk: Walk, controls: Controls, mode: Mode, what: str) -> dict[str, Any]:
    last, bad = walk.steps[-1], not_canonical(walk, controls)
    mapped = walk.mapped and not bad
    return {"virt": walk.virt, "mapped": mapped, "phys": walk.phys if mapped else None,
            "page_size": page_size(last.level) if mapped else None,
            "rights": words(walk.rights) if mapped else "",
            "steps": [] if bad else [step_dict(each, controls) for each in walk.steps],
            "outcome": bad or outcome(walk, controls),
            "access": "" if bad else access_row(walk, controls, mode), "what": what}


def change_dict(change: Change, old: Saved, new: Saved) -> dict[str, Any]:
    def side(run: Optional[Run], types: Sequence[str]) -> Optional[dict[str, Any]]:
        return None if run is None else {
            "phys": run.phys, "page_size": page_size(run.level), "rights": words(run.rights),
            "own": words(run.own_all), "global": run.is_global, "type": types[run.pat]}
    return {"change": change.kind, "virt": change.virt, "size": change.size,
            "before": side(change.before, old.types), "after": side(change.after, new.types)}


def audit_dict(results: Sequence[Result]) -> dict[str, Any]:
    return {"passed": all(each.status != FAIL for each in results),
            "checks": [{"check": each.check, "status": each.status, "why": each.why,
                        "findings": [{"virt": finding.virt, "text": finding.text}
                                     for finding in each.findings]} for each in results]}


def saved(space: PageSpace) -> Saved:
    return Saved(list(space.runs()), types_of(space.controls.pat), space.stopped_at)


def known_of_both(one: Saved, other: Saved) -> tuple[Saved, Saved, Optional[int]]:
    """Two maps up to where rows of either were left out, and where that is; pages stay whole."""
    ends = [each.stopped_at for each in (one, other) if each.stopped_at is not None]
    if not ends:
        return one, other, None
    end = min(ends)
    first, second = (each._replace(runs=[part for run in each.runs
                                         if (part := clipped(run, run.virt, (0, end)))])
                     for each in (one, other))
    return first, second, end


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
    try:
        if isinstance(data, list):          # of --json without --all
            data = {"runs": data, "controls": {"types": []}}
        runs = [parse_run(each) for each in data["runs"]]
        types = [str(each) for each in data["controls"]["types"]] or names_of(data["runs"])
        stopped = data.get("stopped_at")
        if len(types) != 8 or stopped is not None and not (
                isinstance(stopped, int) and 0 <= stopped <= ADDRESS_MASK):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise JsonError("%s: JSON, but not a page map (`pagemap save`, `--json`)" % name) from None
    if any(one.end > other.virt for one, other in zip(runs, runs[1:])):
        raise JsonError("%s: its runs overlap, or are not in ascending order" % name)
    return Saved(runs, types, stopped)


def names_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    types = [""] * 8
    for row in rows:
        types[row["pat"] & 7] = str(row["type"])
    return types


def parse_run(row: dict[str, Any]) -> Run:
    level = {page_size(level): level for level in (1, 2, 3)}[row["page_size"]]
    numbers = [int(row[name]) for name in ("virt", "phys", "count", "pat")]
    if min(numbers) < 0 or numbers[0] >> 64 or numbers[3] > 7 or not numbers[2]:
        raise ValueError
    virt, phys, count, pat = numbers
    return Run(virt, phys, count, level, rights_of(row["rights"]), bool(row["global"]), pat,
               rights_of(row["own"]), rights_of(row["own_some"]), int(row["accessed"]),
               int(row["dirty"]))


def text(value: Any) -> str:
    """One object or array, a line an element of the outermost array."""
    if isinstance(value, list):
        return "[%s]" % ",\n ".join(json.dumps(each) for each in value)
    return "{%s}" % ",\n".join("%s: %s" % (json.dumps(key), text(each))
                               for key, each in value.items()) \
        if isinstance(value, dict) else json.dumps(value)
