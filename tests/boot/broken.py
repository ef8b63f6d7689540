"""Volumes that the loader must refuse: what is wrong with each, and what the loader says."""

import struct
from dataclasses import dataclass

from booting import ENTRY
from kernel_file import KERNEL

LOAD_ERROR, UNSUPPORTED, OUT_OF_RESOURCES, NOT_FOUND = 1, 3, 9, 14
CONF = "loader/loader.conf"
Content = bytes | str | None

GOOD = KERNEL.read_bytes() if KERNEL.exists() else b""
# gABI, figures 4-3 and 5-1: offsets in the file header and in a program header.
CLASS, TYPE, MACHINE, START = 4, 16, 18, 24
FLAGS, VIRT, MEMORY_SIZE = 4, 16, 40
HEADER_BYTES, PROGRAM_HEADER_BYTES = 64, 56


def patched(offset: int, kind: str, value: int) -> bytes:
    """The kernel's file with one field changed."""
    data = bytearray(GOOD)
    if data:
        struct.pack_into("<" + kind, data, offset, value)
    return bytes(data)


def segment(index: int, offset: int, kind: str, value: int) -> bytes:
    """The kernel's file with one field of a program header changed."""
    return patched(HEADER_BYTES + index * PROGRAM_HEADER_BYTES + offset, kind, value)


@dataclass(frozen=True)
class Broken:
    """What a volume has different, and the answer: a status of UEFI's and a message."""

    message: str
    status: int
    files: dict[str, Content]


def kernel(content: Content, message: str, status: int = LOAD_ERROR) -> Broken:
    """A bad kernel file."""
    return Broken(f"/kernel.elf: {message}", status, {"kernel.elf": content})


def entry(text: str, message: str, status: int = LOAD_ERROR) -> Broken:
    """A bad boot entry."""
    return Broken(f"/{ENTRY}{message}", status, {ENTRY: text})


def module(content: dict[str, Content], message: str, status: int) -> Broken:
    """A good boot entry with a bad module."""
    return Broken(message, status,
                  {ENTRY: "kernel /kernel.elf\nmodule /modules/data.bin words\n", **content})


HALF = len(GOOD) // 2
LONG_WORD = "x" * 1500

BROKEN = {
    "kernel-missing": kernel(None, "cannot be opened (Not Found)", NOT_FOUND),
    "kernel-empty": kernel(b"", "file size 0x0 is less than e_ehsize 0x40"),
    "kernel-truncated": kernel(GOOD[:HALF], "program header"),
    "kernel-cut-in-header": kernel(GOOD[:HEADER_BYTES + 8],
                                   "e_phoff 0x40 puts program headers past the end of the file"),
    "kernel-32-bit": kernel(patched(CLASS, "B", 1), "e_ident[EI_CLASS] 0x1 is not ELFCLASS64"),
    "kernel-of-arm": kernel(patched(MACHINE, "H", 0xb7), "e_machine 0xb7 is not EM_X86_64"),
    "kernel-object": kernel(patched(TYPE, "H", 1), "e_type 0x1 is neither ET_EXEC nor ET_DYN"),
    "kernel-text": kernel("not an ELF file, but long enough for its header to be read as one\n",
                          "e_ident[EI_MAG0..3]"),
    "kernel-write-execute": kernel(segment(0, FLAGS, "I", 7),
                                   "program header 0: p_flags 0x7 allows both PF_W and PF_X"),
    "kernel-entry-in-data": kernel(patched(START, "Q", 0xffffffff80000000),
                                   "e_entry 0xffffffff80000000 is inside no segment"),
    "kernel-low": kernel(segment(0, VIRT, "Q", 0x100000), "program header 0: p_vaddr 0x100000"),
    "kernel-too-large": Broken("bytes for the kernel (Out of Resources)", OUT_OF_RESOURCES,
                               {"kernel.elf": segment(6, MEMORY_SIZE, "Q", 0x30000000)}),
    "kernel-folder": Broken("/kernel.elf: has no size; is it a folder?", UNSUPPORTED,
                            {"kernel.elf": None, "kernel.elf/inside": "text"}),
    "entries-folder-missing": Broken("/loader/entries: cannot be opened (Not Found)", NOT_FOUND,
                                     {ENTRY: None}),
    "entries-none": Broken("/loader/entries: no entry (a file *.conf) in it (Not Found)",
                           NOT_FOUND, {ENTRY: None, "loader/entries/notes.txt": "nothing"}),
    "entry-empty": entry("", ": "),
    "entry-without-kernel": entry("title None\noptions a\n", ": "),
    "entry-without-value": entry("title Broken\n# comment\nkernel\n", ":3: "),
    "entry-repeated": entry("kernel /kernel.elf\n\n\nkernel /other.elf\n", ":4: "),
    "entry-bad-path": entry("title Broken\nkernel /../kernel.elf\n", ":2: "),
    "entry-binary": entry("title Broken\nkernel /kernel.elf\nversion \x01\n", ":3: "),
    "entry-long-line": entry(f"kernel /kernel.elf\noptions {'x' * 2048}\n", ":2: "),
    "entry-too-long": entry("kernel /kernel.elf\n" + "# comment\n" * 7000,
                            ": 70019 bytes, more than 65536"),
    "entry-long-options": entry("kernel /kernel.elf\n" + f"options {LONG_WORD}\n" * 3,
                                ": options longer than 4095 bytes"),
    "conf-bad-number": Broken(f"/{CONF}:2: ", LOAD_ERROR, {CONF: "default *\ntimeout soon\n"}),
    "module-missing": module({}, "/modules/data.bin: cannot be opened (Not Found)", NOT_FOUND),
    "module-empty": module({"modules/data.bin": b""}, "/modules/data.bin: the module is empty",
                           LOAD_ERROR),
    "module-folder": module({"modules/data.bin/inside": "text"},
                            "/modules/data.bin: has no size; is it a folder?", UNSUPPORTED),
}
