"""scripts/write-usb on loop devices: what it refuses, writes, finds wrong, and that it boots.

Loop devices need root. tests/tools/test_block_device.py has the disks that cannot be made here.
"""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

import pexpect
import pytest

from booting import BOOT_TIMEOUT, ROOT, SCALE, Boot
from test_firmware_state import assert_stands

SCRIPT = ROOT / "scripts" / "write-usb"
IMAGE = ROOT / "build" / "bestla.img"
DISC = ROOT / "build" / "bestla.iso"        # the smaller of the two
MIB = 1 << 20
# Debian keeps losetup and mkfs where only root's PATH looks.
ENVIRONMENT = os.environ | {"PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"}
TIMEOUT = BOOT_TIMEOUT * SCALE


@contextmanager
def loop_device(file: Path, *options: str) -> Iterator[str]:
    """A loop device over a file, or the test is skipped and says why."""
    done = subprocess.run(["losetup", *options, "--find", "--show", file], text=True,
                          capture_output=True, check=False, env=ENVIRONMENT)
    if done.returncode:
        pytest.skip(f"no loop device to be had: {done.stderr.strip()}")
    device = done.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True, env=ENVIRONMENT)


def backing(folder: Path, size: int) -> Path:
    """An empty file for a loop device."""
    file = folder / "stick"
    with open(file, "wb") as stick:
        stick.truncate(size)
    return file


