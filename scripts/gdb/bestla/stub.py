"""A gdb stub asked without gdb: enough of the remote protocol for physical memory."""

from __future__ import annotations

import binascii
import re
import socket
from collections import deque
from typing import Iterable, Optional

from .entries import TABLE_SIZE
from .memory import Unreadable

# The most that QEMU's stub gives in one answer (MAX_PACKET_LENGTH / 2).
PACKET_BYTES = 0x800
# How many answers may be on their way. What asks for them is small beside any socket's buffer, so
# neither side ever waits for the other to read.
WINDOW = 32
SECONDS = 30.0
# Nothing is there. So is the rest, where fewer bytes come than were asked for.
ERROR = re.compile(rb"E[0-9a-fA-F]{2}|E\..*", re.DOTALL)


class StubError(Exception):
    """No connection, or an answer that makes no sense."""


class Stub:
    """A connection, which stops the machine, in the stub's physical-memory mode.

    A context manager: leaving it puts the mode back and lets the machine run, as gdb does.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        try:
            self._socket = connect(address)
        except (OSError, ValueError, OverflowError) as error:
            raise StubError("%s: %s" % (address, getattr(error, "strerror", None) or error)) \
                from None
        self._socket.settimeout(SECONDS)
        self._pending, self._at = b"", 0
        self._stack: list[int] = []                 # tables that will be read, the next one last
        self._expected: set[int] = set()            # those of them not asked for yet
        self._asked: deque[tuple[int, int]] = deque()
        self._answers: dict[tuple[int, int], bytes] = {}

    def __enter__(self) -> Stub:
        if self.command("Qqemu.PhyMemMode:1") != "OK":
            self._leave()
            raise StubError("%s: the stub has no Qqemu.PhyMemMode; in gdb `pagemap` knows other "
                            "ways" % self.address)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave("Qqemu.PhyMemMode:0")

    def _leave(self, *commands: str) -> None:
        """Only a debugger that says so lets the machine run again."""
        try:
            for each in (*commands, "D"):
                self.command(each)
        except StubError:
            pass
        self._socket.close()

    def _packet(self) -> bytes:
        """The next one; the packet sent after it acknowledges it."""
        try:
            while (end := self._pending.find(b"#", self._at)) < 0 or \
                    len(self._pending) < end + 3:
                chunk = self._socket.recv(1 << 16)
                if not chunk:
                    raise StubError("%s: the stub ended the connection" % self.address)
                self._pending, self._at = self._pending[self._at:] + chunk, 0
        except OSError as error:
            raise StubError("%s: %s" % (self.address, error)) from None
        start = self._pending.find(b"$", self._at, end) + 1
        self._at = end + 3
        return self._pending[start:end]

    def _answer(self) -> bytes:
        """The next packet that is none of a stop: a machine that ran tells of that at any time."""
        while (data := self._packet())[:1] in (b"T", b"S"):
            pass
        return data

    def _send(self, *packets: bytes) -> None:
        try:
            self._socket.sendall(b"".join(b"+$%s#%02x" % (each, sum(each) & 0xFF)
                                          for each in packets))
        except OSError as error:
            raise StubError("%s: %s" % (self.address, error)) from None

    def command(self, text: str) -> str:
        """Sends a packet and returns the answer."""
        while self._asked:
            self._take()
        self._send(text.encode("ascii"))
        return self._answer().decode("ascii", "replace")

    def monitor(self, line: str) -> str:
        """The answer of QEMU's own monitor, empty where there is none."""
        answer = self.command("qRcmd," + line.encode("ascii").hex())
        text = b""
        while answer.startswith("O") and answer != "OK":
            text += unhex(answer[1:]) or b""
            answer = self._packet().decode("ascii", "replace")
        return text.decode("utf-8", "replace")

    def expect(self, tables: Iterable[int]) -> None:
        """Tables that will be read next, in this order, before any that were named earlier.

        They are asked for while the caller is still at work on those before them.
        """
        new = [each for each in tables if each not in self._expected]
        self._stack += reversed(new)
        self._expected.update(new)

    def read(self, phys: int, size: int) -> bytes:
        parts = [(phys + offset, min(PACKET_BYTES, size - offset))
                 for offset in range(0, size, PACKET_BYTES)]
        if parts[0] not in self._answers and parts[0] not in self._asked:
            self._expected.discard(phys)
            self._ask(parts)
        if len(self._asked) <= WINDOW // 2:
            self._ask_ahead()
        return b"".join([self._arrived(*part) for part in parts])

    def _ask_ahead(self) -> None:
        parts: list[tuple[int, int]] = []
        while self._stack and len(self._asked) + len(parts) < WINDOW:
            phys = self._stack.pop()
            if phys in self._expected:
                self._expected.remove(phys)
                parts += [(phys + offset, PACKET_BYTES)
                          for offset in range(0, TABLE_SIZE, PACKET_BYTES)]
        if parts:
            self._ask(parts)

    def _ask(self, parts: Iterable[tuple[int, int]]) -> None:
        self._send(*(b"m%x,%x" % part for part in parts))
        self._asked.extend(parts)

    def _take(self) -> None:
        self._answers[self._asked.popleft()] = self._answer()

    def _arrived(self, phys: int, length: int) -> bytes:
        while (phys, length) not in self._answers:
            self._take()
        answer = self._answers.pop((phys, length))
        try:
            part = binascii.unhexlify(answer)
        except binascii.Error:
            part = b""
        if len(part) == length:
            return part
        says = "0x%x: the stub answers '%s'" % (phys, answer[:16].decode("ascii", "replace"))
        if ERROR.fullmatch(answer) or 0 < len(part) < length:
            raise Unreadable(says)
        raise StubError("%s: %s for 0x%x bytes of memory" % (self.address, says, length))


def unhex(text: str) -> Optional[bytes]:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def connect(address: str) -> socket.socket:
    """HOST:PORT, :PORT, PORT, or the path of a socket."""
    host, _, port = address.removeprefix("tcp:").rpartition(":")
    if port.isascii() and port.isdigit():
        return socket.create_connection((host or "127.0.0.1", int(port)), SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address.removeprefix("unix:"))
    except OSError:
        connection.close()
        raise
    return connection
