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

    def wait_prompt(self, start: int, prompts: int = 1) -> str:
        """What was printed from there on, as soon as it ends in the last of so many prompts."""
        def look(text: str) -> str | None:
            ends = text.endswith("\n" + PROMPT, start)
            return text[start:] if ends and text.count("\n" + PROMPT, start) >= prompts else None

        found = self.boot.running.serial.wait(look, BOOT_TIMEOUT * SCALE)
        assert found is not None, f"no prompt: {self.boot.tail()}"
        return found

    def type(self, keys: str | bytes, prompts: int = 1) -> str:
        """Types what ends with one Enter; the text from the keys' echo up to the next prompt, or
        to a later one where the line editor shows its own again."""
        start = len(self.boot.serial)
        self.boot.send(keys)
        return self.wait_prompt(start, prompts)

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
