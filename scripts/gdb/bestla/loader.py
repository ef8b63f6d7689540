"""The loader's symbols at its real address, and a stop at its first line."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Iterator, Optional

import gdb

from . import kernel, target, uefi
from .memory import Memory, Ranges
from .paging import CR0_PG, EFER_LMA, Controls, Tables
from .target import TargetError
from .uefi import FirmwareError, PeFile, SystemTable

ENTRY = "efi_main"
POLL_SECONDS = 0.05
FOUR_GIB = 1 << 32

# Where RAM is looked for when the stub cannot tell: below the usual PCI hole.
ASSUMED_RAM = Ranges([(0, 0xC000_0000)])


class Files:
    """What was built: the ELF file with the symbols and the PE file that firmware loads."""

    def __init__(self, build: str) -> None:
        self.elf = Path(build, "loader", "loader.elf")
        self.pe = Path(build, "esp", "EFI", "BOOT", "BOOTX64.EFI")

    def load_pe(self) -> PeFile:
        try:
            self.elf.open("rb").close()
            return PeFile(self.pe.read_bytes(), str(self.pe))
        except OSError as error:
            raise FirmwareError("%s: %s (build it, or `set bestla-build FOLDER`)"
                                % (error.filename, error.strerror)) from None


def candidates(ranges: Optional[Ranges]) -> list[int]:
    """Where a pointer can lie, as firmware places it: high, but below 4 GiB first."""
    addresses = (ranges or ASSUMED_RAM).aligned(uefi.POINTER_ALIGNMENT)
    return sorted(addresses, key=lambda address: (address >= FOUR_GIB, -address))


def program_counter() -> int:
    return target.register("rip") or 0


# -- symbols ---------------------------------------------------------------------------


def find_base(memory: Memory, ranges: Optional[Ranges], pe: PeFile, here: int) -> int:
    """The loader's base from the firmware's list, else from the program counter."""
    table = uefi.find_system_table(memory, candidates(ranges))
    header = None if table is None else uefi.find_image_list(memory, table)
    base = None if header is None else uefi.find_loader(memory, header, pe)
    if base is None:
        base = uefi.find_loader_around(memory, here, pe)
    if base is not None:
        return base
    if table is None:
        raise FirmwareError("no EFI_SYSTEM_TABLE_POINTER in memory: firmware has not published "
                            "it yet, or its memory has been reused since boot services were left")
    if not table.boot_services:
        raise FirmwareError("boot services have been left, and the loader is not in what remains "
                            "of the firmware's list of images")
    if header is None:
        raise FirmwareError("the system table at 0x%x lists no debug image info table"
                            % table.address)
    raise FirmwareError("the loader is not among the images that firmware has loaded")


def load_symbols(files: Files, base: int) -> None:
    """The ELF file's addresses are those in the PE file, which is linked at 0."""
    name = '"%s"' % str(files.elf).replace("\\", "\\\\").replace('"', '\\"')
    try:
        gdb.lookup_objfile(str(files.elf))
        gdb.execute("remove-symbol-file " + name, to_string=True)
    except (ValueError, gdb.error):
        pass                                # not loaded yet
    gdb.execute("add-symbol-file %s -o 0x%x" % (name, base), to_string=True)


def tell(files: Files, pe: PeFile, base: int, same_code: bool) -> None:
    print("loader at 0x%x-0x%x, symbols of %s" % (base, base + pe.image_size, files.elf))
    if not same_code:
        print("warning: the code in memory is not that of %s: lines may be off" % files.pe)


def symbols(files: Files, given: Optional[int]) -> None:
    """Loads the symbols at a base, which is looked for if not given."""
    target.require_target()
    pe, ranges, here = files.load_pe(), target.readable_ranges(), program_counter()
    with target.physical_memory(target.controls(), ranges) as memory:
        base = find_base(memory, ranges, pe, here) if given is None else given
        right, same_code = pe.has_headers_at(memory, base), pe.has_code_at(memory, base)
    if not right:
        raise FirmwareError("0x%x: not the headers of %s" % (base, files.pe))
    load_symbols(files, base)
    tell(files, pe, base, same_code)


# -- stop in the loader ----------------------------------------------------------------


