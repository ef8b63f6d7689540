"""What tools/ksyms says to files that it cannot process: a message and an exit code for each kind,
and the file as it was."""

from __future__ import annotations

import os
import random
import resource
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Callable

import pytest

import tool
from tool import KSYMS, compile_file, ksyms, link, link_filled, refused, run

SOURCE = """
static int counter;
int twice(int x) { counter++; return 2 * x; }
int entry(int x) { return twice(x) + counter; }
"""
SHDR = struct.Struct("<IIQQQQIIQQ")


@pytest.fixture(name="object_file", scope="module")
def fixture_object_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled source."""
    return compile_file(tmp_path_factory.mktemp("object"), "source.c", SOURCE)


@pytest.fixture(name="kernel")
def fixture_kernel(tmp_path: Path, object_file: Path) -> Path:
    """A small image with a placeholder that fits, still unfilled."""
    return link(tmp_path, object_file,
                size=int(ksyms("--size", link(tmp_path, object_file, name="first.elf"))))


def check_refusal(kernel: Path, code: int, *words: str) -> None:
    """The code, the words in the message, and nothing changed, nor left beside the file."""
    content, beside, about = kernel.read_bytes(), sorted(kernel.parent.iterdir()), kernel.stat()
    given, message = refused(kernel)
    assert (given, kernel.read_bytes()) == (code, content), message
    assert sorted(kernel.parent.iterdir()) == beside
    assert (kernel.stat().st_ino, kernel.stat().st_mtime_ns) == (about.st_ino, about.st_mtime_ns)
    assert message.startswith(f"ksyms: {kernel}: ")
    for word in words:
        assert word in message


def patch(kernel: Path, offset: int, content: bytes) -> None:
    """Other bytes in the file."""
    with kernel.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def section_header(kernel: Path, name: str) -> int:
    """Where in the file a section's header is."""
    data = kernel.read_bytes()
    start, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    strings = SHDR.unpack_from(data, start + names * size)[4]
    for offset in range(start, start + count * size, size):
        at = strings + SHDR.unpack_from(data, offset)[0]
        if data[at:data.index(0, at)].decode() == name:
            return offset
    raise AssertionError(name)


def test_good_one_is_filled(kernel: Path) -> None:
    """What the others differ from by one thing."""
    ksyms(kernel)
    assert {symbol.name for symbol in tool.table(kernel)} == {"counter", "twice", "entry"}


def test_unreadable(tmp_path: Path) -> None:
    """Names that are no file, and one that nobody may guess at."""
    code, message = refused(tmp_path / "none")
    assert code == tool.UNREADABLE and "No such file" in message
    code, message = refused(tmp_path)
    assert code == tool.UNREADABLE and "not a regular file" in message


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"#!/bin/sh\nexit 0\n" * 20])
def test_not_elf(tmp_path: Path, content: bytes) -> None:
    """Nothing, too little, something else."""
    (tmp_path / "file").write_bytes(content)
    check_refusal(tmp_path / "file", tool.NOT_ELF, "not an ELF file")


def test_big_endian(kernel: Path) -> None:
    """e_ident[EI_DATA]."""
    patch(kernel, 5, b"\x02")
    check_refusal(kernel, tool.NOT_ELF, "e_ident[EI_DATA] is 2")


def test_32_bits(tmp_path: Path) -> None:
    """As gcc -m32 makes them."""
    object_file = compile_file(tmp_path, "source.c", SOURCE, "-m32")
    check_refusal(object_file, tool.NOT_64_BIT, "e_ident[EI_CLASS] is 1")


def test_other_machine(kernel: Path) -> None:
    """EM_AARCH64."""
    patch(kernel, 18, struct.pack("<H", 183))
    check_refusal(kernel, tool.NOT_X86_64, "e_machine is 183")


def test_not_linked(tmp_path: Path, object_file: Path) -> None:
    """An object file has no segments."""
    shutil.copy(object_file, tmp_path)
    check_refusal(tmp_path / object_file.name, tool.NOT_LINKED, "no PT_LOAD")


