"""What the picture of a page map holds: runs and tables of saved maps, in few bytes.

JavaScript's numbers are exact to 2^53, so an address or an entry is a string of hexadecimal
digits. picture/map.js reads all this; the order of each tuple stands there too.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Iterator, NamedTuple, Sequence

from . import as_json
from .as_json import JsonError, Saved
from .diff import Change, compare
from .entries import ADDRESS_MASK, ENTRIES, TABLE_SIZE
from .present import side
from .runs import Run
from .space import MOST_TABLES

# What a page tells of at most: runs, of a map that has endless ones, and differences. Tables are
# all there, so that the rest can be looked at too.
MOST_RUNS = 20_000
MOST_CHANGES = 10_000


class Snapshot(NamedTuple):
    """A map of one moment as `pagemap save` writes it, and what to call it."""

    name: str
    whole: dict[str, Any]

    def saved(self) -> Saved:
        return as_json.parse(self.whole, self.name)


class Table(NamedTuple):
    """Tables in frames one after the other, each going on where the one before has ended."""

    frame: int
    count: int
    spans: tuple[tuple[int, ...], ...]      # index, count, entry, step

    def follows(self, before: Table) -> bool:
        if len(self.spans) != 1 or len(before.spans) != 1:
            return False
        index, count, entry, step = self.spans[0]
        return (index, count, step) == (0, ENTRIES, before.spans[0][3]) and \
            before.spans[0][:2] == (0, ENTRIES) and \
            self.frame == before.frame + before.count * TABLE_SIZE and \
            entry == before.spans[0][2] + before.count * ENTRIES * step


def pack(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    """One map, or two with their differences."""
    changes = differences(snapshots[0], snapshots[1]) if len(snapshots) == 2 else []
    return {"snapshots": [pack_snapshot(each) for each in snapshots],
            "changes": changes[:MOST_CHANGES], "changesLeftOut": len(changes[MOST_CHANGES:])}


def pack_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    saved = snapshot.saved()
    try:
        if len(snapshot.whole["tables"]) >= MOST_TABLES:
            raise JsonError("%s: %d tables and more, of which not all are told"
                            % (snapshot.name, MOST_TABLES))
        return pack_parts(snapshot, saved.runs)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError,
            OverflowError):
        raise JsonError("%s: runs, but not all that a picture needs; `pagemap save` writes it"
                        % snapshot.name) from None


def pack_parts(snapshot: Snapshot, runs: Sequence[Run]) -> dict[str, Any]:
    whole = snapshot.whole
    controls, kernel, stopped = whole["controls"], whole["kernel"], whole["stopped_at"]
    if len(runs) > MOST_RUNS:
        stopped = runs[MOST_RUNS].virt
    levels = number(controls["levels"])
    if levels not in (4, 5):
        raise ValueError
    return {
        "name": snapshot.name,
        "controls": {**{name: digits(controls[name]) for name in ("cr0", "cr3", "cr4", "efer")},
                     "levels": levels, "maxphyaddr": number(controls["maxphyaddr"]),
                     "leaf1Gib": bool(controls["leaf_1gib"]),
                     "types": [str(each) for each in controls["types"]],
                     "assumed": [str(each) for each in controls["assumed"]]},
        "stoppedAt": None if stopped is None else digits(stopped),
        "runs": [pack_run(run, str(row["what"]))
                 for run, row in zip(runs[:MOST_RUNS], whole["runs"])],
        "flaws": [[digits(each["virt"]), number(each["count"]), number(each["level"]),
                   digits(each["entry_at"]), digits(each["entry"]), str(each["why"])]
                  for each in whole["unreachable"][:MOST_RUNS]],
        "tables": pack_tables(whole["tables"]),
        "tableCount": len({each["frame"] for each in whole["tables"]}),
        "kernel": None if kernel is None else {
            "file": str(kernel["file"]), **{name: digits(kernel[name])
                                            for name in ("start", "end", "slide")}},
        "stacks": [[str(each["name"]), digits(each["start"]), digits(each["end"])]
                   for each in whole["stacks"]],
        "symbols": [[str(each["name"]), digits(each["virt"]), digits(each["size"])]
                    for each in whole["symbols"]],
    }


def number(value: Any) -> int:
    """A number that JavaScript holds exactly."""
    if not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise ValueError
    return value


def digits(value: Any) -> str:
    """Of an address or an entry; an end may be 2^64."""
    if not isinstance(value, int) or not 0 <= value <= ADDRESS_MASK + 1:
        raise ValueError
    return "%x" % value


def pack_run(run: Run, what: str) -> list[Any]:
    return [digits(run.virt), digits(run.phys), number(run.count), run.level,
            as_json.words(run.rights), as_json.words(run.own_all), as_json.words(run.own_any),
            int(run.is_global), run.pat, number(run.accessed), number(run.dirty), what]


def pack_tables(rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """By level and frame: level, frame, how many tables, spans of the first."""
    found = sorted((number(row["level"]), row["frame"],
                    tuple(checked_span(each) for each in row["entries"])) for row in rows)
    return [[level, digits(table.frame), table.count,
             [[index, count, digits(entry), signed(step)]
              for index, count, entry, step in table.spans]]
            for level, group in groupby(found, key=lambda each: each[0])
            for table in together(Table(frame, 1, spans) for _, frame, spans in group)]


def checked_span(row: Sequence[Any]) -> tuple[int, ...]:
    index, count, entry, step = row
    last = entry + (number(count) - 1) * step
    if number(index) + count > ENTRIES or not count or not 0 <= last <= ADDRESS_MASK:
        raise ValueError
    digits(entry)
    return index, count, entry, step


def together(tables: Iterator[Table]) -> Iterator[Table]:
    """Full tables that go on from each other as one: 512 GiB of 4-KiB pages has 262,144."""
    last = None
    for table in tables:
        if last is not None and table.follows(last):
            last = last._replace(count=last.count + 1)
            continue
        if last is not None:
            yield last
        last = table
    if last is not None:
        yield last


def signed(step: int) -> str:
    return ("-" if step < 0 else "") + digits(abs(step))


def differences(before: Snapshot, after: Snapshot) -> list[list[Any]]:
    """Kind, virt, size, and both sides in words."""
    old, new, _ = as_json.known_of_both(before.saved(), after.saved())

    def words(change: Change) -> list[str]:
        return [side(run, types) if run else ""
                for run, types in ((change.before, old.types), (change.after, new.types))]

    return [[each.kind, digits(each.virt), digits(each.size), *words(each)]
            for each in compare(old.runs, new.runs, old.types, new.types)]
