"""`make DEBUG=1`: a kernel that checks itself for undefined behaviour finds none, and a kernel that
has some dies of it with its place."""

import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from booting import QUICK, READY, ROOT, Boot
from kernel_file import symbols
from kernel_log import assert_audited

KERNELS = ROOT / "build" / "tests" / "kernel"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_debug_kernel_finds_nothing(boot: Callable[..., Boot], tmp_path: Path,
                                    compiler: str) -> None:
    """All its checks pass on the way to its last step; only the debug build has them."""
    build = tmp_path / "build"
    done = subprocess.run(["make", "-j2", "DEBUG=1", f"CC={compiler}", f"B={build}", "image"],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert not done.returncode, done.stdout
    machine = boot(image=build / "bestla.img", **QUICK)
    machine.wait_for(READY)
    assert_audited(machine.serial)
    assert "__ubsan_handle_type_mismatch_v1" in symbols(build / "kernel.elf")
    assert not [name for name in symbols() if name.startswith("__ubsan")]


# The operation in the source, where in it the compiler points, and the words for it.
KINDS = {
    "undefined_overflow": ("most + 1", "+", "2147483647 + 1 does not fit 'int'"),
    "undefined_index": ("numbers[five]", "[", "index 5 past the end of 'int"),
    "undefined_shift": ("1 << bits", "<<", "shift of 'int' by 33 bits"),
}


@pytest.mark.parametrize("name", KINDS)
def test_undefined_behaviour_is_told_with_its_place(boot: Callable[..., Boot], name: str) -> None:
    """File, line, column and values, from a kernel that is otherwise the normal one."""
    operation, point, words = KINDS[name]
    machine = boot(kernel=KERNELS / f"{name}.elf", **QUICK)
    found = machine.wait_for(r"^kernel panic: undefined behaviour at (\S+):(\d+):(\d+): (.*)\n")
    lines = (ROOT / "tests" / "kernel" / f"{name}.c").read_text().splitlines()
    line, = (number for number, text in enumerate(lines, 1) if operation in text)
    start = lines[line - 1].index(operation) + 1
    assert (found[1], int(found[2])) == (f"tests/kernel/{name}.c", line)
    assert start <= int(found[3]) <= start + operation.index(point)
    assert found[4].startswith(words)
    assert not re.search("survived", machine.serial)
