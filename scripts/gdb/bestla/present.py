"""Page maps, differences and audits as text for people."""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from .annotate import Surroundings
from .audit import FAIL, PASS, Result
from .diff import CAME, WENT, Change, pages
from .entries import ADDRESS_MASK, EXECUTE, USER, WRITE, page_size, pat_type
from .report import HEADER, flags, flaw_row, row
from .runs import Flaw, Piece, Run

RED, GREEN, YELLOW, DIM, PLAIN = "\33[31m", "\33[32m", "\33[33m", "\33[2m", "\33[0m"
# As wide as the kernel's row with its widest flags.
ROW_WIDTH = 131
SHOWN_FINDINGS = 10


class Paint:
    """Colours, or none."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, colour: str, text: str) -> str:
        return colour + text + PLAIN if self.on and colour else text


def own_letters(run: Run) -> str:
    """What the leaves give by themselves; small letters: some of them."""
    return "R" + "".join(letter if run.own_all & bit else letter.lower() if run.own_any & bit
                         else "-" for letter, bit in (("W", WRITE), ("X", EXECUTE), ("U", USER)))


def colour_of(piece: Piece) -> str:
    if isinstance(piece, Flaw):
        return RED
    if piece.rights & WRITE and piece.rights & EXECUTE:
        return RED
    if piece.rights & EXECUTE:
        return GREEN
    return YELLOW if piece.rights & USER else "" if piece.rights & WRITE else DIM


def header(touched: bool) -> str:
    return "%-*s  %-5s %sWhat lies there" % (
        ROW_WIDTH, HEADER, "Own", "%-19s " % "Accessed/dirty" if touched else "")


def map_row(piece: Piece, around: Surroundings, pat: int, touched: bool) -> str:
    if isinstance(piece, Flaw):
        return flaw_row(piece)
    marks = "%-19s " % ("%d/%d" % (piece.accessed, piece.dirty)) if touched else ""
    return ("%-*s  %-5s %s%s" % (ROW_WIDTH, row(piece, pat), own_letters(piece), marks,
                                 around.what(piece))).rstrip()


def map_lines(pieces: Iterable[Piece], around: Surroundings, pat: int, paint: Paint,
              touched: bool = False) -> Iterator[str]:
    yield header(touched)
    for piece in pieces:
        yield paint(colour_of(piece), map_row(piece, around, pat, touched))


def change_lines(changes: Iterable[Change], types_before: Sequence[str],
                 types_after: Sequence[str], paint: Paint) -> Iterator[str]:
    for change in changes:
        sign, colour = {CAME: ("+", GREEN), WENT: ("-", RED)}.get(change.kind, ("~", YELLOW))
        sides = [side(run, types) for run, types in ((change.before, types_before),
                                                     (change.after, types_after)) if run]
        yield paint(colour, "%s 0x%016x-0x%016x %6d  %s" % (
            sign, change.virt, change.virt + change.size & ADDRESS_MASK, pages(change),
            "  ->  ".join(sides)))


def side(run: Run, types: Sequence[str]) -> str:
    text = "0x%x in 0x%x %s" % (run.phys, page_size(run.level),
                                flags(run.rights, run.is_global, types[run.pat]))
    plain = run.own_all == run.own_any == run.rights
    return text if plain else text + " own " + own_letters(run)


def audit_lines(results: Sequence[Result], paint: Paint) -> Iterator[str]:
    for each in results:
        colour = {PASS: GREEN, FAIL: RED}.get(each.status, YELLOW)
        yield paint(colour, "%-7s" % each.status) + " " + each.check + \
            (" (%s)" % each.why if each.why else "")
        for finding in each.findings[:SHOWN_FINDINGS]:
            yield "        " + finding.text
        if len(each.findings) > SHOWN_FINDINGS:
            yield "        and %d more%s" % (
                len(each.findings) - SHOWN_FINDINGS,
                ", and then the check was ended" if each.ended_early else "")


def found_line(virt: int, run: Run, pat: int, what: str) -> str:
    return ("0x%016x  page size 0x%-8x %-21s  %s" % (
        virt, page_size(run.level), flags(run.rights, run.is_global, pat_type(run.pat, pat)),
        what)).rstrip()
