"""The screen read back as text: a picture that QEMU takes, matched with the kernel's own font.

Nothing here knows how the kernel draws. The picture is of pixels, the font is a PSF file, and what
a cell shows is the character whose glyph it is, in two colours.
"""

import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NamedTuple

from booting import BOOT_TIMEOUT, ROOT, SCALE, Boot

FONT = ROOT / "build" / "font_bytes.inc"
# From the kernel's first line on: what firmware wrote before is not the kernel's to show.
FIRST_LINE = re.compile(r"^\[ *-?\d+\.\d+\] console: ", re.M)
_GRID = re.compile(r"screen: (\d+)x(\d+) pixels, (\d+)x(\d+) characters of (\d+)x(\d+)")


class Cell(NamedTuple):
    """A character and the colours it is in, each 0xRRGGBB."""

    character: str
    ink: int
    paper: int


class Font:
    """The glyphs of a PSF file of version 1 with its table, as docs/screen.md says which."""

    def __init__(self, path: Path = FONT):
        data = bytes(int(each) for each in path.read_text().replace(",", " ").split())
        magic, mode, self.height = struct.unpack_from("<HBB", data)
        assert magic == 0x0436 and mode & 2, f"{path}: not PSF 1 with a table"
        self.width = 8
        count = 512 if mode & 1 else 256
        self.characters: dict[bytes, str] = {}      # by the bytes of their glyph
        table, end = data[4 + count * self.height:], 0
        for glyph in range(count):
            start = end
            while table[end:end + 2] != b"\xff\xff":
                end += 2
            alone = table[start:end].split(b"\xfe\xff")[0]
            end += 2
            at = 4 + glyph * self.height
            for code in struct.unpack(f"<{len(alone) // 2}H", alone):
                known = self.characters.get(data[at:at + self.height], "\uffff")
                self.characters[data[at:at + self.height]] = min(known, chr(code))


@dataclass(frozen=True)
class Grid:
    """Where the cells of a screen lie, in pixels."""

    columns: int
    rows: int
    width: int          # of a cell
    height: int
    left: int = 0
    top: int = 0


def grid_of(log: str) -> Grid:
    """What the kernel says it has made of the screen; the cells lie in its middle."""
    found = _GRID.search(log)
    assert found, "the log tells of no screen"
    pixels_x, pixels_y, columns, rows, width, height = map(int, found.groups())
    return Grid(columns, rows, width, height, (pixels_x - columns * width) // 2,
                (pixels_y - rows * height) // 2)


class Picture:
    """A picture in the format PPM (P6), which is 3 bytes a pixel behind a line of text."""

    def __init__(self, data: bytes):
        header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        assert header, data[:20]
        self.width, self.height = int(header[1]), int(header[2])
        self._pixels = data[header.end():]
        assert len(self._pixels) == self.width * self.height * 3

    def pixel(self, x: int, y: int) -> int:
        """0xRRGGBB."""
        return int.from_bytes(self.part(x, y, 1), "big")

    def part(self, x: int, y: int, width: int) -> bytes:
        """A piece of a line."""
        start = (y * self.width + x) * 3
        return self._pixels[start:start + width * 3]


def _read_cell(lines: tuple[bytes, ...], font: Font) -> Cell | None:
    """The character whose glyph, enlarged, these lines of pixels are; None for none."""
    scale = len(lines) // font.height
    colours = {line[at:at + 3] for line in lines for at in range(0, len(line), 3)}
    if len(colours) == 1:
        paper = int.from_bytes(colours.pop(), "big")
        return Cell(" ", paper, paper)
    if len(colours) != 2:
        return None
    # Which of the two is the paper? A glyph and its inverse are both characters only for blocks.
    for ink, paper in sorted([(a, b) for a in colours for b in colours if a != b],
                             key=lambda pair: -sum(line.count(pair[1]) for line in lines)):
        glyph = bytearray()
        for row in range(font.height):
            bits = [lines[row * scale][x * scale * 3:][:3] == ink for x in range(font.width)]
            whole = b"".join((ink if bit else paper) * scale for bit in bits)
            if any(line != whole for line in lines[row * scale:(row + 1) * scale]):
                return None
            glyph.append(int("".join("01"[bit] for bit in bits), 2))
        if character := font.characters.get(bytes(glyph)):
            return Cell(character, int.from_bytes(ink, "big"), int.from_bytes(paper, "big"))
    return None


class Screen:
    """The cells of a picture, row by row."""

    def __init__(self, picture: Picture, grid: Grid, font: Font):
        known: dict[tuple[bytes, ...], Cell | None] = {}
        self.picture = picture
        self.cells: list[list[Cell]] = []
        for row in range(grid.rows):
            top, cells = grid.top + row * grid.height, []
            for column in range(grid.columns):
                left = grid.left + column * grid.width
                lines = tuple(picture.part(left, top + y, grid.width)
                              for y in range(grid.height))
                if lines not in known:
                    known[lines] = _read_cell(lines, font)
                cell = known[lines]
                # A character that is being drawn, or nobody's.
                cells.append(cell or Cell("\uffff", 0, 0))
            self.cells.append(cells)

    @property
    def rows(self) -> list[str]:
        """The text, without spaces at the ends of rows and empty rows at the end."""
        rows = ["".join(cell.character for cell in row).rstrip() for row in self.cells]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def text(self) -> str:
        """The rows as lines."""
        return "".join(f"{row}\n" for row in self.rows)

    def find(self, text: str) -> list[Cell]:
        """The cells of the first place where the text stands in a row."""
        for row, cells in zip(("".join(cell.character for cell in row) for row in self.cells),
                              self.cells):
            if (at := row.find(text)) >= 0:
                return cells[at:at + len(text)]
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")


def take_picture(boot: Boot) -> Picture:
    """What the machine's screen shows now."""
    path = boot.folder / "screen.ppm"
    boot.qmp.command("screendump", filename=str(path))
    return Picture(path.read_bytes())


def read_screen(boot: Boot, grid: Grid | None = None) -> Screen:
    """The same as cells: of the grid that the kernel tells of, or of another."""
    return Screen(take_picture(boot), grid or grid_of(boot.serial or boot.debugcon), Font())


def wait_for_screen(boot: Boot, shows: Callable[[Screen], bool],
                    grid: Grid | None = None) -> Screen:
    """The screen as soon as it shows what is wanted: the kernel writes to it after the serial port.

    QEMU tells nobody when a guest draws, so it is asked again and again.
    """
    deadline = time.monotonic() + BOOT_TIMEOUT * SCALE
    while not shows(screen := read_screen(boot, grid)):
        assert time.monotonic() < deadline, f"this is what the screen shows:\n{screen.text}"
        time.sleep(0.05)
    return screen


def wrapped(log: str, columns: int) -> list[str]:
    """The kernel's part of a log in rows of so many characters."""
    found = FIRST_LINE.search(log)
    assert found, "the kernel's first line is not in the log"
    rows = []
    for line in log[found.start():].split("\n"):
        rows += [line[at:at + columns].rstrip() for at in range(0, max(len(line), 1), columns)]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def assert_shows_log(screen: Screen, log: str) -> None:
    """The screen has the end of the log, and most of itself filled."""
    expected = wrapped(log, len(screen.cells[0]))
    shown = screen.rows
    assert shown == expected[-len(shown):]
    assert len(shown) == len(expected) or len(shown) >= len(screen.cells) * 3 // 4 - 1
