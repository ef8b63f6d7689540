"""Flat x86 programs: what --reloc says, and nothing else, moves. One is linked into a program of
this machine and run; tests/boot/test_flat_code.py runs others in a kernel."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from avr import CONTRADICTION, MALFORMED, UNREADABLE, USAGE, hexelf, refused
from tool import run

SOURCE = """
[map symbols flat.map]
bits 64
org 0x10000
theirs equ 0x20000
zero equ 0
sum:
    mov rax, [qword abs value]
    mov ecx, value
    add rax, [rcx]
    add rax, [number32]
    call theirs
    add rax, rdx
    lea rcx, [rel sum]
    add rcx, [rel beyond]
    add rax, [rcx]
    ret
value: dq 5
number32: dq 70
beyond: dq value2 - sum
value2: dq 900
"""


@pytest.fixture(name="flat")
def fixture_flat(tmp_path: Path) -> Path:
    """The program, assembled flat."""
    (tmp_path / "flat.asm").write_text(SOURCE)
    run("nasm", "-f", "bin", "flat.asm", "-o", "flat.bin", "-l", "flat.lst", folder=tmp_path)
    return tmp_path


def arguments(flat: Path, *options: str | Path) -> list[str | Path]:
    """To convert it."""
    return ["--machine", "x86-64", "--raw", "--base", "0x10000", "--map", flat / "flat.map",
            flat / "flat.bin", "-o", flat / "flat.o", "--extern", "theirs", *options]


def place(flat: Path, text: str, into: int) -> int:
    """Where the instruction of a line has its field."""
    found = re.search(rf"^ +\d+ ([0-9A-F]+) .*{re.escape(text)}", (flat / "flat.lst").read_text(),
                      re.M)
    assert found
    return 0x10000 + int(found[1], 16) + into


def orders(flat: Path) -> list[str]:
    """All that must move, but for what moves along."""
    return [f"{place(flat, 'qword abs value', 2):#x}:64:value",
            f"{place(flat, 'mov ecx', 1):#x}:R_X86_64_32:value",
            f"{place(flat, '[number32]', 4):#x}:32S:number32",
            f"{place(flat, 'call theirs', 1):#x}:PC32:theirs"]


def test_runs_where_it_was_linked(flat: Path) -> None:
    """Each kind, by its short name and by its long one."""
    (flat / "relocs").write_text("# all\n" + "\r\n".join(orders(flat)) + "\n")
    said = hexelf(*arguments(flat, "--relocs", flat / "relocs", "--print"))
    for kind in ("64", "32", "32S", "PC32"):
        assert re.search(rf"R_X86_64_{kind} ", said)
    assert "theirs-0x4" in said and " 0 guesses, 0 notes" in said
    (flat / "main.c").write_text("""
        #include <stdio.h>
        long sum(void);
        __asm__(".globl theirs; theirs: mov $2000, %edx; ret");
        int main(void) { printf("%ld", sum()); }
    """)
    run("gcc", "-no-pie", "-Wl,--fatal-warnings", "main.c", "flat.o", "-o", "program", folder=flat)
    assert run(flat / "program") == str(5 + 5 + 70 + 2000 + 900)
    assert "<theirs>" in run("gdb", "-batch", "-nx", "-ex", "disassemble sum", flat / "program")


def test_bytes_are_as_the_assembler_makes_them(flat: Path) -> None:
    """Linked for another address, ld gives what NASM gives for that address."""
    hexelf(*arguments(flat, *(word for order in orders(flat) for word in ("--reloc", order))))
    for address in (0x10000, 0x7654000):
        run("ld", "--fatal-warnings", "-e", "0", f"-Ttext={address:#x}",
            f"--defsym=theirs={address + 0x345678:#x}", "flat.o", "-o", "linked", folder=flat)
        run("objcopy", "-O", "binary", "-j", ".text", "linked", "linked.bin", folder=flat)
        text = (flat / "flat.asm").read_text().replace("org 0x10000", f"org {address:#x}")
        (flat / "again.asm").write_text(text.replace("0x20000", f"{address + 0x345678:#x}"))
        run("nasm", "-f", "bin", "again.asm", "-o", "again.bin", folder=flat)
        assert (flat / "linked.bin").read_bytes() == (flat / "again.bin").read_bytes()


@pytest.mark.parametrize(("order", "code", "words"), [
    ("0x10002", USAGE, "not ADDRESS:KIND:SYMBOL"),
    ("0x10002:64", USAGE, "not ADDRESS:KIND:SYMBOL"),
    ("x:64:value", USAGE, "no address"),
    ("0x10002:8:value", USAGE, "the kind is none of"),
    ("0x10002:64:", USAGE, "no symbol"),
    ("0x10002:64:nobody", CONTRADICTION, "nobody is neither in the map nor named by --extern"),
    ("0x10002:64:zero", CONTRADICTION, "zero is no label: it does not move"),
    ("0xfffe:32:value", CONTRADICTION, "4 bytes at 0xfffe are not all in the image"),
    ("0xffffffffffffffff:64:value", CONTRADICTION, "are not all in the image"),
])
def test_orders_that_cannot_be(flat: Path, order: str, code: int, words: str) -> None:
    """On the command line and, by line and column, in a file."""
    given, message = refused(*arguments(flat, "--reloc", order), output=flat / "flat.o")
    assert given == code and words in message, message
    (flat / "relocs").write_text(f"# list\n  {order}\n")
    given, message = refused(*arguments(flat, "--relocs", flat / "relocs"), output=flat / "flat.o")
    assert words in message and given == (MALFORMED if code == USAGE else code)
    if code == USAGE:
        assert f"{flat}/relocs:2:" in message


def test_orders_that_overlap(flat: Path) -> None:
    """Two addresses in one place, and other things that cannot be."""
    code, message = refused(*arguments(flat, "--reloc", "0x10002:64:value", "--reloc",
                                       "0x10009:16:value"))
    assert code == CONTRADICTION and "0x10009:16:value: overlaps the one at 0x10002" in message
    (flat / "relocs").write_text("0x10002:64:value value\n")
    assert ":1:1: more than one word" in refused(*arguments(flat, "--relocs", flat / "relocs"))[1]
    assert refused(*arguments(flat, "--relocs", flat / "nowhere"))[0] == UNREADABLE
    code, message = refused(*arguments(flat, "--base", "0", "--reloc", "2:64:value"))
    assert code == CONTRADICTION and "not in the image, 0x0 to 0x" in message   # a forgotten --base
    assert refused(*arguments(flat, "--device", "avr5"))[0] == USAGE
    assert refused(*arguments(flat, "--assume", "5"))[0] == USAGE


def test_an_overflow_is_the_linkers(flat: Path) -> None:
    """What does not fit where it was linked is refused there, by the symbol's name."""
    hexelf(*arguments(flat, "--reloc", "0x10002:16:value"))
    done = subprocess.run(["ld", "-e", "0", "-Ttext=0x20000", "--defsym=theirs=0", "flat.o", "-o",
                           "linked"], cwd=flat, capture_output=True, check=False, text=True)
    assert done.returncode != 0
    assert "relocation truncated to fit: R_X86_64_16 against symbol `value'" in done.stderr


def test_strict_and_data_end(flat: Path) -> None:
    """The length of the last symbol of BSS is the one guess on x86."""
    (flat / "flat.map").write_text("sum code 10000\nbuffer data 20000\n")
    code, _ = refused(*arguments(flat, "--strict"))
    assert code == 25
    hexelf(*arguments(flat, "--strict", "--data-end", "0x20010"))
    assert re.search(r"\.bss +NOBITS .* 000010 ", run("readelf", "-SW", flat / "flat.o"))
    code, message = refused(*arguments(flat, "--data-end", "0x1ffff"))
    assert code == CONTRADICTION and "--data-end 0x1ffff: buffer lies at 0x20000" in message
    (flat / "flat.map").write_text("sum code 10000\nbuffer data ffffffffffffffff\n")
    code, message = refused(*arguments(flat))
    assert code == CONTRADICTION and "buffer: nothing can lie at 0xffffffffffffffff" in message
