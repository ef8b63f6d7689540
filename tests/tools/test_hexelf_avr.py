"""Legacy AVR programs that are linked with C and run: where they were moved to, they are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from avr import assemble, convert, disassembly, link, relocations, simulate
from tool import run

BLINKS = """
.org 0x0000
_blinks:
    call _clear
    call _real_code
    ret
_real_code:
    ldi r23, 0xa
    add r24, r23
    ret
_clear:
    clr r1
    clr r25
    ret
"""
BLINKS_BYTES = "0e9408000e94050008957ae0870f0895112499270895"
CALLER = """
extern unsigned blinks(unsigned char) __asm__("_blinks");
int main(void)
{
    unsigned sum = blinks(32);
    show(sum >> 8);
    show(sum);
    done();
}
"""


@pytest.mark.parametrize("filler", [0, 2, 998, 20000])
def test_calls_into_moved_code(tmp_path: Path, filler: int) -> None:
    """The result is right, and the calls go where the labels went."""
    program = assemble(tmp_path, BLINKS)
    run("avr-objcopy", "-I", "ihex", "-O", "binary", program.hex, tmp_path / "old.bin")
    assert (tmp_path / "old.bin").read_bytes().hex() == BLINKS_BYTES
    old, _ = convert(program)
    assert relocations(old) == [(0, "R_AVR_CALL", "_clear"), (4, "R_AVR_CALL", "_real_code")]
    linked = link(tmp_path, CALLER, old, text=filler)
    assert simulate(linked) == "002a"
    text = disassembly(linked)
    at = {name: int(found[1], 16) for name in ("_blinks", "_real_code", "_clear")
          if (found := re.search(f"^([0-9a-f]+) <{name}>:", text, re.M))}
    assert at["_blinks"] > filler and at["_clear"] == at["_blinks"] + 16
    calls = re.findall(r"call\t(0x[0-9a-f]+)", text[text.index("<_blinks>:"):])[:2]
    assert [int(call, 16) for call in calls] == [at["_clear"], at["_real_code"]]


def test_the_simulator_sees_a_wrong_call(tmp_path: Path) -> None:
    """Without the relocations the same program is wrong."""
    program = assemble(tmp_path, BLINKS)
    old, _ = convert(program)
    run("avr-objcopy", "-I", "ihex", "-O", "elf32-avr", "--rename-section",
        ".sec1=.text,contents,alloc,load,readonly,code", program.hex, tmp_path / "raw.o")
    run("avr-objcopy", "--add-symbol", "_blinks=.text:0", tmp_path / "raw.o")
    assert simulate(link(tmp_path, CALLER, old)) == "002a"
    assert simulate(link(tmp_path, CALLER, tmp_path / "raw.o")) != "002a"
