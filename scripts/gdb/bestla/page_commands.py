"""The gdb commands on page maps: pagemap, pagewalk, pagefind, pagediff, pageaudit."""

from __future__ import annotations

import argparse
import os
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import gdb

from . import actions, cli, saved_map, sources, target
from .actions import ArgumentParser, Say
from .command import BestlaCommand, UsageError, evaluate
from .image import KernelFile
from .picture_data import Snapshot
from .present import Paint
from .query import QueryError
from .saved_map import Saved
from .space import PAT_ASSUMED, PageSpace, View
from .target import TargetError

# What `pagemap save NAME` has kept, as it would be in a file.
KEPT: dict[str, dict[str, Any]] = {}


@contextmanager
def live_view(options: argparse.Namespace) -> Iterator[View]:
    """The stopped machine; nothing may ask gdb for memory inside."""
    target.require_target()
    state, mode, ranges = target.controls(), target.mode(), target.readable_ranges()
    state.require_long_mode()
    stack = target.register("rsp")
    assumed = () if target.register("pat") is not None else (PAT_ASSUMED,)
    state = sources.amended(state, options)
    with target.physical_memory(state, ranges) as memory:
        yield View(memory, state, mode, stack, assumed=assumed)


def kernel_of_gdb(options: argparse.Namespace) -> Optional[KernelFile]:
    """The file that gdb was started with, else the built one."""
    build = os.path.join(gdb.parameter("bestla-build") or "", "kernel.elf.debug")
    name = gdb.current_progspace().filename
    return cli.kernel_file(options, name if name and os.path.isfile(name) else build)


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[PageSpace]:
    kernel = kernel_of_gdb(options)
    source = sources.open_source if sources.named(options) else live_view
    with cli.progress_line() as progress, source(options) as view:
        yield PageSpace(view, kernel, options.rows, progress)


class PageCommand(BestlaCommand):
    """One with the options of the program; what it prints is kept until memory has been read."""

    usage = ""
    shows_a_map = False

    def options(self, argument: str) -> argparse.Namespace:
        parser = ArgumentParser(prog=self.name, usage=self.usage, add_help=False,
                                allow_abbrev=False)
        parser.add_argument("words", nargs="*")
        sources.add_arguments(parser)
        actions.add_common(parser)
        if self.shows_a_map:
            actions.add_map(parser)
        return parser.parse_intermixed_args(gdb.string_to_argv(argument))

    def run(self, argument: str) -> None:
        options = self.options(argument)
        lines: list[str] = []
        status = self.act(options, lines)
        for line in lines:
            print(line)
        self.ended(status)

    def act(self, options: argparse.Namespace, lines: list[str]) -> int:
        raise NotImplementedError

    def ended(self, status: int) -> None:
        """After all is printed."""


def paint_of(options: argparse.Namespace) -> Paint:
    return Paint(cli.wants_colour(options) and bool(gdb.parameter("style enabled")))


def aside_of(options: argparse.Namespace, lines: list[str]) -> Say:
    """Where remarks go: among the rows, but not into JSON."""
    return (lambda text: gdb.write(text + "\n", gdb.STDERR)) if options.json else lines.append


class PageMap(PageCommand):
    """Print the page map: what is mapped where, with the rights of all levels together.
Usage: pagemap [ROWS] [--virt A-B] [--phys A-B] [--flags LIST] [--size N] [--touched]
               [--raw | --tree] [--json [--all]] [--core FILE | --dump FILE | ...]
       pagemap save NAME
       pagemap picture FILE.html [OLD [NEW]]
A row is a run of pages of one size that are adjacent in virtual and physical memory, with
the leaves' own rights (small letters: only some have it) and what lies there.
--flags: w, x, u, g or a memory type, or one of them after !, between commas.
`pagemap save NAME` keeps the map for `pagediff NAME`; with a / in NAME, or .json at its end,
in that file. `pagemap picture` writes the map as a page for a browser, beside an earlier one
if there is one; of OLD and NEW alone if both are given.
Tables that lead to themselves can have endless rows: after ROWS (100000) it stops,
with 0 it does not. The memory type is that of the power-on PAT; set $pat to the value
of the PAT MSR if it is another."""

    name = "pagemap"
    usage = "pagemap [ROWS] [OPTIONS] | pagemap save NAME | pagemap picture FILE [OLD [NEW]]"
    shows_a_map = True

    def act(self, options: argparse.Namespace, lines: list[str]) -> int:
        words = options.words
        if words[:1] == ["save"]:
            return self.save(options, lines)
        if words[:1] == ["picture"]:
            return self.picture(options, lines)
        if len(words) > 1:
            raise UsageError("'%s': expected a number of rows, save NAME or picture FILE"
                             % " ".join(words))
        if words:
            options.rows = parse_rows(words[0])
        with opened(options) as space:
            return actions.show_map(space, options, paint_of(options), lines.append,
                                    aside_of(options, lines))

    def save(self, options: argparse.Namespace, lines: list[str]) -> int:
        if len(options.words) != 2:
            raise UsageError("save takes one NAME")
        name = options.words[1]
        with opened(options) as space:
            if "/" in name or name.endswith(".json"):
                actions.save(space, name, lines.append)
            else:
                KEPT[name] = actions.whole_map(space, lines.append)
            lines.append("saved %d runs as %s" % (sum(1 for _ in space.runs()), name))
        return actions.OK

    def picture(self, options: argparse.Namespace, lines: list[str]) -> int:
        _, *names = options.words
        if not 1 <= len(names) <= 3:
            raise UsageError("picture takes a FILE, and at most two maps that were saved")
        shown = [Snapshot(os.path.basename(each), data_named(each)) for each in names[1:]]
        if len(shown) < 2:
            with opened(options) as space:
                shown.append(actions.snapshot(space, sources.describe(options) or "now",
                                              lines.append))
        return actions.draw(names[0], shown, lines.append)


