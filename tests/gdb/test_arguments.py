"""Whatever words scripts/pagemap is given: an answer or one line of why not, never a traceback."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from page_world import KERNEL, P, U, W, World
from test_sources import BASE, core, dump_text, image_of

from bestla import cli

VALUES = (
    "", "0", "-1", "0x", "0-", "-0", "-", "1-2-3", "0x1000-0x2000", "0-0", "9" * 30,
    "0x" + "f" * 16, "0xffffffffffffffff-0", "\u0663", "\0", "w", "!w", "!!w", "!", "w,,x", "WB",
    "wb,!wb", "UC-", "4K", "4KiB", "8K", "nan", "kernel_main", "a+b", "+", "1+", "-+1", "0b1",
    "1_000", "--",
    "a" * 5000, "0x1000+0x10", "%s", "\n", "/", "/dev/null", "/nonexistent/x")
SWITCHES = ("--touched", "--raw", "--tree", "--all", "--json")
OPTIONS = (*SWITCHES, "--virt", "--phys", "--flags", "--size", "--rows", "--colour", "--elf",
           "--cr0", "--cr3", "--cr4", "--efer", "--pat", "--maxphyaddr", "--cpu", "--base",
           "--core", "--dump", "--memory", "--stub", "--nonsense")
VERBS = ("map", "walk", "find", "audit", "diff", "save", "fly")


def words(folder: Path, chance: random.Random) -> list[str]:
    """A source, some options with values of any kind, a verb with arguments of any kind."""
    source = chance.choice((["--core", "core"], ["--dump", "dump"],
                            ["--memory", "raw", "--base", hex(BASE), "--cr3", hex(BASE), "--cr4",
                             "0"]))
    made = [str(folder / word) if word in ("core", "dump", "raw") else word for word in source]
    for option in chance.choices(OPTIONS, k=chance.randrange(4)):
        made += [option] if option in SWITCHES else [option, chance.choice(VALUES)]
    verb = chance.choice(VERBS)
    if verb == "save":                      # to nowhere that can be written
        return [*made, verb, chance.choice(("", "\0", str(folder), "/dev/full", "/nonexistent/x"))]
    return [*made, verb, *chance.choices(VALUES, k=chance.choice((0, 1, 1, 2)))]


@pytest.mark.parametrize("seed", range(4))
def test_random_words(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(first=BASE)
    world.put(KERNEL, 0x5000 | P | W)
    world.put(0x1000, 0x6000 | P | U)
    (tmp_path / "core").write_bytes(core(world, [(BASE, BASE, len(image_of(world)))]))
    (tmp_path / "raw").write_bytes(image_of(world))
    (tmp_path / "dump").write_text(dump_text(world))
    chance, seen = random.Random(seed), set()
    for _ in range(150):
        line = words(tmp_path, chance)
        status = cli.main(line)
        said = capsys.readouterr()
        seen.add(status)
        assert status in (0, 1, 2), line
        if status == 2:
            assert said.err.splitlines()[-1] and "pagemap: " in said.err, line
        assert "Traceback" not in said.err + said.out
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("rows", ["9" * 19, "9" * 5000])
def test_more_rows_than_can_be_counted(tmp_path: Path, rows: str,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw").write_bytes(bytes(4096))
    line = ["--memory", str(tmp_path / "raw"), "--cr3", "0", "--cr4", "0", "--rows"]
    assert cli.main([*line, rows]) == 2
    assert "is not a number of rows" in capsys.readouterr().err
    assert cli.main([*line, "9" * 18]) == 0


def test_words_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that no encoding has, as a shell hands them on."""
    program = Path(__file__).resolve().parents[2] / "scripts" / "pagemap"
    for line in ([b"\xff"], [b"--core", b"\xff\xfe"], [b"--flags", b"\xff", b"--dump", b"x"]):
        done = subprocess.run([program, *line], capture_output=True, check=False, cwd=tmp_path)
        assert done.returncode == 2 and b"Traceback" not in done.stderr
