"""Small programs in which it is hard to see what is an address and what is a number: each is
assembled for one place, moved by the linker to another, and must be as if assembled there."""

from __future__ import annotations

from pathlib import Path

import pytest

from avr import (CONTRADICTION, assemble, convert, flat, guesses, link_at, refused,
                 relocations)
from avr_programs import PARTS, Part
from tool import run

# Name: source, with TO for the address of code and RAM for that of data.
NUMBERS = {
    "what replaced one byte": """
        ldi r30, 6
        mov r1, r30
        mov r30, r2         ; the 6 is gone
        ldi r31, 0
        lpm r0, Z
        rcall f
        ret
        f: ret
        t: .dw 1, 2""",
    "a compared byte that was replaced": """
        ldi r30, low(2*t)
        ldi r31, high(2*t)
        next: lpm r0, Z+
        ldi r18, 0
        in r18, 0x3f
        cpi r30, 0x12
        cpc r31, r18
        brne next
        ret
        f: ret
        t: .dw 1, 2""",
    "kept on the stack during a call": """
        ldi r24, 8
        ldi r25, 0
        push r24
        push r25
        rcall f
        pop r25
        pop r24
        ret
        f: ret
        g: ret""",
    "not side by side on the stack": """
        rcall g
        ldi r24, 8          ; g has this address
        ldi r25, 0
        push r24
        push r1
        push r25
        ret
        f: ret
        g: ret""",
    "a distance added to a pointer": """
        ldi r30, low(2*t)
        ldi r31, high(2*t)
        ldi r24, 4
        ldi r25, 0
        add r30, r24
        adc r31, r25
        lpm r0, Z
        ret
        t: .dw 1, 2, 3, 4""",
    "a distance into another table": """
        ldi r30, low(2*t)
        ldi r31, high(2*t)
        ldi r24, 0x16
        ldi r25, 0
        add r30, r24
        adc r31, r25
        lpm r0, Z
        ret
        t: .dw 1, 2
        u: .dw 1, 2, 3""",
    "counted down, the flags used later": """
        ldi r24, low(500)
        ldi r25, high(500)
        next: sbiw r24, 1
        out 0x15, r1
        brne next
        ret
        .org TO+500
        f: ret""",
}

ADDRESSES = {
    "by one register to the stack": """
        ldi r16, low(f)
        push r16
        ldi r16, high(f)
        push r16
        ret
        f: call g
        ret
        g: ret""",
    "by one register to two": """
        ldi r16, high(2*t)
        mov r31, r16
        ldi r16, low(2*t)
        mov r30, r16
        lpm r0, Z
        ret
        t: .dw 1, 2""",
    "jumped to, and then made something else": """
        ldi r30, low(f)
        ldi r31, high(f)
        icall
        lsl r30
        rol r31
        lpm r0, Z
        ret
        f: ret""",
    "both jumped to and read": """
        ldi r30, low(f)
        ldi r31, high(f)
        icall
        lpm r0, Z
        ret
        .db "text"
        f: ret""",
    "pushed, and a jump to what returns there": """
        ldi r24, low(back)
        ldi r25, high(back)
        push r24
        push r25
        rjmp f
        back: call f
        ret
        f: ret""",
}


def moved(folder: Path, source: str, *options: str, part: Part = PARTS[0]) -> str:
    """What the tool says of a program that comes out right."""
    old, again = (assemble(folder, f".cseg\n.org {to}\nstart:{source}".replace("TO", str(to)),
                           part.name, name) for to, name in ((0, "old"), (0x123, "again")))
    target, said = convert(old, *options)
    assert link_at(folder, part, target, 0x123, part.ram, 0) == flat(again, "bin"), said
    return said


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_stay(tmp_path: Path, name: str) -> None:
    """Though each has the value of an address, and is used almost like one."""
    moved(tmp_path, NUMBERS[name])


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_move(tmp_path: Path, name: str) -> None:
    """And what they lead to is known."""
    assert any(each.taken and each.address == 0 for each in guesses(
        moved(tmp_path, ADDRESSES[name])))


FILL = """
    ldi r26, low(buffer)
    ldi r27, high(buffer)
next:
    st X+, r1
    cpi r26, low(buffer_end)
    ldi r18, high(buffer_end)
    cpc r27, r18
    brne next
    ret
"""


