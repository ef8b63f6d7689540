"""The commands themselves, the same inside gdb and outside: what each prints, and its status."""

from __future__ import annotations

import argparse
import os
from typing import Any, Callable, Iterator, Optional, Sequence, TypeVar

from . import as_json, picture, present, saved_map
from .annotate import symbol_text
from .as_json import Shown
from .audit import FAIL, audit
from .diff import EVERYWHERE, compare
from .entries import ADDRESS_MASK
from .paging import Walk
from .picture_data import Snapshot
from .present import Paint
from .query import (Query, QueryError, find_frame, parse_flags, parse_number, parse_range,
                    parse_size, select)
from .report import not_canonical, walk_rows
from .saved_map import Saved
from .space import MOST_ROWS, Listed, PageSpace
from .tree import raw_lines, tree_lines

OK, FOUND = 0, 1
ROWS_DIGITS = 18                    # what Python counts to, and no map has as many
Say = Callable[[str], Any]
T = TypeVar("T")


class ArgumentParser(argparse.ArgumentParser):
    """Tells of a wrong argument by an exception: inside gdb nothing may exit."""

    def error(self, message: str) -> Any:
        raise QueryError("%s; %s" % (message, self.format_usage().strip()))


def row_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= ROWS_DIGITS):
        raise argparse.ArgumentTypeError("'%s' is not a number of rows" % text)
    return int(text)


def add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="for programs: docs/page-map.md has the fields")
    add("--elf", metavar="FILE", help="the kernel with its symbols (build/kernel.elf.debug)")
    add("--rows", metavar="N", type=row_count, default=MOST_ROWS,
        help="stop after so many rows, 0: never (%(default)s)")
    add("--colour", choices=("auto", "always", "never"), default="auto", help=argparse.SUPPRESS)


