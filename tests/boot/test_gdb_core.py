"""gdb's page-map commands over a core: no machine runs."""

import json
import subprocess
import sys
from pathlib import Path

from booting import ROOT, SCALE

sys.path[:0] = [str(ROOT / "tests" / "gdb"), str(ROOT / "scripts" / "gdb")]

# pylint: disable=wrong-import-position
from page_world import KIB4, P, World  # noqa: E402
from test_sources import BASE, core, image_of  # noqa: E402


def gdb(command: str) -> subprocess.CompletedProcess[str]:
    """One command; what it says, behind the line that names all of them."""
    return subprocess.run(
        ["gdb", "-q", "-nx", "-batch", "-ex", f"source {ROOT / 'scripts' / 'gdb' / 'init.py'}",
         "-ex", r"echo \n--\n", "-ex", command], text=True, capture_output=True, check=False,
        timeout=60 * SCALE)


def test_remarks_do_not_get_into_json(tmp_path: Path) -> None:
    """A program reads what gdb prints; a person sees the remark all the same."""
    world = World(first=BASE)
    for page in range(4):
        world.put(2 * page * KIB4, page * KIB4 | P)
    (tmp_path / "core").write_bytes(core(world, [(BASE, BASE, len(image_of(world)))]))
    for kind in ("", " --raw", " --tree"):
        line = f"pagemap{kind} --rows 3 --core {tmp_path / 'core'}"
        done = gdb(line + " --json")
        assert len(json.loads(done.stdout.partition("\n--\n")[2])) == 3
        assert "stopped after 3 rows" in done.stderr
    assert "stopped after 3 rows" in gdb(f"pagemap --rows 3 --core {tmp_path / 'core'}").stdout
