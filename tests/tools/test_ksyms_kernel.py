"""The table in the kernel, by gcc and by clang, against nm and addr2line."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tool import ROOT, base_of, ksyms, nm_symbols, run, table, text_of

BUILD = ROOT / "build"
ADDRESSES = 10000


@pytest.fixture(name="kernel", scope="module", params=["gcc", "clang"])
def fixture_kernel(request: pytest.FixtureRequest) -> Path:
    """A kernel with its symbol table and DWARF, by each compiler."""
    if request.param == "gcc":
        return BUILD / "kernel.elf.debug"
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    folder = BUILD / "tests" / "clang"
    subprocess.run(["make", "-j2", "CC=clang", f"B={folder.relative_to(ROOT)}",
                    folder.relative_to(ROOT) / "kernel.elf.debug"], cwd=ROOT, check=True,
                   capture_output=True, env=environment)
    return folder / "kernel.elf.debug"


def test_every_symbol_as_nm_has_it(kernel: Path) -> None:
    """All that have a size, no more and no less, with their sizes."""
    listed = table(kernel)
    assert sorted((symbol.start, symbol.size, symbol.name) for symbol in listed) == \
        nm_symbols(kernel)
    assert {"kernel_entry", "kernel_main"} <= {symbol.name for symbol in listed}
    kinds = {name: kind for kind, name in re.findall(r" (FUNC|OBJECT) .* (\S+)$",
                                                     run("readelf", "-sW", kernel), re.M)}
    assert {symbol.name: {"function": "FUNC", "object": "OBJECT"}[symbol.kind]
            for symbol in listed} == {symbol.name: kinds[symbol.name] for symbol in listed}


def by_addr2line(kernel: Path, addresses: list[int]) -> list[str]:
    """FILE:LINE of each from the project's folder, or ?."""
    lines = run("addr2line", "-e", kernel,
                text="".join(f"{address:x}\n" for address in addresses)).splitlines()
    places = [re.sub(r" \(discriminator \d+\)$", "", line) for line in lines]
    # NASM says that it ran in the source's folder.
    places = [re.sub(r"^(/.*//|(\./)+)", "", place) for place in places]
    return ["?" if place.startswith("??") or place.endswith((":?", ":0")) else place
            for place in places]


def test_random_addresses_as_addr2line_has_them(kernel: Path) -> None:
    """The same file and line, and the symbol that nm gives the address."""
    addresses = random.Random(42).choices(text_of(kernel), k=ADDRESSES)
    found = ksyms("--lookup", kernel,
                  text="".join(f"{address:x}\n" for address in addresses)).splitlines()
    assert [re.sub(r".* \((.*)\)", r"\1", line) for line in found] == \
        by_addr2line(kernel, addresses)
    names, base = nm_symbols(kernel), base_of(kernel)
    owners = {address: (name, address - base - start) for start, size, name in names
              for address in range(base + start, base + start + size)}
    expected = [owners.get(address) for address in addresses]
    assert [line.rpartition(" (")[0] for line in found] == \
        ["?" if owner is None else f"{owner[0]}+{owner[1]:#x}" for owner in expected]


def test_most_addresses_have_a_line(kernel: Path) -> None:
    """What is between functions has none; addr2line and we could agree on nothing at all."""
    text = text_of(kernel)
    found = ksyms("--lookup", kernel, text="".join(f"{address:x}\n" for address in text))
    assert found.count("(?)") < len(text) / 4
    assert " (kernel/entry.asm:" in found and " (common/format.c:" in found


def test_same_names_have_their_files(kernel: Path) -> None:
    """And others have none. Each file is a source of the kernel."""
    listed = table(kernel)
    names = [symbol.name for symbol in listed]
    shared = [symbol for symbol in listed if names.count(symbol.name) > 1]
    assert {symbol for symbol in listed if symbol.file} == set(shared)
    assert all((ROOT / symbol.file).is_file() for symbol in shared)


def test_again_gives_the_same_bytes(kernel: Path, tmp_path: Path) -> None:
    """A table made from a kernel that has one."""
    copy = Path(shutil.copy(kernel, tmp_path))
    assert re.fullmatch(r".*: \d+ symbols, \d+ line records, \d+ bytes: \d+\.\d a symbol, "
                        r"\d+\.\d a line record\n", ksyms(copy))
    assert copy.read_bytes() == kernel.read_bytes()


def test_stripping_keeps_it() -> None:
    """The kernel that boots has the same table; so have those of tests/kernel/ theirs."""
    assert table(BUILD / "kernel.elf") == table(BUILD / "kernel.elf.debug")
    for kernel in (BUILD / "tests" / "kernel").glob("*.elf"):
        assert "run" in {symbol.name for symbol in table(kernel)}


def test_it_lies_last_and_fits() -> None:
    """Nothing behind it could move; its size is the one that it was asked for."""
    kernel = BUILD / "kernel.elf.debug"
    symbols = {name: int(address, 16) for address, name in re.findall(
        r"^([0-9a-f]+) \w (\w+)$", run("nm", kernel), re.M)}
    assert symbols["symbols_end"] == symbols["image_end"]
    assert symbols["symbols_end"] - symbols["symbols_start"] == int(ksyms("--size", kernel))
