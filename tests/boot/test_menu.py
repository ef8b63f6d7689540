"""The loader's menu, driven by keys on the serial port and on the keyboard, and what it starts."""

import re
import time
from pathlib import Path
from typing import Callable

import pytest

from booting import BOOT_TIMEOUT, QUICK, READY, ROOT, SCALE, Boot
from firmware_screen import COLUMNS, FirmwareScreen, Picture, background
from kernel_log import assert_audited
from test_firmware_state import program
from test_machines import U_BOOT
from test_refusals import parse

CONF, ENTRIES = "loader/loader.conf", "loader/entries"
LINUX = ROOT / "build" / "linux" / "vmlinuz"
EFIVARFS = LINUX.with_name("efivarfs.ko")
INIT = ROOT / "build" / "tests" / "linux" / "init"
UP, DOWN, HOME, ESC = "\x1b[A", "\x1b[B", "\x1b[H", "\x1b"
DELETE = "\x1b[3~"  # which OVMF takes for Esc and more
SHOWN = "Esc firmware"
BROKEN = "broken.conf:2: the path must start with / or \\ and must not contain ..: kernel.elf"
LONG = "A title that is far too long for any screen that a machine of today has, and so it is cut "


class Keys:
    """Presses keys, and waits for what each must change on the serial port."""

    def __init__(self, machine: Boot):
        self._machine = machine
        self._from = 0

    def expect(self, pattern: str) -> re.Match[str]:
        """The first match behind the last one."""
        deadline = time.monotonic() + BOOT_TIMEOUT * SCALE
        wanted = re.compile(pattern, re.M)
        text = self._machine.serial
        while not (found := wanted.search(text, self._from)):
            assert time.monotonic() < deadline, f"waited for {pattern!r}"
            text += self._machine.wait_more(len(text), deadline - time.monotonic())
        self._from = found.end()
        return found

    def serial(self, keys: str, pattern: str) -> re.Match[str]:
        """On the serial port."""
        self._machine.send(keys)
        return self.expect(pattern)

    def keyboard(self, key: str, pattern: str) -> re.Match[str]:
        """On the keyboard, by QEMU's name of the key."""
        self._machine.qmp.command("send-key", keys=[{"type": "qcode", "data": key}])
        return self.expect(pattern)


def wait_for_screen(machine: Boot, screen: FirmwareScreen, rows: dict[int, str]) -> Picture:
    """Until the screen, which firmware draws beside the serial port, shows these rows alone."""
    deadline = time.monotonic() + BOOT_TIMEOUT * SCALE
    path = machine.folder / "screen.ppm"
    while True:
        machine.qmp.command("screendump", filename=str(path))
        picture = Picture(path)
        difference = screen.first_difference(picture, rows)
        if not difference:
            return picture
        assert time.monotonic() < deadline, difference


@pytest.fixture(name="held", scope="module")
def fixture_held(boot_once: Callable[..., Boot]) -> Boot:
    """A machine without a timeout, at whose start a key is down."""
    machine = boot_once(efi=program("held_key"), memory="512M", options="one two", files={
        CONF: "default bestla.conf\n",
        f"{ENTRIES}/broken.conf": "title Broken\nkernel kernel.elf\n",
        f"{ENTRIES}/arm.conf": "title Another machine's\narchitecture aa64\nefi /none\n",
        f"{ENTRIES}/long.conf": f"title {LONG}\nsort-key a\nlinux /none\n"})
    machine.wait_for("^test: press a key$")
    machine.send("x")
    return machine


def test_screen_keys_and_editor(held: Boot) -> None:
    """What the screen shows is what was drawn, and what was edited is what the kernel gets."""
    keys, screen = Keys(held), FirmwareScreen()
    keys.expect(SHOWN)
    rows = {0: " Bestla: what to boot", 2: f"   {LONG}"[:COLUMNS - 1], 3: f"   {BROKEN}",
            4: " > Bestla 0.1", 26: " /loader/entries/bestla.conf: kernel /kernel.elf",
            29: " Up Down choose   Enter boot   e options   ? help   Esc firmware"}
    picture = wait_for_screen(held, screen, rows)
    grounds = [background(picture.cell(0, row)) for row in range(2, 5)]
    assert grounds[0] == grounds[1] != grounds[2]
    assert "Another machine" not in held.serial and "Booting in" not in held.serial

    keys.keyboard("up", rf"^ > {re.escape(BROKEN)}")
    keys.keyboard("ret", "^ This entry cannot be booted.")
    keys.serial(UP, "^ > A title that is far too long")
    keys.serial("?", "^ e       edit its options")
    keys.serial(" ", SHOWN)
    keys.serial(DOWN + DOWN, "^ > Bestla 0.1")

    keys.keyboard("e", "Esc cancel")
    keys.serial(" three", "^one two three")
    keys.serial(HOME, "^one two three")
    keys.keyboard("delete", "^ne two three")
    keys.serial(DELETE, "^e two three")
    keys.serial("\x0bdirectmap=full", "^directmap=full")
    rows[28] = " options: directmap=full_"           # where the cursor stands
    rows[29] = " Enter boot with these   Esc cancel   ^W ^U ^K erase"
    wait_for_screen(held, screen, rows)
    held.send("\r")
    held.wait_for(READY)
    assert "loader: options: directmap=full\n" in held.serial
    assert re.search(r"loader: /loader/entries/bestla.conf: Bestla 0.1 \(chosen in the menu\)",
                     held.serial)
    assert f"loader: warning: /loader/entries/{BROKEN}" in held.serial
    assert_audited(held.serial)


