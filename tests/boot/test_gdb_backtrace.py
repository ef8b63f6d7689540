"""gdb's backtrace from an exception's report to the kernel's entry: what vectors.asm and entry.asm
say of their frames, on a kernel that dies three calls deep."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from booting import ROOT, SCALE, make_esp, make_image
from kernel_file import read, slide_of, symbols
from kernel_log import frame as printed_frame

NAME = "null_pointer"
KERNEL = ROOT / "build" / "tests" / "kernel" / f"{NAME}.elf"
SOURCE = f"tests/kernel/{NAME}.c"
CALLERS = ["third", "second", "first", "run", "kernel_main", "kernel_entry"]
# The stub of vector 14 and all of enter_exception up to its call of exception().
STUB, INSTRUCTIONS = "(char *) &vector_stubs + 14 * 16", 26
REGISTERS = ["frame function third", "info registers rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 "
             "r12 r13 r14 r15 rip eflags cs ss"]


# As if there were no more than 3 to be printed; then as many as there are.
COUNTED = "sum(1 for _ in bestla.frames.real_frames())"
FEWER_FRAMES = [word for most in ("3", COUNTED)
                for word in (f"python import bestla.frames; bestla.frames.MOST_FRAMES = {most}",
                             "echo ==\\n", "bestla-frames")]


@dataclass(frozen=True)
class Frame:
    """A frame as bestla-frames prints it."""

    pc: int
    function: str
    file: str
    line: int


def frames(text: str) -> list[Frame]:
    """What one bestla-frames has printed, innermost first."""
    found = re.findall(r"^frame (\d+) 0x([0-9a-f]{16}) (\S+) (?:\?|(\S+):(\d+))$", text, re.M)
    assert [int(number) for number, *_ in found] == list(range(len(found))), text
    return [Frame(int(pc, 16), function, file, int(line or 0))
            for _, pc, function, file, line in found]


@pytest.fixture(name="image", scope="module")
def fixture_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with the kernel that writes through a null pointer."""
    folder = tmp_path_factory.mktemp("backtrace")
    return make_image(make_esp(folder / "esp", kernel=KERNEL), folder / "disk.img")


def session(image: Path, *commands: str) -> list[str]:
    """What a gdb that was given these commands printed, cut at each `echo ==\\n`."""
    script = [word for command in ("bestla-stop-in-loader", *commands)
              for word in ("-ex", command)]
    done = subprocess.run([ROOT / "scripts" / "debug", "--image", image, "--symbols",
                           f"{KERNEL}.debug", "--memory", "256M", "--log",
                           image.with_suffix(".log"), "--", "-batch", *script],
                          stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=180 * SCALE, check=False)
    assert "Error" not in done.stdout and not done.returncode, done.stdout
    return re.split(r"^==\n", done.stdout, flags=re.M)


def line_of(text: str) -> int:
    """The only line of the kernel's source with this text."""
    lines = (ROOT / SOURCE).read_text(encoding="utf-8").splitlines()
    line, = (number for number, each in enumerate(lines, 1) if text in each)
    return line


def assert_callers(found: list[Frame], third: int) -> None:
    """From third(), which is at that line, to the entry, each in the line of its call."""
    assert [frame.function for frame in found] == CALLERS
    assert [(frame.file, frame.line) for frame in found[:4]] == [
        (SOURCE, third), (SOURCE, line_of("    third(pointer);")),
        (SOURCE, line_of("    second(pointer);")),
        (SOURCE, line_of("    first(attempt_at(NULL));"))]
    assert found[5].file == "kernel/entry.asm"


def test_backtrace_at_every_instruction_of_the_entry(image: Path) -> None:
    """From the first instruction of the stub to panic_at() the frames below are the same."""
    steps = ["echo ==\\n", "bestla-frames", *REGISTERS, "stepi"] * INSTRUCTIONS
    parts = session(image, f"hbreak *({STUB})", "continue", *steps, "echo ==\\n", "bestla-frames",
                    *REGISTERS, "hbreak panic_at", "continue", "echo ==\\n", "bestla-frames",
                    *REGISTERS, "echo ==\\n", "backtrace")
    *entering, entered, panicked = (frames(part) for part in parts[1:-1])
    found = [re.findall(r"^(\w+) +(0x[0-9a-f]+) ", part, re.M) for part in parts[1:-1]]
    assert len(found[0]) == 20 and [each for each in found if each != found[0]] == []
    third = line_of("*pointer = 1;")
    assert len({each[0].pc for each in entering}) == INSTRUCTIONS
    assert {each[0].function for each in entering} == {"vector_stubs", "enter_exception"}
    for each in entering:
        assert_callers(each[1:], third)
        assert each[1:] == entering[0][1:]
    assert [frame.function for frame in entered[:2]] == ["exception", "enter_exception"]
    assert entered[2:] == entering[0][1:]
    names = [frame.function for frame in panicked]
    assert names[0] == "panic_at" and names[-len(CALLERS) - 2:-len(CALLERS)] == [
        "exception", "enter_exception"]
    assert panicked[-len(CALLERS):] == entering[0][1:]
    # Its end is the end, and nothing to complain about.
    assert "kernel_entry () at kernel/entry.asm:" in parts[-1] and "stopped" not in parts[-1]


def test_kernel_prints_the_same(image: Path) -> None:
    """Its own backtrace has the frames that gdb finds: addresses, functions, lines."""
    parts = session(image, "hbreak panic_at", "continue", "echo ==\\n", "bestla-frames",
                    *FEWER_FRAMES, "delete", "hbreak backtrace_print", "continue", "finish")
    every = frames(parts[1])
    callers = every[-len(CALLERS):]
    assert frames(parts[2]) == every[:3] and frames(parts[3]) == every
    assert parts[2].endswith("\nended after 3 frames: there are more\n")
    assert "there are more" not in parts[1] + parts[3]
    log = image.with_suffix(".log").read_text(encoding="utf-8")
    lines = log.split("\nbacktrace:\n")[1].splitlines()
    printed = [printed_frame(line) for line in lines]
    assert [Frame(each.address, each.name, each.file, each.line) for each in printed if each] == \
        callers


def test_interrupted_at_a_first_instruction(image: Path) -> None:
    """What was interrupted there has not called: it is third(), not what lies before it."""
    parts = session(image, "hbreak *&third", "continue", "delete", "monitor nmi", "hbreak panic_at",
                    "continue", "echo ==\\n", "bestla-frames")
    found = frames(parts[1])[-len(CALLERS):]
    linked = symbols(KERNEL)["third"]
    log = image.with_suffix(".log").read_text(encoding="utf-8")
    assert found[0].pc == linked + slide_of(log, KERNEL)
    place = read("addr2line", "-e", f"{KERNEL}.debug", hex(linked))
    assert SOURCE in place
    assert_callers(found, int(place.split(":")[1]))
