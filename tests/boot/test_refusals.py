"""What the loader refuses: with a message of its own, back in firmware, and nothing left behind.

tests/efi/leak.c starts the loader on every volume of broken.py in one boot, three times each,
and says what is different afterwards: the first start of all may make firmware's own pools grow,
so that of memory only the second and the third count.
"""

import re
from dataclasses import dataclass
from typing import Callable

import pytest

from booting import ENTRY, QUICK, READY, Boot
from broken import BROKEN, CONF, Broken, Content
from kernel_file import KERNEL
from kernel_log import assert_audited
from test_firmware_state import program

ERROR = 1 << 63
STARTS = (1, 2, 3)


@dataclass(frozen=True)
class Outcome:
    """What one start came to."""

    printed: str
    status: int
    open_files: int
    more_handles: int
    memory: str


def volume(broken: Broken) -> dict[str, Content]:
    """The files of a case's volume."""
    files: dict[str, Content] = {CONF: "default bestla.conf\n", "kernel.elf": KERNEL.read_bytes(),
                                 ENTRY: "title Broken\nkernel /kernel.elf\n", **broken.files}
    return {path: content for path, content in files.items() if content is not None}


def parse(log: str) -> dict[tuple[str, int], Outcome]:
    """The outcomes by case and number of the start."""
    found = re.finditer(r"^test: case (\S+), start (\d)\n(.*?)^test: status 0x([0-9a-f]+), "
                        r"(\d+) files open, (-?\d+) handles more, memory (.*?)\ntest: end$", log,
                        re.M | re.S)
    return {(each[1], int(each[2])): Outcome(each[3], int(each[4], 16), int(each[5]),
                                             int(each[6]), each[7]) for each in found}


@pytest.fixture(name="machine", scope="module")
def fixture_machine(boot_once: Callable[..., Boot]) -> Boot:
    """All cases in one boot, and the good volume after them."""
    files = {f"cases/{name}/{path}": content for name, broken in BROKEN.items()
             for path, content in volume(broken).items()}
    machine = boot_once(efi=program("leak"), files=files, **QUICK)
    machine.wait_for(READY, "^test: all cases done")
    return machine


@pytest.fixture(name="outcomes", scope="module")
def fixture_outcomes(machine: Boot) -> dict[tuple[str, int], Outcome]:
    """What the program said."""
    return parse(machine.serial)


@pytest.mark.parametrize("name", BROKEN)
def test_refused(outcomes: dict[tuple[str, int], Outcome], name: str) -> None:
    """Its own message, the status for firmware, and everything given back."""
    broken = BROKEN[name]
    for start in STARTS:
        outcome = outcomes[name, start]
        printed = "".join(outcome.printed.split())
        # One line, broken where firmware's console ends.
        assert printed.startswith("bestla:error:") and printed.count("bestla:") == 1
        assert broken.message.replace(" ", "") in printed
        assert outcome.status == ERROR | broken.status
        assert (outcome.open_files, outcome.more_handles) == (0, 0)
    assert [outcomes[name, start].memory for start in STARTS[1:]] == ["the same"] * 2
    # Of the first start the program says what it took but pages of boot services.
    assert outcomes[name, 1].memory in ("the same", "not the same")


def test_messages_differ(outcomes: dict[tuple[str, int], Outcome]) -> None:
    """No two cases are told in the same words."""
    words = {outcomes[name, 1].printed for name in BROKEN}
    assert len(words) == len(BROKEN)


def test_good_volume_boots_afterwards(machine: Boot) -> None:
    """After all that firmware can still start a loader that does its work."""
    machine.wait_for(READY)
    assert_audited(machine.serial)
