"""What only looks like an address, what only looks like code, and how a user settles it."""

from __future__ import annotations

from pathlib import Path

import pytest

from avr import (CONTRADICTION, GUESS, USAGE, assemble, convert, guesses, hexelf, refused,
                 relocations)
from tool import run


def arguments(program, *options: str | Path) -> list[str | Path]:
    """As `convert` gives them."""
    return ["--machine", "avr", "--map", program.map, program.hex, "-o",
            program.hex.parent / "old.o", *options]


COUNTER = """
start:
    ldi r24, low(table)
    ldi r25, high(table)
wait:
    sbiw r24, 1
    brne wait
    ldi r30, low(2*table)
    ldi r31, high(2*table)
    lpm
    ret
table: .dw 1, 2
"""


def test_a_counter_is_no_address(tmp_path: Path) -> None:
    """Not taken, but said, with its confidence; the one that lpm uses is taken."""
    target, said = convert(assemble(tmp_path, COUNTER))
    assert [(each.address, each.confidence, each.taken) for each in guesses(said)] == [
        (0, "low", False), (8, "high", True)]
    assert relocations(target) == [(8, "R_AVR_LO8_LDI", "table"), (10, "R_AVR_HI8_LDI", "table")]


def test_settled_one_way_or_the_other(tmp_path: Path) -> None:
    """--assume takes it, as what the user says; --never leaves what would be taken."""
    program = assemble(tmp_path, COUNTER)
    target, _ = convert(program, "--assume", "0")
    assert (0, "R_AVR_LO8_LDI_PM", "table") in relocations(target)
    target, _ = convert(program, "--assume", "0x0=start:bytes")
    assert (0, "R_AVR_LO8_LDI", "start+0x00000008") in relocations(target)
    target, said = convert(program, "--never", "8", "--never", "0", "--strict", "--table", "table")
    assert not relocations(target)
    assert {each.confidence for each in guesses(said)} == {"settled"}
    target, _ = convert(program, "--assume", "0,10=table:bytes")
    assert (10, "R_AVR_HI8_LDI", "table-0x00000008") in relocations(target)


def test_strict_refuses_to_guess(tmp_path: Path) -> None:
    """And says how many there are; nothing is written."""
    program = assemble(tmp_path, COUNTER)
    code, message = refused(*arguments(program, "--strict"), output=tmp_path / "old.o")
    assert code == GUESS and "2 guesses" in message
    convert(program, "--strict", "--never", "0", "--assume", "8", "--entry", "start")


@pytest.mark.parametrize(("option", "value", "code", "words"), [
    ("--assume", "2", CONTRADICTION, "--assume 2: nothing there"),
    ("--assume", "0x10", CONTRADICTION, "nothing there"),
    ("--assume", "0=nobody", CONTRADICTION, "--assume 0=nobody: the map has no such name"),
    ("--assume", "4,6=table", CONTRADICTION, "4,6=table: no ldi, subi, sbci or cpi at the first"),
    ("--assume", "x", USAGE, "--assume x: no address"),
    ("--never", "0=table", USAGE, "--never 0=table: no address"),
    ("--never", "4", CONTRADICTION, "--never 4: nothing there"),
    ("--entry", "nobody", CONTRADICTION, "--entry nobody: the map has no such name"),
    ("--table", "__RAM_SIZE__", CONTRADICTION, "elsewhere than in the program"),
    ("--device", "atmega9999", USAGE, "--device atmega9999"),
    ("--target", "attiny85", CONTRADICTION,
     "--target attiny85: it lacks instructions of atmega328p"),
    ("--extern", "x=y", USAGE, "--extern y: no number"),
    ("--data-end", "-1", USAGE, "--data-end -1: no number"),
    ("--map-format", "gcc", USAGE, "--map-format gcc: none of"),
    ("--reloc", "0:16:table", USAGE, "--reloc is for --machine x86-64"),
    ("--base", "5", USAGE, "--base is for --raw"),
    ("--machine", "arm", USAGE, "--machine arm"),
    ("--what", "5", USAGE, "--what: no such option"),
    ("extra", "5", USAGE, "second input"),
])
def test_settlements_that_settle_nothing(tmp_path: Path, option: str, value: str, code: int,
                                         words: str) -> None:
    """Are mistakes: word addresses, say."""
    given, message = refused(*arguments(assemble(tmp_path, COUNTER), option, value),
                             output=tmp_path / "old.o")
    assert given == code and words in message, message


