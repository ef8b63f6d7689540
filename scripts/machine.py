"""One description of a QEMU machine, for scripts/qemu and for the boot tests.

Machine says what is wanted; command_line() says it in QEMU's words, in the order of the
fields; RunningMachine starts it in a temporary folder of its own and ends what it started.
"""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from qmp import Qmp, QmpError
from serial_log import SerialLog

OVMF_FIND = Path(__file__).resolve().parent.parent / "ovmf" / "find"
QEMU = "qemu-system-x86_64"
GIB = 1 << 30

# QEMU touches no page of plain memory before the guest does, but the kernel wants it all
# accounted for; above this size the memory is asked for without a reservation.
RESERVE_LIMIT = 16 * GIB
# TCG's own default is 40 bits. From 1012 GiB on, QEMU moves the memory of an AMD machine
# (its default vendor) above 1 TiB, past the hole that HyperTransport needs.
DEFAULT_PHYS_BITS = 40
HYPERTRANSPORT_HOLE = 1012 * GIB
PCI_HOLE = 32 * GIB

SECTOR = 512
MEDIA = ("virtio", "ahci", "ide", "nvme", "usb", "ehci", "cd")
FIRMWARE = ("4m", "2m", "secboot", "bios")


class MachineError(Exception):
    """The machine cannot be built, could not start, or is gone; the text says why."""


@dataclass
class Machine:  # pylint: disable=too-many-instance-attributes
    """What to start. Every field has a default that boots Bestla but for the image."""

    cpu: str = "max"
    memory: str = "4G"              # as QEMU writes it; a bare number is MiB
    machine: str = "q35"            # or pc; options of QEMU's may follow a comma
    smp: int = 1
    media: str = "virtio"           # one of MEDIA; cd wants an ISO image
    image: str | Path | None = None
    sector: int = 512               # bytes; 4096 only for virtio and nvme
    write_image: bool = False       # else writes are dropped when QEMU ends
    firmware: str = "4m"            # one of FIRMWARE, or a path that -bios takes
    variables: str | Path | None = None   # a store to copy instead of the empty one
    gdb: str | None = None          # a TCP port on 127.0.0.1, or the path of a socket to make
    stopped: bool = False           # wait for a debugger before the first instruction
    icount: int | None = None       # 2**icount ns an instruction: the TSC counts instructions
    display: str = "none"
    reboot: bool = False            # else a reset ends QEMU, so that a triple fault is seen
    extra: list[str] = field(default_factory=list)


def memory_bytes(text: str) -> int:
    """Parses QEMU's way of writing a size of memory."""
    found = re.fullmatch(r"(\d+)([kKmMgGtT]?)", str(text))
    if not found or not int(found[1]):
        raise MachineError(f"memory {text}: expected a number of MiB, or one with K, M, G or T")
    return int(found[1]) << {"K": 10, "M": 20, "": 20, "G": 30, "T": 40}[found[2].upper()]


def _escape(path: str | Path) -> str:
    """QEMU separates options by commas and takes a doubled one as part of a value."""
    return str(path).replace(",", ",,")


def _existing(path: str | Path, what: str) -> Path:
    if not Path(path).is_file():
        raise MachineError(f"{what} {path}: no such file")
    return Path(path).resolve()


def find_ovmf(part: str, flavour: str = "4m") -> Path:
    """The path of a part of the firmware, as ovmf/find gives it."""
    found = subprocess.run([OVMF_FIND, part, flavour], capture_output=True, text=True,
                           check=False)
    if found.returncode:
        raise MachineError(found.stderr.strip())
    return Path(found.stdout.strip())


def _cpu(machine: Machine, size: int) -> str:
    if "phys-bits" in machine.cpu:
        return machine.cpu
    top = size + 4 * GIB + PCI_HOLE
    if top > HYPERTRANSPORT_HOLE:
        top += (1 << 40) - 4 * GIB
    bits = (top - 1).bit_length()
    return f"{machine.cpu},phys-bits={bits}" if bits > DEFAULT_PHYS_BITS else machine.cpu


