"""Collects what a machine prints on its serial port, as lines a person can read.

A thread reads from the start to the end of QEMU, whether or not anybody waits: were it not
read, the port's buffer would fill and the guest would wait, or lose characters.
"""

import codecs
import re
import socket
import threading
import time
from typing import Callable, TypeVar

T = TypeVar("T")

# Firmware draws: it moves the cursor and sets colours (ECMA-48 5.4: CSI, parameter bytes,
# intermediate bytes, final byte). A move begins a new line of text, all else says nothing.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*([@-~])|[ -/]*[0-Z\\-~])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*)?[ -/]*\Z")
_MOVES = "ABEFHJdf"


class EscapeFilter:  # pylint: disable=too-few-public-methods
    """Turns a terminal's stream into plain text, piece by piece."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._line_start = True

    def feed(self, data: bytes) -> str:
        """The text of one piece; an escape sequence cut in two is held until its end comes."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        if unfinished := _UNFINISHED.search(text):
            self._held = unfinished.group()
            text = text[:unfinished.start()]
        text = _ESCAPE.sub(lambda found: "\v" if (found[1] or "m") in _MOVES else "", text)
        return self._break_lines(text.replace("\r", "").replace("\0", ""))

    def _break_lines(self, text: str) -> str:
        pieces: list[str] = []
        for piece in re.split("(\v+)", text):
            if not piece.startswith("\v"):
                pieces.append(piece)
            elif not self._line_start:
                pieces.append("\n")
            if pieces and pieces[-1]:
                self._line_start = pieces[-1].endswith("\n")
        return "".join(pieces)


class SerialLog:
    """The text so far, and ways to wait for more of it."""

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._changed = threading.Condition()
        self._text = ""
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="serial", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        escape_filter = EscapeFilter()
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            with self._changed:
                self._text += escape_filter.feed(data)
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def close(self) -> None:
        """Waits for the last bytes; to be called when QEMU has ended."""
        self._thread.join(timeout=5)
        self._socket.close()

    @property
    def text(self) -> str:
        """Everything printed so far."""
        with self._changed:
            return self._text

    @property
    def ended(self) -> bool:
        """Whether QEMU has ended, so that nothing more can come."""
        with self._changed:
            return self._ended

    def send(self, text: str | bytes) -> None:
        """Types on the serial port."""
        self._socket.sendall(text.encode() if isinstance(text, str) else text)

    def wait(self, look: Callable[[str], T | None], timeout: float) -> T | None:
        """Calls look(text) at each change until it finds something; None at end or timeout."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (found := look(self._text)) is None and not self._ended:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            return found

    def wait_more(self, length: int, timeout: float | None) -> str:
        """What follows the first `length` characters, as soon as there is any."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._text) > length or self._ended, timeout)
            return self._text[length:]

    def tail(self, lines: int = 40) -> str:
        """The last lines that are not blank."""
        kept = [line.rstrip() for line in self.text.splitlines() if line.strip()]
        return "\n".join(kept[-lines:])
