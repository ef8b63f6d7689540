"""Where a page map is read from when there is no gdb: a core, a raw file, a dump, a stub."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from typing import BinaryIO, Iterator, Optional, Sequence

from . import core_file, dump_file
from .core_file import CoreMemory
from .elf_file import ElfFile
from .entries import EFER_LMA, EFER_NXE, CR0_PG, CR0_WP, PAT_AT_POWER_ON, Controls
from .memory import (BoundedMemory, FileMemory, ask_features, parse_flat_view,
                     parse_registers)
from .query import QueryError, parse_number
from .report import Mode
from .space import PAT_ASSUMED, View
from .stub import Stub, StubError

NXE_ASSUMED = "EFER.NXE is taken to be set (this source does not tell)"
AC = 1 << 18
REGISTERS = ("cr0", "cr3", "cr4", "efer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name a source, and registers that it does not tell."""
    add = parser.add_argument
    add("--core", metavar="FILE", help="a core that QEMU wrote: dump-guest-memory FILE")
    add("--dump", metavar="FILE", help="a serial log with the tables that the kernel printed")
    add("--memory", metavar="FILE", help="raw physical memory, with --cr3 and --cr4")
    add("--base", metavar="N", default="0", help="the physical address of its first byte (0)")
    add("--stub", metavar="ADDRESS", help="a gdb stub: HOST:PORT or a socket's path")
    add("--cpu", metavar="N", type=int, default=0, help="which processor of a core (0)")
    for name in ("cr0", "cr3", "cr4", "efer", "pat", "maxphyaddr"):
        add("--" + name, metavar="N", help=argparse.SUPPRESS if name in ("cr0", "maxphyaddr")
            else "%s, where the source does not tell it, or instead" % name.upper())


def named(options: argparse.Namespace) -> list[str]:
    return [name for name in ("core", "dump", "memory", "stub")
            if getattr(options, name) is not None]


def describe(options: argparse.Namespace) -> str:
    """What to call the source, without folders; nothing if there is none."""
    if not named(options):
        return ""
    kind, *_ = named(options)
    name = str(getattr(options, kind)).rstrip("/").rpartition("/")[2]
    return "%s (%s)" % (name, "gdb stub" if kind == "stub" else kind)


def given(options: argparse.Namespace, name: str) -> Optional[int]:
    value = getattr(options, name)
    return None if value is None else parse_number(value)


def amended(controls: Controls, options: argparse.Namespace) -> Controls:
    """Registers that the user gives stand above those of the source."""
    names = {"cr0": "cr0", "cr3": "cr3", "cr4": "cr4", "efer": "efer", "pat": "pat",
             "maxphyaddr": "phys_bits"}
    values = {field: given(options, name) for name, field in names.items()}
    bits = values["phys_bits"]
    if bits is not None and not 32 <= bits <= 52:
        raise QueryError("--maxphyaddr %d: expected 32 to 52" % bits)
    return controls._replace(**{field: value for field, value in values.items()
                                if value is not None})


@contextmanager
def open_source(options: argparse.Namespace) -> Iterator[View]:
    """The one source that is named."""
    names = named(options)
    if len(names) != 1:
        raise QueryError("name one source: --core, --dump, --memory or --stub" if not names else
                         "one source at a time, not " + " and ".join("--" + n for n in names))
    with {"core": core, "dump": dump, "memory": raw, "stub": stub}[names[0]](options) as view:
        yield view._replace(controls=amended(view.controls, options))


def assumptions(options: argparse.Namespace, *also: str) -> tuple[str, ...]:
    return (*also, *(() if options.pat is not None else (PAT_ASSUMED,)))


@contextmanager
def core(options: argparse.Namespace) -> Iterator[View]:
    elf = ElfFile(options.core)
    try:
        core_file.check_core(elf)
        cpus = core_file.processors(elf)
        if not 0 <= options.cpu < len(cpus):
            raise QueryError("%s: --cpu %d, and the core has the registers of %d processors"
                             % (options.core, options.cpu, len(cpus)))
        cpu = cpus[options.cpu]
        yield View(CoreMemory(elf), core_file.controls_of(cpu),
                   Mode(cpu.cs & 3 == 3, bool(cpu.rflags & AC)), cpu.rsp,
                   assumed=assumptions(options,
                                       *(() if options.efer is not None else (NXE_ASSUMED,))))
    finally:
        elf.close()


@contextmanager
def dump(options: argparse.Namespace) -> Iterator[View]:
    found = dump_file.load(options.dump)
    yield View(found, found.controls, whole_memory=False)


@contextmanager
def raw(options: argparse.Namespace) -> Iterator[View]:
    if options.cr3 is None or options.cr4 is None:
        raise QueryError("--memory needs --cr3 and --cr4: a raw file has no registers")
    controls = Controls(CR0_PG | CR0_WP, 0, 0, EFER_LMA | EFER_NXE, PAT_AT_POWER_ON)
    base = parse_number(options.base)
    with opened(options.memory) as file:
        yield View(FileMemory(file, base), controls,
                   assumed=assumptions(options, *(() if options.efer is not None
                                                  else (NXE_ASSUMED,))))


def opened(path: str) -> BinaryIO:
    """A file that can be read in any order."""
    try:
        file = open(path, "rb")             # pylint: disable=consider-using-with
    except (OSError, ValueError) as error:
        raise QueryError("%s: %s" % (path, getattr(error, "strerror", None) or error)) from None
    if not file.seekable():
        file.close()
        raise QueryError("%s: a pipe; raw memory is not read from its start to its end" % path)
    return file


@contextmanager
def stub(options: argparse.Namespace) -> Iterator[View]:
    with Stub(options.stub) as connection:
        controls = stub_controls(connection, [name for name in REGISTERS
                                              if getattr(options, name) is not None])
        ranges = parse_flat_view(connection.monitor("info mtree -f"))
        memory = connection if ranges is None else BoundedMemory(connection, ranges)
        yield View(memory, controls, assumed=assumptions(options))


def stub_controls(connection: Stub, known: Sequence[str] = ()) -> Controls:
    """The control registers by QEMU's monitor; those that are known otherwise may lack."""
    values = parse_registers(connection.monitor("info registers"))
    missing = [name for name in REGISTERS if name not in values and name not in known]
    if missing:
        raise StubError("%s: `monitor info registers` does not tell %s; give --%s"
                        % (connection.address, ", ".join(missing), missing[0]))
    return Controls(*(values.get(name, 0) for name in REGISTERS),
                    **ask_features(connection.monitor))
