"""What tools/hexelf reads: every kind of record and of map, and what it says to each that is
malformed, by file, line and column; nothing is written then."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from avr import (CONTRADICTION, HEXELF, MALFORMED, OK, TOO_LARGE, UNREADABLE, USAGE, WRITE_FAILED,
                 hexelf, refused)
from tool import run

LIST = "start code 0\nvalue data 100\n"
END = ":00000001FF\n"


def record(kind: int, offset: int, data: bytes) -> str:
    """One with its checksum."""
    body = bytes([len(data), offset >> 8, offset & 255, kind]) + data
    return f":{(body + bytes([-sum(body) & 255])).hex().upper()}\n"


RET = record(0, 0, bytes.fromhex("0895"))


def files(folder: Path, text: str | bytes, names: str | bytes = LIST) -> list[str | Path]:
    """The arguments for them, by x86-64, which looks at no byte."""
    for name, content in (("in.hex", text), ("in.map", names)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return ["--machine", "x86-64", "--map", folder / "in.map", folder / "in.hex", "-o",
            folder / "out.o"]


def content(folder: Path, text: str | bytes) -> tuple[str, bytes]:
    """What the tool says, and .text."""
    said = hexelf(*files(folder, text, "start absolute 0\n"))
    run("objcopy", "-O", "binary", "-j", ".text", folder / "out.o", folder / "out.bin")
    return said, (folder / "out.bin").read_bytes()


def test_records(tmp_path: Path) -> None:
    """Data in any order, gaps, both kinds of extended addresses, start records."""
    text = (record(4, 0, b"\0\1") + record(0, 0xfffe, b"ab") + record(4, 0, b"\0\2")
            + record(0, 0, b"cd") + record(5, 0, b"\0\1\0\0") + record(0, 0xa, b"z")
            + record(3, 0, b"\0\0\0\0") + record(0, 6, b"y") + record(0, 7, b"") + END)
    said, data = content(tmp_path, text)
    assert data == b"abcd\xff\xff\xff\xffy\xff\xff\xffz"
    assert "0xd bytes from 0x1fffe, 0x7 of them gaps" in said


def test_a_segment_wraps(tmp_path: Path) -> None:
    """Under record 02 an offset stays in its 64 KiB."""
    text = record(2, 0, b"\x10\x00") + record(0, 0xfffe, b"abcd") + record(0, 2, b"ef") + END
    _, data = content(tmp_path, text)
    assert data[:4] == b"cdef" and data[-2:] == b"ab" and len(data) == 0x10000


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"), lambda text: text.lower(),
    lambda text: text.rstrip("\n"), lambda text: text.replace("\n", "\n\n"),
])
def test_line_ends_and_case(tmp_path: Path, change) -> None:
    """Mean nothing."""
    assert content(tmp_path, change(RET + END))[1] == b"\x08\x95"


@pytest.mark.parametrize(("text", "place", "words"), [
    ("x" + RET, "1:1", "'x' where a record's ':' should be"),
    (RET + ":0g00000000\n", "2:3", "'g' is no hexadecimal digit"),
    (":0\n", "1:2", "half a byte"),
    (":000\n", "1:4", "half a byte"),
    (":\n", "1:2", "ends after 0 bytes"),
    (":00000001\n", "1:10", "ends after 4 bytes"),
    (":0300000008955E\n", "1:2", "says 3 bytes of data, 2 are there"),
    (":0100000008955E\n", "1:2", "says 1 bytes of data, 2 are there"),
    (":02000000089562\n", "1:14", "checksum 0x62, should be 0x61"),
    (record(6, 0, b""), "1:8", "record type 0x06"),
    (record(4, 0, b"a"), "1:2", "record type 04 has 2 bytes of data, not 1"),
    (record(1, 0, b"a"), "1:2", "record type 01 has 0 bytes of data, not 1"),
    (record(5, 0, b"a"), "1:2", "record type 05 has 4 bytes of data, not 1"),
    (RET, "2:1", "no end-of-file record"),
    ("", "1:1", "no end-of-file record"),
    (RET + END + RET, "3:1", "after the end-of-file record"),
    (RET + RET + END, "2:1", "the byte at 0x0 is already in line 1"),
    (record(0, 4, b"abcd") + record(0, 3, b"ab") + END, "2:1", "0x4 is already in line 1"),
    (record(4, 0, b"\xff\xff") + record(0, 0xffff, b"ab") + END, "2:4", "reach past 2^32"),
    (":02000000" + "08 95" + "61\n", "1:12", "' ' is no hexadecimal digit"),
    (RET + ":" + "00" * 300 + "\n", "2:522", "longer than 260 bytes"),
    (RET + "\x1a\n" + END, "2:1", "'.' where a record's ':'"),
])
def test_malformed_records(tmp_path: Path, text: str, place: str, words: str) -> None:
    """Line and column of the first thing wrong."""
    code, message = refused(*files(tmp_path, text), output=tmp_path / "out.o")
    assert code == MALFORMED
    assert message.startswith(f"hexelf: {tmp_path}/in.hex:{place}: ") and words in message, message


def test_sizes(tmp_path: Path) -> None:
    """Nothing at all, and more than memory should be taken for."""
    assert refused(*files(tmp_path, END))[1].endswith("no data record")
    text = RET + record(4, 0, b"\x10\x00") + RET + END
    assert refused(*files(tmp_path, text))[0] == TOO_LARGE
    (tmp_path / "empty").touch()
    arguments = files(tmp_path, "")
    assert refused("--raw", *arguments)[0] == MALFORMED
    with (tmp_path / "in.hex").open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert refused("--raw", *arguments)[0] == TOO_LARGE


@pytest.mark.parametrize(("names", "place", "words"), [
    ("AVRASM ver. 2.1.30 x y\n\nCSEG start\n", "3:11", "2 words, not the 3"),
    ("CSEG start 0\nCSEG x 0 1\n", "2:10", "4 words, not the 3"),
    ("CSEG start 0000000g\n", "1:12", "'0000000g' is no hexadecimal number"),
    ("CSEG start 12345678123456789\n", "1:12", "below 2^64"),
    ("CSEG start 0\nWSEG x 0\n", "2:1", "'WSEG' is none of CSEG, DSEG"),
    ("CSEG a 0\nEQU x 5\nCSEG a 1\n", "3:1", "label a is already in line 1"),
    ("a\tL\t0005\t5\nb\tL\t5\n", "2:6", "3 words, not the 4"),
    ("a\tX\t0005\t5\n", "1:3", "'X' is none of L, C, V"),
    ("a\tL\t0005\t6\n", "1:10", "6 is not 0x5"),
    ("a\tL\t0005\tz\n", "1:10", "'z' is no decimal number"),
    ("a\tL\t000z\t5\n", "1:5", "'000z' is no hexadecimal number"),
    ("start code zero\n", "1:12", "'zero' is no hexadecimal number"),
    ("start text 0\n", "1:7", "'text' is none of code, table"),
    ("start code\n", "1:11", "2 words, not the 3"),
    (b"st\x01rt code 0\n", "1:3", "control character 0x01"),
    ("- NASM Map file ---\n\n-- Symbols ---\n---- Section .text ---\n 0 0 x y\n", "5:8", "4 words"),
    ("- NASM Map file ---\n\n-- Symbols ---\n---- Section .text ---\n 0 q x\n", "5:4", "'q' is no"),
    ("- NASM Map file ---\n\n-- Symbols ---\n---- No Section ---\nx y\n", "5:1", "'x' is no"),
    ("- NASM Map file ---\n\n-- Sections ---\n", "3:1", "without [map symbols]"),
])
def test_malformed_maps(tmp_path: Path, names: str | bytes, place: str, words: str) -> None:
    """The same for maps."""
    code, message = refused(*files(tmp_path, RET + END, names), output=tmp_path / "out.o")
    assert code == MALFORMED
    assert message.startswith(f"hexelf: {tmp_path}/in.map:{place}: ") and words in message, message


AVRASM2 = """AVRASM ver. 2.1.42  C:\\old\\blink.asm Thu Apr 17 10:00:00 2014

