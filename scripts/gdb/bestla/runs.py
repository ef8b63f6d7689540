"""Runs of alike pages, and of entries that lead nowhere: what a page map consists of."""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple, Optional, Union

from .entries import level_shift


class Run(NamedTuple):
    """Adjacent pages of one size with the same effective rights and memory type.

    What the leaves themselves allow, and which of them are accessed and dirty, is told and
    never splits a run.
    """

    virt: int
    phys: int
    count: int
    level: int
    rights: int
    is_global: bool
    pat: int
    own_all: int = 0            # rights that every leaf of it gives by itself
    own_any: int = 0            # rights that some leaf gives
    accessed: int = 0           # how many leaves
    dirty: int = 0

    @property
    def size(self) -> int:
        return self.count << level_shift(self.level)

    @property
    def end(self) -> int:
        return self.virt + self.size

    def moved(self, virt: int, rights: int) -> Run:
        # Made anew: _replace takes four times as long, and a map of 1 TiB is moved 1000 times.
        return Run(self.virt + virt, self.phys, self.count, self.level, self.rights & rights,
                   *self[5:])

    def joined(self, following: Piece) -> Optional[Run]:
        """Both as one, or None."""
        if self[3:7] != following[3:7] or not isinstance(following, Run):
            return None
        size = self.count << level_shift(self.level)
        if self.virt + size != following.virt or self.phys + size != following.phys:
            return None
        return Run(self.virt, self.phys, self.count + following.count, *self[3:7],
                   self.own_all & following.own_all, self.own_any | following.own_any,
                   self.accessed + following.accessed, self.dirty + following.dirty)


class Flaw(NamedTuple):
    """Adjacent present entries through which nothing can be reached."""

    virt: int
    address: int                # of the first entry
    entry: int                  # the first one's value
    count: int
    level: int
    why: str

    @property
    def size(self) -> int:
        return self.count << level_shift(self.level)

    @property
    def end(self) -> int:
        return self.virt + self.size

    def moved(self, virt: int, rights: int) -> Flaw:
        return self._replace(virt=self.virt + virt)

    def joined(self, following: Piece) -> Optional[Flaw]:
        if isinstance(following, Flaw) and self[4:] == following[4:] and \
                self.virt + self.size == following.virt:
            return self._replace(count=self.count + following.count)
        return None


Piece = Union[Run, Flaw]


def merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    last: Optional[Piece] = None
    for piece in pieces:
        both = last.joined(piece) if last is not None else None
        if last is not None and both is None:
            yield last
        last = both or piece
    if last is not None:
        yield last
