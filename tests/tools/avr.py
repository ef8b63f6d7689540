"""tools/hexelf as the tests run it, built with sanitizers; avra, avr-gcc and simavr around it."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from avr_programs import Part
from tool import ROOT, run

HEXELF = ROOT / "build" / "host" / "hexelf"
PARTS_SOURCE = ROOT / "tools" / "hexelf" / "avr_device.c"

# Of tools/status.h.
OK, USAGE, UNREADABLE, TOO_LARGE, WRITE_FAILED = 0, 2, 3, 15, 17
MALFORMED, CONTRADICTION, GUESS = 23, 24, 25

# Where the simulator finds the part's name, and nothing is loaded to.
MMCU = ("-Wl,--undefined=_mmcu", "-Wl,--section-start=.mmcu=0x910000", "-Wl,--fatal-warnings")

# The bytes of what a program prints come out at one register, as hexadecimal digits.
PRELUDE = r"""
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include "avr_mcu_section.h"
AVR_MCU(1000000, PART);
AVR_MCU_SIMAVR_CONSOLE(&GPIOR0);
static void show(unsigned char byte)
{
    GPIOR0 = (byte >> 4) + ((byte >> 4) < 10 ? '0' : 'a' - 10);
    GPIOR0 = (byte & 15) + ((byte & 15) < 10 ? '0' : 'a' - 10);
}
static void done(void)
{
    GPIOR0 = '\r';
    cli();
    sleep_mode();
}
"""


@dataclass
class Program:
    """What an assembler left of a program."""

    hex: Path
    map: Path
    listing: Path


@dataclass(frozen=True)
class Guess:
    """A line `guess: …`."""

    address: int
    confidence: str
    taken: bool
    text: str


def assemble(folder: Path, source: str, part: str = "ATmega328P", name: str = "old") -> Program:
    """By avra, which writes everything beside the source."""
    path = folder / f"{name}.asm"
    path.write_text(f".device {part}\n{source}\n")
    program = Program(*(folder / f"{name}.{end}" for end in ("hex", "map", "lst")))
    run("avra", "-m", program.map, "-l", program.listing, path, folder=folder)
    return program


def hexelf(*arguments: str | Path) -> str:
    """What the tool prints."""
    done = subprocess.run([HEXELF, *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == OK and not done.stderr, done.stderr
    return done.stdout


def refused(*arguments: str | Path, output: Path | None = None) -> tuple[int, str]:
    """Exit code and message, one line, where the tool says no; and nothing is written."""
    before = sorted(output.parent.iterdir()) if output else []
    done = subprocess.run([HEXELF, *arguments], capture_output=True, check=False,
                          encoding="utf-8", errors="surrogateescape")
    assert done.returncode != OK
    assert done.stderr.startswith("hexelf: ") and done.stderr.count("\n") == 1, done.stderr
    if output:
        assert sorted(output.parent.iterdir()) == before
    return done.returncode, done.stderr.strip()


def convert(program: Program, *options: str | Path, name: str = "old.o") -> tuple[Path, str]:
    """An object of it, and what the tool says."""
    target = program.hex.parent / name
    return target, hexelf("--machine", "avr", "--map", program.map, program.hex, "-o", target,
                          *options)


def guesses(text: str) -> list[Guess]:
    """All of them."""
    return [Guess(int(row[1], 16), row[2], not row[3], row[4]) for row in re.finditer(
        r"^guess: 0x([0-9a-f]+) (\w+)(, not taken)?: (.*)$", text, re.M)]


def relocations(target: Path) -> list[tuple[int, str, str]]:
    """Offset, kind, symbol+addend: as binutils read them."""
    return [(int(row[1], 16), row[2], row[3]) for row in re.finditer(
        r"^([0-9a-f]{8}) (R_\w+) +(\S+)$", run("avr-objdump", "-r", target), re.M)]


def link(folder: Path, code: str, *objects: Path, part: str = "atmega328p", text: int = 0,
         flags: tuple[str, ...] = ()) -> Path:
    """A program of C and these, after `text` bytes of C's own that push them up; no warning."""
    source, target = folder / "new.c", folder / "new.elf"
    filler = f'__attribute__((used, section(".progmem.fill"))) const char fill[{text}] = {{1}};'
    source.write_text(PRELUDE.replace("PART", f'"{part}"') + (filler if text else "") + code)
    done = subprocess.run(
        ["avr-gcc", f"-mmcu={part}", "-Os", "-isystem", "/usr/include/simavr/avr",
         *MMCU, *flags, source, *objects, "-o", target],
        capture_output=True, check=False, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return target


def flat(old: Program, name: str) -> bytes:
    """The program's bytes from its first on, gaps as erased flash."""
    target = old.hex.with_suffix(f".{name}")
    run("avr-objcopy", "-I", "ihex", "-O", "binary", "--gap-fill", "0xff", old.hex, target)
    return target.read_bytes()


def link_at(folder: Path, part: Part, old: Path, code: int, data: int, outside: int) -> bytes:
    """Linked without anything else; what the linker would only warn of is a failure."""
    target, script = folder / "moved.elf", folder / "moved.ld"
    # The linker's own jumps to what lies past 128 KiB must come first, or it sends all by them.
    before = ".before 0 : { *(.trampolines) }" if part.flash > 0x20000 else ""
    script.write_text(f"SECTIONS {{ {before} .text {code * 2} : {{ *(.text) }} "
                      f".noinit {0x800000 + data} : {{ *(.noinit) }} }} outside = {outside * 2};")
    run("avr-ld", "-m", part.arch, "--fatal-warnings", "-e", "0", "-T", script, old, "-o", target)
    run("avr-objcopy", "-O", "binary", "-j", ".text", "--gap-fill", "0xff", target,
        folder / "moved.bin")
    return (folder / "moved.bin").read_bytes()


def simulate(program: Path) -> str:
    """What it shows until it sleeps; "" where it never comes to that, but runs astray: that ends
    with two seconds of the processor's time, which a busy machine does not shorten."""
    done = subprocess.run(["prlimit", "--cpu=2", "simavr", program], capture_output=True,
                          check=False, encoding="latin-1")
    if done.returncode == -signal.SIGXCPU:
        return ""
    found = re.search(r"O:([0-9a-f]*)", done.stdout + done.stderr)
    return found[1] if found else ""


def disassembly(program: Path) -> str:
    """By avr-objdump, without the bytes."""
    return run("avr-objdump", "-d", "--no-show-raw-insn", program)
