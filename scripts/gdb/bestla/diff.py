"""What became of a page map between two moments."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence

from .entries import ADDRESS_MASK, level_shift
from .runs import Run

CAME, WENT, CHANGED = "came", "went", "changed"
EVERYWHERE = (0, ADDRESS_MASK + 1)


class Change(NamedTuple):
    """Adjacent pages with one fate; `before` and `after` are the parts of the runs there."""

    kind: str
    virt: int
    size: int
    before: Optional[Run]
    after: Optional[Run]


def attributes(run: Run, types: Sequence[str], own: bool) -> tuple[object, ...]:
    """What of a mapping can change; accessed and dirty do all the time, and are not told."""
    return (run.level, run.rights, run.is_global, types[run.pat],
            *((run.own_all, run.own_any) if own else ()))


def moved_to(run: Run, virt: int) -> Run:
    """The run from an address inside on; its pages, if cut, are not counted anew."""
    return run._replace(virt=virt, phys=run.phys + virt - run.virt)


def compare(before: Sequence[Run], after: Sequence[Run], types_before: Sequence[str],
            types_after: Sequence[str], within: tuple[int, int] = EVERYWHERE) -> Iterator[Change]:
    """All differences by address; the lists of types name the memory type of each PAT index.

    Of a run that reaches out of the range it is not known which leaf gives what by itself.
    """
    edges = sorted({min(max(edge, within[0]), within[1])
                    for run in (*before, *after) for edge in (run.virt, run.end)})
    last: Optional[Change] = None
    old_at = new_at = 0
    for start, end in zip(edges, edges[1:]):
        while old_at < len(before) and before[old_at].end <= start:
            old_at += 1
        while new_at < len(after) and after[new_at].end <= start:
            new_at += 1
        old, new = run_over(before, old_at, start), run_over(after, new_at, start)
        own = all(run is None or within[0] <= run.virt and run.end <= within[1]
                  for run in (old, new))
        change = fate(start, end - start, old, new, types_before, types_after, own)
        joint = join(last, change)
        if last is not None and joint is None:
            yield last
        last = joint or change
    if last is not None:
        yield last


def run_over(runs: Sequence[Run], index: int, virt: int) -> Optional[Run]:
    return runs[index] if index < len(runs) and runs[index].virt <= virt else None


def fate(virt: int, size: int, old: Optional[Run], new: Optional[Run],
         types_before: Sequence[str], types_after: Sequence[str], own: bool) -> Optional[Change]:
    before = moved_to(old, virt) if old else None
    after = moved_to(new, virt) if new else None
    if before is None or after is None:
        if before is None and after is None:
            return None
        return Change(CAME if after else WENT, virt, size, before, after)
    if before.phys == after.phys and \
            attributes(before, types_before, own) == attributes(after, types_after, own):
        return None
    return Change(CHANGED, virt, size, before, after)


def join(last: Optional[Change], change: Optional[Change]) -> Optional[Change]:
    """Both as one where the second goes on with what the first is."""
    if last is None or change is None or last.kind != change.kind or \
            last.virt + last.size != change.virt:
        return None
    for one, other in ((last.before, change.before), (last.after, change.after)):
        if one is not None and other is not None and \
                (one.phys + last.size != other.phys or one[4:9] != other[4:9]
                 or one.level != other.level):
            return None
    return last._replace(size=last.size + change.size)


def pages(change: Change) -> int:
    """In pages of the size that the mapping has, or had."""
    run = change.after or change.before
    return max(1, change.size >> level_shift(run.level)) if run else 0
