"""Bochs, an emulator whose CPU has what QEMU's lacks: PCID, x2APIC, CET; no screen, no ACPI.

BochsBoot is a Boot of booting.py, but its machine is looked into by Bochs's own debugger.
"""

import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
from pathlib import Path

from booting import BOOT_TIMEOUT, SCALE, Boot
from machine import find_ovmf
from serial_log import SerialLog

BOCHS = "bochs"
# Times as long as QEMU for the same.
SLOWER = 5
# term is the only display that needs neither a window nor a port. Bochs writes nothing to the
# disk; what is too much for the log is left out.
CONFIGURATION = """\
display_library: term
romimage: file={firmware}
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={cpu}, count={smp}, ips=50000000, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={image}, mode=volatile
com1: enabled=1, mode=term, dev={serial}
clock: sync=none
log: {folder}/bochs.log
panic: action=fatal
error: action=report
info: action=ignore
"""
PROMPT = r"<bochs:\d+> \Z"


class Terminal:
    """One end of a pseudo-terminal, as SerialLog wants a socket; the other's path is `path`."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.path = os.ttyname(self.theirs)
        # Characters as they are: no echo, no line editing, no LF made CR LF.
        state = termios.tcgetattr(self.theirs)
        state[1] &= ~termios.OPOST
        state[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(self.theirs, termios.TCSANOW, state)

    def recv(self, size: int) -> bytes:
        """Waits for some; OSError when the other end is gone."""
        return os.read(self._ours, size)

    def sendall(self, data: bytes) -> None:
        """Types."""
        while data:
            data = data[os.write(self._ours, data):]

    def leave(self) -> None:
        """The other end is somebody else's now."""
        os.close(self.theirs)

    def close(self) -> None:
        """Nothing more is wanted."""
        os.close(self._ours)


class RunningBochs:
    """The process, its folder, its serial port and its debugger."""

    def __init__(self, image: Path, cpu: str, memory: int, smp: int):
        # pylint: disable-next=consider-using-with
        self._folder = tempfile.TemporaryDirectory(prefix="bestla-bochs-")
        self.folder = Path(self._folder.name)
        serial, screen = Terminal(), Terminal()
        (self.folder / "bochsrc").write_text(CONFIGURATION.format(
            firmware=find_ovmf("bios"), cpu=cpu, smp=smp, memory=memory, image=image,
            serial=serial.path, folder=self.folder))
        (self.folder / "start").write_text("c\n")
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", BOCHS, "-q", "-f", str(self.folder / "bochsrc"),
             "-rc", str(self.folder / "start")], cwd=self.folder, env=os.environ | {"TERM": "dumb"},
            stdin=screen.theirs, stdout=screen.theirs, stderr=screen.theirs)
        screen.leave()
        # The serial port's is kept: before Bochs has opened it, it must not look closed. When Bochs
        # has ended, nobody is to wait for more.
        self._end = threading.Thread(target=self._let_go, args=(serial,), daemon=True)
        self._end.start()
        self.serial = SerialLog(serial)     # type: ignore[arg-type]
        self._debugger = SerialLog(screen)  # type: ignore[arg-type]
        self._stopped = False

    def _let_go(self, serial: Terminal) -> None:
        self.process.wait()
        serial.leave()

    def ask(self, command: str | None) -> str:
        """What the debugger says to a command; None stops the machine first."""
        before = len(self._debugger.text)
        if command is None:
            self.process.send_signal(signal.SIGINT)
        else:
            self._debugger.send(command + "\n")
        found = self._debugger.wait(
            lambda text: re.search(PROMPT, text[before:]) and text[before:],
            SLOWER * BOOT_TIMEOUT * SCALE)
        assert found, f"Bochs does not answer {command!r}: {self._debugger.tail()}"
        return found

    def inspect(self, command: str) -> str:
        """A command of the debugger's, on a machine that stands still from the first on."""
        if not self._stopped:
            self.ask(None)
            self._stopped = True
        return self.ask(command)

    def why_ended(self) -> str:
        """To be called when it has."""
        log = (self.folder / "bochs.log").read_text(errors="replace").splitlines()
        return f"Bochs ended with status {self.process.wait(timeout=30)}: {' '.join(log[-3:])}"

    def stop(self) -> None:
        """May be called twice."""
        if not self.folder.exists():
            return
        self.process.kill()
        self._end.join()
        self.serial.close()
        self._debugger.close()
        self._folder.cleanup()


class BochsBoot(Boot):
    """A machine of Bochs's that is started; memory in MiB."""

    # pylint: disable-next=super-init-not-called
    def __init__(self, image: Path, cpu: str = "tigerlake", memory: int = 256, smp: int = 1):
        self.running = RunningBochs(image, cpu, memory, smp)    # type: ignore[assignment]
        self._bochs: RunningBochs = self.running                # type: ignore[assignment]
        self._serial = self._bochs.serial
        self.folder = self._bochs.folder

    def wait_for(self, *patterns: str, timeout: float = BOOT_TIMEOUT) -> re.Match[str]:
        """As of any machine, but this one is slower."""
        return super().wait_for(*patterns, timeout=SLOWER * timeout)

    def registers(self, processor: int = 0) -> dict[str, int]:
        """The control registers, and EFER."""
        assert processor == 0
        return {name: int(value, 16) for name, value in
                re.findall(r"^(CR[034]|EFER)=(0x[0-9a-f]+)", self._bochs.inspect("creg"), re.M)}

    def read_physical(self, address: int, size: int) -> bytes:
        """In words, as the debugger has no shorter way."""
        start = address & -4
        count = -(-(address + size - start) // 4)
        text = self._bochs.inspect(f"xp /{count}wx {start:#x}")
        words = [int(word, 16) for line in re.findall(r"^0x[0-9a-f]+ <.*?>:(.*)$", text, re.M)
                 for word in line.split()]
        assert len(words) == count, text
        return struct.pack(f"<{count}I", *words)[address - start:address - start + size]


def missing() -> str:
    """Why Bochs cannot be started here; empty when it can."""
    return "" if shutil.which(BOCHS) else f"{BOCHS}: missing; Debian's package has that name"
