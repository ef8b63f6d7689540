"""Page maps and all that is asked of them as JSON; saved_map.py reads it back.

docs/page-map.md has the fields.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, NamedTuple, Optional, Sequence

from .audit import FAIL, Result
from .diff import Change
from .entries import LEVEL_NAMES, Controls, page_size, pat_type
from .paging import Step, Walk
from .query import Query
from .report import Mode, access_rows, entry_words, not_canonical, outcome
from .runs import Flaw, Piece, Run
from .saved_map import RIGHTS_BY_LETTER, Saved, types_of
from .space import Listed, PageSpace, TableAt
from .spans import table_spans
from .tree import Range, raw_steps

FORMAT = 2


class Shown(NamedTuple):
    """What of a map is told, and what was asked for."""

    pieces: list[Piece]
    stopped_at: Optional[int]               # from there on rows were left out
    query: Query = Query()


def words(rights: int) -> str:
    """The letters of the rights that there are."""
    return "R" + "".join(letter for letter, bit in RIGHTS_BY_LETTER.items() if rights & bit)


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


def asked(query: Query) -> Optional[dict[str, Any]]:
    """Which part of a map was asked for; null for all of it."""
    return None if query == Query() else {
        "virt": query.virt, "phys": query.phys, "flags": list(query.flags),
        "page_size": None if query.level is None else page_size(query.level)}


def extent(space: PageSpace, shown: Shown) -> dict[str, Any]:
    """Whether that is all of the map, and else what is not there."""
    tables, part = space.listed.stopped_at, asked(shown.query)
    return {"whole": shown.stopped_at is None and tables is None and part is None,
            "stopped_at": shown.stopped_at, "tables_stopped_at": tables, "asked": part}


def whole(space: PageSpace, shown: Optional[Shown] = None) -> dict[str, Any]:
    """Everything that a picture needs, and that a saved map is."""
    shown = shown or Shown(space.pieces, space.stopped_at)
    image, info = space.image, space.boot_info
    return {
        "format": FORMAT,
        "controls": controls_dict(space.controls, space.assumed),
        **extent(space, shown),
        "runs": run_list(shown.pieces, space, space.controls.pat),
        "unreachable": [flaw_dict(each) for each in shown.pieces if isinstance(each, Flaw)],
        "tables": [{**table_dict(each),
                    "entries": table_spans(space.tables.store, each.frame, each.level)}
                   for each in space.listed.tables],
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


def table_rows(listed: Listed) -> Iterator[dict[str, Any]]:
    return (table_dict(each) for each in listed.tables)


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
            "access": "" if bad else "; ".join(access_rows(walk, controls, mode)), "what": what}


def change_dict(change: Change, old: Saved, new: Saved) -> dict[str, Any]:
    def side(run: Optional[Run], types: Sequence[str]) -> Optional[dict[str, Any]]:
        return None if run is None else {
            "phys": run.phys, "page_size": page_size(run.level), "rights": words(run.rights),
            "own": words(run.own_all), "global": run.is_global, "type": types[run.pat]}
    return {"change": change.kind, "virt": change.virt, "size": change.size,
            "before": side(change.before, old.types), "after": side(change.after, new.types)}


def audit_dict(results: Sequence[Result], stopped_at: Optional[int]) -> dict[str, Any]:
    return {"passed": all(each.status != FAIL for each in results), "stopped_at": stopped_at,
            "checks": [{"check": each.check, "status": each.status, "why": each.why,
                        "ended_early": each.ended_early,
                        "findings": [{"virt": finding.virt, "text": finding.text}
                                     for finding in each.findings]} for each in results]}


def text(value: Any) -> str:
    """One object or array, a line an element of the outermost array."""
    if isinstance(value, list):
        return "[%s]" % ",\n ".join(json.dumps(each) for each in value)
    return "{%s}" % ",\n".join("%s: %s" % (json.dumps(key), text(each))
                               for key, each in value.items()) \
        if isinstance(value, dict) else json.dumps(value)