@pytest.mark.parametrize("options", [(), ("--data-end", "0x110")])
def test_label_at_the_end_of_ram(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Is one of RAM, also where the user said that RAM ends there."""
    old, again = (assemble(tmp_path, f".dseg\n.org {at}\nbuffer: .byte 16\nbuffer_end:\n.cseg\n"
                           f"start: {FILL}", name=name)
                  for at, name in ((0x100, "old"), (0x1f8, "again")))
    target, said = convert(old, *options)
    assert link_at(tmp_path, PARTS[0], target, 0, 0x1f8, 0) == flat(again, "bin"), said


@pytest.mark.parametrize(("end", "words"), [
    ("0x10f", "--data-end 0x10f: buffer_end lies at 0x110"), ("0", "buffer_end lies at 0x110"),
    ("0x901", "--data-end 0x901: RAM ends at 0x900"),
    ("0xffffffffffffffff", "RAM ends at 0x900"),
])
def test_data_ends_where_it_cannot(tmp_path: Path, end: str, words: str) -> None:
    """Before a label, or past the part's RAM."""
    old = assemble(tmp_path, f".dseg\nbuffer: .byte 16\nbuffer_end:\n.cseg\nstart: {FILL}")
    code, message = refused("--machine", "avr", "--map", old.map, old.hex, "-o",
                            tmp_path / "old.o", "--data-end", end, output=tmp_path / "old.o")
    assert code == CONTRADICTION and words in message, message


def test_negative_constants(tmp_path: Path) -> None:
    """Have 32 bits, as in avra's map."""
    target, _ = convert(assemble(tmp_path, ".equ minus = -2\nstart: ret\n"), "--constants")
    assert "fffffffe a minus\n" in run("avr-nm", target)


VECTORS = """
    jmp main
table: .dw 0x940c, 0x0003
main:
    ldi r30, low(2*table)
    ldi r31, high(2*table)
    lpm r0, Z
    ret
"""


def test_a_table_where_vectors_may_be(tmp_path: Path) -> None:
    """Its words would be a jump; the same place with a jump to a label is a vector."""
    said = moved(tmp_path, VECTORS)
    assert [(each.address, each.confidence) for each in guesses(said)] == [(8, "high")]
    target, said = convert(assemble(tmp_path, "jmp main\nother: jmp handler\njmp second\n"
                                    "main: rjmp main\nhandler: reti\nsecond: reti\n"))
    assert not guesses(said)
    assert relocations(target) == [(at, "R_AVR_CALL", name) for at, name in (
        (0, "main"), (4, "handler"), (8, "second"))]


COMPUTED = """
    ldi r30, low(cases)
    ldi r31, high(cases)
    add r30, r24
    adc r31, r1
    ijmp
cases:
    ldi r24, 1
    ret
    ldi r24, 2
    call f
    ret
f:  ret
    .db "text", 0, 0
"""


def test_code_that_is_reached_by_number(tmp_path: Path) -> None:
    """Cannot be known: it is said, and a label in the map settles it."""
    old = assemble(tmp_path, f"start: {COMPUTED}")
    target, said = convert(old)
    assert "note: 0xe: reads as code, but nothing reaches it: stays so" in said
    assert said.count("note: ") == 1 and len(relocations(target)) == 2
    with old.map.open("a") as names:
        names.write("case2\tL\t0007\t7\n")
    target, said = convert(old, "--entry", "case2")
    assert (16, "R_AVR_CALL", "f") in relocations(target) and "note: " not in said


def test_label_inside_an_instruction(tmp_path: Path) -> None:
    """Is not a table; the map may be of another program."""
    old = assemble(tmp_path, "start: call f\nret\nf: ret\n")
    with old.map.open("a") as names:
        names.write("odd\tL\t0001\t1\n")
    _, said = convert(old)
    assert "note: odd is inside of an instruction: another program's map?" in said
    assert not guesses(said)


FAR = """
    ldi r16, 1
    out 0x3b, r16
    nop
    nop
    nop
    nop
    nop
    nop
    nop
    nop
    nop
    nop
    nop
    ldi r30, low(2*text)
    ldi r31, high(2*text)
    elpm r0, Z+
    ret
"""


@pytest.mark.parametrize(("code", "text"), [(0xf000, 0xf011), (0, 0x8008)])
def test_rampz_set_long_before(tmp_path: Path, code: int, text: int) -> None:
    """The table is where it can only be: 64 KiB below is nothing, or code."""
    old = assemble(tmp_path, f".org {code}\nstart: {FAR}.org {text}\ntext: .db \"far\"\n",
                   "ATmega1280")
    target, said = convert(old, "--entry", "start")
    assert [(each.text, each.confidence) for each in guesses(said)] == [
        (f"0x{2 * text:x} is text: read by lpm", "high")]
    assert relocations(target) == [(26, "R_AVR_LO8_LDI", "text"), (28, "R_AVR_HI8_LDI", "text")]


@pytest.mark.parametrize(("words", "taken", "low"), [
    ("one, two, 0xffff", (0, 2), ()), ("one, two, 0x1234, three", (0, 2), (6,)),
    ("'a', one, 'b', two", (), (2, 6)), ("one, two, three", (0, 2, 4), ()),
])
def test_tables_of_jumps_and_something_else(tmp_path: Path, words: str, taken: tuple[int, ...],
                                            low: tuple[int, ...]) -> None:
    """Up to what is no address a table is taken; behind it a number may be one by chance."""
    source = ("start: ldi r30, low(2*table)\nldi r31, high(2*table)\nlpm r0, Z+\nlpm r31, Z\n"
              f"mov r30, r0\nijmp\ntable: .dw {words}\none: ret\ntwo: ret\nthree: ret\n")
    old = assemble(tmp_path, source)
    target, said = convert(old, "--entry", "three")
    found = [each for each in guesses(said) if ".dw" in each.text]
    assert [each.address - 12 for each in found if each.taken] == list(taken)
    assert [each.address - 12 for each in found if not each.taken] == list(low)
    full = words == "one, two, three"
    assert {each.confidence for each in found if each.taken} <= {"high" if full else "medium"}
    settled = [word for at in low for word in ("--assume", str(12 + at))]
    target, _ = convert(old, *settled)
    assert [at - 12 for at, kind, _ in relocations(target) if kind == "R_AVR_16_PM"] == sorted(
        taken + low)


def test_what_is_counted_is_less_sure(tmp_path: Path) -> None:
    """A pointer that is read through, and whose own flags end the loop."""
    source = "start: ldi r30, low(2*t)\nldi r31, high(2*t)\nnext: lpm r0, Z\n{}\nret\nt: .dw 1, 2\n"
    for step, confidence in (("adiw r30, 1\nbrne next", "medium"), ("adiw r30, 1", "high")):
        _, said = convert(assemble(tmp_path, source.format(step)))
        assert [each.confidence for each in guesses(said)] == [confidence], said


def test_pointers_only_compared_with(tmp_path: Path) -> None:
    """Tell nothing of what begins there: it may be code. By themselves they are no address."""
    source = """
start:
    ldi r30, low(2*text)
    ldi r31, high(2*text)
    ldi r24, low(2*behind)
    ldi r25, high(2*behind)
next:
    lpm r0, Z+
    cp r30, r24
    cpc r31, r25
    brne next
    ret
text: .db "text"
behind:
    call start
    ret
"""
    target, said = convert(assemble(tmp_path, source))
    assert (4, "R_AVR_LO8_LDI", "behind") in relocations(target)
    assert [kind for _, kind, _ in relocations(target)][-1] == "R_AVR_CALL", said
    alone = source.replace("lpm r0, Z+", "ld r0, X+")
    target, said = convert(assemble(tmp_path, alone))
    assert [(each.address, each.confidence, each.taken) for each in guesses(said)
            if each.address < 12] == [(0, "medium", True), (4, "low", False)], said
    assert "not behind: only compared with" in said


def test_words_made_bytes(tmp_path: Path) -> None:
    """By a shift: what lpm reads then is not at the address that the pair holds."""
    source = """
        rjmp main
        data: .dw 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
        main: ldi r30, low(text)
        ldi r31, high(text)
        lsl r30
        rol r31
        lpm r0, Z
        ret
        text: .db "text"
    """
    said = moved(tmp_path, source, "--assume", "26", "--table", "data")
    assert "guess: 0x001a settled: 0x0013 is text, in words: 26" in said
