"""The options line: from the boot entry, from firmware, from the UEFI shell."""

import re
from typing import Callable

from booting import LOADER, MOVED_LOADER, QUICK, READY, ROOT, Boot
from kernel_log import assert_audited

LOADER_FILE = ROOT / "build" / "esp" / LOADER


def direct_map_size(log: str) -> int:
    """From its base to the end of the highest row below the kernel region."""
    base = re.search(r"direct map at 0x([0-9a-f]{16})$", log, re.M)
    ends = re.findall(r"^0x[0-9a-f]+-0x(ffff[89a-e][0-9a-f]+) ", log, re.M)
    assert base
    return max(int(end, 16) for end in ends) - int(base[1], 16)


def test_words_that_nobody_knows_are_passed_over(boot: Callable[..., Boot]) -> None:
    """The line is shared: each reader takes its own words."""
    machine = boot(options="quiet root=/dev/sda1 directmap=none", **QUICK)
    machine.wait_for(READY)
    assert "loader: options: quiet root=/dev/sda1 directmap=none\n" in machine.serial
    assert_audited(machine.serial)


def test_load_options_replace_those_of_the_entry(boot: Callable[..., Boot]) -> None:
    """LoadOptions take effect in the kernel, and `verbose` shows the loader's lines at once."""
    machine = boot(efi=ROOT / "build/tests/efi/load_options.efi", options="from-the-entry", **QUICK)
    machine.wait_for(READY)
    assert "loader: options: verbose directmap=full\n" in machine.serial
    assert "from-the-entry" not in machine.serial
    assert direct_map_size(machine.serial) == 512 << 30
    assert_audited(machine.serial)

    # What firmware's console shows stands before the kernel's first line.
    shown = machine.serial[:machine.serial.index("console: COM1")]
    kept = re.findall(r"^\[ *-[0-9.]+\] loader: (.*)$", machine.serial, re.M)
    assert len(kept) > 5
    missing = [line for line in kept
               if f"bestla: {line}".replace(" ", "") not in re.sub(r"\s", "", shown)]
    assert missing == []


def test_the_loader_is_silent_by_default(boot: Callable[..., Boot]) -> None:
    """Firmware's console is slow: nothing is printed on it when nothing is wrong."""
    machine = boot(**QUICK)
    machine.wait_for(READY)
    assert not re.search("^bestla: (?!ready)", machine.serial, re.M)


def test_shell_passes_its_command_line(boot: Callable[..., Boot]) -> None:
    """The first word, the loader itself, is none of the options."""
    machine = boot(files={LOADER: None, MOVED_LOADER: LOADER_FILE,
                          "startup.nsh": "fs0:\r\n\\EFI\\bestla\\loader.efi directmap=full\r\n"},
                   **QUICK)
    machine.wait_for("Press ESC in [0-9]+ seconds")
    machine.send("\r")
    machine.wait_for(READY)
    assert "loader: options: directmap=full\n" in machine.serial
    assert_audited(machine.serial)
