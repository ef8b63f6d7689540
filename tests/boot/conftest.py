"""The fixtures `boot` and `boot_once`: machines that a test starts, and that end with it."""

import itertools
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))

# pylint: disable=wrong-import-position
from booting import Boot, make_esp, make_image, split_arguments  # noqa: E402
from machine import Machine  # noqa: E402

# Those of the test that runs now, and of its module: what they said is shown when it fails.
running: list[Boot] = []


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker that `make test` leaves out."""
    config.addinivalue_line("markers", "matrix: one of many machines; only `make test-all` "
                            "runs it")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Adds each machine's last words to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for number, boot in enumerate(running, 1):
            name = f"serial port of machine {number} of {len(running)}, its last lines"
            report.sections.append((name, boot.tail()))


def starter(folder: Path, endings: ExitStack) -> Callable[..., Boot]:
    """What the fixtures give; see `boot`."""
    number = itertools.count()

    def start(**arguments: Any) -> Boot:
        machine_arguments, esp_arguments = split_arguments(arguments)
        if "image" not in machine_arguments:
            name = str(next(number))
            esp = make_esp(folder / f"esp{name}", **esp_arguments)
            machine_arguments["image"] = make_image(esp, folder / f"disk{name}.img")
        elif esp_arguments:
            raise TypeError(f"image and {', '.join(esp_arguments)} exclude each other")
        machine = Boot(Machine(**machine_arguments))
        running.append(machine)
        endings.callback(running.remove, machine)
        endings.callback(machine.stop)
        return machine

    return start


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
    with ExitStack() as endings:
        yield starter(tmp_path, endings)


@pytest.fixture(name="boot_once", scope="module")
def fixture_boot_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Boot]]:
    """As `boot`, for a fixture of a module whose tests all look at one machine."""
    with ExitStack() as endings:
        yield starter(tmp_path_factory.mktemp("module"), endings)
