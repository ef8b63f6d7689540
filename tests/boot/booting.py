"""What a boot test asks of a machine: wait for its words, look into it, take its picture.

The fixtures of conftest.py make these; the tests import only the names they need. (The module
is not called bestla: that is the GDB commands' package, which the same pytest loads.)
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import page_walk
from file_watch import FileWatch
from machine import Machine, RunningMachine

ROOT = Path(__file__).resolve().parent.parent.parent
ESP = ROOT / "build" / "esp"
LOADER = "EFI/BOOT/BOOTX64.EFI"
MOVED_LOADER = "EFI/bestla/loader.efi"
KERNEL = "kernel.elf"
ENTRY = "loader/entries/bestla.conf"
READY = r"^bestla: ready$"
# The quickest machine: for tests that look at the kernel alone.
QUICK: dict[str, Any] = {"firmware": "bios", "memory": "256M", "extra": ["-vga", "none"]}

# A slow or busy machine gets more time by one setting for all waits.
SCALE = float(os.environ.get("BESTLA_TIMEOUT_SCALE", "1"))
BOOT_TIMEOUT = 180.0

# After the kernel's last words, or the firmware's for a loader that faulted, no test need wait.
DEAD = re.compile(r"^(?:\[[^\]\n]*\] *)?(?:kernel panic:|!!!! X64 Exception)", re.M)
LAST_WORDS = 10.0


class Search:  # pylint: disable=too-few-public-methods
    """Looks for patterns in a text that grows, at each part of it once.

    QEMU's end of the port holds only a few hundred characters, and drops what does not fit for
    long: the reader must not wait while somebody looks at everything again.
    """

    def __init__(self, *patterns: re.Pattern[str]):
        self._patterns = patterns
        self._from = 0

    def look(self, text: str) -> re.Match[str] | None:
        """The first match of any pattern."""
        found = [match for pattern in self._patterns
                 if (match := pattern.search(text, self._from))]
        if not found:
            self._from = text.rfind("\n", 0, max(text.rfind("\n"), 0)) + 1
        return min(found, key=lambda match: match.start(), default=None)


class Boot:
    """A started machine. `qmp` is QEMU's control connection (scripts/qmp.py)."""

    def __init__(self, machine: Machine):
        self.running = RunningMachine(machine)
        assert self.running.serial and self.running.qmp
        self._serial = self.running.serial
        self.qmp = self.running.qmp
        self.folder = self.running.folder

    @property
    def serial(self) -> str:
        """What the machine has printed so far, without the firmware's escape sequences."""
        return self._serial.text

    @property
    def debugcon(self) -> str:
        """What the machine has written to QEMU's debug console so far."""
        return (self.folder / "debugcon.log").read_text(errors="replace")

    def tail(self, lines: int = 40) -> str:
        """The last lines that were printed and are not blank."""
        return self._serial.tail(lines)

    def send(self, text: str | bytes) -> None:
        """Types on the serial port."""
        self._serial.send(text)

    def wait_for(self, *patterns: str, timeout: float = BOOT_TIMEOUT) -> re.Match[str]:
        """The first match of any pattern, each a regular expression (^ and $ are of lines).

        All that was printed since the start counts. Which pattern it was: match.re.pattern.
        A pattern may go on from one line to the next, but not further.
        """
        wanted = Search(*(re.compile(pattern, re.M) for pattern in patterns))
        dead = Search(DEAD)
        start = time.monotonic()
        self._serial.wait(lambda text: wanted.look(text) or dead.look(text), timeout * SCALE)
        left = timeout * SCALE - (time.monotonic() - start)
        # A dead machine still finishes its report; it will not say anything else.
        if match := self._serial.wait(wanted.look, min(left, LAST_WORDS * SCALE)):
            return match
        why = self.running.why_ended() if self._serial.ended else \
            f"nothing after {time.monotonic() - start:.0f} s"
        raise AssertionError(f"waited for {' or '.join(map(repr, patterns))}: {why}")

    def wait_more(self, length: int, timeout: float) -> str:
        """What follows the first `length` characters printed, as soon as there is any."""
        return self._serial.wait_more(length, timeout)

    def wait_for_debugcon(self, pattern: str, timeout: float = BOOT_TIMEOUT) -> re.Match[str]:
        """As wait_for, on what a machine without a serial port says."""
        deadline = time.monotonic() + timeout * SCALE
        with FileWatch(self.folder / "debugcon.log") as watch:
            while not (match := re.search(pattern, self.debugcon, re.M)):
                assert watch.wait(deadline - time.monotonic()), \
                    f"waited for {pattern!r} on the debug console: {self.debugcon[-2000:]}"
        return match

    def wait_end(self, timeout: float = BOOT_TIMEOUT) -> str:
        """Waits until QEMU has ended and says how, such as "the machine reset …"."""
        self._serial.wait(lambda _: None, timeout * SCALE)
        assert self._serial.ended, "QEMU still runs"
        return self.running.why_ended()

    def registers(self, processor: int = 0) -> dict[str, int]:
        """The registers by QEMU's names: RIP, RSP, RFL, CR0, CR2, CR3, CR4, EFER and so on."""
        text = self.qmp.command("human-monitor-command", command_line="info registers",
                                cpu_index=processor)
        found = re.findall(r"\b([A-Z][A-Z0-9]{1,3}) *=([0-9a-f]{8,16})\b", text)
        return {name: int(value, 16) for name, value in found}

    @property
    def halted(self) -> bool:
        """Whether the processor sleeps in HLT, that is burns none of the host's time."""
        return "HLT=1" in self.qmp.monitor("info registers")

    def wait_until_halted(self) -> None:
        """The processor sleeps as soon as it has nothing to do."""
        deadline = time.monotonic() + BOOT_TIMEOUT * SCALE
        while not self.halted:
            assert time.monotonic() < deadline, "the processor never sleeps"

    def read_physical(self, address: int, size: int) -> bytes:
        """Physical memory."""
        return self.qmp.read_physical(address, size)

    def leaves(self) -> list[page_walk.Leaf]:
        """What the machine's page tables map now, by the walker that is nobody else's."""
        registers = self.registers()
        return list(page_walk.leaves(self.read_physical, registers["CR3"], registers["CR4"],
                                     registers["EFER"]))

    def screenshot(self, path: Path) -> Path:
        """Writes the screen as a PNG file."""
        self.qmp.screenshot(path)
        return path

    def stop(self) -> None:
        """Ends QEMU; the fixture calls it, a test need not."""
        self.running.stop()


