"""The fixture `boot`: machines that a test starts, and that end with it."""

import itertools
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))

# pylint: disable=wrong-import-position
from bestla import Boot, make_esp, make_image, split_arguments  # noqa: E402
from machine import Machine  # noqa: E402


@pytest.fixture(name="boot")
def fixture_boot(tmp_path: Path) -> Iterator[Callable[..., Boot]]:
    """Starts a machine from build/esp with changes, all of them keyword arguments.

    Any field of scripts/machine.py's Machine: cpu, memory, machine, smp, media, firmware,
    variables, gdb, stopped, icount, extra, and image to start that instead of the ESP. And:
    kernel   path of another kernel.elf
    options  the boot entry's options, in place of the built ones
    modules  paths of files to go to /modules, each with a line in the boot entry
    files    {path on the ESP: bytes, text, a Path to copy, or None to remove it}
    efi      path of an EFI program to start first; the loader is /EFI/bestla/loader.efi then
    esp      path of another folder to begin with
    """
    endings = ExitStack()
    number = itertools.count()

    def start(**arguments: Any) -> Boot:
        machine_arguments, esp_arguments = split_arguments(arguments)
        if "image" not in machine_arguments:
            name = str(next(number))
            esp = make_esp(tmp_path / f"esp{name}", **esp_arguments)
            machine_arguments["image"] = make_image(esp, tmp_path / f"disk{name}.img")
        elif esp_arguments:
            raise TypeError(f"image and {', '.join(esp_arguments)} exclude each other")
        machine = Boot(Machine(**machine_arguments))
        endings.callback(machine.stop)
        return machine

    with endings:
        yield start
