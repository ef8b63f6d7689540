"""Addresses whose two bytes go separate ways: far apart, by RAM, or with one high byte for several.
Each program is moved by the linker and must be as if assembled there."""

from __future__ import annotations

from pathlib import Path

import pytest

from avr import GUESS, assemble, convert, flat, guesses, link, link_at, refused, simulate
from avr_programs import PARTS
from tool import run

RAM, MOVED_RAM, TO = 0x100, 0x200, 0x200      # words of flash: a multiple of what a byte reaches

# Name: source, and the addresses of the guesses that are to be taken.
SOURCES = {
    "far apart": ("""
        ldi r24, low(2*text)
        sts 0x60, r1
        sts 0x61, r2
        sts 0x62, r3
        mov r2, r3
        mov r3, r4
        mov r4, r5
        inc r5
        ldi r25, high(2*text)
        mov r30, r24
        mov r31, r25
        lpm r0, Z
        ret""", {0: "medium"}),
    "kept in RAM by one register": ("""
        ldi r16, low(2*text)
        sts pointer, r16
        ldi r16, high(2*text)
        sts pointer+1, r16
        rcall reads
        ret
        reads:
        lds r30, pointer
        lds r31, pointer+1
        lpm r0, Z
        ret""", {0: "medium"}),
    "kept in RAM, high byte first, by two": ("""
        rjmp main
        reads:
        lds r31, pointer+1
        mov r2, r3
        lds r30, pointer
        lpm r0, Z
        ret
        main:
        ldi r24, low(2*text)
        ldi r25, high(2*text)
        sts pointer+1, r25
        sts pointer, r24
        rcall reads
        ret""", {0x10: "medium"}),
    "a buffer's, kept in RAM": ("""
        ldi r16, high(buffer)
        sts pointer+1, r16
        ldi r16, low(buffer)
        sts pointer, r16
        lds r26, pointer
        lds r27, pointer+1
        st X+, r0
        sts pointer, r26
        sts pointer+1, r27
        ret""", {0: "medium"}),
    "a routine's, kept in RAM": ("""
        ldi r16, low(f)
        sts pointer, r16
        ldi r16, high(f)
        sts pointer+1, r16
        lds r30, pointer
        lds r31, pointer+1
        icall
        ret""", {0: "medium"}),
    "one high byte for two texts": ("""
        ldi r31, high(2*text)
        ldi r30, low(2*text)
        lpm r0, Z
        ldi r30, low(2*more)
        lpm r1, Z
        ret""", {0: "high", 6: "medium"}),
    "one high byte for two routines": ("""
        ldi r30, low(f)
        ldi r31, high(f)
        cpse r1, r2
        ldi r30, low(g)
        ijmp""", {0: "high", 6: "medium"}),
    "one high byte for two buffers": ("""
        ldi r27, high(buffer)
        ldi r26, low(buffer)
        st X, r0
        ldi r26, low(pointer)
        st X, r0
        ret""", {0: "high", 6: "medium"}),
}

NUMBERS = {
    "a number kept in RAM": """
        ldi r16, 0x42
        sts pointer, r16
        ldi r16, 0
        sts pointer+1, r16
        lds r24, pointer
        lds r25, pointer+1
        out 0x2d, r25
        out 0x2c, r24
        ret""",
    "not side by side in RAM": """
        ldi r16, 0x1c
        sts pointer, r16
        ldi r16, 0
        sts buffer+1, r16
        lds r30, pointer
        lds r31, pointer+1
        lpm r0, Z
        ret""",
    "not side by side in RAM, by two registers": """
        ldi r24, 0x1c
        ldi r25, 0
        sts pointer, r24
        sts buffer+1, r25
        lds r30, pointer
        lds r31, pointer+1
        lpm r0, Z
        ret""",
    "into the middle, by another's high byte": """
        ldi r31, high(2*text)
        ldi r30, low(2*text)
        lpm r0, Z
        ldi r30, 0x11
        lpm r0, Z
        ret""",
    "a high byte that was replaced": """
        ldi r31, high(2*text)
        ldi r30, low(2*text)
        lpm r0, Z
        mov r31, r2
        ldi r30, 0x42
        lpm r1, Z
        ret""",
}