def _board(machine: Machine) -> list[str]:
    size = memory_bytes(machine.memory)
    options = machine.machine
    ram: list[str] = []
    if machine.firmware == "secboot":
        if not options.startswith("q35"):
            raise MachineError(f"firmware secboot needs machine q35 for SMM, not {options}")
        options += ",smm=on"
    if size > RESERVE_LIMIT:
        options += ",memory-backend=ram"
        ram = ["-object", f"memory-backend-ram,id=ram,size={size},reserve=off"]
    return ["-M", options, "-accel", "tcg", "-cpu", _cpu(machine, size),
            "-smp", str(machine.smp), *ram, "-m", str(machine.memory)]


def variable_store(machine: Machine) -> Path | None:
    """The store of variables that the machine starts with a copy of, if it has one."""
    if machine.variables:
        return _existing(machine.variables, "variable store")
    if machine.firmware in ("4m", "2m", "secboot"):
        return find_ovmf("vars", machine.firmware)
    return None


def _firmware(machine: Machine, folder: str) -> list[str]:
    if machine.firmware == "bios":
        return ["-bios", str(find_ovmf("bios"))]
    if machine.firmware not in FIRMWARE:
        return ["-bios", str(_existing(machine.firmware, "firmware"))]
    code = find_ovmf("code", machine.firmware)
    secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_escape(code)}",
            "-drive", f"if=pflash,unit=1,format=raw,file={_escape(folder)}/variables.fd",
            *(secure if machine.firmware == "secboot" else [])]


def _disk(machine: Machine) -> list[str]:
    if machine.image is None:
        return []
    is_pc = machine.machine.split(",")[0] == "pc"
    if machine.media == "ide" and not is_pc:
        raise MachineError(f"media ide needs machine pc, not {machine.machine}: q35 has AHCI")
    devices = {
        "virtio": ["virtio-blk-pci"],
        # q35 has an AHCI controller on board, pc has IDE; both name their first bus ide.0.
        "ahci": ["ich9-ahci,id=ahci", "ide-hd,bus=ahci.0"] if is_pc else ["ide-hd,bus=ide.0"],
        "ide": ["ide-hd,bus=ide.0"],
        "nvme": ["nvme,serial=bestla"],
        "usb": ["qemu-xhci,id=usb", "usb-storage,bus=usb.0,removable=on"],
        "ehci": ["usb-ehci,id=usb", "usb-storage,bus=usb.0,removable=on"],
        "cd": ["ide-cd,bus=ide.0"],
    }
    if machine.media not in devices:
        raise MachineError(f"media {machine.media}: expected one of {', '.join(devices)}")
    *controllers, disk = devices[machine.media]
    if machine.sector != SECTOR:
        if machine.media not in ("virtio", "nvme"):
            raise MachineError(f"sectors of {machine.sector} bytes need media virtio or nvme, "
                               f"not {machine.media}")
        disk += f",logical_block_size={machine.sector},physical_block_size={machine.sector}"
    image = _existing(machine.image, "image")
    mode = "media=cdrom,readonly=on" if machine.media == "cd" else \
        f"snapshot={'off' if machine.write_image else 'on'}"
    line = ["-drive", f"if=none,id=disk,format=raw,{mode},file={_escape(image)}"]
    for controller in controllers:
        line += ["-device", controller]
    # Without an order, firmware tries what its variables remember first.
    return line + ["-device", f"{disk},drive=disk,bootindex=0"]


def _debugging(machine: Machine) -> list[str]:
    line: list[str] = []
    if machine.gdb is not None:
        port = machine.gdb.removeprefix("tcp:")
        line += ["-gdb", f"tcp:127.0.0.1:{port}" if port.isdigit() else
                 f"unix:{_escape(machine.gdb)},server=on,wait=off"]
    if machine.stopped:
        line.append("-S")
    if machine.icount is not None:
        line += ["-icount", f"shift={machine.icount}"]
    return line


