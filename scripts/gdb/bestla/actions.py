"""The commands themselves, the same inside gdb and outside: what each prints, and its status."""

from __future__ import annotations

import argparse
import os
from typing import Any, Callable, Iterator, Optional, Sequence, TypeVar

from . import as_json, picture, present
from .annotate import symbol_text
from .as_json import Saved
from .audit import FAIL, audit
from .diff import compare
from .entries import ADDRESS_MASK
from .paging import Walk
from .picture_data import Snapshot
from .present import Paint
from .query import (Query, QueryError, find_frame, parse_flags, parse_number, parse_range,
                    parse_size, select)
from .report import not_canonical, walk_rows
from .space import MOST_ROWS, PageSpace
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


def show_map(space: PageSpace, options: argparse.Namespace, paint: Paint, say: Say,
             aside: Say) -> int:
    query = query_of(options)
    if options.raw or options.tree:
        return show_tables(space, query, options, say, aside)
    pieces = list(select(space.pieces, query, space.controls.pat, space.tables.counted))
    if options.rows and len(pieces) > options.rows:
        aside("stopped after %d rows, at 0x%016x; --rows 0 shows all"
              % (options.rows, pieces[options.rows].virt))
        pieces = pieces[:options.rows]
    if options.json:
        say(as_json.text(as_json.whole(space, pieces) if options.all else
                         as_json.run_list(pieces, space, space.controls.pat)))
    else:
        for line in present.map_lines(pieces, space.around, space.controls.pat, paint,
                                      options.touched):
            say(line)
    stopped(space, aside)
    return OK


def show_tables(space: PageSpace, query: Query, options: argparse.Namespace, say: Say,
                aside: Say) -> int:
    """With --raw or --tree: entries, or tables, instead of runs."""
    if options.json:
        rows = as_json.entry_rows(space, query.virt) if options.raw else as_json.table_rows(space)
        say(as_json.text(list(bounded(rows, options.rows, aside))))
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
            say("0x%x is mapped nowhere" % phys)
    stopped(space, aside)
    return OK if found else FOUND


def show_diff(old: Saved, new: Saved, options: argparse.Namespace, paint: Paint, say: Say,
              aside: Say) -> int:
    """The status is that of diff: 1 if they differ."""
    old, new, end = as_json.known_of_both(old, new)
    if end is not None:
        aside("compared up to 0x%016x, where rows of a map were left out" % end)
    changes = list(compare(old.runs, new.runs, old.types, new.types))
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
        say(as_json.text(as_json.audit_dict(results)))
    else:
        for line in present.audit_lines(results, paint):
            say(line)
    stopped(space, aside)
    return FOUND if any(each.status == FAIL for each in results) else OK


def save(space: PageSpace, path: str) -> None:
    text = as_json.text(as_json.whole(space)) + "\n"
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise QueryError("%s: %s" % (path, getattr(error, "strerror", None) or error)) from None


def snapshot(space: PageSpace, name: str) -> Snapshot:
    """The map as it is now."""
    return Snapshot(name, as_json.whole(space))


def saved_snapshot(path: str) -> Snapshot:
    data = as_json.read(path)
    return Snapshot(os.path.basename(path), data)


def draw(path: str, snapshots: Sequence[Snapshot], say: Say) -> int:
    """Writes the page with one map, or two in the order of time."""
    picture.write(path, snapshots)
    say("%s: open it in a browser" % path)
    return OK
