"""A panic worth reading: what a kernel that dies says of where, why, and how it got there."""

import re
import time
from pathlib import Path
from typing import Callable

import pytest

from booting import BOOT_TIMEOUT, QUICK, ROOT, SCALE, Boot
from gdb_stub import GdbStub
from kernel_file import PAGE, read, running_symbols, symbols
from kernel_log import Frame, Report, report as report_of
from test_rights import kernel_path

KERNELS = Path("tests/kernel")
# What every backtrace of a test kernel ends with.
START = ["run", "kernel_main", "kernel_entry"]


def die(boot: Callable[..., Boot], name: str, **arguments: object) -> tuple[Boot, Report]:
    """Boots a test kernel to its end."""
    machine = boot(kernel=kernel_path(name), **QUICK | arguments)
    machine.wait_for(r"^kernel panic: .*\n")
    return machine, report_of(machine.serial)


def line_of(file: Path, text: str) -> int:
    """The line of a source that has this and nothing more."""
    lines = [line.strip() for line in (ROOT / file).read_text().splitlines()]
    assert lines.count(text) == 1
    return lines.index(text) + 1


def names(frames: list[Frame]) -> list[str]:
    """The functions, innermost first, without what compilers append to those they have changed."""
    return [frame.name.split(".")[0] for frame in frames]


def test_null_pointer_three_calls_deep(boot: Callable[..., Boot]) -> None:
    """Every frame has its name and its line, from the write to the kernel's entry."""
    _, report = die(boot, "null_pointer")
    source = KERNELS / "null_pointer.c"
    lines = [line_of(source, text) for text in
             ("*pointer = 1;", "third(pointer);", "second(pointer);",
              "first(attempt_at(NULL));")]

    assert names(report.backtrace) == ["third", "second", "first", *START]
    assert [(frame.file, frame.line) for frame in report.backtrace[:4]] == \
        [(str(source), line) for line in lines]
    assert [frame.file for frame in report.backtrace[4:]] == ["kernel/main.c", "kernel/entry.asm"]
    assert all(frame.certain for frame in report.backtrace) and not report.remarks
    assert report.place == report.backtrace[0]
    assert report.details[0].startswith("write of 0x0000000000000000: not mapped")
    assert "that is a null pointer, or little more" in report.details
    assert re.match(r"\d+ of \d+ KiB free", report.memory)


def test_stack_overflow(boot: Callable[..., Boot]) -> None:
    """From the #DF stack to the boot stack, through as many frames as are printed."""
    _, report = die(boot, "stack_overflow")
    assert report.vector == 8
    assert "that is the guard page below the boot stack" in report.details
    assert report.stack.endswith("; this report is on the #DF stack")
    dives = len(report.backtrace) - len(START)
    assert dives > 5 and names(report.backtrace) == ["dive"] * dives + START


def test_smashed_stack(boot: Callable[..., Boot]) -> None:
    """The function is named; where its frame led to is gone, so the rest is guessed, marked."""
    _, report = die(boot, "smashed_stack")
    assert report.message == "stack smashed: the canary of this function's frame was overwritten"
    assert (report.vector, report.place.name) == (None, report.backtrace[0].name)
    assert names([report.place]) == ["smash"]
    assert report.remarks == ["stops here: the return address is not in the kernel's text"]
    assert report.backtrace[0].certain
    guesses = report.backtrace[1:]
    assert not any(frame.certain for frame in guesses)
    assert names(guesses)[-2:] == ["kernel_main", "kernel_entry"]


def test_canary_is_another_each_time(boot: Callable[..., Boot]) -> None:
    """From the seed of firmware that has one, which nobody then finds in the boot info."""
    canaries = set()
    for _ in range(2):
        machine = boot(**QUICK | {"extra": ["-vga", "none", "-device", "virtio-rng-pci"]})
        machine.wait_for(r"^bestla: ready$")
        assert "stack protector: canary from the handoff's seed" in machine.serial
        assert "random" not in machine.serial.split("stack protector")[1].splitlines()[0]
        at = symbols()
        base = int(re.search(r"bytes at 0x([0-9a-f]+), to run", machine.serial)[1], 16)
        canaries.add(machine.read_physical(base + at["__stack_chk_guard"] - at["image_start"], 8))
        # struct boot_info: the seed and its size.
        seed = machine.read_physical(base + at["boot_info"] + 256 - at["image_start"], 36)
        assert seed[24:] == bytes(8) + b"\x18\0\0\0" and seed[:24] != bytes(24)
    assert len(canaries) == 2 and all(canary[0] == 0 for canary in canaries)