# ---- back to firmware ------------------------------------------------------------------------

GUEST = "title Guest\nefi /tools/guest.efi\noptions from the loader\n"
CASES: dict[str, dict[str, str | Path]] = {
    "escape": {CONF: "timeout menu-force\n", f"{ENTRIES}/a.conf": "kernel /none\n"},
    "program": {CONF: "timeout 1\ndefault guest\n", f"{ENTRIES}/guest.conf": GUEST,
                f"{ENTRIES}/other.conf": "kernel /none\n", "tools/guest.efi": program("guest")},
    "initrd": {CONF: "default guest\n", "first": "1", "second": "2",
               f"{ENTRIES}/guest.conf": "linux /tools/guest.efi\ninitrd /first\ninitrd /second\n",
               "tools/guest.efi": program("guest")},
}


def test_nothing_is_left_behind(boot: Callable[..., Boot]) -> None:
    """By Esc, by a program that ends, by one that was offered an initrd; and then the clock of the
    good volume runs out, and its default boots."""
    machine = boot(efi=program("leak"), files={
        CONF: "timeout 1\ndefault bestla.conf\n", f"{ENTRIES}/other.conf": "kernel /none\n",
        **{f"cases/{case}/{name}": content for case, files in CASES.items()
           for name, content in files.items()}}, **QUICK)
    keys = Keys(machine)
    for start in (1, 2, 3):
        keys.expect(f"^test: case escape, start {start}$")
        keys.expect(SHOWN)
        machine.send(ESC)
    machine.wait_for(READY)
    outcomes = parse(machine.serial)
    assert sorted(outcomes) == [(case, start) for case in sorted(CASES) for start in (1, 2, 3)]
    for (case, start), outcome in outcomes.items():
        assert (outcome.status, outcome.open_files, outcome.more_handles) == (0, 0, 0), case
        assert start == 1 or outcome.memory == "the same", case
    log = machine.serial
    assert log.count("test: guest: 32 bytes of options: from the loader\n") == 3
    assert log.count("test: guest: 0 bytes of options: \n") == 3
    assert log.count("bestla: /tools/guest.efi: returned (Success)\n") == 6
    assert log.count("Booting in 1 s") == 4
    assert "(chosen in the menu)" not in log


