"""tools/ksyms on small images made for one property each: names, nesting, files, kinds of DWARF."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tool import (SMALL, Symbol, base_of, compile_file, ksyms, link, link_filled, nm_symbols,
                  refused, run, table, text_of)

C_SOURCE = """
static int again;
{signature} {{ static int counter; again++; return counter++ + again; }}
"""


def lookup(kernel: Path, addresses: list[int]) -> list[str]:
    """The lines that --lookup prints."""
    return ksyms("--lookup", kernel,
                 text="".join(f"{address:x}\n" for address in addresses)).splitlines()


def named(kernel: Path, name: str) -> list[Symbol]:
    """The symbols with a name."""
    return [symbol for symbol in table(kernel) if symbol.name == name]


def test_nested_symbols_and_aliases(tmp_path: Path) -> None:
    """The innermost symbol has an address; of two names for it the better one."""
    source = "".join(f".type {name}, @function\n" for name in (
        "outer", "inner", "deep", "crossing", "_alias", "__alias", "local_alias", "better"))
    source += """
    .globl outer, _alias, __alias, better
    outer: .skip 8
    inner: .skip 4
    deep: .skip 4
    .size deep, 4
    .skip 8
    .size inner, 16
    .skip 4
    crossing: .skip 4
    .size outer, 32
    .skip 8
    .size crossing, 12
    .skip 20
    _alias: __alias: local_alias: better: .skip 5
    .size _alias, 5
    .size __alias, 5
    .size local_alias, 5
    .size better, 5
    """
    kernel = link_filled(tmp_path, compile_file(tmp_path, "nested.s", source),
                         compile_file(tmp_path, "c.c", "static int c = 1; int *d = &c;"))
    start = text_of(kernel).start
    expected = [("outer", 0, 8), ("inner", 8, 12), ("deep", 12, 16), ("inner", 16, 24),
                ("outer", 24, 28), ("crossing", 28, 40), ("?", 40, 60), ("better", 60, 65)]
    starts = {name: first for name, first, _ in reversed(expected)}
    assert [line.split(" ")[0] for line in lookup(kernel, list(range(start, start + 65)))] == \
        [name if name == "?" else f"{name}+{offset - starts[name]:#x}"
         for name, first, end in expected for offset in range(first, end)]
    assert sorted((symbol.name, symbol.size) for symbol in table(kernel)) == [
        ("__alias", 5), ("_alias", 5), ("better", 5), ("c", 4), ("crossing", 12), ("d", 8),
        ("deep", 4),
        ("inner", 16), ("local_alias", 5), ("outer", 32)]


def test_entry_points_without_size(tmp_path: Path) -> None:
    """NASM's labels reach to the next; those inside of a function are none."""
    assembly = compile_file(tmp_path, "start.asm", """
        section .text
        global start, sized:function (inside.end - sized)
        start: nop
        .loop: jmp .loop
        helper: times 10 nop
        twin: times 3 nop
        sized: times 4 nop
        inside: times 4 nop
        .end:
        tail: times 2 nop
        section .note.GNU-stack noalloc noexec nowrite progbits
        """)
    kernel = link_filled(tmp_path, assembly, compile_file(
        tmp_path, "next.c", "int next(void) { return 1; }"))
    sizes = {symbol.name: symbol.size for symbol in table(kernel)}
    gap = named(kernel, "next")[0].start - named(kernel, "tail")[0].start
    # The linker script's name for a place that has no symbol with a size is as good as another.
    assert sizes == {"start": 3, "helper": 10, "twin": 3, "sized": 8, "tail": gap, "next": 6,
                     "text_start": 3}
    assert lookup(kernel, [text_of(kernel).start])[0].startswith("start+0x0 (start.asm:4")


@pytest.mark.parametrize("compiler, counter", [
    (["gcc"], "counter.0"), (["clang", "-gdwarf-4"], "same_function.counter"),
    (["clang", "-gdwarf-5"], "same_function.counter")])     # the last by DW_OP_addrx
def test_statics_of_the_same_name(tmp_path: Path, compiler: list[str], counter: str) -> None:
    """Functions, objects and those inside of functions are told apart by the path of their file,
    not by its last part; a name that is alone needs none."""
    objects = []
    for name in "one", "two":
        path = tmp_path / name / "same.c"
        path.parent.mkdir()
        path.write_text(C_SOURCE.format(
            signature="static __attribute__((noinline, used)) int same_function(void)") +
            f"int {name}(void) {{ return same_function(); }}")
        objects.append(path.with_suffix(".o"))
        # Compiled in the folder above both, as a project's Makefile does.
        run(*compiler, "-g", "-O1", "-c", "-ffreestanding", "-fno-pic",
            "-fno-asynchronous-unwind-tables", f"{name}/same.c", "-o", objects[-1],
            folder=tmp_path)
    kernel = link_filled(tmp_path, *objects)
    for shared in "same_function", "again", counter:
        assert [symbol.file for symbol in named(kernel, shared)] == ["one/same.c", "two/same.c"]
    assert [symbol.file for symbol in named(kernel, "one") + named(kernel, "two")] == ["", ""]
    for symbol in named(kernel, "same_function"):
        assert lookup(kernel, [base_of(kernel) + symbol.start])[0] == \
            f"same_function+0x0 ({symbol.file}:3)"