def write(esp: Path, name: str, content: bytes | str | Path | None) -> None:
    """Puts a file onto the ESP; None removes it."""
    target = esp / name.lstrip("/")
    if content is None:
        target.unlink()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def set_entry(esp: Path, options: str | None, modules: list[str]) -> None:
    """Changes the boot entry: its options are replaced, modules are added."""
    lines = (esp / ENTRY).read_text().splitlines()
    if options is not None:
        lines = [line for line in lines if line.split()[:1] != ["options"]]
        lines.append(f"options {options}")
    lines += [f"module {module}" for module in modules]
    (esp / ENTRY).write_text("\n".join(lines) + "\n")


def make_esp(target: Path, *, esp: Path = ESP, kernel: str | Path | None = None,
             efi: str | Path | None = None, options: str | None = None,
             modules: tuple[str | Path, ...] = (),
             files: dict[str, bytes | str | Path | None] | None = None) -> Path:
    """Copies the built ESP and applies what a test wants different; see the fixture `boot`."""
    assert (esp / LOADER).is_file(), f"{esp / LOADER}: missing; run make"
    shutil.copytree(esp, target)
    if kernel:
        write(target, KERNEL, Path(kernel))
    if efi:
        write(target, MOVED_LOADER, target / LOADER)
        write(target, LOADER, Path(efi))
    for module in modules:
        write(target, f"modules/{Path(module).name}", Path(module))
    if options is not None or modules:
        set_entry(target, options, [f"/modules/{Path(module).name}" for module in modules])
    for name, content in (files or {}).items():
        write(target, name, content)
    return target


def make_image(esp: Path, out: Path) -> Path:
    """A disk image with the folder as its EFI system partition."""
    done = subprocess.run([ROOT / "scripts" / "make-image", esp, out], text=True,
                          capture_output=True, check=False)
    assert not done.returncode, done.stderr
    return out


def split_arguments(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of Machine, and those of make_esp."""
    names = {each.name for each in fields(Machine)}
    return ({name: value for name, value in arguments.items() if name in names},
            {name: value for name, value in arguments.items() if name not in names})