class Stops:
    """Continues the machine and tells why it stopped."""

    def __init__(self) -> None:
        self.event: Optional[gdb.StopEvent] = None
        self.by_timer = False
        self._turn = 0

    def note(self, event: gdb.StopEvent) -> None:
        self.event = event

    def resume(self, seconds: Optional[float] = None) -> None:
        """Returns when the machine stops, or has run for some seconds."""
        self.event, self.by_timer = None, False
        self._turn += 1
        timer = threading.Timer(seconds or 0, gdb.post_event, [partial(self._stop, self._turn)])
        if seconds is not None:
            timer.start()
        try:
            gdb.execute("continue", to_string=True)
        except gdb.error as error:
            raise TargetError("the machine went away: %s" % error) from None
        finally:
            timer.cancel()
        if self.event is None:
            raise TargetError("the machine ended before the loader was loaded")

    def _stop(self, turn: int) -> None:
        # In gdb's own thread; the machine may have stopped since the timer fired.
        if self.event is None and turn == self._turn:
            self.by_timer = True
            gdb.execute("interrupt", to_string=True)

    def by(self, breakpoint: gdb.Breakpoint) -> bool:
        return breakpoint in getattr(self.event, "breakpoints", ())

    def reason(self) -> str:
        numbers = [str(each.number) for each in getattr(self.event, "breakpoints", ())]
        cause = "breakpoint " + ", ".join(numbers) if numbers else \
            getattr(self.event, "stop_signal", "no known cause")
        return "%s at 0x%x" % (cause, program_counter())


@contextmanager
def quiet_stops() -> Iterator[Stops]:
    """For stops by the hundred, of which gdb must not tell.

    gdb has no setting that silences the SIGINT of an `interrupt`, and its message goes
    past to_string: so its standard output is taken away meanwhile.
    """
    stops = Stops()
    gdb.events.stop.connect(stops.note)
    gdb.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield stops
    finally:
        gdb.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
        gdb.events.stop.disconnect(stops.note)


def forget_last_boot(ranges: Optional[Ranges]) -> None:
    """RAM survives a reset: a pointer of the boot before would lead to its images."""
    if target.controls().cr0 & CR0_PG:
        return
    connection = target.require_target()
    with target.physical_mode(connection) as on:
        memory = target.StubMemory(connection)
        for address in candidates(ranges) if on else ():
            if memory.read(address, 8) == uefi.SYSTEM_TABLE_SIGNATURE:
                memory.write(address, bytes(8))


def require_firmware(memory: Memory, state: Controls, table: Optional[SystemTable],
                     here: int) -> None:
    """Firmware maps memory at itself, so code elsewhere is not firmware's."""
    gone = table is not None and not table.boot_services
    if state.cr0 & CR0_PG and state.efer & EFER_LMA:
        walk = Tables(memory, state).walk(here)
        gone = gone or walk.mapped and walk.phys != here
    if gone:
        raise FirmwareError("firmware has been left (now at 0x%x): reset the machine first, "
                            "`monitor system_reset`" % here)


def image_list(ranges: Optional[Ranges]) -> Optional[int]:
    """The list's header, once firmware has published it."""
    state, here = target.controls(), program_counter()
    with target.physical_memory(state, ranges) as memory:
        table = uefi.find_system_table(memory, candidates(ranges))
        require_firmware(memory, state, table, here)
        return None if table is None else uefi.find_image_list(memory, table)


def wait_for_list(stops: Stops, ranges: Optional[Ranges]) -> int:
    """Runs in small steps until firmware has published its list of images."""
    while True:
        header = image_list(ranges)
        if header is not None:
            return header
        stops.resume(POLL_SECONDS)
        if not stops.by_timer or hasattr(stops.event, "breakpoints"):
            raise TargetError("stopped before firmware listed its images: " + stops.reason())


def loaded(ranges: Optional[Ranges], header: int, pe: PeFile) -> Optional[int]:
    """The loader's base, once it is in the list and the list is whole."""
    with target.physical_memory(target.controls(), ranges) as memory:
        if uefi.being_updated(memory, header):
            return None
        return uefi.find_loader(memory, header, pe)


def wait_for_loader(stops: Stops, ranges: Optional[Ranges], header: int, pe: PeFile) -> int:
    """Every image that firmware loads changes UpdateStatus, the header's first field."""
    watch = gdb.Breakpoint("*(unsigned int *) 0x%x" % header, gdb.BP_WATCHPOINT, gdb.WP_WRITE,
                           internal=True)
    try:
        while True:
            stops.resume()
            if not stops.by(watch):
                raise TargetError("stopped before the loader was loaded: " + stops.reason())
            base = loaded(ranges, header, pe)
            if base is not None:
                return base
    finally:
        watch.delete()


def stop_in_loader(files: Files) -> None:
    """Runs from anywhere before the loader to its entry; it need not collaborate."""
    target.require_target()
    # After a reset through the monitor gdb still holds the registers from before.
    gdb.execute("maintenance flush register-cache", to_string=True)
    pe, ranges = files.load_pe(), target.readable_ranges()
    forget_last_boot(ranges)
    print("waiting for firmware to load the loader; ^C stops the machine")
    with quiet_stops() as stops:
        header = wait_for_list(stops, ranges)
        known = loaded(ranges, header, pe)
        base = wait_for_loader(stops, ranges, header, pe) if known is None else known
    symbols(files, base)
    kernel.follow()
    if known is not None:
        print("it was loaded before: %s may have run already; stopped here" % ENTRY)
        return
    gdb.Breakpoint(function=ENTRY, type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
    gdb.execute("continue")