DATA = """
.org 0
    rjmp start
.org 0x20
start:
    rcall shown
    call shown+1
    sbrc r1, 0
    jmp shown
    cpse r2, r3
    lds r4, 0x0100
    ret
shown:
    nop
    ret
bait: .dw 0x940e, 0x0021, 0xd000, 0x9508
      .db "jumps", 0
"""


def test_data_that_decodes_as_code(tmp_path: Path) -> None:
    """Nothing reaches it: its words stay as they are. What is skipped may have two words."""
    program = assemble(tmp_path, DATA)
    target, said = convert(program, "--table", "bait", "--data-end", "0x101")
    assert relocations(target) == [
        (0, "R_AVR_13_PCREL", "start"), (0x40, "R_AVR_13_PCREL", "shown"),
        (0x42, "R_AVR_CALL", "shown+0x00000002"), (0x48, "R_AVR_CALL", "shown")]
    assert "note: 0x4e: RAM at 0x100 has no label: stays so" in said
    target, said = convert(program)
    assert len(relocations(target)) == 5       # it reads as a routine: said, and so settled
    assert ["label bait is code: nothing reaches it, and it reads as a whole routine"] == [
        each.text for each in guesses(said)]


@pytest.mark.parametrize("name", ["ATmega328P", "ATtiny85"])
def test_interrupts(tmp_path: Path, name: str) -> None:
    """Vectors of four bytes and of two, with gaps between, lead to code that nothing calls."""
    far = name == "ATmega328P"
    source = (f"{'jmp' if far else 'rjmp'} start\n.org {6 if far else 3}\n"
              f"{'jmp' if far else 'rjmp'} handler\n.org {14 if far else 9}\nreti\n.org 0x40\n"
              "start: rjmp start\nhandler: push r0\nrcall helper\nreti\nhelper: ret\n")
    target, said = convert(assemble(tmp_path, source, name))
    assert not guesses(said)
    kind = "R_AVR_CALL" if far else "R_AVR_13_PCREL"
    assert relocations(target) == [(0, kind, "start"), (12 if far else 6, kind, "handler"),
                                   (0x84, "R_AVR_13_PCREL", "helper")]


def test_parts_without_far_calls(tmp_path: Path) -> None:
    """What would be a call elsewhere is no instruction there."""
    program = assemble(tmp_path, "start: .dw 0x940e, 0\nret\n", "ATtiny85")
    _, said = convert(program)
    assert "note: 0x0: control reaches what is no instruction of attiny85" in said


def test_code_reached_by_table_only(tmp_path: Path) -> None:
    """Its calls are relocated, too."""
    source = """
start:
    ldi r30, low(2*jumps)
    ldi r31, high(2*jumps)
    lpm r0, Z+
    lpm r31, Z
    mov r30, r0
    ijmp
jumps: .dw hidden
secret: ret
hidden: call secret
    ret
"""
    target, said = convert(assemble(tmp_path, source))
    assert (12, "R_AVR_16_PM", "hidden") in relocations(target)
    assert (16, "R_AVR_CALL", "secret") in relocations(target)
    assert all(each.confidence == "high" for each in guesses(said))


def test_label_of_ram_or_flash(tmp_path: Path) -> None:
    """avra says `L 0060` of both; who uses it tells, or --data does."""
    source = (".dseg\n.org 0x60\nvar: .byte 2\n.cseg\nstart: lds r1, var\nrjmp start\n"
              ".org 0x5f\nret\nret\nret\n")
    program = assemble(tmp_path, source, "ATtiny85")
    target, said = convert(program)
    assert (2, "R_AVR_16", "var") in relocations(target)
    assert "label var is of RAM: RAM is used there" in said
    target, said = convert(program, "--data", "var", "--data-end", "0x62")
    assert (2, "R_AVR_16", "var") in relocations(target) and not guesses(said)


