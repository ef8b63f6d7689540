"""What must hold of a kernel's page map, checked from outside (docs/memory.md).

A check passes, fails with findings, or is skipped with the reason: what cannot be looked at
is never called right.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Callable, Iterator, NamedTuple, Sequence

from .boot_info import RAM, Stretch
from .elf_file import PF_W, PF_X, Segment
from .entries import EXECUTE, USER, WRITE, pat_type, page_size
from .image import PAGE, Image
from .report import letters
from .runs import Flaw, Run
from .space import PageSpace

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"
MOST_FINDINGS = 1000


class Skip(Exception):
    """A check that has nothing to go by."""


class Finding(NamedTuple):
    """Something wrong, with the place."""

    virt: int
    text: str


class Result(NamedTuple):
    """A check and what came of it; `why` it was skipped."""

    check: str
    status: str
    findings: tuple[Finding, ...] = ()
    why: str = ""
    ended_early: bool = False               # at MOST_FINDINGS: there may be more


def span(run: Run) -> str:
    return "0x%016x-0x%016x -> 0x%x" % (run.virt, run.end & (1 << 64) - 1, run.phys)


def write_and_execute(space: PageSpace) -> Iterator[Finding]:
    for run in space.runs():
        if run.rights & WRITE and run.rights & EXECUTE:
            yield Finding(run.virt, "%s is writable and executable" % span(run))


def executed_and_written(space: PageSpace) -> Iterator[Finding]:
    """Pairs of mappings of one frame, found in the order of physical addresses."""
    code = [run for run in space.runs() if run.rights & EXECUTE]
    data = sorted((run for run in space.runs() if run.rights & WRITE), key=lambda run: run.phys)
    starts = [run.phys for run in data]
    longest = max((run.size for run in data), default=0)
    for run in code:
        for other in data[bisect_left(starts, run.phys - longest):
                          bisect_left(starts, run.phys + run.size)]:
            low = max(run.phys, other.phys)
            high = min(run.phys + run.size, other.phys + other.size)
            if low < high and run.virt - run.phys != other.virt - other.phys:
                yield Finding(run.virt + low - run.phys,
                              "0x%x-0x%x is executable at 0x%016x, writable at 0x%016x"
                              % (low, high, run.virt + low - run.phys,
                                 other.virt + low - other.phys))


def need_image(space: PageSpace) -> Image:
    if space.image is None:
        raise Skip("the kernel's image is not in these tables, or no --elf")
    return space.image


def segment_rights(segment: Segment) -> int:
    return (WRITE if segment.flags & PF_W else 0) | (EXECUTE if segment.flags & PF_X else 0)


def image_as_the_file(space: PageSpace) -> Iterator[Finding]:
    """Page by page: the segment's rights, one piece of memory, and nothing in the gaps."""
    image = need_image(space)
    first = space.tables.walk(image.start)
    for virt in range(image.start, image.end, PAGE):
        walk, segment = space.tables.walk(virt), image.segment_at(virt)
        if segment is None:
            if walk.mapped:
                yield Finding(virt, "0x%016x is mapped, and lies between segments" % virt)
        elif not walk.mapped:
            yield Finding(virt, "0x%016x of the image is not mapped" % virt)
        elif walk.rights & (WRITE | EXECUTE | USER) != segment_rights(segment):
            yield Finding(virt, "0x%016x has [%s], its segment [%s]" % (
                virt, letters(walk.rights), letters(segment_rights(segment))))
        elif walk.phys - virt != first.phys - image.start:
            yield Finding(virt, "0x%016x is at 0x%x, not in one piece with the image's first page"
                          % (virt, walk.phys))


def guards(space: PageSpace) -> Iterator[Finding]:
    need_image(space)
    stacks = space.around.stacks()
    if not stacks:
        raise Skip("the ELF file has no section with 'stack' in its name")
    for stack in stacks:
        for side, virt in (("below", stack.start - PAGE), ("above", stack.end + PAGE - 1 & -PAGE)):
            if space.tables.walk(virt).mapped:
                yield Finding(virt, "0x%016x %s %s is mapped: no guard" % (virt, side, stack.name))


