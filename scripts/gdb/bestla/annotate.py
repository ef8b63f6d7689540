"""What lies where: a page map's runs in words."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Iterable, NamedTuple, Optional

from .boot_info import BootInfo
from .elf_file import STT_FUNC, STT_OBJECT, Section
from .entries import ADDRESS_MASK
from .image import PAGE, Image
from .runs import Piece, Run

STACK = "stack"


class Area(NamedTuple):
    """A stack, by the section that it is."""

    name: str
    start: int
    end: int


class Surroundings:
    """All that is known of a map beside the map; each part may be missing."""

    def __init__(self, pieces: Iterable[Piece], frames: Iterable[int], image: Optional[Image],
                 boot_info: Optional[BootInfo], stack_pointer: Optional[int] = None) -> None:
        self.image = image
        self.boot_info = boot_info
        self.stack_pointer = stack_pointer
        self.frames = sorted(frames)
        self.runs = [piece for piece in pieces if isinstance(piece, Run)]
        self.offset = self._direct_map_offset()

    def _direct_map_offset(self) -> Optional[int]:
        """Virtual less physical address, of the map of all memory in the upper half."""
        bytes_at: Counter[int] = Counter()
        for run in self.runs:
            if run.virt >> 63 and not self.in_image(run.virt):
                bytes_at[run.virt - run.phys] += run.size
        if self.boot_info is not None and bytes_at[self.boot_info.direct_map]:
            return self.boot_info.direct_map
        return bytes_at.most_common(1)[0][0] if bytes_at else None

    def in_image(self, virt: int) -> bool:
        return self.image is not None and self.image.start <= virt < self.image.end

    def what(self, run: Run) -> str:
        """A line on a run, which may be a part of one."""
        parts = [self._place(run), self._framebuffer(run), self._tables(run)]
        if self.stack_pointer is not None and run.virt <= self.stack_pointer < run.end and \
                STACK not in parts[0]:
            parts.append("the stack (RSP)")
        return "; ".join(part for part in parts if part)

    def _place(self, run: Run) -> str:
        if self.in_image(run.virt) and self.image is not None:
            return describe_image(self.image, run)
        if self.offset is not None and run.virt - run.phys == self.offset:
            return self._memory("direct map", run)
        if run.virt == run.phys:
            return self._memory("identity map", run)
        return ""

    def _memory(self, name: str, run: Run) -> str:
        types = [] if self.boot_info is None else \
            self.boot_info.types_in(run.phys, run.phys + run.size)
        return name + (": " + ", ".join(types) if types else "")

    def _framebuffer(self, run: Run) -> str:
        start, end = (0, 0) if self.boot_info is None else self.boot_info.framebuffer
        return "framebuffer" if run.phys < end and start < run.phys + run.size else ""

    def _tables(self, run: Run) -> str:
        count = bisect_left(self.frames, run.phys + run.size) - bisect_left(self.frames, run.phys)
        return "%d page table%s" % (count, "" if count == 1 else "s") if count else ""

    def stacks(self) -> list[Area]:
        return [] if self.image is None else stacks_of(self.image)


def describe_image(image: Image, run: Run) -> str:
    """The sections in a run, with the symbols when only one section is in it."""
    sections = [each for each in image.file.sections
                if image.virt(each.virt) < run.end and
                run.virt < image.virt(each.virt) + each.size]
    names = ", ".join(each.name for each in sections) or "gap"
    text = "kernel " + names
    if len(sections) == 1 and STACK in sections[0].name:
        return text + guards(image, run)
    symbols = [each.name for each in image.file.symbols.between(
        run.virt - image.slide & ADDRESS_MASK, run.virt - image.slide + run.size & ADDRESS_MASK)
        if each.type in (STT_FUNC, STT_OBJECT)]
    if not symbols:
        symbol = image.symbol_at(run.virt)
        symbols = [symbol.name] if symbol and symbol.size else []
    if not symbols:
        return text
    return text + ": " + " .. ".join(dict.fromkeys((symbols[0], symbols[-1])))


def guards(image: Image, run: Run) -> str:
    """Which of the pages around a stack the file leaves out, and so are its guards."""
    below = image.segment_at(run.virt - PAGE) is None
    above = image.segment_at(run.end) is None
    if below and above:
        return ", a guard page below and above"
    return ", a guard page " + ("below" if below else "above") if below or above else ""


def is_stack(section: Section) -> bool:
    return STACK in section.name


def stacks_of(image: Image) -> list[Area]:
    return [Area(each.name, image.virt(each.virt), image.virt(each.virt) + each.size)
            for each in image.file.sections if is_stack(each)]


def symbol_text(image: Optional[Image], virt: int) -> str:
    """`name+0x12`, or nothing."""
    symbol = image.symbol_at(virt) if image else None
    if symbol is None:
        return ""
    offset = virt - symbol.virt
    return symbol.name + ("+0x%x" % offset if offset else "")