EQU  RAMEND        000008ff
SET  count         00000002
DEF  temp          r16
CSEG _blinks       00000000
CSEG _add          00000002
DSEG state         00000100
ESEG saved         00000000
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_avrasm2(tmp_path: Path, end: str) -> None:
    """Code in words, RAM and EEPROM in bytes."""
    code = bytes.fromhex("0c9402001124992700910001e07a0895")
    arguments = files(tmp_path, record(0, 0, code) + END, AVRASM2.replace("\n", end))
    arguments[1] = "avr"
    said = hexelf(*arguments, "--device", "ATmega328P", "--print", "--data-end", "0x102",
                  "--constants")
    assert "00000000 R_AVR_CALL           _add\n0000000a R_AVR_16             state\n" in said
    rows = [line.split() for line in run("readelf", "-sW", tmp_path / "out.o").splitlines()]
    symbols = {row[7]: (row[1], row[2], row[3], row[6]) for row in rows if len(row) == 8}
    assert symbols["_blinks"] == ("00000000", "4", "FUNC", "1")
    assert symbols["_add"] == ("00000004", "12", "FUNC", "1")
    assert symbols["state"] == ("00000000", "2", "OBJECT", "2")
    assert symbols["saved"][3] == symbols["RAMEND"][3] == "ABS"
    assert "temp" not in symbols


