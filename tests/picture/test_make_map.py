"""`make map`: a machine is booted, and its map drawn."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from browser import Chrome, Picture

ROOT = Path(__file__).resolve().parents[2]
SCALE = float(os.environ.get("BESTLA_TIMEOUT_SCALE", "1"))


def draw(build: Path, status: int = 0) -> str:
    """What scripts/map says."""
    done = subprocess.run([ROOT / "scripts" / "map", "--build", build], text=True, check=False,
                          capture_output=True, timeout=150 * SCALE)
    assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def test_the_kernel_as_it_is_booted(chrome: Chrome, tmp_path: Path) -> None:
    """Its stacks with their guards, its code, and the frames behind that."""
    for name in ("bestla.img", "kernel.elf.debug"):
        (tmp_path / name).symlink_to(ROOT / "build" / name)
    assert f"{tmp_path}/map.html: open it in a browser" in draw(tmp_path)
    assert (tmp_path / "map.html").stat().st_size < 160_000
    page = Picture(chrome, tmp_path / "map.html")
    assert page.texts(".panel h2") == ["QEMU q35, max, 4G"]
    assert [each[:5] for each in page.texts(".strip .guard")] == ["guard"] * 5
    assert not page.one("#alarm").is_displayed()
    page.find("kernel_main")
    assert page.texts(".detail .symbol") == ["kernel_main"]
    assert page.path.startswith("PML4[511] PDPT[510]") and "*PT[" in page.path
    assert "fetch: works" in page.detail() and "write: #PF 0x3" in page.detail()
    phys = re.search(r"-> (0x[0-9a-f]{16})", page.detail())
    assert phys
    found = [each for each in page.search(phys[1]) if each.startswith("physical")]
    assert len(found) == 2 and "R direct map" in found[0] and "RX kernel_main" in found[1]
    # The table of memory types is the kernel's own, which no stub tells.
    page.find("0xffffe00000000000")
    assert "[RW- KERN GLOBAL WC]" in page.detail() and "framebuffer" in page.detail()
    assert page.log() == [] and page.requests() == [page.address]


def test_without_an_image(tmp_path: Path) -> None:
    assert f"scripts/map: image {tmp_path}/bestla.img: no such file" in draw(tmp_path, status=1)
