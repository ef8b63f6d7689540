"""The program scripts/pagemap: page maps without gdb."""

from __future__ import annotations

import argparse
import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence

from . import actions, saved_map, sources
from .actions import ArgumentParser
from .dump_file import DumpError
from .elf_file import ElfError
from .entries import NotTranslating
from .image import KernelFile
from .memory import Unreadable
from .present import Paint
from .query import QueryError, parse_number
from .saved_map import JsonError
from .space import PageSpace
from .stub import StubError

DESCRIPTION = """Shows a machine's page map, read from a core, a raw memory file, a dump that the
kernel has printed, or a gdb stub. What to do with it:

  map             the runs of pages (if nothing is said)
  walk ADDRESS    every level's entry; ADDRESS is a number or a symbol, with +N or -N
  find PHYSICAL   every virtual address at which a frame is mapped
  audit           what must hold of a kernel's map
  save FILE       the map as JSON, for diff
  diff OLD [NEW]  what came, went and changed since a saved map; NEW is a saved one too
  picture OUT.html [OLD [NEW]]
                  the map as a page for a browser, beside a saved one if there is one; without a
                  source, of one saved map or two
"""
EPILOG = """The status is 0; 1 where walk or find find nothing mapped, diff a difference, audit a
fault; 2 where something cannot be read; 130 after ^C."""
FAILURES = (DumpError, ElfError, JsonError, NotTranslating, QueryError, StubError, Unreadable)
TROUBLE, INTERRUPTED = 2, 130
TABLES_BETWEEN = 512
ARGUMENTS = {"map": (0, 0), "walk": (1, 1), "find": (1, 1), "audit": (0, 0), "save": (1, 1),
             "diff": (1, 2), "picture": (1, 3)}


def parser() -> ArgumentParser:
    made = ArgumentParser(prog="pagemap", description=DESCRIPTION, epilog=EPILOG,
                          usage="pagemap SOURCE [OPTIONS] [map | walk ADDRESS | find PHYSICAL | "
                          "audit | save FILE | diff OLD [NEW] | picture OUT.html [OLD [NEW]]]",
                          allow_abbrev=False,
                          formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    sources.add_arguments(made)
    actions.add_common(made)
    actions.add_map(made)
    made.add_argument("--name", metavar="TEXT", help="what a picture calls the map")
    return made


def tell_progress(count: int) -> None:
    if count % TABLES_BETWEEN == 0:
        print("\r%d tables read" % count, end="", file=sys.stderr, flush=True)


@contextmanager
def progress_line() -> Iterator[Optional[object]]:
    """The callback for a terminal; what it wrote is cleared."""
    if not os.isatty(2):                     # gdb's sys.stderr cannot tell
        yield None
        return
    try:
        yield tell_progress
    finally:
        print("\r\33[K", end="", file=sys.stderr, flush=True)


def kernel_file(options: argparse.Namespace, default: Optional[str]) -> Optional[KernelFile]:
    """The file that is named, else the built one if there is one."""
    if options.elf:
        return KernelFile(options.elf)
    return KernelFile(default) if default and os.path.isfile(default) else None


def wants_colour(options: argparse.Namespace) -> bool:
    if options.colour != "auto":
        return options.colour == "always"
    return os.isatty(1) and "NO_COLOR" not in os.environ


def check_words(words: Sequence[str]) -> list[str]:
    verb, *arguments = words or ["map"]
    if verb not in ARGUMENTS:
        raise QueryError("'%s': expected one of %s" % (verb, ", ".join(ARGUMENTS)))
    least, most = ARGUMENTS[verb]
    if not least <= len(arguments) <= most:
        raise QueryError("%s takes %s argument%s, got %d" % (
            verb, least if least == most else "%d to %d" % (least, most),
            "" if most == 1 else "s", len(arguments)))
    return [verb, *arguments]


def aside(text: str) -> None:
    """What a file has in it may be quoted: none of it moves a terminal's cursor."""
    shown = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
    print("pagemap: " + shown, file=sys.stderr)


def run(options: argparse.Namespace, default_elf: Optional[str]) -> int:
    verb, *arguments = check_words(options.words)
    paint = Paint(wants_colour(options))
    if verb == "diff" and len(arguments) == 2:
        return actions.show_diff(*(saved_map.load(each) for each in arguments), options, paint,
                                 print, aside)
    snapshots = [actions.saved_snapshot(each) for each in arguments[1:]] \
        if verb == "picture" else []
    if len(snapshots) == 2 or snapshots and not sources.named(options):
        return actions.draw(arguments[0], snapshots, print)
    old = saved_map.load(arguments[0]) if verb == "diff" else None
    with progress_line() as progress, sources.open_source(options) as view:
        space = PageSpace(view, kernel_file(options, default_elf), options.rows, progress)
        if not options.json:
            for each in space.assumed:
                aside(each)
        if verb == "picture":
            snapshots.append(actions.snapshot(space, options.name or sources.describe(options),
                                              aside))
            return actions.draw(arguments[0], snapshots, print)
        if old is not None:
            return actions.show_diff(old, saved_map.saved(space), options, paint, print, aside)
        return of_one_map(verb, arguments, space, options, paint)


def of_one_map(verb: str, arguments: Sequence[str], space: PageSpace,
               options: argparse.Namespace, paint: Paint) -> int:
    if verb == "walk":
        return actions.show_walk(space, actions.resolve(space, arguments[0]), options, print)
    if verb == "find":
        return actions.show_find(space, parse_number(arguments[0]), options, print, aside)
    if verb == "audit":
        return actions.show_audit(space, options, paint, print, aside)
    if verb == "save":
        actions.save(space, arguments[0], aside)
        return actions.OK
    return actions.show_map(space, options, paint, print, aside)


def main(arguments: Sequence[str], default_elf: Optional[Path] = None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")    # a name that the terminal cannot show
    try:
        options = parser().parse_intermixed_args(list(arguments))
        status = run(options, str(default_elf) if default_elf else None)
        sys.stdout.flush()
        return status
    except FAILURES as error:
        aside(str(error))
    except BrokenPipeError:
        # Whoever read has gone; what is still buffered must not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        aside("interrupted")
        return INTERRUPTED
    return TROUBLE