def add_map(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--virt", metavar="A-B", help="only what lies there; B is not in it")
    add("--phys", metavar="A-B", help="only what maps that")
    add("--flags", metavar="LIST", help="only what is all of these: w, x, u, g, WB, WT, UC-, UC, "
                                        "WC, WP, or one of them after !")
    add("--size", metavar="N", help="only pages of 4K, 2M or 1G")
    add("--touched", action="store_true", help="how many pages are accessed and dirty")
    add("--raw", action="store_true", help="every entry of every table")
    add("--tree", action="store_true", help="tables as they hang from each other")
    add("--all", action="store_true", help="with --json: tables, symbols and all else too")


def query_of(options: argparse.Namespace) -> Query:
    return Query(parse_range(options.virt) if options.virt else None,
                 parse_range(options.phys) if options.phys else None,
                 parse_flags(options.flags) if options.flags else (),
                 parse_size(options.size) if options.size else None)


def stopped(space: PageSpace, say_aside: Say) -> None:
    if space.stopped_at is not None:
        say_aside("read %d rows, up to 0x%016x; --rows 0 reads all"
                  % (len(space.pieces), space.stopped_at))


def tables_stopped(listed: Listed, say_aside: Say) -> None:
    if listed.stopped_at is not None:
        say_aside("listed %d tables, and the next translates 0x%016x; --rows 0 lists all"
                  % (len(listed.tables), listed.stopped_at))


def show_map(space: PageSpace, options: argparse.Namespace, paint: Paint, say: Say,
             aside: Say) -> int:
    query = query_of(options)
    if options.raw or options.tree:
        return show_tables(space, query, options, say, aside)
    shown = wanted_rows(space, query, options.rows, aside)
    if options.json:
        say(as_json.text(as_json.whole(space, shown) if options.all else
                         as_json.run_list(shown.pieces, space, space.controls.pat)))
    else:
        for line in present.map_lines(shown.pieces, space.around, space.controls.pat, paint,
                                      options.touched):
            say(line)
    stopped(space, aside)
    if options.json and options.all:
        tables_stopped(space.listed, aside)
    return OK


def wanted_rows(space: PageSpace, query: Query, rows: int, aside: Say) -> Shown:
    """What is asked for, and no more rows of it than asked for; 0 is no limit."""
    pieces = list(select(space.pieces, query, space.controls.pat, space.tables.counted))
    if not rows or len(pieces) <= rows:
        return Shown(pieces, space.stopped_at, query)
    aside("stopped after %d rows, at 0x%016x; --rows 0 shows all" % (rows, pieces[rows].virt))
    return Shown(pieces[:rows], pieces[rows].virt, query)


def show_tables(space: PageSpace, query: Query, options: argparse.Namespace, say: Say,
                aside: Say) -> int:
    """With --raw or --tree: entries, or tables, instead of runs."""
    if query != Query(query.virt):
        raise QueryError("--phys, --flags and --size choose among runs, and --raw and --tree show "
                         "tables; --virt goes with all")
    if options.json and options.raw:
        entries = as_json.entry_rows(space, query.virt)
        say(as_json.text(list(bounded(entries, options.rows, aside))))
        return OK
    if options.json:
        listed = space.tables_in(query.virt)
        say(as_json.text(list(bounded(as_json.table_rows(listed), options.rows, aside))))
        tables_stopped(listed, aside)
        return OK
    lines = (raw_lines if options.raw else tree_lines)(space.tables, query.virt)
    for line in bounded(lines, options.rows, aside):
        say(line)
    return OK


def bounded(rows: Iterator[T], most: int, aside: Say) -> Iterator[T]:
    for number, each in enumerate(rows):
        if most and number >= most:
            aside("stopped after %d rows; --rows 0 shows all" % most)
            return
        yield each


def resolve(space: PageSpace, text: str) -> int:
    """A number, or a symbol of the kernel's file with `+N` or `-N` behind it."""
    name, sign, offset = text, "", "0"
    for each in "+-":
        head, found, tail = text.partition(each)
        if found and head.strip():
            name, sign, offset = head.strip(), each, tail.strip()
            break
    if name[:1].isdigit():
        base = parse_number(name)
    else:
        if space.image is None:
            raise QueryError("'%s': the kernel's image is not in these tables, or no --elf" % name)
        virt = space.image.address_of(name)
        if virt is None:
            raise QueryError("'%s' is no symbol of %s" % (name, space.image.file.elf.path))
        base = virt
    distance = parse_number(offset)
    return (base - distance if sign == "-" else base + distance) & ADDRESS_MASK


def show_walk(space: PageSpace, virt: int, options: argparse.Namespace, say: Say,
              what: Optional[str] = None) -> int:
    walk: Walk = space.tables.walk(virt)
    state, mode = space.controls, space.view.mode
    if what is None:
        what = symbol_text(space.image, virt)
    if options.json:
        say(as_json.text(as_json.walk_dict(walk, state, mode, what)))
    else:
        say("CR0 0x%x, CR3 0x%x, CR4 0x%x, EFER 0x%x: %d-level tables"
            % (state.cr0, state.cr3, state.cr4, state.efer, state.top))
        for line in walk_rows(walk, state, mode):
            say(line)
        if what:
            say("0x%016x is %s" % (virt, what))
    return OK if walk.mapped and not not_canonical(walk, state) else FOUND


def show_find(space: PageSpace, phys: int, options: argparse.Namespace, say: Say,
              aside: Say) -> int:
    found = list(find_frame(space.pieces, phys))
    pat = space.controls.pat
    if options.json:
        say(as_json.text([{"address": virt, **as_json.run_dict(run, space, pat)}
                          for virt, run in found]))
    else:
        for virt, run in found:
            say(present.found_line(virt, run, pat, symbol_text(space.image, virt)
                                   if space.around.in_image(virt) else space.around.what(run)))
        if not found:
            say("0x%x is mapped nowhere%s" % (
                phys, "" if space.stopped_at is None else " below 0x%016x" % space.stopped_at))
    stopped(space, aside)
    return OK if found else FOUND


def show_diff(old: Saved, new: Saved, options: argparse.Namespace, paint: Paint, say: Say,
              aside: Say) -> int:
    """The status is that of diff: 1 if they differ."""
    known = saved_map.known_of_both(old, new)
    if known[0] >= known[1]:
        raise QueryError("the two are of different parts of a map: nothing to compare")
    if known != EVERYWHERE:
        aside("compared only what is known of both, 0x%016x-0x%016x"
              % (known[0], known[1] & ADDRESS_MASK))
    if not old.tells or not new.tells:
        aside("whether an array of runs is all of a map is not known; `pagemap save` tells it")
    changes = list(compare(old.runs, new.runs, old.types, new.types, known))
    if options.json:
        say(as_json.text([as_json.change_dict(each, old, new) for each in changes]))
    else:
        for line in present.change_lines(changes, old.types, new.types, paint):
            say(line)
        if not changes:
            say("no difference")
    return FOUND if changes else OK


def show_audit(space: PageSpace, options: argparse.Namespace, paint: Paint, say: Say,
               aside: Say) -> int:
    results = audit(space)
    if options.json:
        say(as_json.text(as_json.audit_dict(results, space.stopped_at)))
    else:
        for line in present.audit_lines(results, paint):
            say(line)
    stopped(space, aside)
    return FOUND if any(each.status == FAIL for each in results) else OK


def whole_map(space: PageSpace, aside: Say) -> dict[str, Any]:
    """All that a saved map is; what is not in it is said."""
    made = as_json.whole(space)
    stopped(space, aside)
    tables_stopped(space.listed, aside)
    return made


def save(space: PageSpace, path: str, aside: Say) -> None:
    text = as_json.text(whole_map(space, aside)) + "\n"
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise QueryError("%s: %s" % (path, getattr(error, "strerror", None) or error)) from None


def snapshot(space: PageSpace, name: str, aside: Say) -> Snapshot:
    """The map as it is now."""
    return Snapshot(name, whole_map(space, aside))


def saved_snapshot(path: str) -> Snapshot:
    data = saved_map.read(path)
    return Snapshot(os.path.basename(path), data)


def draw(path: str, snapshots: Sequence[Snapshot], say: Say) -> int:
    """Writes the page with one map, or two in the order of time."""
    picture.write(path, snapshots)
    say("%s: open it in a browser" % path)
    return OK