def test_labels_in_doubt_are_judged_one_by_one(tmp_path: Path) -> None:
    """That those before turned out to be of RAM changes nothing for the one that is read."""
    variables = "".join(f"v{i}: .byte 2\n" for i in range(8))
    source = (f".dseg\n.org 0x60\n{variables}.cseg\nstart:\n"
              + "".join(f"lds r1, v{i}\n" for i in range(8))
              + "ldi r30, low(2*text)\nldi r31, high(2*text)\nlpm\nret\n.org 0x6a\n"
              "text: .dw 1, 2, 3, 4, 5, 6\n")
    _, said = convert(assemble(tmp_path, source, "ATtiny85"))
    assert "label text is of flash: something jumps there or reads there, but RAM" in said
    assert "label v4 is of RAM" in said, said


def test_extern_stands_for_a_label(tmp_path: Path) -> None:
    """Calls, pointers and RAM of others, by the name of a stub, of a constant, or by address."""
    source = """
.equ theirs = 0x0300
start:
    call stub
    rcall stub
    lds r1, theirs
    call 0x3000
    ret
stub: ret
"""
    target, _ = convert(assemble(tmp_path, source), "--extern", "stub", "--extern", "theirs",
                        "--extern", "by_address=0x3000")
    assert relocations(target) == [
        (0, "R_AVR_CALL", "stub"), (4, "R_AVR_13_PCREL", "stub"), (8, "R_AVR_16", "theirs"),
        (10, "R_AVR_CALL", "by_address")]


def test_outside_stays(tmp_path: Path) -> None:
    """A boot loader, say."""
    target, said = convert(assemble(tmp_path, "start: jmp 0x3800\n"))
    assert not relocations(target)
    assert "note: 0x0: goes to 0x7000, outside of the program: stays so" in said


def test_same_twice(tmp_path: Path) -> None:
    """Nothing of time and place is in it."""
    (tmp_path / "elsewhere").mkdir()
    first, _ = convert(assemble(tmp_path, COUNTER))
    second, _ = convert(assemble(tmp_path / "elsewhere", COUNTER), name="other.o")
    assert first.read_bytes() == second.read_bytes()


def test_exports_and_constants(tmp_path: Path) -> None:
    """--export makes the others local, --constants keeps the map's."""
    target, _ = convert(assemble(tmp_path, COUNTER), "--export", "start", "--constants")
    rows = [line.split() for line in run("avr-nm", target).splitlines()]
    assert [row[2] for row in rows if row[1] == "T"] == ["start"]
    assert ["00000800", "a", "__RAM_SIZE__"] in rows
    assert {row[2] for row in rows if row[1] == "t"} == {"wait", "table"}


def test_help() -> None:
    """Names every option."""
    text = hexelf("--help")
    assert all(f"--{word}" in text for word in ("assume", "never", "strict", "extern", "reloc"))


def test_what_is_counted_down_is_a_number(tmp_path: Path) -> None:
    """Also where nothing else reaches the label whose address it happens to be."""
    source = ("start: ldi r24, low(40)\nldi r25, high(40)\nwait: sbiw r24, 1\nbrne wait\nret\n"
              ".org 40\nlater: ret\n")
    target, said = convert(assemble(tmp_path, source))
    assert not relocations(target)
    assert [each.taken for each in guesses(said)] == [False, True]


def test_calls_from_past_128_kib(tmp_path: Path) -> None:
    """The target's upper bits, in the first word, are cleared too: the linker adds to them."""
    target, _ = convert(assemble(tmp_path, ".org 0x1f000\nstart: call last\nlast: ret\n",
                                 "ATmega2560"), "--entry", "start")
    assert relocations(target) == [(0, "R_AVR_CALL", "last")]
    run("avr-objcopy", "-O", "binary", "-j", ".text", target, tmp_path / "text.bin")
    assert (tmp_path / "text.bin").read_bytes().hex() == "0e9400000895"
