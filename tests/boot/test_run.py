"""scripts/qemu, as people and `make run` use it."""

import os
import subprocess
from pathlib import Path
from typing import Callable

import pexpect
import pytest

from booting import BOOT_TIMEOUT, ROOT, SCALE, make_esp, make_image
from test_rights import kernel_path

LAUNCHER = ROOT / "scripts" / "qemu"
IMAGE = ROOT / "build" / "bestla.img"
QUICK_MACHINE = ["--memory", "256M", "--firmware", "bios"]
TIMEOUT = BOOT_TIMEOUT * SCALE
# The launcher has a limit of its own, and says more when it is reached.
LAUNCHER_TIMEOUT = 150 * SCALE


def launch(image: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the launcher without a terminal, to its end."""
    return subprocess.run([LAUNCHER, "--image", image, *QUICK_MACHINE, *options], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=LAUNCHER_TIMEOUT,
                          check=False)


@pytest.fixture(name="image_of")
def fixture_image_of(tmp_path: Path) -> Callable[[str], Path]:
    """A disk image with a kernel of tests/kernel/."""
    def make(name: str) -> Path:
        esp = make_esp(tmp_path / "esp", kernel=kernel_path(name))
        return make_image(esp, tmp_path / "disk.img")
    return make


def test_without_terminal_it_ends_when_the_kernel_is_ready() -> None:
    """Everything up to that line is shown, nothing after it, and the status is 0."""
    done = launch(IMAGE)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[-1] == "bestla: ready"
    assert any(line.startswith("Virtual address start-end") for line in lines)


def test_kernel_that_panics(image_of: Callable[[str], Path]) -> None:
    """Its report is shown to the end; the status and the last line say that it failed."""
    done = launch(image_of("write_text"))
    assert done.returncode == 1
    assert "kernel panic: #PF page fault" in done.stdout
    assert done.stderr == "scripts/qemu: the machine failed: kernel panic: #PF page fault\n"


def test_machine_that_resets(image_of: Callable[[str], Path]) -> None:
    """It is not started again, and not taken for one that ended well."""
    done = launch(image_of("reset"))
    assert done.returncode == 1
    assert "the machine reset" in done.stderr and "test: resetting" in done.stderr


def test_other_words_may_mean_ready(image_of: Callable[[str], Path]) -> None:
    """For kernels that never say the usual ones."""
    done = launch(image_of("zeroed"), "--wait-for", "test: passed")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("test: passed\n")


def test_image_that_is_missing(tmp_path: Path) -> None:
    """A message, no traceback."""
    done = launch(tmp_path / "none.img")
    assert done.returncode == 1
    assert done.stderr == f"scripts/qemu: image {tmp_path}/none.img: no such file\n"


def test_terminal() -> None:
    """The keys come first; the monitor takes lines; Ctrl-a x leaves from there."""
    child = pexpect.spawn(str(LAUNCHER), ["--image", str(IMAGE), *QUICK_MACHINE],
                          env={**os.environ, "TERM": "dumb"}, encoding="utf-8", timeout=TIMEOUT)
    try:
        child.expect_exact("\n")
        assert child.before.strip() == "Ctrl-a x leaves QEMU, Ctrl-a c is its monitor"
        child.expect_exact("bestla: ready")
        child.expect_exact("bestla> ")
        child.send("sym kernel_ma\t\r")
        child.expect(r"kernel_main\+0x0 \(kernel/main\.c:\d+\)")
        child.send("\x01x")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