@pytest.fixture(name="stick")
def fixture_stick(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A loop device and the file behind it."""
    file = backing(tmp_path, 300 * MIB)
    with loop_device(file) as device:
        yield device, file


def write(device: str, image: Path = DISC, answer: str | None = None,
          force: bool = True, meddle: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script; the answer is the device's name. `meddle`: Python that goes before it."""
    line = [str(SCRIPT), *(["--force"] if force else []), device, str(image)]
    if meddle:
        program = f"import os, runpy, signal, sys; sys.argv = {line}\n{meddle}\n" \
                  f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
        line = [sys.executable, "-B", "-c", program]
    return subprocess.run(line, text=True, capture_output=True, timeout=TIMEOUT, check=False,
                          input=f"{answer if answer is not None else Path(device).name}\n")


def is_empty(file: Path) -> bool:
    """Was nothing written?"""
    return file.stat().st_blocks == 0


def test_written_compared_and_boots(stick: tuple[str, Path], boot: Callable[..., Boot]) -> None:
    """The whole way, to the kernel that is started from the stick."""
    device, file = stick
    done = write(device, IMAGE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "\r" not in done.stdout
    assert done.stdout.endswith(f"{device} holds {IMAGE}: written, read back, the same\n")
    image = IMAGE.read_bytes()
    assert file.read_bytes()[:len(image)] == image
    assert_stands(boot(image=file, media="usb", memory="256M", firmware="bios"))


@pytest.mark.parametrize("answer, force, words", [
    ("yes", False, "is not removable: with --force"),
    ("loop", True, '"loop" is not loop'),
    ("", True, '"" is not loop'),
    ("yes", True, '"yes" is not loop')])
def test_not_confirmed(stick: tuple[str, Path], answer: str, force: bool, words: str) -> None:
    """Without --force no answer helps; with it only the name."""
    device, file = stick
    done = write(device, answer=answer, force=force)
    assert done.returncode == 1 and words in done.stderr
    assert is_empty(file)


def refused(device: str, words: str, image: Path = DISC) -> None:
    """Before it asks."""
    done = write(device, image)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert "will be lost" not in done.stdout


def test_mounted(stick: tuple[str, Path], tmp_path: Path) -> None:
    """The message says where."""
    device, _ = stick
    place = tmp_path / "place"
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", device], check=True, capture_output=True, env=ENVIRONMENT)
    done = subprocess.run(["mount", device, place], text=True, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted: {done.stderr.strip()}")
    try:
        refused(device, f"{device} is mounted at {place}: unmount it first")
    finally:
        subprocess.run(["umount", place], check=True)


def test_too_small(tmp_path: Path) -> None:
    """By one sector."""
    size = DISC.stat().st_size
    with loop_device(backing(tmp_path, size - 512)) as device:
        refused(device, f"too small: {size - 512} bytes for {size}")


def test_read_only(tmp_path: Path) -> None:
    """A switch on the stick."""
    with loop_device(backing(tmp_path, 300 * MIB), "--read-only") as device:
        refused(device, "is read-only")


def test_sectors_of_another_size(tmp_path: Path) -> None:
    """A GPT for 512 bytes is not found on a disk of 4,096."""
    with loop_device(backing(tmp_path, 300 * MIB), "--sector-size", "4096") as device:
        refused(device, "scripts/make-image --sector 4096")


def test_somebody_else_uses_it(stick: tuple[str, Path]) -> None:
    """Who cannot be seen, such as a container: the kernel refuses."""
    device, file = stick
    handle = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        done = write(device)
    finally:
        os.close(handle)
    assert done.returncode == 1 and "something uses it" in done.stderr
    assert is_empty(file)


@pytest.mark.parametrize("device, words", [
    ("/dev/null", "is no block device"), ("/dev/no-such-disk", "no such device"),
    (str(IMAGE), "is no block device")])
def test_no_disk(device: str, words: str) -> None:
    """A file must not become the target by a slip."""
    refused(device, words)


@pytest.mark.parametrize("size, words", [
    (None, "No such file"), (0, "0 bytes are no image"), (513, "513 bytes are no image")])
def test_no_image(tmp_path: Path, size: int | None, words: str) -> None:
    """Looked at before the device is."""
    image = tmp_path / "image"
    if size is not None:
        image.write_bytes(bytes(size))
    done = write("/dev/null", image)
    assert done.returncode == 1 and words in done.stderr and str(image) in done.stderr


def test_stick_is_full(tmp_path: Path) -> None:
    """A device with less behind it than it says: the write fails, and the message says where."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "none", place], text=True,
                          capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted: {done.stderr.strip()}")
    try:
        with loop_device(backing(place, 300 * MIB)) as device:
            done = write(device)
        assert done.returncode == 1
        assert f"{device}: writing bytes 0x" in done.stderr and " to 0x" in done.stderr
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("offset", [0, 5 * MIB + 12345, -1])
def test_read_back_differs(stick: tuple[str, Path], offset: int) -> None:
    """A byte changes on the medium behind the kernel's back, where a cache would not show it."""
    device, file = stick
    at = offset % DISC.stat().st_size
    before = DISC.read_bytes()[at]
    done = write(device, meddle=f"""
real = os.fsync
def fsync(handle):
    real(handle)
    with open({str(file)!r}, 'r+b') as medium:
        medium.seek({at})
        medium.write(bytes([{before ^ 0x40}]))
        medium.flush()
os.fsync = fsync""")
    assert done.returncode == 1
    assert f"byte {at:#x} is {before ^ 0x40:#04x} instead of {before:#04x}" in done.stderr
    assert "read back, the same" not in done.stdout


@pytest.mark.parametrize("number, status", [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted(stick: tuple[str, Path], number: str, status: int) -> None:
    """In the middle of the image: what the stick is now, and no traceback."""
    device, _ = stick
    done = write(device, meddle=f"""
real, calls = os.fdatasync, []
def fdatasync(handle):
    real(handle)
    calls.append(handle)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.{number})
os.fdatasync = fdatasync""")
    assert done.returncode == status
    assert f"interrupted after {2 * 4 * MIB} of {DISC.stat().st_size} bytes" in done.stderr
    assert "does not boot" in done.stderr and "Traceback" not in done.stderr


def test_on_a_terminal(stick: tuple[str, Path]) -> None:
    """The bar moves; ^C at the question leaves everything as it was."""
    device, file = stick
    shell = pexpect.spawn(str(SCRIPT), ["--force", device, str(DISC)], timeout=TIMEOUT,
                          encoding="utf-8")
    shell.expect("Type its name")
    shell.sendintr()
    shell.expect("interrupted: nothing was written")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 130 and is_empty(file)

    shell = pexpect.spawn(str(SCRIPT), ["--force", device, str(DISC)], timeout=TIMEOUT,
                          encoding="utf-8")
    shell.expect("Type its name")
    shell.sendline(device)
    shell.expect(r"\rwriting \[#+ +\] +\d+%")
    shell.expect(r"\rwriting \[#+\] 100%")
    shell.expect(r"\rreading back \[#+\] 100%")
    shell.expect("the same")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