class PageWalk(PageCommand):
    """Show the entry at every level on the way to an address, and what an access does.
Usage: pagewalk ADDRESS [--json]
ADDRESS is any expression; a function, an array or a structure stands for its address."""

    name = "pagewalk"
    completes = gdb.COMPLETE_EXPRESSION
    usage = "pagewalk ADDRESS [--json]"

    def run(self, argument: str) -> None:
        # What is left is an expression, which may well have words that begin with -.
        words = argument.split(" ")
        expression = " ".join(word for word in words if word != "--json").strip()
        if not expression:
            raise UsageError("which address? Usage: pagewalk ADDRESS")
        options = self.options("--json" if "--json" in words else "")
        target.require_target()
        target.controls().require_long_mode()
        virt = evaluate(expression)
        name = gdb.execute("info symbol 0x%x" % virt, to_string=True).strip()
        lines: list[str] = []
        with opened(options) as space:
            actions.show_walk(space, virt, options, lines.append,
                              "" if name.startswith("No symbol") else name)
        print("\n".join(lines))


class PageFind(PageCommand):
    """Show every virtual address at which a physical one is mapped.
Usage: pagefind PHYSICAL [--json]
PHYSICAL is any expression without blanks."""

    name = "pagefind"
    usage = "pagefind PHYSICAL [--json]"

    def act(self, options: argparse.Namespace, lines: list[str]) -> int:
        if len(options.words) != 1:
            raise UsageError("which physical address? Usage: " + self.usage)
        phys = evaluate(options.words[0])
        with opened(options) as space:
            return actions.show_find(space, phys, options, lines.append,
                                     aside_of(options, lines))


class PageDiff(PageCommand):
    """Show what came (+), went (-) and changed (~) in the page map since it was saved.
Usage: pagediff OLD [NEW] [--json]
OLD and NEW are names given to `pagemap save`, or files; without NEW it is the map as it is."""

    name = "pagediff"
    usage = "pagediff OLD [NEW] [--json]"

    def act(self, options: argparse.Namespace, lines: list[str]) -> int:
        if len(options.words) not in (1, 2):
            raise UsageError("which map? Usage: " + self.usage)
        old, *others = [map_named(each) for each in options.words]
        if others:
            new = others[0]
        else:
            with opened(options) as space:
                new = saved_map.saved(space)
        return actions.show_diff(old, new, options, paint_of(options), lines.append,
                                 aside_of(options, lines))


def map_named(name: str) -> Saved:
    return saved_map.parse(data_named(name), name)


def data_named(name: str) -> Any:
    if name in KEPT:
        return KEPT[name]
    if os.path.exists(name):
        return saved_map.read(name)
    raise QueryError("'%s' is neither a map that was saved (%s) nor a file"
                     % (name, ", ".join(KEPT) or "there is none"))


class PageAudit(PageCommand):
    """Check what must hold of a kernel's page map.
Usage: pageaudit [--json]
A check that fails makes the command fail; $pageaudit is then 1, and else 0."""

    name = "pageaudit"
    usage = "pageaudit [--json]"

    def act(self, options: argparse.Namespace, lines: list[str]) -> int:
        if options.words:
            raise UsageError("takes no argument, got '%s'" % " ".join(options.words))
        with opened(options) as space:
            return actions.show_audit(space, options, paint_of(options), lines.append,
                                      aside_of(options, lines))

    def ended(self, status: int) -> None:
        gdb.set_convenience_variable("pageaudit", status)
        if status:
            raise TargetError("the page map breaks what must hold")


def parse_rows(argument: str) -> int:
    try:
        return actions.row_count(argument)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error)) from None
