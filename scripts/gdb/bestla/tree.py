"""Tables as they hang from each other, and their entries as they are."""

from __future__ import annotations

from typing import Iterator, Optional

from .entries import (ADDRESS_MASK, ENTRIES, FRAME_BITS, LEVEL_NAMES, PRESENT, Controls, canonical,
                      entry_rights, is_leaf, leaf_frame, level_shift, pat_index, pat_type)
from .paging import Step, Tables, run_length
from .report import PAGE_NAMES, entry_words, letters

Range = Optional[tuple[int, int]]
Shown = tuple[int, int, Optional[int]]


def touches(virt: int, size: int, wanted: Range) -> bool:
    return wanted is None or (virt < wanted[1] and wanted[0] < virt + size)


def shown_as(frame: int, level: int, virt: int, wanted: Range) -> Shown:
    """What is shown once: a table; one that a range cuts, at each address that it serves.

    Of these there are few, since a range has two ends.
    """
    size = ENTRIES << level_shift(level)
    whole = wanted is None or wanted[0] <= virt and virt + size <= wanted[1]
    return frame, level, None if whole else virt


def raw_steps(tables: Tables, wanted: Range = None) -> Iterator[tuple[Step, int, int]]:
    """Every present entry of every table, each table once, the root first; with its table and the
    first address that it stands for."""
    seen: set[Shown] = set()
    waiting = [(tables.controls.root, tables.controls.top, 0)]
    while waiting:
        frame, level, base = waiting.pop()
        this = shown_as(frame, level, base, wanted)
        entries = () if this in seen else tables.entries(frame) or ()
        seen.add(this)
        below = []
        for index, entry in enumerate(entries):
            virt = canonical(base + (index << level_shift(level)), tables.controls.top)
            if not entry & PRESENT or not touches(virt, 1 << level_shift(level), wanted):
                continue
            reserved = tables.reserved(entry, level)
            yield Step(level, index, frame + 8 * index, entry, reserved), frame, virt
            if not is_leaf(entry, level) and not reserved:
                below.append((entry & FRAME_BITS, level - 1, virt))
        waiting += reversed(below)


def raw_lines(tables: Tables, wanted: Range = None) -> Iterator[str]:
    for step, frame, virt in raw_steps(tables, wanted):
        yield "%-4s 0x%010x [%3d]  0x%016x: 0x%016x  %s" % (
            LEVEL_NAMES[step.level], frame, step.index, virt, step.entry or 0,
            entry_words(step, tables.controls))


def tree_lines(tables: Tables, wanted: Range = None) -> Iterator[str]:
    """Tables indented under the entry that points to them; shared ones are shown once."""
    controls = tables.controls
    yield "CR3 0x%x: %s 0x%x" % (controls.cr3, LEVEL_NAMES[controls.top], controls.root)
    yield from _below(tables, controls.root, controls.top, 0, wanted, set())


def _below(tables: Tables, frame: int, level: int, base: int, wanted: Range,
           seen: set[Shown]) -> Iterator[str]:
    seen.add(shown_as(frame, level, base, wanted))
    controls, shift, index = tables.controls, level_shift(level), 0
    indent = "    " * (controls.top - level + 1)
    entries = tables.entries(frame) or ()
    while index < len(entries):
        entry, count = entries[index], 1
        virt = canonical(base + (index << shift), controls.top)
        if entry & PRESENT and touches(virt, 1 << shift, wanted):
            leaf = is_leaf(entry, level) and not tables.reserved(entry, level)
            count = run_length(entries, index, 1 << shift, controls.phys_bits) if leaf else \
                equal_entries(entries, index)
            if wanted is not None:
                count = min(count, -(-(wanted[1] - virt) >> shift))
            child = entry & FRAME_BITS
            above = shown_as(child, level - 1, virt, wanted) in seen
            yield indent + entry_line(tables, virt, entry, level, index, count, above)
            if not is_leaf(entry, level) and not tables.reserved(entry, level) and \
                    not above and tables.entries(child) is not None:
                yield from _below(tables, child, level - 1, virt, wanted, seen)
        index += count


def equal_entries(entries: tuple[int, ...], index: int) -> int:
    """How many entries from here on are the same."""
    end = index + 1
    while end < ENTRIES and entries[end] == entries[index]:
        end += 1
    return end - index


def entry_line(tables: Tables, virt: int, entry: int, level: int, index: int, count: int,
               above: bool) -> str:
    numbers = "[%d]" % index if count == 1 else "[%d-%d]" % (index, index + count - 1)
    return "%-10s 0x%016x-0x%016x  %s" % (
        numbers, virt, virt + (count << level_shift(level)) & ADDRESS_MASK,
        target(tables, entry, level, count, above))


def target(tables: Tables, entry: int, level: int, count: int, above: bool) -> str:
    controls: Controls = tables.controls
    if tables.reserved(entry, level):
        return "0x%016x: reserved bits are set" % entry
    rights = letters(entry_rights(entry))
    if is_leaf(entry, level):
        return "%d %s page%s at 0x%x [%s %s]" % (
            count, PAGE_NAMES[level], "" if count == 1 else "s", leaf_frame(entry, level), rights,
            pat_type(pat_index(entry, level), controls.pat))
    frame = entry & FRAME_BITS
    note = " (above)" if above else \
        "" if tables.entries(frame) is not None else " (outside readable memory)"
    return "%s 0x%x [%s]%s" % (LEVEL_NAMES[level - 1], frame, rights, note)