def memory_kinds(space: PageSpace) -> list[Stretch]:
    """The memory map with all RAM as one kind, neighbours merged."""
    if space.boot_info is None:
        raise Skip("no memory map: the kernel's boot_info cannot be read")
    kinds: list[Stretch] = []
    for each in space.boot_info.memory_map:
        kind = RAM[0] if each.type in RAM else each.type
        if kinds and kinds[-1].end == each.start and kinds[-1].type == kind:
            each = each._replace(start=kinds.pop().start)
        kinds.append(each._replace(type=kind))
    return kinds


def large_across_types(space: PageSpace) -> Iterator[Finding]:
    """A large leaf of RAM must not reach into anything else (SDM Vol. 3A 11.11.9)."""
    kinds = memory_kinds(space)
    ends = [each.end for each in kinds]
    for run in space.runs():
        if run.level == 1:
            continue
        size, at, end = page_size(run.level), run.phys, run.phys + run.size
        while at < end:
            index = bisect_left(ends, at + 1)
            if index == len(kinds) or kinds[index].start >= end:
                break                       # nothing known lies in the rest
            kind = kinds[index]
            leaf = max(at, kind.start & -size)
            if kind.start > leaf or kind.end < leaf + size:
                yield Finding(run.virt + leaf - run.phys,
                              "0x%016x: a leaf of 0x%x at 0x%x reaches past %s 0x%x-0x%x" % (
                                  run.virt + leaf - run.phys, size, leaf, kind.name, kind.start,
                                  kind.end))
                at = leaf + size
            else:
                at = max(kind.end & -size, leaf + size)


def memory_types(space: PageSpace) -> Iterator[Finding]:
    """No frame has two (SDM Vol. 3A 12.12.4); most are write-back, so the others are few."""
    typed = sorted(((run, pat_type(run.pat, space.controls.pat)) for run in space.runs()),
                   key=lambda pair: pair[0].phys)
    starts = [run.phys for run, _ in typed]
    longest = max((run.size for run, _ in typed), default=0)
    for odd, odd_type in typed:
        if odd_type == "WB":
            continue
        for run, type_ in typed[bisect_left(starts, odd.phys - longest):
                                bisect_left(starts, odd.phys + odd.size)]:
            low = max(odd.phys, run.phys)
            if type_ != odd_type and low < min(odd.phys + odd.size, run.phys + run.size):
                yield Finding(odd.virt + low - odd.phys, "0x%x is %s at 0x%016x, %s at 0x%016x" % (
                    low, odd_type, odd.virt + low - odd.phys, type_, run.virt + low - run.phys))


def lower_half(space: PageSpace) -> Iterator[Finding]:
    for run in space.runs():
        if not run.virt >> 63:
            yield Finding(run.virt, "%s lies in the lower half" % span(run))


def user_bits(space: PageSpace) -> Iterator[Finding]:
    for run in space.runs():
        if run.rights & USER:
            yield Finding(run.virt, "%s is the user's too" % span(run))


def sound_entries(space: PageSpace) -> Iterator[Finding]:
    for piece in space.pieces:
        if isinstance(piece, Flaw):
            yield Finding(piece.virt, "0x%016x: entry at 0x%x = 0x%x: %s" % (
                piece.virt, piece.address, piece.entry, piece.why))


CHECKS: Sequence[tuple[str, Callable[[PageSpace], Iterator[Finding]]]] = (
    ("no leaf is writable and executable", write_and_execute),
    ("no frame is executable here and writable there", executed_and_written),
    ("the image has its segments' rights, page by page", image_as_the_file),
    ("every stack has an unmapped guard page on both sides", guards),
    ("no large leaf reaches across kinds of memory", large_across_types),
    ("no frame has two memory types", memory_types),
    ("nothing in the lower half", lower_half),
    ("no user bit", user_bits),
    ("no reserved bit is set, no pointer leads outside memory", sound_entries),
)


def audit(space: PageSpace) -> list[Result]:
    return [run_check(name, check, space) for name, check in CHECKS]


def run_check(name: str, check: Callable[[PageSpace], Iterator[Finding]],
              space: PageSpace) -> Result:
    findings: list[Finding] = []
    try:
        for finding in check(space):
            if len(findings) == MOST_FINDINGS:
                return Result(name, FAIL, tuple(findings), ended_early=True)
            findings.append(finding)
    except Skip as reason:
        return Result(name, SKIPPED, why=str(reason))
    if not findings and space.stopped_at is not None:
        return Result(name, SKIPPED, why="the map was read only up to 0x%x" % space.stopped_at)
    return Result(name, FAIL if findings else PASS, tuple(findings))
