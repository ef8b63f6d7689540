"""The commands of docs/hexelf.md, in their order and in one folder, print what the page shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from avr import HEXELF
from tool import ROOT

PAGE = ROOT / "docs" / "hexelf.md"


def transcript() -> list[tuple[str, list[str]]]:
    """Each command, and the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"(?:^    .*\n|(?<=\n)\n(?=    ))+", PAGE.read_text(), re.M):
        inside = False
        for line in block.replace("\\\n", "").splitlines():
            if line.startswith("    $ "):
                inside = True
                found.append((line[6:], []))
            elif inside:
                found[-1][1].append(line[4:])
    return found


def in_order(wanted: list[str], lines: list[str]) -> bool:
    """All of them are there, with others between perhaps."""
    rest = iter(lines)
    return all(any(line.strip() == want.strip() for line in rest)
               for want in wanted if want not in ("...", ""))


def test_the_page(tmp_path: Path) -> None:
    """What `cat` shows is what the reader is to write."""
    (tmp_path / "build" / "tools").mkdir(parents=True)
    (tmp_path / "build" / "tools" / "hexelf").symlink_to(HEXELF)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    commands = transcript()
    assert len(commands) > 20
    for command, shown in commands:
        if command.startswith("cat "):
            (tmp_path / command[4:]).write_text("\n".join(shown) + "\n")
            continue
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert in_order(shown, done.stdout.splitlines()), f"$ {command}\n{done.stdout}"
        assert shown or done.returncode == 0, f"$ {command}\n{done.stdout}"