def build(folder: Path, source: str, *options: str) -> tuple[str, bytes, bytes]:
    """What the tool says; the program as it was moved, and as avra makes it there."""
    old, again = (assemble(folder, f".dseg\n.org {ram}\npointer: .byte 2\nbuffer: .byte 4\n.cseg\n"
                           f".org {to}\nstart:{source}\nf: ret\ng: ret\n"
                           "text: .db \"text\"\nmore: .db \"more\"\n", name=name)
                  for name, to, ram in (("old", 0, RAM), ("again", TO, MOVED_RAM)))
    target, said = convert(old, "--entry", "start", "--entry", "f", "--entry", "g",
                           "--table", "more", "--table", "text",
                           "--data-end", str(RAM + 6), *options)
    return said, link_at(folder, PARTS[0], target, TO, MOVED_RAM, 0), flat(again, "bin")


@pytest.mark.parametrize("name", SOURCES)
def test_moved(tmp_path: Path, name: str) -> None:
    """And said, with how sure it is."""
    source, expected = SOURCES[name]
    said, moved, right = build(tmp_path, source)
    assert moved == right, said
    assert {each.address: each.confidence for each in guesses(said) if each.taken} == expected, said


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_stay(tmp_path: Path, name: str) -> None:
    """Though they might be part of an address: 0x1c and 0x10 are the text's."""
    said, moved, right = build(tmp_path, NUMBERS[name])
    assert moved == right, said
    taken = [each.text for each in guesses(said) if each.taken]
    assert all("read by lpm" in text for text in taken), said
    assert 2 * len(taken) == NUMBERS[name].count("(2*text)"), said


SHARED = """
sum:
    ldi r31, high(2*one)
    ldi r30, low(2*one)
    lpm r24, Z
    ldi r30, low(2*two)
    lpm r18, Z
    add r24, r18
    clr r25
    ret
one: .dw 0x0040
two: .dw 0x0002
"""


@pytest.mark.parametrize("filler", [0, 100, 228])
def test_what_shares_a_byte_stays_together(tmp_path: Path, filler: int) -> None:
    """Wherever C's own code pushes it: without the alignment `two` would get the wrong page."""
    old, _ = convert(assemble(tmp_path, SHARED), "--entry", "sum")
    code = "extern int sum(void);\nint main(void) { show(sum()); done(); }\n"
    linked = link(tmp_path, code, old, text=filler)
    where = [line.split()[0] for line in run("avr-nm", linked).splitlines()
             if line.endswith((" one", " two"))]
    assert where[0][:-2] == where[1][:-2] and simulate(linked) == "42"
    assert "2**8" in run("avr-objdump", "-h", old).split(".text")[1].splitlines()[0]


def test_what_cannot_share_a_byte(tmp_path: Path) -> None:
    """RAM's first label lies inside of what a byte reaches, or a program that begins there."""
    source = (".dseg\nfirst: .byte 2\nsecond: .byte 2\n.cseg\nstart: ldi r27, high(first)\n"
              "ldi r26, low(first)\nst X, r0\nldi r26, low(second)\nst X, r0\nret\n")
    _, said = convert(assemble(tmp_path, source, "ATtiny85"), "--data-end", "0x64")
    assert [(each.address, each.confidence, each.taken) for each in guesses(said)] == [
        (0, "high", True), (6, "low", False)], said
    _, said = convert(assemble(tmp_path, f".org 0x21\n{SHARED}"), "--entry", "sum")
    assert [each.taken for each in guesses(said)] == [True, False], said
    source = ("start: ldi r31, high(2*t)\nldi r30, low(2*t)\nlpm r0, Z\nldi r30, low(f)\nicall\n"
              "ret\nf: ret\nt: .dw 1, 2\n")
    _, said = convert(assemble(tmp_path, source), "--entry", "f")
    assert [each.taken for each in guesses(said)] == [True, False], said


def test_strict_and_settled(tmp_path: Path) -> None:
    """A shared byte is a guess like all others, named by its own instruction."""
    old = assemble(tmp_path, SHARED)
    arguments = ("--machine", "avr", "--map", old.map, old.hex, "-o", tmp_path / "old.o",
                 "--entry", "sum", "--strict", "--assume", "0")
    assert refused(*arguments)[0] == GUESS
    _, said = convert(old, "--entry", "sum", "--strict", "--assume", "0", "--assume", "6")
    assert {each.confidence for each in guesses(said)} == {"settled"} and " 0 notes" in said
    _, said = convert(old, "--entry", "sum", "--never", "6")
    assert [each.taken for each in guesses(said)] == [True, False]
