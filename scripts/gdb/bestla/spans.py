"""A table's entries in few words: most tables are a handful of arithmetic progressions."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence

from .entries import ENTRIES, FRAME_BITS, level_shift
from .table_store import TableStore, alike

# Numbers are told here, not what they lead to: no CPU's MAXPHYADDR ends a span.
PHYS_BITS = FRAME_BITS.bit_length()


class Span(NamedTuple):
    """Consecutive entries, each greater than the one before by `step`, which may be negative."""

    index: int
    count: int
    entry: int                  # the first one's value
    step: int


def spans(entries: Sequence[int]) -> Iterator[Span]:
    """Every entry that is not zero."""
    index = 0
    while index < len(entries):
        if not entries[index]:
            index += 1
            continue
        span = longest(entries, index)
        yield span
        index += span.count


def longest(entries: Sequence[int], index: int) -> Span:
    """The progression from here on; one that has a zero in it ends before it."""
    end, first = index + 1, entries[index]
    if end == len(entries) or not entries[end]:
        return Span(index, 1, first, 0)
    step = entries[end] - first
    while end < len(entries) and entries[end] and entries[end] - entries[end - 1] == step:
        end += 1
    return Span(index, end - index, first, step)


def table_spans(store: TableStore, frame: int, level: int) -> list[Span]:
    """Of a table that has been read; one that is full and even is known at a glance."""
    data = store.data(frame)
    full = alike(data, level, PHYS_BITS) if data is not None else None
    if full is not None and full.accessed in (0, ENTRIES) and full.dirty in (0, ENTRIES):
        return [Span(0, ENTRIES, full.first, 1 << level_shift(level))]
    return list(spans(store.entries(frame) or ()))
