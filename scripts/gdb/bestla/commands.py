"""The gdb commands: pagemap, pagewalk, bestla-symbols, bestla-kernel-symbols,
bestla-stop-in-loader, bestla-frames."""

from __future__ import annotations

from typing import Optional

import gdb

from . import frames, kernel, loader, target
from .memory import Unreadable
from .paging import ADDRESS_MASK, NotTranslating, Tables
from .report import HEADER, piece_row, walk_rows
from .target import TargetError
from .uefi import FirmwareError

# More rows than any map that is meant; tables that lead to themselves have 2^36.
MOST_ROWS = 100_000


class UsageError(Exception):
    """An argument that a command cannot take."""


class BuildFolder(gdb.Parameter):
    """The folder that holds the built loader.
It has loader/loader.elf, for symbols, and esp/EFI/BOOT/BOOTX64.EFI, to recognise it."""

    set_doc = "Set the folder that holds the built loader."
    show_doc = "Show the folder that holds the built loader."

    def __init__(self, folder: str) -> None:
        super().__init__("bestla-build", gdb.COMMAND_FILES, gdb.PARAM_FILENAME)
        self.value = folder

    def get_show_string(self, value: str) -> str:
        return "The built loader is looked for in %s." % value


class BestlaCommand(gdb.Command):
    """Turns every failure into one line that begins with the command's name."""

    name = ""
    completes = gdb.COMPLETE_NONE

    def __init__(self) -> None:
        super().__init__(self.name, gdb.COMMAND_DATA, self.completes)

    def invoke(self, argument: str, from_tty: bool) -> None:
        self.dont_repeat()
        try:
            self.run(argument.strip())
        except (FirmwareError, TargetError, Unreadable, UsageError, gdb.error) as error:
            raise gdb.GdbError("%s: %s" % (self.name, error)) from None
        except NotTranslating as state:
            print(state)

    def run(self, argument: str) -> None:
        raise NotImplementedError


class PageMap(BestlaCommand):
    """Print the page map: what is mapped where, with the rights of all levels together.
Usage: pagemap [ROWS]
A row is a run of pages of one size that are adjacent in virtual and physical memory.
Tables that lead to themselves can have endless rows: after ROWS (100000) it stops,
with 0 it does not. The memory type is that of the power-on PAT; set $pat to the value
of the PAT MSR if it is another."""

    name = "pagemap"

    def run(self, argument: str) -> None:
        most = parse_rows(argument)
        target.require_target()
        state, ranges = target.controls(), target.readable_ranges()
        state.require_long_mode()
        with target.physical_memory(state, ranges) as memory:
            pieces = Tables(memory, state).pieces()
            print(HEADER)
            for number, piece in enumerate(pieces):
                if most and number >= most:
                    print("stopped after %d rows, at 0x%016x; `pagemap 0` shows all"
                          % (most, piece.virt))
                    return
                print(piece_row(piece, state.pat))


class PageWalk(BestlaCommand):
    """Show the entry at every level on the way to an address, and what an access does.
Usage: pagewalk ADDRESS
ADDRESS is any expression; a function, an array or a structure stands for its address."""

    name = "pagewalk"
    completes = gdb.COMPLETE_EXPRESSION

    def run(self, argument: str) -> None:
        if not argument:
            raise UsageError("which address? Usage: pagewalk ADDRESS")
        target.require_target()
        state, mode = target.controls(), target.mode()
        state.require_long_mode()
        virt, ranges = evaluate(argument), target.readable_ranges()
        with target.physical_memory(state, ranges) as memory:
            rows = list(walk_rows(Tables(memory, state).walk(virt), state, mode))
        print("CR0 0x%x, CR3 0x%x, CR4 0x%x, EFER 0x%x: %d-level tables"
              % (state.cr0, state.cr3, state.cr4, state.efer, state.top))
        print("\n".join(rows))


class LoaderSymbols(BestlaCommand):
    """Load the loader's symbols at the address that firmware loaded it to.
Usage: bestla-symbols [BASE]
Without BASE it is looked for in the firmware's list of images, then around the program
counter. `show bestla-build` tells which files are taken."""

    name = "bestla-symbols"
    completes = gdb.COMPLETE_EXPRESSION

    def run(self, argument: str) -> None:
        base: Optional[int] = evaluate(argument) if argument else None
        loader.symbols(loader.Files(gdb.parameter("bestla-build")), base)


class KernelSymbols(BestlaCommand):
    """Move the kernel's symbols to where the kernel runs, which KASLR draws.
Usage: bestla-kernel-symbols
The place is read from the page tables in use: the loader's last ones, or the kernel's.
Breakpoints set by name move too. After bestla-stop-in-loader it happens by itself."""

    name = "bestla-kernel-symbols"

    def run(self, argument: str) -> None:
        if argument:
            raise UsageError("takes no argument, got '%s'" % argument)
        kernel.load_symbols()


class StopInLoader(BestlaCommand):
    """Run from the reset vector, or anywhere in the firmware, to the loader's efi_main.
Usage: bestla-stop-in-loader
It watches the firmware's list of images until the loader is in it, then loads the
loader's symbols and runs to its entry. Other breakpoints end the wait. When the machine
runs on, the kernel's symbols move to where the kernel is before it starts."""

    name = "bestla-stop-in-loader"

    def run(self, argument: str) -> None:
        if argument:
            raise UsageError("takes no argument, got '%s'" % argument)
        loader.stop_in_loader(loader.Files(gdb.parameter("bestla-build")))


class Frames(BestlaCommand):
    """Print the frames as `backtrace` does, in a form for programs.
Usage: bestla-frames
A line is `frame NUMBER PC FUNCTION FILE:LINE`, `?` for what is not known. A function that was
put inline is none; PC is where the frame goes on."""

    name = "bestla-frames"

    def run(self, argument: str) -> None:
        if argument:
            raise UsageError("takes no argument, got '%s'" % argument)
        target.require_target()
        print("\n".join(frames.frame_lines()))


COMMANDS = (PageMap, PageWalk, LoaderSymbols, KernelSymbols, StopInLoader, Frames)


def parse_rows(argument: str) -> int:
    if not argument:
        return MOST_ROWS
    if not (argument.isascii() and argument.isdigit()):
        raise UsageError("'%s' is not a number of rows" % argument)
    return int(argument)


def evaluate(expression: str) -> int:
    """An expression as an address."""
    value = gdb.parse_and_eval(expression)
    if value.type.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and [field.name for field in kind.fields()] == ["raw"]:
        value = value["raw"]                # phys_addr_t, virt_addr_t
    elif kind.code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT,
                       gdb.TYPE_CODE_UNION):
        value = value.address
    elif kind.code == gdb.TYPE_CODE_FLT:
        value = None
    if value is None:
        raise UsageError("'%s' has no address" % expression)
    return int(value) & ADDRESS_MASK


def register(build: str) -> None:
    BuildFolder(build)
    for command in COMMANDS:
        command()
