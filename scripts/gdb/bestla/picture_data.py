"""What the picture of a page map holds: runs and tables of saved maps, in few bytes.

JavaScript's numbers are exact to 2^53, so an address or an entry is a string of hexadecimal
digits. picture/map.js reads all this; the order of each tuple stands there too.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Iterator, NamedTuple, Sequence

from . import as_json, fields, saved_map
from .diff import EVERYWHERE, Change, compare
from .entries import ADDRESS_MASK, ENTRIES, FRAME_BITS, TABLE_SIZE, level_shift
from .fields import Row, Wrong, integer, text
from .present import side
from .runs import Run
from .saved_map import JsonError, Saved
from .space import MOST_TABLES

# What a page tells of at most: runs, of a map that has endless ones, and differences. Tables are
# all there, so that the rest can be looked at too.
MOST_RUNS = 20_000
MOST_CHANGES = 10_000


class Snapshot(NamedTuple):
    """A map of one moment as `pagemap save` writes it, and what to call it."""

    name: str
    whole: Any                  # an object, or of `--json` without --all an array

    def saved(self) -> Saved:
        return saved_map.parse(self.whole, self.name)


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
    """One map, or two with their differences where both are known."""
    page: dict[str, Any] = {"snapshots": [pack_snapshot(each) for each in snapshots],
                            "changes": [], "changesLeftOut": 0, "compared": None}
    if len(snapshots) == 2:
        changes, known = differences(snapshots[0], snapshots[1])
        page.update(changes=changes[:MOST_CHANGES], changesLeftOut=len(changes[MOST_CHANGES:]))
        if known != EVERYWHERE:
            page["compared"] = [digits(known[0]), digits(max(known))]
    return page


def pack_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    saved = snapshot.saved()
    if isinstance(snapshot.whole, list):
        raise JsonError("%s: an array of runs; a picture needs the tables too, which "
                        "`pagemap save` writes" % snapshot.name)
    try:
        check_whole(snapshot.whole)
        return pack_parts(snapshot, saved.runs)
    except Wrong as error:
        raise JsonError("%s: %s; of a map that `pagemap save` writes all is there"
                        % (snapshot.name, error)) from None


def check_whole(whole: Row) -> None:
    """What is not in a map would be drawn as if it were nowhere; only runs are told to lack."""
    if whole.get("asked") is not None:
        raise Wrong("asked", "is set: it is a part of a map, and a picture is of all")
    if whole.get("tables_stopped_at") is not None or \
            "whole" not in whole and len(fields.array(whole, "tables")) >= MOST_TABLES:
        raise Wrong("tables", "are %d, and the map has more" % len(fields.array(whole, "tables")))


def pack_parts(snapshot: Snapshot, runs: Sequence[Run]) -> dict[str, Any]:
    whole = snapshot.whole
    shown = [pack_run(run, what) for run, what in
             zip(runs[:MOST_RUNS], fields.each_of(whole, "runs", lambda row: text(row, "what")))]
    flaws = sorted(fields.each_of(whole, "unreachable", Unreachable.of))
    stops = [runs[MOST_RUNS].virt] if len(runs) > MOST_RUNS else []
    stops += [flaws[MOST_RUNS].virt] if len(flaws) > MOST_RUNS else []
    stopped = fields.optional(whole, "stopped_at")
    stops += [] if stopped is None else [stopped]
    return {
        "name": snapshot.name,
        "controls": fields.inside(whole, "controls", pack_controls),
        "stoppedAt": digits(min(stops)) if stops else None,
        "runs": shown,
        "flaws": [each.packed() for each in flaws[:MOST_RUNS]],
        "tables": pack_tables(whole),
        "tableCount": len({each["frame"] for each in whole["tables"]}),
        "kernel": None if whole.get("kernel") is None else
        fields.inside(whole, "kernel", pack_kernel),
        "stacks": list(fields.each_of(whole, "stacks", lambda row: [
            text(row, "name"), address(row, "start"), address(row, "end")])),
        # In the order of addresses, in which the page looks for one.
        "symbols": sorted(fields.each_of(whole, "symbols", lambda row: [
            text(row, "name"), address(row, "virt"), address(row, "size")]),
                          key=lambda row: int(row[1], 16)),
    }


def digits(value: int) -> str:
    return "%x" % value


def address(row: Row, name: str) -> str:
    """An end may be 2^64."""
    return digits(integer(row, name, 0, ADDRESS_MASK + 1))


def pack_controls(row: Row) -> dict[str, Any]:
    return {**{name: digits(integer(row, name)) for name in ("cr0", "cr3", "cr4", "efer")},
            "levels": integer(row, "levels", 4, 5),
            "maxphyaddr": integer(row, "maxphyaddr", 32, 52),
            "leaf1Gib": fields.flag(row, "leaf_1gib"),
            "types": fields.texts(row, "types"), "assumed": fields.texts(row, "assumed")}


def pack_kernel(row: Row) -> dict[str, Any]:
    return {"file": text(row, "file"), "start": address(row, "start"), "end": address(row, "end")}


def pack_run(run: Run, what: str) -> list[Any]:
    return [digits(run.virt), digits(run.phys), run.count, run.level,
            as_json.words(run.rights), as_json.words(run.own_all), as_json.words(run.own_any),
            int(run.is_global), run.pat, run.accessed, run.dirty, what]


class Unreachable(NamedTuple):
    """Entries that lead nowhere."""

    virt: int
    count: int
    level: int
    entry_at: int
    entry: int
    why: str

    @staticmethod
    def of(row: Row) -> Unreachable:
        level = integer(row, "level", 1, 5)
        virt = integer(row, "virt", step=1 << level_shift(level))
        most = ADDRESS_MASK + 1 - virt >> level_shift(level)
        return Unreachable(virt, integer(row, "count", 1, most), level,
                           integer(row, "entry_at"), integer(row, "entry"), text(row, "why"))

    def packed(self) -> list[Any]:
        return [digits(self.virt), self.count, self.level, digits(self.entry_at),
                digits(self.entry), self.why]


def pack_tables(whole: Row) -> list[list[Any]]:
    """By level and frame: level, frame, how many tables, spans of the first."""
    found = sorted(fields.each_of(whole, "tables", lambda row: (
        integer(row, "level", 1, 5), integer(row, "frame", 0, FRAME_BITS, TABLE_SIZE),
        tuple(checked_spans(fields.array(row, "entries"))))))
    return [[level, digits(table.frame), table.count,
             [[index, count, digits(entry), signed(step)]
              for index, count, entry, step in table.spans]]
            for level, group in groupby(found, key=lambda each: each[0])
            for table in together(Table(frame, 1, spans) for _, frame, spans in group)]


def checked_spans(rows: Sequence[Any]) -> Iterator[tuple[int, ...]]:
    """In ascending order, none reaching into the next."""
    behind = 0
    for number, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != 4 or \
                any(type(each) is not int for each in row):
            fields.wrong("entries[%d]" % number, row, "four integers")
        index, count, entry, step = row
        if not behind <= index < index + count <= ENTRIES:
            raise Wrong("entries[%d]" % number, "is of entries %d to %d, expected some of %d to %d"
                        % (index, index + count - 1, behind, ENTRIES - 1))
        if not 0 <= min(entry, entry + (count - 1) * step) or \
                max(entry, entry + (count - 1) * step) > ADDRESS_MASK:
            raise Wrong("entries[%d]" % number, "has an entry of more than 64 bits, or below 0")
        behind = index + count
        yield index, count, entry, step


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


def differences(before: Snapshot, after: Snapshot) -> tuple[list[list[Any]], tuple[int, int]]:
    """Kind, virt, size, and both sides in words; and where both maps are known."""
    old, new = before.saved(), after.saved()
    known = saved_map.known_of_both(old, new)

    def words(change: Change) -> list[str]:
        return [side(run, types) if run else ""
                for run, types in ((change.before, old.types), (change.after, new.types))]

    return [[each.kind, digits(each.virt), digits(each.size), *words(each)]
            for each in compare(old.runs, new.runs, old.types, new.types, known)], known
