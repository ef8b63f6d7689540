"""The kernel's image in the tables: where it runs, wherever it was linked.

Nothing is told where the image lies. It is where every page of its ELF file's segments is
mapped at one distance from the linked address, and from one piece of physical memory; if the
memory can be read, the first code there is that of the file.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple, Optional

from .elf_file import PF_X, ElfError, ElfFile, Section, Segment, Symbol, SymbolTable
from .elf_file import SHF_ALLOC
from .entries import ADDRESS_MASK, EXECUTE
from .memory import Memory, Unreadable
from .paging import Tables
from .runs import Piece, Run

PAGE = 4096
# Code that is compared; the loader changes none of it, and that it is the same is chance at 16.
COMPARED = 256


class KernelFile:
    """An ELF file with its sections and symbols."""

    def __init__(self, path: str) -> None:
        self.elf = ElfFile(path)
        self.loads: list[Segment] = self.elf.loads()
        self.sections: list[Section] = [each for each in self.elf.sections()
                                        if each.flags & SHF_ALLOC and each.size]
        self.symbols = SymbolTable(self.elf.symbols())
        if not self.loads:
            raise ElfError("%s: no PT_LOAD segment" % path)

    def code(self) -> Optional[Segment]:
        return next((each for each in self.loads if each.flags & PF_X), None)


class Image(NamedTuple):
    """A kernel file, and how far from its linked addresses it runs."""

    file: KernelFile
    slide: int

    def virt(self, linked: int) -> int:
        return linked + self.slide & ADDRESS_MASK

    @property
    def start(self) -> int:
        return self.virt(self.file.loads[0].virt & -PAGE)

    @property
    def end(self) -> int:
        last = self.file.loads[-1]
        return self.start + (last.virt + last.size + PAGE - 1 & -PAGE) - \
            (self.file.loads[0].virt & -PAGE)

    def segment_at(self, virt: int) -> Optional[Segment]:
        linked = virt - self.slide & ADDRESS_MASK
        return next((each for each in self.file.loads if each.virt & -PAGE <= linked
                     < (each.virt + each.size + PAGE - 1 & -PAGE)), None)

    def symbol_at(self, virt: int) -> Optional[Symbol]:
        symbol = self.file.symbols.at(virt - self.slide & ADDRESS_MASK)
        return symbol and symbol._replace(virt=self.virt(symbol.virt))

    def address_of(self, name: str) -> Optional[int]:
        symbol = self.file.symbols.named(name)
        return self.virt(symbol.virt) if symbol else None


def find_image(file: KernelFile, tables: Tables, pieces: Iterable[Piece],
               memory: Optional[Memory]) -> Optional[Image]:
    """The place that fits; the linked one is tried first."""
    code = file.code()
    if code is None:
        return None
    starts = [piece.virt for piece in pieces
              if isinstance(piece, Run) and piece.rights & EXECUTE and piece.virt >> 63]
    slides = [0] + [start - (code.virt & -PAGE) for start in starts]
    for slide in dict.fromkeys(slides):
        image = Image(file, slide)
        if is_mapped(image, tables) and (memory is None or has_code(image, tables, memory)):
            return image
    return None


def is_mapped(image: Image, tables: Tables) -> bool:
    """Whether first and last page of every segment are there, from one piece of memory."""
    distances = set()
    for each in image.file.loads:
        for linked in (each.virt & -PAGE, each.virt + max(each.size, 1) - 1 & -PAGE):
            walk = tables.walk(image.virt(linked))
            if not walk.mapped:
                return False
            distances.add(walk.phys - linked)
    return len(distances) == 1


def has_code(image: Image, tables: Tables, memory: Memory) -> bool:
    code = image.file.code()
    if code is None:
        return False
    size = min(COMPARED, code.file_size, PAGE - code.virt % PAGE)
    try:
        expected = image.file.elf.bytes_at(code.offset, size)
        return memory.read(tables.walk(image.virt(code.virt)).phys, size) == expected
    except (ElfError, Unreadable):
        return False