def test_files_that_are_none(tmp_path: Path) -> None:
    """Names that cannot be read, or not be written."""
    arguments = files(tmp_path, RET + END)
    for index in (3, 4):
        for path in (tmp_path / "nowhere", tmp_path):
            assert refused(*arguments[:index], path, *arguments[index + 1:])[0] == UNREADABLE
    for path in (tmp_path, tmp_path / "no" / "where", "/dev/null"):
        assert refused(*arguments[:6], path)[0] == WRITE_FAILED
    assert Path("/dev/null").is_char_device()
    assert refused("--machine", "avr")[0] == USAGE
    assert refused("--machine")[0] == USAGE


def test_an_old_file_stays_or_goes(tmp_path: Path) -> None:
    """Its mode stays, and links lead on; where something is wrong it is untouched."""
    arguments, real = files(tmp_path, RET + END), tmp_path / "real.o"
    real.write_text("old")
    real.chmod(0o640)
    (tmp_path / "out.o").symlink_to(real)
    (tmp_path / "in.map").write_text("bad\n")
    refused(*arguments)
    assert real.read_text() == "old"
    (tmp_path / "in.map").write_text(LIST)
    hexelf(*arguments)
    assert (tmp_path / "out.o").is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes()[:4] == b"\x7fELF"


def test_output_is_no_input(tmp_path: Path) -> None:
    """The only copy of a program is not replaced, by any name."""
    arguments = files(tmp_path, RET + END)
    (tmp_path / "link").symlink_to("in.hex")
    for path in ("in.hex", "link", "in.map"):
        code, message = refused(*arguments[:6], tmp_path / path)
        assert code == USAGE and "would overwrite" in message
    assert (tmp_path / "in.hex").read_text() == RET + END


def test_output_is_no_list_of_relocations(tmp_path: Path) -> None:
    """Which somebody has written by hand; links to it are it."""
    (tmp_path / "relocs").write_text("# none yet\n")
    os.link(tmp_path / "relocs", tmp_path / "hard")
    arguments = files(tmp_path, RET + END)
    for path in ("relocs", "hard"):
        code, message = refused("--relocs", tmp_path / "relocs", *arguments[:6], tmp_path / path)
        assert code == USAGE and "would overwrite" in message
    assert (tmp_path / "relocs").read_text() == "# none yet\n"


def test_nowhere_to_print_to(tmp_path: Path) -> None:
    """Guesses that nobody can read are a failure."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([HEXELF, *files(tmp_path, RET + END)], stdout=full,
                              stderr=subprocess.PIPE, check=False, text=True)
    assert done.returncode == WRITE_FAILED
    assert done.stderr == "hexelf: standard output: No space left on device\n"


def test_a_full_disk(tmp_path: Path) -> None:
    """Leaves nothing."""
    arguments = files(tmp_path, RET + END)
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", HEXELF,
                           *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == WRITE_FAILED and done.stderr.startswith("hexelf: ")
    assert sorted(tmp_path.iterdir()) == before


def test_too_large_for_the_part(tmp_path: Path) -> None:
    """And without a part."""
    arguments = files(tmp_path, record(0, 0x2000, b"\x08\x95") + END)
    arguments[1] = "avr"
    assert refused(*arguments, "--device", "attiny85") == (
        CONTRADICTION, f"hexelf: {tmp_path}/in.hex: bytes up to 0x2002, but attiny85 has 0x2000")
    assert "--device is needed" in refused(*arguments)[1]


MUTANTS = int(os.environ.get("HEXELF_MUTANTS", "60"))


def mutate(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed, moved, doubled or lost; half of the time checksums are right again."""
    mutant = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(mutant) + 1)
        length = chance.choice([0, 1, 1, 2, 16])
        other = chance.randrange(len(mutant) + 1)
        mutant[at:at + length] = chance.choice([
            chance.randbytes(length), mutant[other:other + chance.randrange(40)],
            chance.choice([b"\n", b":", b"ff", b"0", b"\0", b"\r\n", b" ", b"7fffffff", b"L"])])
    if chance.random() < 0.5:
        return bytes(mutant)
    lines = []
    for line in mutant.split(b"\n"):
        try:
            body = bytes.fromhex(line[1:-2].decode())
            line = b":" + body.hex().encode() + b"%02X" % (-sum(body) & 255)
        except (UnicodeDecodeError, ValueError):
            pass
        lines.append(line)
    return b"\n".join(lines)