def test_any_truncation(kernel: Path) -> None:
    """However short it is cut, it is told; the section headers come last in the file."""
    content = kernel.read_bytes()
    for size in [15, 16, 63, 64, 100, *range(200, len(content), len(content) // 40),
                 len(content) - 1]:
        kernel.write_bytes(content[:size])
        check_refusal(kernel, tool.TRUNCATED, f"{size} bytes")


def test_section_past_the_end(kernel: Path) -> None:
    """The place that would be written to."""
    patch(kernel, section_header(kernel, ".symbols") + 24, struct.pack("<Q", 1 << 40))
    check_refusal(kernel, tool.TRUNCATED, "(.symbols) at 0x10000000000")


def test_stripped(kernel: Path) -> None:
    """Without .symtab."""
    run("strip", kernel)
    check_refusal(kernel, tool.NO_SYMBOLS, ".symtab", "stripped")


def test_no_dwarf(kernel: Path) -> None:
    """Without any, and without lines alone."""
    run("objcopy", "--remove-section=.debug_line", kernel)
    check_refusal(kernel, tool.NO_DWARF, ".debug_line")
    run("strip", "-g", kernel)
    check_refusal(kernel, tool.NO_DWARF, ".debug_info")


def test_damaged_lines(kernel: Path) -> None:
    """A line table with a version that is none, and one that ends past its section."""
    offset, = struct.unpack_from("<Q", kernel.read_bytes(),
                                 section_header(kernel, ".debug_line") + 24)
    content = kernel.read_bytes()
    for at, value in (4, struct.pack("<H", 77)), (0, struct.pack("<I", 0x7fffff00)):
        kernel.write_bytes(content)
        patch(kernel, offset + at, value)
        check_refusal(kernel, tool.BAD_DWARF, ".debug_line")


@pytest.mark.parametrize("change", ["--rename-section=.symbols=.other",
                                    "--remove-section=.symbols"])
def test_no_placeholder(kernel: Path, change: str) -> None:
    """No section of that name."""
    run("objcopy", change, kernel)
    check_refusal(kernel, tool.NO_PLACEHOLDER, "no section .symbols")


def test_placeholder_without_bytes(kernel: Path) -> None:
    """SHT_NOBITS."""
    patch(kernel, section_header(kernel, ".symbols") + 4, struct.pack("<I", 8))
    check_refusal(kernel, tool.NO_PLACEHOLDER, "no section .symbols with bytes")


@pytest.mark.parametrize("difference, code", [(-1, tool.SMALL), (1, tool.LARGE)])
def test_placeholder_of_another_size(tmp_path: Path, object_file: Path, difference: int,
                                     code: int) -> None:
    """By one byte: both sizes are said."""
    need = int(ksyms("--size", link(tmp_path, object_file)))
    kernel = link(tmp_path, object_file, size=need + difference)
    check_refusal(kernel, code, f"has {need + difference} bytes", f"needs {need}")


@pytest.mark.parametrize("assembly, word", [
    (".globl big\n.type big, @function\nbig: nop\n.size big, 0xfffffffff\n", "big"),
    (f".type {'n' * 0x100001}, @function\n{'n' * 0x100001}: nop\n.size {'n' * 0x100001}, 1\n",
     "nnnn… has 1048577 bytes")], ids=["size", "name"])
def test_more_than_the_format_holds(tmp_path: Path, object_file: Path, assembly: str,
                                    word: str) -> None:
    """A symbol larger than an image can be, a name longer than can be shown."""
    check_refusal(link(tmp_path, object_file, compile_file(tmp_path, "large.s", assembly)),
                  tool.TOO_LARGE, word)


@pytest.mark.parametrize("option", ["--list", "--lookup"])
def test_no_table_to_read(kernel: Path, option: str) -> None:
    """Unfilled, then damaged, then gone."""
    code, message = refused(option, kernel)
    assert code == tool.NO_TABLE and "never filled in" in message
    ksyms(kernel)
    offset, = struct.unpack_from("<Q", kernel.read_bytes(),
                                 section_header(kernel, ".symbols") + 24)
    patch(kernel, offset + 60, bytes([kernel.read_bytes()[offset + 60] ^ 1]))
    code, message = refused(option, kernel)
    assert code == tool.NO_TABLE and "damaged" in message
    run("objcopy", "--remove-section=.symbols", kernel)
    assert refused(option, kernel)[0] == tool.NO_PLACEHOLDER


@pytest.mark.parametrize("arguments", [[], ["--size"], ["--what", "a"], ["a", "b"],
                                       ["--list", "a", "b"], ["--lookup"]])
def test_usage(arguments: list[str]) -> None:
    """Anything else."""
    code, message = refused(*arguments)
    assert code == tool.USAGE and "usage: ksyms KERNEL" in message


def test_not_an_address(kernel: Path) -> None:
    """As an argument and on standard input."""
    ksyms(kernel)
    for message in (refused("--lookup", kernel, "12x"), refused("--lookup", kernel, text="\n")):
        assert message[0] == tool.USAGE and "not an address" in message[1]


def test_full_disk(kernel: Path) -> None:
    """The new file cannot be written whole: the old one stays, and nothing beside it."""
    content, beside = kernel.read_bytes(), sorted(kernel.parent.iterdir())
    # Python ignores SIGXFSZ, so a write past the limit fails with EFBIG.
    done = subprocess.run([KSYMS, kernel], capture_output=True, text=True, check=False,
                          restore_signals=False, preexec_fn=lambda: resource.setrlimit(
                              resource.RLIMIT_FSIZE, (4096, 4096)))
    assert done.returncode == tool.WRITE_FAILED and "File too large" in done.stderr
    assert kernel.read_bytes() == content and sorted(kernel.parent.iterdir()) == beside


def test_mode_and_links_stay(kernel: Path, tmp_path: Path) -> None:
    """The file is a new one, but as the old; a link to it still is one."""
    kernel.chmod(0o640)
    (tmp_path / "link").symlink_to(kernel.name)
    ksyms(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and kernel.stat().st_mode & 0o7777 == 0o640
    before = os.stat(kernel)
    ksyms(kernel)                   # there is nothing more to write
    assert (os.stat(kernel).st_ino, os.stat(kernel).st_mtime_ns) == \
        (before.st_ino, before.st_mtime_ns)


def test_only_the_placeholder_changes(kernel: Path) -> None:
    """Byte by byte."""
    before = kernel.read_bytes()
    ksyms(kernel)
    after = kernel.read_bytes()
    offset, size = struct.unpack_from("<QQ", before, section_header(kernel, ".symbols") + 24)
    assert before[:offset] + after[offset:offset + size] + before[offset + size:] == after
    assert after[offset:offset + 4] == b"SYMS"


def survives(kernel: Path, damage: Callable[[bytearray], None], good: bytes) -> None:
    """No crash, no sanitizer's report (its exit code is 1); refused means untouched."""
    content = bytearray(good)
    damage(content)
    kernel.write_bytes(content)
    done = subprocess.run([KSYMS, kernel], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in range(tool.OK, tool.WRITE_FAILED) and done.returncode != 1, \
        done.stderr
    assert not done.returncode or kernel.read_bytes() == content
    done = subprocess.run([KSYMS, "--list", kernel], capture_output=True, check=False, timeout=60)
    assert done.returncode != 1 and done.returncode >= 0, done.stderr


def test_random_damage_never_crashes(tmp_path: Path, object_file: Path) -> None:
    """Bytes anywhere, and in the headers and tables that matter most."""
    kernel = link_filled(tmp_path, object_file)
    good, dice = kernel.read_bytes(), random.Random(7)
    headers, = struct.unpack_from("<Q", good, 40)
    line, = struct.unpack_from("<Q", good, section_header(kernel, ".debug_line") + 24)
    symtab, = struct.unpack_from("<Q", good, section_header(kernel, ".symtab") + 24)
    for start, size in (0, 400), (headers, len(good) - headers), (line, 120), (symtab, 240), \
            (0, len(good)):
        for _ in range(25):
            places = [start + dice.randrange(min(size, len(good) - start))
                      for _ in range(dice.randint(1, 4))]

            def damage(content: bytearray, places: list[int] = places) -> None:
                for place in places:
                    content[place] = dice.choice((0, 1, 0x7f, 0x80, 0xff, dice.randrange(256)))
            survives(kernel, damage, good)
