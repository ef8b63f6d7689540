"""tests/fuzz/hexelf.c from programs that are right, for a while."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from avr import assemble
from avr_programs import PARTS, program
from tool import ROOT

FUZZER = ROOT / "build" / "fuzz" / "hexelf"
RUNS = os.environ.get("HEXELF_FUZZ_RUNS", "3000")


def test_any_bytes(tmp_path: Path) -> None:
    """No crash, no leak, nothing undefined, nothing that takes longer than seconds."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        part = PARTS[number % 2]
        old = assemble(folder, program(part, number).at(0, 0x100, 0x3000, {}), part.name)
        (corpus / str(number)).write_bytes(old.hex.read_bytes().replace(b"\r", b"") + b"=\n"
                                           + old.map.read_bytes())
    (corpus / "list").write_text(":0C00000000E0F0E0C895FECF0895060061\n:00000001FF\n=\n"
                                 "start code 0\ntext table 3\nlater label 4\nv data 100\n")
    (corpus / "nasm").write_text(":0200000408957D\n:00000001FF\n=\n- NASM Map file ---\n"
                                 "-- Symbols ---\n---- Section .text ---\n  0  0  start\n")
    (corpus / "avrasm2").write_text(":0400000002950895D0\n:00000001FF\n=\nAVRASM ver. 2\n"
                                    "CSEG a 0\nDSEG b 100\nEQU c 5\nESEG d 0\nDEF e r16\n")
    done = subprocess.run([FUZZER, f"-runs={RUNS}", "-seed=1", "-timeout=20", "-max_len=8192",
                           "-close_fd_mask=2", "-rss_limit_mb=2048", corpus],
                          capture_output=True, check=False, cwd=tmp_path, timeout=3600)
    assert done.returncode == 0, done.stderr[-3000:]