@pytest.mark.matrix
def test_programs_that_are_none(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """What firmware does not load or does not start is said, with the file and firmware's reason,
    and leads back to the menu; nothing else is booted in its place."""
    guest = program("guest").read_bytes()
    machine_type = int.from_bytes(guest[0x3c:0x40], "little") + 4
    files = {f"{number:x}.efi": guest[:machine_type] + number.to_bytes(2, "little") +
             guest[machine_type + 2:] for number in (0x14c, 0xaa64)}
    files |= {"short.efi": guest[:600], "text.efi": b"not a program\n", "empty.efi": b""}
    entries = {"ia32": "efi /14c.efi", "aa64": "efi /aa64.efi", "short": "efi /short.efi",
               "text": "linux \\text.efi\ninitrd /text.efi", "empty": "linux /empty.efi",
               "folder": "efi /EFI", "gone": "linux /text.efi\ninitrd /gone.img"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    machine = boot(files={
        CONF: "timeout menu-force\n", **{name: tmp_path / name for name in files},
        **{f"{ENTRIES}/{name}.conf": f"sort-key {name}\ntitle {name}\n{lines}\n"
           for name, lines in entries.items()}}, **QUICK)
    keys = Keys(machine)
    for row, name in enumerate(sorted(entries)):
        keys.expect(SHOWN)
        machine.send(DOWN * row)
        if row:
            keys.expect(f"^ > {name}")
        file = entries[name].split()[-1]
        said = keys.serial("\r", r"^bestla: .*\n")[0]
        assert file in said.replace("\\", "/") and "(" in said and "Success" not in said, said
        keys.serial("", "this entry could not be booted; press a key for the menu")
        machine.send(" ")
    keys.expect(SHOWN)
    assert "(chosen in the menu)" not in machine.serial and "ready" not in machine.serial


@pytest.mark.matrix
@pytest.mark.skipif(not U_BOOT.exists(), reason="Debian's package u-boot-qemu has it")
def test_u_boot(boot: Callable[..., Boot]) -> None:
    """The menu and a program on a UEFI that shares no code with OVMF's."""
    machine = boot(firmware=str(U_BOOT), memory="256M", files={
        CONF: "default bestla.conf\ntimeout 3600\n", f"{ENTRIES}/guest.conf": GUEST,
        "tools/guest.efi": program("guest")})
    machine.wait_for("Hit any key to stop autoboot")
    machine.send("\r")
    machine.wait_for("^=> ")
    machine.send("virtio scan; load virtio 0:1 0x1000000 EFI/BOOT/BOOTX64.EFI; bootefi 0x1000000\r")
    keys = Keys(machine)
    keys.expect(SHOWN)
    keys.serial(UP, "^ > Guest")
    keys.serial("\r", "^test: guest: 32 bytes of options: from the loader")
    keys.expect("press a key for the menu")
    keys.serial(" ", SHOWN)
    keys.serial("e", "Esc cancel")
    # U-Boot passes LoadOptions of its own: ^U erases them.
    keys.serial("\x15bestla.word=7\r", READY)
    assert "loader: options: bestla.word=7\n" in machine.serial


# ---- Linux -----------------------------------------------------------------------------------


def cpio(files: dict[str, tuple[int, bytes, int]]) -> bytes:
    """An archive in the format that Linux unpacks (its driver-api/early-userspace/
    buffer-format.rst): path, then mode, content, and the device's numbers."""
    archive = b""
    for number, (path, (mode, content, device)) in enumerate(
            [*files.items(), ("TRAILER!!!", (0, b"", 0))]):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, device >> 8, device & 255,
                  len(path) + 1, 0)
        archive += b"070701" + b"".join(b"%08x" % field for field in fields) + path.encode() + b"\0"
        archive += b"\0" * (-len(archive) % 4) + content
        archive += b"\0" * (-len(archive) % 4)
    return archive


def test_programs_and_linux(boot: Callable[..., Boot]) -> None:
    """A program that ends leads back to the menu; then Debian's kernel reaches an init that came in
    the first of two initrds, with its options, a file of the second and the loader's variables."""
    assert LINUX.is_file(), f"{LINUX}: missing; scripts/fetch-linux {LINUX} says why"
    assert EFIVARFS.is_file(), f"{EFIVARFS}: missing; scripts/fetch-linux gets it"
    first = cpio({"dev": (0o40755, b"", 0), "dev/console": (0o20600, b"", 5 << 8 | 1),
                  "proc": (0o40755, b"", 0), "efi": (0o40755, b"", 0),
                  "efivarfs.ko": (0o100644, EFIVARFS.read_bytes(), 0),
                  "init": (0o100755, INIT.read_bytes(), 0)})
    machine = boot(firmware="bios", memory="512M", extra=["-vga", "none"], files={
        CONF: "timeout 3600\ndefault debian\n", "vmlinuz": LINUX,
        # Not a multiple of 4 bytes: what follows must begin at one all the same.
        "first.img": first + b"\0", "second.img": cpio({"second": (0o100644, b"the second", 0)}),
        f"{ENTRIES}/debian.conf": "title Debian\nversion 12\nlinux /vmlinuz\ninitrd /first.img\n"
                                  "initrd /second.img\noptions console=ttyS0 quiet\n",
        f"{ENTRIES}/guest.conf": "title Guest\nefi \\tools\\guest.efi\noptions abort\n",
        "tools/guest.efi": program("guest")})
    keys = Keys(machine)
    keys.expect(SHOWN)
    keys.serial(UP, "^ > Guest")
    keys.serial("\r", "^test: guest: 12 bytes of options: abort")
    keys.expect(r"^bestla: \\tools\\guest.efi: returned \(Aborted\)")
    keys.expect("press a key for the menu")
    keys.serial(" ", SHOWN)
    keys.serial("e", "^console=ttyS0 quiet")
    keys.serial(" bestla.word=7", "bestla.word=7")
    keys.serial("\r", "^init: started")
    keys.expect(r"^init: command line: console=ttyS0 quiet bestla.word=7$")
    keys.expect("^init: second initrd: the second$")
    keys.expect("^init: LoaderInfo: bestla 0.1$")
    keys.expect("^init: LoaderEntrySelected: debian.conf$")
    keys.expect(r"^init: LoaderImageIdentifier: \\EFI\\BOOT\\BOOTX64.EFI$")
    keys.expect("^init: LoaderTimeExecUSec: [1-9][0-9]+$")
    assert machine.wait_end() == "the machine powered itself off"
