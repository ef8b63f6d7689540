"""Which part of a page map is asked for: addresses, rights, page sizes."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, NamedTuple, Optional

from .entries import (ADDRESS_MASK, EXECUTE, LEVEL_NAMES, USER, WRITE, level_shift, page_size,
                      pat_type)
from .runs import Flaw, Piece, Run

SIZES = {"4K": 1, "2M": 2, "1G": 3}
TYPES = ("WB", "WT", "UC-", "UC", "WC", "WP")
RIGHT_LETTERS = {"w": WRITE, "x": EXECUTE, "u": USER}


class QueryError(Exception):
    """An argument that means nothing."""


class Query(NamedTuple):
    """Half-open ranges; what is None or empty restricts nothing."""

    virt: Optional[tuple[int, int]] = None
    phys: Optional[tuple[int, int]] = None
    flags: tuple[str, ...] = ()
    level: Optional[int] = None


def parse_number(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise QueryError("'%s' is not a number (0x before hexadecimal digits)" % text) from None
    if not 0 <= value <= ADDRESS_MASK:
        raise QueryError("%s does not fit into 64 bits" % text)
    return value


def parse_range(text: str) -> tuple[int, int]:
    """A-B, without B; -B and A- are open; A alone is the page there. B = 0 is the top."""
    low, dash, high = text.partition("-")
    if not low and not high:
        raise QueryError("'%s' is not a range: A-B, without B" % text)
    start = parse_number(low) if low else 0
    if not dash:
        return start & -4096, (start & -4096) + 4096
    end = parse_number(high) if high else 0
    end = end or ADDRESS_MASK + 1
    if start >= end:
        raise QueryError("range %s: starts at 0x%x and ends at 0x%x" % (text, start, end))
    return start, end


def parse_flags(text: str) -> tuple[str, ...]:
    """w, x, u, g or a memory type, with ! for its absence, between commas."""
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        name = word.removeprefix("!")
        if name.lower() not in ("r", "w", "x", "u", "g") and name.upper() not in TYPES:
            raise QueryError("flag '%s': expected r, w, x, u, g, %s, or one of them after !"
                             % (word, ", ".join(TYPES)))
    return words


def parse_size(text: str) -> int:
    """A page size as a level."""
    name = text.upper().removesuffix("IB").removesuffix("B").replace("-", "")
    if name in SIZES:
        return SIZES[name]
    by_bytes = {page_size(level): level for level in SIZES.values()}
    try:
        return by_bytes[int(text, 0)]
    except (ValueError, KeyError):
        raise QueryError("page size '%s': expected 4K, 2M or 1G" % text) from None


def has_flag(run: Run, flag: str, pat: int) -> bool:
    if flag.startswith("!"):
        return not has_flag(run, flag[1:], pat)
    if flag.lower() in RIGHT_LETTERS:
        return bool(run.rights & RIGHT_LETTERS[flag.lower()])
    if flag.lower() == "g":
        return run.is_global
    return flag.lower() == "r" or pat_type(run.pat, pat) == flag.upper()


def part(run: Run, first: int, last: int) -> Run:
    """Pages first to last, the last not included. What the leaves give is still the whole's."""
    if (first, last) == (0, run.count):
        return run
    offset = first << level_shift(run.level)
    return run._replace(virt=run.virt + offset, phys=run.phys + offset, count=last - first)


def clipped(run: Run, base: int, wanted: tuple[int, int]) -> Optional[Run]:
    """The whole pages of a run that touch a range, `base` being the run's start in it."""
    size = page_size(run.level)
    first = max(0, (wanted[0] - base) // size)
    last = min(run.count, -(-(wanted[1] - base) // size))
    return part(run, first, last) if first < last else None


def select(pieces: Iterable[Piece], query: Query, pat: int,
           counted: Callable[[Run], Run]) -> Iterator[Piece]:
    """The parts of pieces that are asked for; `counted` looks at the leaves of a cut run anew."""
    for piece in pieces:
        if isinstance(piece, Flaw):
            if query.phys is None and not query.flags and query.level is None and (
                    query.virt is None or
                    piece.virt < query.virt[1] and query.virt[0] < piece.end):
                yield piece
            continue
        run: Optional[Run] = piece
        if query.virt is not None and run is not None:
            run = clipped(run, run.virt, query.virt)
        if query.phys is not None and run is not None:
            run = clipped(run, run.phys, query.phys)
        if run is not None and query.level in (None, run.level) and \
                all(has_flag(run, flag, pat) for flag in query.flags):
            yield run if run is piece else counted(run)


def find_frame(pieces: Iterable[Piece], phys: int) -> Iterator[tuple[int, Run]]:
    """Every virtual address at which a physical one is mapped, and the run that does."""
    for piece in pieces:
        if isinstance(piece, Run) and piece.phys <= phys < piece.phys + piece.size:
            yield piece.virt + phys - piece.phys, piece


def path_text(path: tuple[int, ...], top: int) -> str:
    """Such as PML4[511] PDPT[510]."""
    return " ".join("%s[%d]" % (LEVEL_NAMES[top - depth], index)
                    for depth, index in enumerate(path))