@pytest.mark.parametrize("cpu, source", [("max", "RDRAND"),
                                         ("qemu64", "the time stamp counter, not random")])
def test_canary_without_a_seed(boot: Callable[..., Boot], cpu: str, source: str) -> None:
    """What the CPU has instead, and a warning where it has nothing."""
    machine = boot(**QUICK | {"cpu": cpu})
    machine.wait_for(r"^bestla: ready$")
    assert f"stack protector: canary from {source}" in machine.serial


def test_assertion(boot: Callable[..., Boot]) -> None:
    """Those that hold pass, the one that does not shows its values."""
    _, report = die(boot, "assertion")
    source = KERNELS / "assertion.c"
    line = line_of(source, "assert_that(counted, <=, UINT64_C(3));")
    assert report.message == "assertion failed: 0x5 (5) <= 0x3 (3): counted <= UINT64_C(3), " \
        f"at {source}:{line}"
    assert report.place.name == "run" and (report.place.file, report.place.line) == \
        (str(source), line)
    assert names(report.backtrace) == START


def test_panic_in_panic_is_one_line(boot: Callable[..., Boot]) -> None:
    """Which names both; then there is silence."""
    machine = boot(kernel=kernel_path("panic_in_panic"), **QUICK)
    machine.wait_for(r"^kernel panic: .*\n")
    at = running_symbols(machine.serial, kernel_path("panic_in_panic"))
    found = re.search(r"^panic: the first\n(?:.*\n)*?kernel panic: #PF page fault at RIP "
                      r"0x([0-9a-f]{16}), while reporting: the first\n\Z", machine.serial, re.M)
    assert found and at["text_start"] <= int(found[1], 16) < at["text_end"]


def test_without_a_memory_map(boot: Callable[..., Boot]) -> None:
    """What the report needs of it is kept in the image."""
    _, report = die(boot, "no_memory_map")
    assert report.message == "the first" and names(report.backtrace) == START


def test_general_protection(boot: Callable[..., Boot]) -> None:
    """A selector that is none, loaded by a function with a name."""
    _, report = die(boot, "bad_selector")
    assert (report.vector, report.message) == (13, "#GP general protection")
    assert report.place.name == "run" and report.place.file == str(KERNELS / "bad_selector.c")
    assert names(report.backtrace) == START


def test_call_of_data(boot: Callable[..., Boot]) -> None:
    """The place is no function; the one that called it comes next, by the top of the stack."""
    _, report = die(boot, "execute_data")
    assert not report.backtrace[0].file
    assert names(report.backtrace)[1:] == START


def test_handler_that_panics(boot: Callable[..., Boot]) -> None:
    """Through the exception's frame, from the NMI stack to the boot stack."""
    machine, report = die(boot, "panic_in_handler")
    assert report.message == "handler of vector 2"
    assert names(report.backtrace) == ["find_fault", "on_nmi", "exception", "enter_exception",
                                       "interrupted", *START]
    assert report.remarks == ["exception 2, error code 0x0, came at"]
    # An INT instruction is left behind, so this is the next one's line or still its own.
    line = line_of(KERNELS / "panic_in_handler.c", '__asm__ volatile("int $2" ::: "memory");')
    assert report.backtrace[4].line in (line, line + 1)
    assert all(frame.certain for frame in report.backtrace)
    assert report.stack.startswith("on the NMI stack")
    edges = running_symbols(machine.serial, kernel_path("panic_in_handler"))
    assert edges["nmi_stack_bottom"] <= machine.registers()["RSP"] < edges["nmi_stack_top"]


def test_handler_that_resumes(boot: Callable[..., Boot]) -> None:
    """All registers come back; without the handler the same breakpoint is the end."""
    machine, report = die(boot, "resume")
    assert re.search(r"^test: passed$", machine.serial, re.M)
    assert (report.vector, report.message) == (3, "#BP breakpoint")
    assert report.registers["R15"] == 0x1c and report.registers["RCX"] == 0x11


def wait_at(machine: Boot, address: int) -> None:
    """Until the processor stands at this instruction."""
    deadline = time.monotonic() + BOOT_TIMEOUT * SCALE
    while machine.registers()["RIP"] != address:
        assert time.monotonic() < deadline, f"never came to {address:#x}"