@pytest.mark.parametrize("kind", ["avr", "nasm"])
def test_mutants(tmp_path: Path, kind: str) -> None:
    """Under ASan and UBSan: an object that binutils read, or one line and one of the known codes.
    Never anything on both, never a hang."""
    chance = random.Random(kind)
    source = tmp_path / "in.asm"
    if kind == "avr":
        source.write_text(".device ATmega328P\n.dseg\nv: .byte 4\n.cseg\nstart: rjmp go\nreti\n"
                          "go: ldi r30, low(2*t)\nldi r31, high(2*t)\nlpm r0, Z\nlds r1, v\n"
                          "call f\nrjmp go\nf: ldi r30, low(f)\nldi r31, high(f)\nicall\nret\n"
                          "t: .dw f, go, 0xffff\n.db 1, 2, 3, 4\n")
        run("avra", "-m", "in.map", source, folder=tmp_path)
        machine = ("--machine", "avr", "--device", "atmega328p")
    else:
        source.write_text("[map symbols in.map]\norg 0x100\nK equ 4\nstart: jmp near go\n"
                          "section .data\nv: dw go\nsection .text\ngo: ret\nsection .bss\n"
                          "b: resb 4\n")
        run("nasm", "-f", "bin", source, "-o", "in.bin", folder=tmp_path)
        run("objcopy", "-I", "binary", "-O", "ihex", "--change-addresses", "0x100", "in.bin",
            "in.hex", folder=tmp_path)
        machine = ("--machine", "x86-64", "--reloc", "0x104:16:go")
    good = [(tmp_path / name).read_bytes() for name in ("in.hex", "in.map")]
    passed = 0
    for _ in range(MUTANTS):
        which, target = chance.randrange(2), tmp_path / "out.o"
        pair = [mutate(chance, data) if i == which else data for i, data in enumerate(good)]
        for name, data in zip(("m.hex", "m.map"), pair):
            (tmp_path / name).write_bytes(data)
        target.unlink(missing_ok=True)
        done = subprocess.run([HEXELF, *machine, "--map", tmp_path / "m.map", "--map-format",
                               "avra" if kind == "avr" else "nasm", tmp_path / "m.hex", "-o",
                               target], capture_output=True, check=False, timeout=60)
        if done.returncode == OK:
            passed += 1
            assert not done.stderr
            if passed % 8 == 0:
                assert not subprocess.run(["readelf", "-aW", target], capture_output=True,
                                          check=True).stderr
            continue
        assert done.returncode in (MALFORMED, CONTRADICTION, TOO_LARGE), done.stderr
        assert done.stderr.startswith(b"hexelf: ") and done.stderr.count(b"\n") == 1
        assert not target.exists() and not done.stdout
    assert 0 < passed < MUTANTS


@pytest.mark.parametrize(("names", "words"), [
    ("CSEG a 7fffffffffffffff\n", "1:1: address 0x7fffffffffffffff of a is past 2^32"),
    ("a L 0000 0\nb L ffffffff -1\n", "2:1: address 0xffffffffffffffff of b is past 2^32"),
])
def test_no_address_of_avr(tmp_path: Path, names: str, words: str) -> None:
    """What ELF32 cannot hold either."""
    arguments = files(tmp_path, RET + END, names)
    arguments[1] = "avr"
    code, message = refused(*arguments, "--device", "avr5", output=tmp_path / "out.o")
    assert code == MALFORMED and f"in.map:{words}" in message, message
