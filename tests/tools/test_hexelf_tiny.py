"""avrtiny: short lds and sts, and flash that ld reads at 0x4000."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from avr import assemble, convert, flat, guesses, link_at, relocations
from avr_programs import Part
from tool import run

TINY = Part("ATtiny20", "avrtiny", False, False, False, 0x800, 0x40)

SOURCE = """
.equ mapped = 0x4000
.dseg
.org RAM
first: .byte 4
second: .byte 2
.cseg
.org TO
start:
    ldi r16, 7
    sts first, r16
    lds r17, second+1
    sts 0x7f, r17
    ldi r30, low(2*text+mapped)
    ldi r31, high(2*text+mapped)
    ld r18, Z+
    ldi r26, low(2*text+mapped+3)
    ldi r27, high(2*text+mapped+3)
    ld r18, X
    ldi r28, low(second)
    ldi r29, high(second)
    st Y+, r18
    ldi r24, 0x4c           ; the text's address, but it goes to a timer
    ldi r25, 0x40
    out 0x29, r25
    out 0x28, r24
    ldi r30, low(2*jumps+mapped)
    ldi r31, high(2*jumps+mapped)
    ld r16, Z+
    ld r31, Z
    mov r30, r16
    icall
    ldi r28, low(2*texts+mapped)
    ldi r29, high(2*texts+mapped)
    ld r26, Y+
    ld r27, Y
    ld r16, X
    mov r30, r20
    clr r31
    subi r30, low(-(2*text+mapped))
    sbci r31, high(-(2*text+mapped))
    ld r16, Z
    ret
jumps: .dw one, two
texts: .dw 2*text+mapped, 2*more+mapped
text: .db "text"
more: .db "more"
one: rcall two
two: ret
"""


def test_moved_like_assembled_there(tmp_path: Path) -> None:
    """To other places of flash and RAM: what avra gives for them."""
    first, second = (assemble(tmp_path, SOURCE.replace("TO", to).replace("RAM", ram), TINY.name,
                              name) for name, to, ram in (("old", "0", "0x40"),
                                                          ("again", "0x123", "0x68")))
    target, said = convert(first, "--entry", "start", "--data-end", "0x46")
    assert link_at(tmp_path, TINY, target, 0x123, 0x68, 0) == flat(second, "bin"), said
    found = {row[2] for row in relocations(target) if row[1] == "R_AVR_LO8_LDI"}
    assert {"text+0x00004000", "text+0x00004003", "second", "jumps+0x00004000"} <= found
    taken = [each for each in guesses(said) if each.taken]
    assert "0x404c is text: read by ld" in {each.text for each in taken}, said
    assert {each.confidence for each in taken if ".dw" in each.text} == {"high"}


def test_assumed_by_the_user(tmp_path: Path) -> None:
    """Where no use is seen; a value below 0x4000 does not count from there."""
    old = assemble(tmp_path, "start: ldi r24, low(2*t+0x4000)\nldi r25, high(2*t+0x4000)\n"
                   "ldi r22, low(2*t)\nldi r23, high(2*t)\nret\nt: .dw 1, 2\n", TINY.name)
    target, _ = convert(old, "--table", "t", "--assume", "0=t", "--assume", "4=t:bytes")
    assert relocations(target) == [
        (0, "R_AVR_LO8_LDI", "t+0x00004000"), (2, "R_AVR_HI8_LDI", "t+0x00004000"),
        (4, "R_AVR_LO8_LDI", "t"), (6, "R_AVR_HI8_LDI", "t")]


@pytest.mark.parametrize("part", ["attiny10", "attiny40"])
def test_linked_with_c(tmp_path: Path, part: str) -> None:
    """By avr-gcc, whose start-up moves it up and whose names it uses."""
    source = """
.dseg
state: .byte 1
.cseg
digit:
    ldi r30, low(2*digits+0x4000)
    ldi r31, high(2*digits+0x4000)
    add r30, r24
    ld r24, Z
    sts state, r24
    ret
digits: .db "0123456789"
"""
    old, _ = convert(assemble(tmp_path, source, "ATtiny10"), "--entry", "digit", "--data-end",
                     "0x41", "--target", part)
    (tmp_path / "new.c").write_text("extern char digit(char); extern volatile char state;\n"
                                    "int main(void) { digit(5); return state; }\n")
    run("avr-gcc", f"-mmcu={part}", "-Os", "-Wl,--fatal-warnings", "new.c", old, "-o", "new.elf",
        folder=tmp_path)
    where = {row[2]: int(row[1], 16) for row in re.finditer(
        r"^([0-9a-f]{8}) \w (\w+)$", run("avr-nm", tmp_path / "new.elf"), re.M)}
    text = run("avr-objdump", "-d", "--no-show-raw-insn", tmp_path / "new.elf")
    body = text[text.index("<digit>:"):]
    values = [int(row, 16) for row in re.findall(r"ldi\tr3[01], (0x\w\w)", body)[:2]]
    assert where["digits"] > 0x1a and values[0] + 256 * values[1] == 0x4000 + where["digits"]
    assert f"sts\t0x{where['state'] & 0xffff:02x}, r24" in body