def test_nmi_handler_that_resumes(boot: Callable[..., Boot]) -> None:
    """From the NMI stack, four times; registers, stack and flags are as they were."""
    machine = boot(kernel=kernel_path("resume_nmi"), **QUICK)
    for number in (2, 3):
        machine.wait_for(rf"^test: waiting for NMI {number}$")
        at = running_symbols(machine.serial, kernel_path("resume_nmi"))
        wait_at(machine, at["nmi_wait"])
        machine.qmp.command("inject-nmi")
    machine.wait_for(r"^kernel panic: .*\n")
    assert re.search(r"^test: passed$", machine.serial, re.M)
    report = report_of(machine.serial)
    assert (report.vector, report.message) == (2, "NMI") and names(report.backtrace) == START


def test_overflow_of_the_nmi_stack(boot: Callable[..., Boot]) -> None:
    """It is named, and the way goes on to where the NMI came."""
    machine, report = die(boot, "nmi_stack_overflow")
    edges = running_symbols(machine.serial, kernel_path("nmi_stack_overflow"))
    assert (report.vector, report.message) == (8, "#DF double fault")
    assert PAGE > edges["nmi_stack_bottom"] - report.registers["CR2"] > 0
    assert "that is the guard page below the NMI stack" in report.details
    assert report.stack.endswith("; this report is on the #DF stack")
    assert edges["double_fault_stack_bottom"] <= machine.registers()["RSP"] < \
        edges["double_fault_stack_top"]
    dives = names(report.backtrace).count("dive")
    assert dives > 5 and names(report.backtrace) == \
        ["dive"] * dives + ["on_nmi", "exception", "enter_exception", *START]
    assert report.remarks == ["exception 2, error code 0x0, came at"]


@pytest.mark.parametrize("offset, new, words", [
    (0, b"?Bestla!", "magic 0x21616c747365423f is not the magic number"),
    (8, b"\x63\0\0\0", "version 0x63 is not the version this kernel was built for"),
    (56 + 8, b"\0\0\0\0", "memory_map 0x0 is not a size that fits"),
])
def test_refused_boot_info(boot: Callable[..., Boot], tmp_path: Path, offset: int, new: bytes,
                           words: str) -> None:
    """On the loader's tables, before there is a memory map: one report, and no second panic."""
    machine = boot(gdb=str(tmp_path / "stub"), stopped=True, options="nokaslr", **QUICK)
    with GdbStub(tmp_path / "stub", BOOT_TIMEOUT * SCALE) as stub:
        stub.run_to(symbols()["kernel_entry"])
        info = machine.registers()["RDI"]
        assert stub.command(f"M{info + offset:x},{len(new):x}:{new.hex()}") == "OK"
        assert stub.command("D") == "OK"
        machine.wait_for(r"^kernel panic: .*\n")
    report = report_of(machine.serial)
    assert report.message == f"boot info at {info:#x}: {words}"
    assert report.memory == "not taken over yet"
    assert names(report.backtrace) == ["handoff_check", "kernel_main", "kernel_entry"]
    assert all(frame.certain for frame in report.backtrace) and not report.remarks
    assert report.stack.startswith("on the boot stack")
    assert machine.serial.count("panic:") == 2


def test_lookup_in_the_kernel(boot: Callable[..., Boot]) -> None:
    """Two functions by their first address and by one inside; nothing before, after and between."""
    machine, report = die(boot, "symbols")
    assert report.message == "done" and re.search(r"^test: passed$", machine.serial, re.M)


def test_unfilled_and_damaged_tables(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """A kernel without names says so and prints bare addresses, of the same frames."""
    whole = kernel_path("null_pointer").read_bytes()
    section = re.search(r" \.symbols +PROGBITS +\w+ (\w+)",
                        read("readelf", "-SW", kernel_path("null_pointer")))
    assert section
    start = int(section[1], 16)
    assert whole[start:start + 4] == b"SYMS"
    # Where it is linked, so that addresses of two boots can be compared.
    _, named = die(boot, "null_pointer", options="nokaslr")
    for words, at, new in [("never filled in", 0, bytes(4)), ("damaged", 60, b"\xff\xfe\xfd\xfc"),
                           ("of another kind or version", 4, b"\x63")]:
        kernel = tmp_path / "kernel.elf"
        kernel.write_bytes(whole[:start + at] + new + whole[start + at + len(new):])
        machine = boot(kernel=kernel, options="nokaslr", **QUICK)
        machine.wait_for(r"^kernel panic: .*\n")
        report = report_of(machine.serial)
        assert f"symbols: warning: the table is {words}: addresses will stand without names" \
            in machine.serial
        assert [frame.name for frame in report.backtrace] == [""] * len(report.backtrace)
        addresses = [frame.address for frame in report.backtrace]
        assert addresses == [frame.address for frame in named.backtrace]