def command_line(machine: Machine, folder: str, serial: list[str] | None = None) -> list[str]:
    """QEMU's arguments; the folder holds variables.fd and gets debugcon.log.

    `serial` says where the serial port goes; by default to the terminal, with the monitor.
    """
    return [QEMU, "-nodefaults", "-no-user-config", *_board(machine),
            *_firmware(machine, folder), *_disk(machine),
            "-vga", "std", "-display", machine.display,
            *(serial or ["-serial", "mon:stdio"]),
            "-chardev", f"file,id=debugcon,path={_escape(folder)}/debugcon.log",
            "-device", "isa-debugcon,iobase=0x402,chardev=debugcon",
            *([] if machine.reboot else ["-no-reboot"]),
            *_debugging(machine), *machine.extra]


class RunningMachine:
    """A QEMU process with its folder, its QMP connection and, unless on a terminal, its serial.

    A context manager: leaving it ends QEMU and removes the folder. To be made in the thread
    that outlives it: QEMU is killed when that thread dies, so that none is ever left behind.
    """

    def __init__(self, machine: Machine, on_terminal: bool = False):
        if not shutil.which(QEMU):
            raise MachineError(f"{QEMU}: not found; install Debian's package qemu-system-x86 "
                               "(scripts/setup does it)")
        self.machine = machine
        self.process: subprocess.Popen[bytes] | None = None
        self.qmp: Qmp | None = None
        self.serial: SerialLog | None = None
        # pylint: disable-next=consider-using-with
        self._folder = tempfile.TemporaryDirectory(prefix="bestla-qemu-")
        self.folder = Path(self._folder.name)
        try:
            if store := variable_store(machine):
                # Copied without its mode: an installed store is read-only to some.
                shutil.copyfile(store, self.folder / "variables.fd")
            self._start(on_terminal)
        except BaseException:
            self.stop()
            raise

    def _start(self, on_terminal: bool) -> None:
        ours, theirs = socket.socketpair()
        pairs = [theirs]
        serial = None if on_terminal else socket.socketpair()
        line = command_line(self.machine, str(self.folder),
                            serial and _socket_chardev("serial", serial[1], "-serial"))
        line += _socket_chardev("qmp", theirs, "-qmp")
        if serial:
            pairs.append(serial[1])
            # By default it holds 278 writes of one character; what then comes may be lost.
            serial[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        with open(self.folder / "qemu.log", "wb") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *line],
                stdin=None if on_terminal else subprocess.DEVNULL,
                stdout=None if on_terminal else log, stderr=None if on_terminal else log,
                pass_fds=[end.fileno() for end in pairs])
        for end in pairs:
            end.close()
        if serial:
            self.serial = SerialLog(serial[0])
        try:
            self.qmp = Qmp(ours)
        except QmpError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
            reason = f"{error} {self.complaint()}".strip()
            raise MachineError(f"QEMU did not start: {reason}") from error

    def complaint(self) -> str:
        """What QEMU itself had to say, on its standard error."""
        return (self.folder / "qemu.log").read_text(errors="replace").strip()

    def wait(self, timeout: float | None = None) -> int:
        """Waits for QEMU to end and returns its status."""
        assert self.process
        return self.process.wait(timeout)

    def why_ended(self) -> str:
        """A phrase for how the machine came to its end; to be called when it has."""
        assert self.process
        status = self.wait(timeout=30)
        assert self.qmp
        self.qmp.drain()
        reason = self.qmp.latest.get("SHUTDOWN", {}).get("reason")
        if reason == "guest-reset":
            return "the machine reset (a triple fault, or a reset that was asked for)"
        if reason == "guest-shutdown":
            return "the machine powered itself off"
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return f"QEMU ended {how} {self.complaint()}".rstrip()

    def stop(self) -> None:
        """Ends QEMU if it runs, and removes its folder. May be called twice."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.serial:
            self.serial.close()
        if self.qmp:
            self.qmp.close()
        self._folder.cleanup()

    def __enter__(self) -> "RunningMachine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _socket_chardev(name: str, end: socket.socket, option: str) -> list[str]:
    """An option that is given one end of a connected pair, by the number it is inherited as."""
    return ["-chardev", f"socket,id={name},fd={end.fileno()}",
            *(["-mon", f"chardev={name},mode=control"] if option == "-qmp"
              else [option, f"chardev:{name}"])]
