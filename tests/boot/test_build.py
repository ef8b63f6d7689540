"""What the build makes, and that it makes the same wherever and however often it is done."""

import re
import shutil
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

import pytest

from booting import QUICK, READY, ROOT, Boot
from kernel_file import read
from kernel_log import assert_audited

PRODUCTS = ("BOOTX64.EFI", "kernel.elf", "bestla.img", "bestla.iso", "esp/EFI/BOOT/BOOTX64.EFI",
            "esp/kernel.elf")
BUILD = ROOT / "build"

# Microsoft, "PE Format": section characteristics, DllCharacteristics, the directory of .reloc.
WRITE, EXECUTE, NX_COMPAT, RELOCATIONS = 1 << 31, 1 << 29, 0x100, 5


def make(folder: Path, *arguments: str) -> str:
    """Runs make in a copy; what it prints."""
    done = subprocess.run(["make", "-j2", "all", "image", *arguments], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert not done.returncode, done.stdout
    return done.stdout


def products(folder: Path) -> dict[str, bytes]:
    """The files that go out of the house."""
    return {name: (folder / "build" / name).read_bytes() for name in PRODUCTS}


def copy_tree(target: Path) -> Path:
    """The working tree without what was built."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                            "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(name="copy", scope="module")
def fixture_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree, built."""
    folder = copy_tree(tmp_path_factory.mktemp("copy"))
    make(folder)
    return folder


def test_two_folders_give_the_same_bits(copy: Path, tmp_path: Path) -> None:
    """A longer path, another time: the same loader, kernel and disk."""
    other = copy_tree(tmp_path / "a-folder-with-a-longer-name" / "inside")
    make(other)
    assert {name for name, content in products(copy).items()
            if products(other)[name] != content} == set()
    for name in ("BOOTX64.EFI", "kernel.elf"):
        assert str(copy).encode() not in products(copy)[name]


def objects(folder: Path) -> dict[str, int]:
    """When each object file was made."""
    return {str(path.relative_to(folder / "build")): path.stat().st_mtime_ns
            for path in (folder / "build").rglob("*.o")}


@contextmanager
def changed(path: Path, pattern: str, replacement: str) -> Iterator[None]:
    """A file that is different for a while; in the end it is as it was, but newer."""
    text = path.read_text()
    new = re.sub(pattern, replacement, text)
    assert new != text
    path.write_text(new)
    try:
        yield
    finally:
        path.write_text(text)


def test_nothing_to_do_is_nothing_done(copy: Path) -> None:
    """A second make compiles and links nothing."""
    before = objects(copy)
    assert not re.search(r"\b(CC|LD|NASM|PE|IMG|ISO)\b", make(copy))
    assert objects(copy) == before


def test_header_rebuilds_what_includes_it(copy: Path) -> None:
    """And only that; taken back, the products are those of the first build."""
    first, before = products(copy), objects(copy)
    with changed(copy / "kernel" / "diagnosis" / "panic.h", r"\Z", "extern int never_defined;\n"):
        make(copy)
        rebuilt = {name for name, made in objects(copy).items() if made != before[name]}
    assert {"kernel/kernel/diagnosis/panic.o", "kernel/kernel/cpu/exceptions.o"} <= rebuilt
    assert not [name for name in rebuilt if name.startswith("loader/") or "common" in name]
    make(copy)
    assert products(copy) == first


def test_change_in_a_shared_header_reaches_both(copy: Path) -> None:
    """A constant of the handoff is in the loader, in the kernel, and on the disk."""
    first = products(copy)
    with changed(copy / "common" / "boot_info.h", r"(BOOT_INFO_VERSION +)\d+", r"\g<1>77"):
        make(copy)
        assert [name for name, content in products(copy).items()
                if content == first[name]] == []
    make(copy)
    assert products(copy) == first


def test_clang_builds_all(copy: Path, boot: Callable[..., Boot]) -> None:
    """Its loader boots its kernel; the next build with gcc is gcc's alone."""
    first = products(copy)
    make(copy, "CC=clang")
    assert products(copy)["kernel.elf"] != first["kernel.elf"]
    machine = boot(image=copy / "build" / "bestla.img", **QUICK)
    machine.wait_for(READY)
    assert_audited(machine.serial)
    make(copy)
    assert products(copy) == first


def pe_fields(data: bytes) -> tuple[int, int, list[tuple[str, int, int]]]:
    """DllCharacteristics, the size of the relocations, and name, address, rights of sections."""
    header = struct.unpack_from("<I", data, 60)[0]
    count, optional_size = struct.unpack_from("<H", data, header + 6)[0], \
        struct.unpack_from("<H", data, header + 20)[0]
    optional = header + 24
    assert struct.unpack_from("<H", data, optional)[0] == 0x20b
    rows = [struct.unpack_from("<8s4x2I16xI", data, optional + optional_size + 40 * index)
            for index in range(count)]
    return (struct.unpack_from("<H", data, optional + 70)[0],
            struct.unpack_from("<I", data, optional + 112 + 8 * RELOCATIONS + 4)[0],
            [(name.rstrip(b"\0").decode(), address, rights) for name, address, _, rights in rows])


def test_loader_is_fit_for_strict_firmware() -> None:
    """NX_COMPAT, sections on pages of their own, none writable and executable; it can move."""
    flags, relocations, sections = pe_fields((BUILD / "BOOTX64.EFI").read_bytes())
    assert flags & NX_COMPAT and relocations
    assert {name for name, _, _ in sections} >= {".text", ".rodata", ".data", ".reloc"}
    assert [name for name, _, rights in sections if rights & WRITE and rights & EXECUTE] == []
    assert [name for name, _, rights in sections if rights & EXECUTE] == [".text"]
    assert [name for name, address, _ in sections if address % 4096] == []


def test_kernel_file() -> None:
    """Stripped, with its symbols beside it; it can move by adding one number."""
    shown = read("readelf", "-SWrl", BUILD / "kernel.elf")
    kinds = set(re.findall(r"^[0-9a-f]{16} +[0-9a-f]{16} (R_\w+)", shown, re.M))
    assert kinds == {"R_X86_64_RELATIVE"}
    assert ".symtab" not in shown and ".debug" not in shown
    assert " RWE " not in shown and "INTERP" not in shown
    assert " T kernel_main\n" in read("nm", BUILD / "kernel.elf.debug")


def test_strings_of_the_loader_are_whole() -> None:
    """Nothing that the linker writes by itself lies over the read-only data."""
    start = read("objdump", "-s", "-j", ".rodata", BUILD / "loader" / "loader.elf").splitlines()[4]
    assert not start.split()[1].startswith("00"), start
