"""Does firmware's console show this text? Its font is its own, and not needed to tell.

Each cell's picture stands for one character and each character has one picture: when that holds
for a whole screen of many characters, and for each screen after it, the text is what is shown.
"""

from pathlib import Path

CELL_WIDTH, CELL_HEIGHT = 8, 19         # edk2's narrow glyphs (UEFI 2.10, 34.3.1)
COLUMNS, ROWS = 100, 31                 # the text mode of a screen of 1280x800


class Picture:
    """A binary PPM file: what QMP's screendump writes unless told otherwise."""

    def __init__(self, path: Path):
        kind, size, depth, pixels = path.read_bytes().split(b"\n", 3)
        assert (kind, depth) == (b"P6", b"255")
        self.width, self.height = (int(number) for number in size.split())
        self._pixels = pixels

    def line(self, left: int, top: int, width: int) -> list[bytes]:
        """Pixels, three bytes each."""
        at = 3 * (top * self.width + left)
        return [self._pixels[at + 3 * i:at + 3 * i + 3] for i in range(width)]

    def cell(self, column: int, row: int) -> list[bytes]:
        """The pixels of one character of the console, which firmware puts into the middle."""
        left = (self.width - COLUMNS * CELL_WIDTH) // 2 + column * CELL_WIDTH
        top = (self.height - ROWS * CELL_HEIGHT) // 2 + row * CELL_HEIGHT
        return [pixel for y in range(CELL_HEIGHT) for pixel in self.line(left, top + y, CELL_WIDTH)]


def background(cell: list[bytes]) -> bytes:
    """The colour that most pixels have."""
    return max(set(cell), key=cell.count)


class FirmwareScreen:
    """What has been learned of the font so far."""

    def __init__(self) -> None:
        self._characters: dict[tuple[bool, ...], str] = {}
        self._pictures: dict[str, tuple[bool, ...]] = {}

    def first_difference(self, picture: Picture, rows: dict[int, str]) -> str:
        """Says where the picture cannot be these rows and blank ones; "" when it can, and then
        their characters are known."""
        characters, pictures = dict(self._characters), dict(self._pictures)
        for row in range(ROWS):
            for column, character in enumerate(rows.get(row, "").ljust(COLUMNS - 1)):
                cell = picture.cell(column, row)
                ground = background(cell)
                drawn = tuple(pixel != ground for pixel in cell)
                if pictures.setdefault(character, drawn) != drawn or \
                        characters.setdefault(drawn, character) != character:
                    return f"row {row}, column {column}: not {character!r}"
        self._characters, self._pictures = characters, pictures
        return ""
