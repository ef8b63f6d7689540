"""Sources that answer nonsense, or that nothing can be read from: one line says what and where."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from fake_stub import FakeStub
from page_world import KERNEL, KIB4, P, W, World
from test_sources import BASE, core, image_of, world_at

from bestla import cli

PROGRAM = Path(__file__).resolve().parents[2] / "scripts" / "pagemap"
ROOT_READ = "m400000"                   # of the tables, wherever in them


def ask(world: World, path: Path, answers: dict[str, list[str]], *words: str) -> int:
    """The program over a stub with these answers, each to the first request that begins so."""
    left = dict(answers)

    def twist(text: str, good: list[str]) -> list[str]:
        key = next((each for each in left if text.startswith(each)), None)
        return good if key is None else left.pop(key)

    with FakeStub(world, path, twist=twist):
        return cli.main(["--stub", str(path), *words])


@pytest.mark.parametrize("answer, says", [
    (["zz"], "s: 0x4000000000: the stub answers 'zz' for 0x800 bytes of memory"),
    ([""], "s: 0x4000000000: the stub answers '' for 0x800 bytes of memory"),
    (["00" * 0x801], "s: 0x4000000000: the stub answers '0000000000000000' for 0x800"),
    (["OK"], "s: 0x4000000000: the stub answers 'OK' for 0x800"),
    (["E\33[2Jx"], "the stub answers 'E?[2Jx' for"),
    (["E01"], "CR3 = 0x4000000018: the PML4 is outside readable memory"),
    (["00" * 8], "CR3 = 0x4000000018: the PML4 is outside readable memory"),
    ([], "s: the stub ended the connection"),
])
def test_an_answer_that_is_no_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                     answer: list[str], says: str) -> None:
    """E01 and fewer bytes are answers: nothing is there. Others are not taken for one."""
    world = World()
    world.put(KERNEL, 0x5000 | P | W)
    assert ask(world, tmp_path / "s", {ROOT_READ: answer}) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("pagemap: ") and says in line, line


def test_memory_that_is_not_there_is_shown_so(tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """One table of several, at any place of the map: the others are there."""
    world = World()
    for page in range(3):
        world.put(KERNEL + page * 512 * KIB4, page * KIB4 | P | W)
    lost = world.put(KERNEL + 512 * KIB4, KIB4 | P)
    assert ask(world, tmp_path / "s", {f"m{lost:x}": ["E14"]}) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert len(rows) == 3 and "points to a table outside readable memory" in rows[1]


@pytest.mark.parametrize("answers, says", [
    ({"qRcmd,": ["OK"]}, "`monitor info registers` does not tell cr0, cr3, cr4, efer; give --cr0"),
    ({"qRcmd,": ["Ozz", "O4", "OK"]}, "does not tell cr0"),
    ({"qRcmd,": ["E01"]}, "does not tell cr0"), ({"qRcmd,": []}, "the stub ended the connection"),
    ({"Qqemu": [""]}, "the stub has no Qqemu.PhyMemMode"), ({"Qqemu": []}, "ended the connection"),
    ({"D": []}, ""),
])
def test_a_stub_that_does_not_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                   answers: dict[str, list[str]], says: str) -> None:
    assert ask(World(), tmp_path / "s", answers) == (2 if says else 0)
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(3))
def test_a_stub_that_answers_at_random(tmp_path: Path, seed: int,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    """But for the last word of the monitor, without which there is more to wait for."""
    chance, world, seen = random.Random(seed), World(), set()
    world.put(KERNEL, 0x5000 | P | W)
    world.put(KERNEL + 512 * KIB4, 0x6000 | P | W)
    for turn in range(40):
        rate = chance.choice((0.05, 0.3, 1))

        def twist(_: str, good: list[str], rate: float = rate) -> list[str]:
            first, *others = good
            return good if chance.random() > rate else chance.choice((
                [], ["T05", *good], *([each, *others] for each in (
                    "E01", "zz", "", first[:len(first) // 2], first + "00", "E.x", "\x7f"))))

        verb = (["map"], ["--json", "--all"], ["audit"], ["walk", hex(KERNEL)])[turn % 4]
        with FakeStub(world, tmp_path / f"s{turn}", twist=twist):
            status = cli.main(["--stub", str(tmp_path / f"s{turn}"), *verb])
        said = capsys.readouterr()
        assert status in (0, 1, 2) and "Traceback" not in said.err
        assert status != 2 or said.err.splitlines()[-1].startswith("pagemap: ")
        seen.add(status)
    assert {0, 2} <= seen


@pytest.mark.parametrize("verb", [["map"], ["--json", "--all"], ["audit"], ["walk", hex(KERNEL)]])
def test_a_core_cut_anywhere(tmp_path: Path, verb: list[str],
                             capsys: pytest.CaptureFixture[str]) -> None:
    """Refused by the name of the file, wherever it ends."""
    world = world_at()
    data = core(world, [(BASE, BASE, len(image_of(world)))])
    path = tmp_path / "core"
    for cut in [*range(0, 900, 41), *range(900, len(data), 3571), len(data) - 1]:
        path.write_bytes(data[:cut])
        assert cli.main(["--core", str(path), *verb]) == 2
        line, = capsys.readouterr().err.splitlines()
        assert line.startswith(f"pagemap: {path}: "), line


def test_raw_memory_with_holes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of 1 TiB with tables at its end costs no more than they."""
    world = World(first=(1 << 40) - 8 * KIB4)
    world.put(KERNEL, 0x5000 | P | W)
    with open(tmp_path / "raw", "wb") as file:
        file.truncate(1 << 40)
        file.seek(world.first)
        file.write(image_of(world))
    line = ["--memory", str(tmp_path / "raw"), "--cr4", "0", "--cr3"]
    assert cli.main([*line, hex(world.root)]) == 0
    assert f"0x{KERNEL:016x}" in capsys.readouterr().out
    assert cli.main([*line, hex(1 << 40)]) == 2
    assert "CR3 = 0x10000000000: the PML4 is outside" in capsys.readouterr().err
    assert cli.main([*line, hex(world.root), "--base", "0x1000"]) == 0      # one frame too early


def test_what_is_no_file_of_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    keep = os.open(tmp_path / "pipe", os.O_RDWR)
    for path, says in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file"),
                       (tmp_path / "pipe", "a pipe; raw memory is not read from its start"),
                       ("\0", "embedded null byte")):
        assert cli.main(["--memory", str(path), "--cr3", "0", "--cr4", "0"]) == 2
        assert f"pagemap: {path}: ".replace("\0", "?") + says in capsys.readouterr().err
    os.close(keep)


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    """`| head`: no complaint, least of all about the file of memory."""
    world = world_at()
    for page in range(400):
        world.put(KERNEL + 2 * page * KIB4, page * KIB4 | P)
    (tmp_path / "raw").write_bytes(image_of(world))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, "--memory", tmp_path / "raw", "--base", hex(BASE), "--cr3", hex(world.root),
         "--cr4", "0", "--efer", "0xd00", "--pat", "0x7040600070406"],
        stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b"" and done.returncode == 2
