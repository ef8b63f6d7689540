"""Legacy AVR programs that are linked with C and run: where they were moved to, they are right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from avr import assemble, convert, disassembly, guesses, link, relocations, simulate
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


TABLES = """
.dseg
buffer: .byte 6
.cseg
copy:                       ; the text to RAM, and the sum of numbers in r24
    ldi r30, low(2*text)
    ldi r31, high(2*text)
    ldi r26, low(buffer)
    ldi r27, high(buffer)
    ldi r18, 6
next:
    lpm r0, Z+
    st X+, r0
    dec r18
    brne next
    lds r24, buffer+1
    lds r25, buffer+5
    ret
dispatch:                   ; r24: which of three
    ldi r30, low(2*jumps)
    ldi r31, high(2*jumps)
    add r30, r24
    adc r31, r1
    add r30, r24
    adc r31, r1
    lpm r20, Z+
    lpm r31, Z
    mov r30, r20
    ijmp
one: ldi r24, 0x11
    ret
two: call service
    ret
three: ldi r24, 0x33
    ret
text: .db "moved!"
jumps: .dw one, two, three
.equ service = 0x3f00
"""
TABLES_CALLER = """
unsigned copy(void);
unsigned char dispatch(unsigned char);
extern char buffer[6];
unsigned char service(void) { return 0x22; }
int main(void)
{
    unsigned ends = copy();
    show(ends);
    show(ends >> 8);
    for (unsigned char i = 0; i < 6; i++)
        show(buffer[i]);
    for (unsigned char i = 0; i < 3; i++)
        show(dispatch(i));
    done();
}
"""


@pytest.mark.parametrize(("part", "filler"), [("ATmega328P", 0), ("ATmega328P", 20000),
                                              ("ATmega2560", 0), ("ATmega1280", 30000)])
def test_tables_ram_and_c(tmp_path: Path, part: str, filler: int) -> None:
    """Text and jump table through lpm, RAM that C shares, a C function that old code calls."""
    program = assemble(tmp_path, TABLES, part)
    old, said = convert(program, "--entry", "copy", "--entry", "dispatch", "--extern", "service",
                        "--data-end", "0x106" if part == "ATmega328P" else "0x206")
    assert not [each for each in guesses(said) if not each.taken]
    linked = link(tmp_path, TABLES_CALLER, old, part=part.lower(), text=filler)
    assert simulate(linked) == "6f21" + b"moved!".hex() + "112233"


FAR = """
call_by_pointer:
    ldi r30, low(answer)
    ldi r31, high(answer)
    icall
    ret
answer: ldi r24, 0x42
    ret
"""


def test_pointer_past_128_kib(tmp_path: Path) -> None:
    """Two bytes do not reach there, so the linker puts a jump where they do."""
    old, _ = convert(assemble(tmp_path, FAR, "ATmega2560"))
    assert {kind for _, kind, _ in relocations(old)} == {"R_AVR_LO8_LDI_GS", "R_AVR_HI8_LDI_GS"}
    code = ("unsigned char call_by_pointer(void);\n"
            "int main(void) { show(call_by_pointer()); done(); }")
    (tmp_path / "fill.s").write_text(".text\n.skip 0x21000\n")
    run("avr-gcc", "-mmcu=atmega2560", "-c", "fill.s", folder=tmp_path)
    linked = link(tmp_path, code, tmp_path / "fill.o", old, part="atmega2560")
    assert re.search("^0002[1-9a-f].* <call_by_pointer>", disassembly(linked), re.M)
    assert simulate(linked) == "42"


def test_jump_around_the_end_of_flash(tmp_path: Path) -> None:
    """rjmp reaches all of 8 KiB by wrapping: where there is more flash, the linker says no."""
    source = ".org {}\nstart: rjmp last\n ret\n.org {}\nlast: ldi r24, 0x5a\nrjmp start+1\n"
    old, said = convert(assemble(tmp_path, source.format(0, 0xfe0), "ATtiny85"))
    assert [row[1:] for row in relocations(old)] == [
        ("R_AVR_13_PCREL", "last"), ("R_AVR_13_PCREL", "start+0x00000002")]
    assert "0x1fbc of them gaps" in said
    again = assemble(tmp_path, source.format(14, 0xfee), "ATtiny85", "again")
    script, target = tmp_path / "moved.ld", tmp_path / "moved.elf"
    script.write_text("SECTIONS { .text 0x1c : { *(.text) } }")
    run("avr-ld", "-m", "avr25", "-e", "0", "-T", script, old, "-o", target)
    for name, file in (("moved", target), ("again", again.hex)):
        run("avr-objcopy", *(("-I", "ihex") if file == again.hex else ()), "-O", "binary",
            "--gap-fill", "0xff", file, tmp_path / f"{name}.bin")
    assert (tmp_path / "moved.bin").read_bytes() == (tmp_path / "again.bin").read_bytes()
    old, _ = convert(assemble(tmp_path, source.format(0, 0xfe0), "ATtiny85"), "--target",
                     "atmega328p")
    done = subprocess.run(["avr-ld", "-m", "avr5", "-e", "0", "-T", script, old, "-o", target],
                          capture_output=True, check=False, text=True)
    assert done.returncode != 0 and "relocation truncated to fit: R_AVR_13_PCREL" in done.stderr
