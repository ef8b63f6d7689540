"""tools/ksyms as the tests run it, built with sanitizers; small ELF files to run it on; and what
binutils say of a file. Nothing of ours but the tool reads ELF here."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KSYMS = ROOT / "build" / "host" / "ksyms"

# Of tools/status.h.
OK, USAGE, UNREADABLE, NOT_ELF, TRUNCATED, NOT_64_BIT, NOT_X86_64, NOT_LINKED = 0, *range(2, 9)
NO_SYMBOLS, NO_DWARF, BAD_DWARF, NO_PLACEHOLDER, SMALL, LARGE = range(9, 15)
TOO_LARGE, NO_TABLE, WRITE_FAILED = range(15, 18)

LINKER_SCRIPT = """
SECTIONS {
    . = 0x100000;
    .data : { *(.data .data.*) } .bss : { *(.bss .bss.*) }
    . = ALIGN(0x1000);
    text_start = .; .text : { *(.text .text.*) } text_end = .;
    . = ALIGN(0x1000);
    .rodata : { *(.rodata .rodata.*) }
    .symbols ALIGN(4) : { LONG(0) . = . + SYMBOLS_SIZE - 4; }
    /DISCARD/ : { *(.note.* .comment .eh_frame) }
}
"""


@dataclass(frozen=True)
class Symbol:
    """A line of `ksyms --list`."""

    start: int
    size: int
    kind: str
    name: str
    file: str = ""


def run(*command: str | Path, text: str = "", folder: Path = ROOT) -> str:
    """What a program prints."""
    return subprocess.run(list(command), check=True, input=text, capture_output=True, cwd=folder,
                          encoding="utf-8", errors="surrogateescape").stdout


def ksyms(*arguments: str | Path, text: str = "") -> str:
    """What the tool prints."""
    done = subprocess.run([KSYMS, *arguments], input=text, capture_output=True, check=False,
                          encoding="utf-8", errors="surrogateescape")
    assert done.returncode == OK, done.stderr
    return done.stdout


def refused(*arguments: str | Path, text: str = "") -> tuple[int, str]:
    """Exit code and message, one line, where the tool says no."""
    done = subprocess.run([KSYMS, *arguments], input=text, capture_output=True, check=False,
                          encoding="utf-8", errors="surrogateescape")
    assert done.stderr.startswith("ksyms: ") and done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr.strip()


def table(kernel: Path) -> list[Symbol]:
    """The symbols in a kernel."""
    rows = [line.split(" ") for line in ksyms("--list", kernel).splitlines()]
    return [Symbol(int(row[0], 16), int(row[1], 16), *row[2:]) for row in rows]


def compile_file(folder: Path, name: str, source: str, *flags: str) -> Path:
    """An object of C or, by the name's ending, of assembly for gcc or NASM."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    target = path.with_suffix(".o")
    if name.endswith(".asm"):
        run("nasm", "-f", "elf64", "-g", "-F", "dwarf", name, "-o", target, folder=folder)
    else:
        run("gcc", "-g", "-O1", "-c", "-ffreestanding", "-fno-pic", "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables", *flags, name, "-o", target, folder=folder)
    return target


def link(folder: Path, *objects: Path, size: int = 48, name: str = "kernel.elf") -> Path:
    """An image of these with a placeholder of this size."""
    script = folder / "script.ld"
    script.write_text(LINKER_SCRIPT)
    target = folder / name
    run("ld", "-e", "0", "-z", "max-page-size=4096", "--build-id=none", "-T", script,
        f"--defsym=SYMBOLS_SIZE={size}", *objects, "-o", target)
    return target


def link_filled(folder: Path, *objects: Path) -> Path:
    """As the Makefile does it: linked twice and filled."""
    kernel = link(folder, *objects, size=int(ksyms("--size", link(folder, *objects))))
    ksyms(kernel)
    return kernel


def base_of(kernel: Path) -> int:
    """The lowest address of a segment."""
    return min(int(address, 16) for address in re.findall(
        r"^ +LOAD +0x[0-9a-f]+ (0x[0-9a-f]+)", run("readelf", "-lW", kernel), re.M))


def text_of(kernel: Path) -> range:
    """The addresses of .text."""
    found = re.search(r" \.text +PROGBITS +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)",
                      run("readelf", "-SW", kernel))
    assert found
    return range(int(found[1], 16), int(found[1], 16) + int(found[2], 16))


def nm_symbols(kernel: Path) -> list[tuple[int, int, str]]:
    """Offset, size and name of all that nm gives a size, but what lies in debugging sections."""
    base = base_of(kernel)
    rows = [line.split(" ", 3) for line in run("nm", "-S", kernel).splitlines()]
    return sorted((int(row[0], 16) - base, int(row[1], 16), row[3])
                  for row in rows if len(row) == 4 and row[2] != "N")