def test_file_by_symtab_where_dwarf_has_none(tmp_path: Path) -> None:
    """STT_FILE has the last part of the name only."""
    objects = [compile_file(tmp_path, f"{name}.s", f'.file "{name}.s"\n.type same, @function\n'
                            "same: nop\n.size same, 1\n", "-g0") for name in ("first", "second")]
    kernel = link_filled(tmp_path, *objects,
                         compile_file(tmp_path, "c.c", "int c(void) { return 1; }"))
    assert [symbol.file for symbol in named(kernel, "same")] == ["first.s", "second.s"]


def test_folder_of_the_build_leaves_no_trace(tmp_path: Path) -> None:
    """Two builds in two folders, of C and of NASM, give the same table."""
    sizes = []
    for folder in (tmp_path / "short", tmp_path / "a-longer-name" / "and-deeper"):
        kernel = link_filled(
            folder, compile_file(folder, "c.c", C_SOURCE.format(signature="int c(void)")),
            compile_file(folder, "n.asm", "section .text\nglobal n\nn: ret\nagain: ret\n"))
        sizes.append(run("objcopy", "-O", "binary", "-j", ".symbols", kernel, "/dev/stdout"))
        assert str(tmp_path) not in sizes[-1]
    assert sizes[0] == sizes[1]


def test_names_of_any_length_and_any_byte(tmp_path: Path) -> None:
    """5,000 characters, more kinds of bytes than there are codes to spare, and one alone."""
    names = ["long_" * 1000, "x", "Größe", "a" * 4999,
             *(f'"{chr(byte)}odd"' for byte in range(0x21, 0x7f) if chr(byte) not in '"\\@')]
    source = "".join(f".globl {name}\n.type {name}, @function\n{name}: nop\n.size {name}, 1\n"
                     for name in names)
    kernel = link_filled(tmp_path, compile_file(tmp_path, "names.s", source))
    assert [symbol.name for symbol in table(kernel)] == [
        name.strip('"') for name in names]


def test_thrown_away_functions_leave_no_lines(tmp_path: Path) -> None:
    """--gc-sections leaves their rows at address 0."""
    flags = ("-ffunction-sections",)
    objects = [compile_file(tmp_path, "used.c", "int used(void) { return 1; }", *flags),
               compile_file(tmp_path, "unused.c", "int unused(void) { return 2; }", *flags)]
    kernel = link(tmp_path, *objects)
    run("ld", "--gc-sections", "-e", "used", "-T", tmp_path / "script.ld",
        "--defsym=SYMBOLS_SIZE=48", *objects, "-o", kernel)
    need = ksyms("--size", kernel).strip()
    run("ld", "--gc-sections", "-e", "used", "-u", "used", "-T", tmp_path / "script.ld",
        f"--defsym=SYMBOLS_SIZE={need}", *objects, "-o", kernel)
    assert re.search(r": 1 symbols, 1 line records,", ksyms(kernel))
    assert b"unused" not in kernel.read_bytes().split(b"SYMS")[1][:int(need)]


@pytest.mark.parametrize("flags", [["-gdwarf-2"], ["-gdwarf-3"], ["-gdwarf-5"],
                                   ["-gdwarf-5", "-gdwarf64"], ["-gz"]])
def test_any_dwarf_gives_the_same_table(tmp_path: Path, flags: list[str]) -> None:
    """As version 4 does: lines of an inlined header, too, first in their section."""
    (tmp_path / "header.h").write_text("static int first(int x)\n{\n    return x * 3;\n}\n")
    source = """#include "header.h"
    int call(int (*f)(int), int x) { return f(x) + first(x); }
    int use(int x) { return call(first, x); }
    """
    tables = []
    for number, kind in enumerate((["-gdwarf-4"], flags)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "header.h").write_text((tmp_path / "header.h").read_text())
        kernel = link_filled(folder, compile_file(folder, "source.c", source,
                                                  "-ffunction-sections", *kind))
        places = lookup(kernel, list(text_of(kernel)))
        tables.append(places)
        assert any("header.h:3)" in place for place in places)
        assert any("source.c:3)" in place for place in places)
    assert tables[0] == tables[1]


def test_more_sections_than_a_half_word_counts(tmp_path: Path) -> None:
    """From 65,280 on a symbol's section is in a table of its own (SHT_SYMTAB_SHNDX)."""
    count = 65500
    assembly = compile_file(tmp_path, "many.s", "".join(
        f'.section .s{number},"ax"\n.type f{number}, @function\nf{number}: nop\n'
        f".size f{number}, 1\n" for number in range(count)), "-g0")
    script = tmp_path / "many.ld"
    script.write_text("SECTIONS { . = 0x100000; .symbols : { LONG(0) } }")
    kernel = tmp_path / "kernel.elf"
    run("ld", "-e", "0", "-z", "noexecstack", "-T", script, "--unique", assembly,
        compile_file(tmp_path, "c.c", "int c(void) { return 1; }"), "-o", kernel)
    code, message = refused(kernel)
    assert code == SMALL and int(message.split()[-1]) > count * 5
    assert len(nm_symbols(kernel)) == count + 1
