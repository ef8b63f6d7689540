"""A machine at the kernel monitor's prompt, for tests that type there."""

import re
from dataclasses import dataclass
from typing import Any, Callable

from booting import BOOT_TIMEOUT, SCALE, Boot

PROMPT = "bestla> "


@dataclass
class Monitor:
    """A machine that waits at its prompt."""

    boot: Boot

    def wait_prompt(self, start: int) -> str:
        """What was printed from there on, as soon as a prompt ends it."""
        def look(text: str) -> str | None:
            return text[start:] if text.endswith("\n" + PROMPT, start) else None

        found = self.boot.running.serial.wait(look, BOOT_TIMEOUT * SCALE)
        assert found is not None, f"no prompt: {self.boot.tail()}"
        return found

    def type(self, keys: str | bytes) -> str:
        """Types what ends with one Enter; the text from the keys' echo up to the next prompt."""
        start = len(self.boot.serial)
        self.boot.send(keys)
        return self.wait_prompt(start)

    def run(self, line: str) -> list[str]:
        """The lines that a command prints."""
        echo, *lines = self.type(line + "\r").split("\n")
        assert echo == line
        return lines[:-1]


def start(boot: Callable[..., Boot], **arguments: Any) -> Monitor:
    """Boots up to the first prompt."""
    machine = boot(**arguments)
    machine.wait_for("^" + re.escape(PROMPT))
    return Monitor(machine)
