"""The gdb commands: those on page maps (page_commands.py), bestla-symbols, bestla-kernel-symbols,
bestla-stop-in-loader, bestla-frames."""

from __future__ import annotations

from typing import Optional

import gdb

from . import frames, kernel, loader, target
from .command import BestlaCommand, UsageError, evaluate
from .page_commands import PageAudit, PageDiff, PageFind, PageMap, PageWalk

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
put inline is none; PC is where the frame goes on. After 1000 frames a last line says that there
are more."""

    name = "bestla-frames"

    def run(self, argument: str) -> None:
        if argument:
            raise UsageError("takes no argument, got '%s'" % argument)
        target.require_target()
        print("\n".join(frames.frame_lines()))


COMMANDS = (PageMap, PageWalk, PageFind, PageDiff, PageAudit, LoaderSymbols, KernelSymbols,
            StopInLoader, Frames)


def register(build: str) -> None:
    BuildFolder(build)
    for command in COMMANDS:
        command()
