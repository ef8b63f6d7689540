"""A gdb stub asked without gdb: enough of the remote protocol for physical memory."""

from __future__ import annotations

import socket
from typing import Optional

from .memory import Unreadable

# The most that QEMU's stub gives in one answer (MAX_PACKET_LENGTH / 2).
PACKET_BYTES = 0x800
SECONDS = 30.0


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
        self._pending = b""

    def __enter__(self) -> Stub:
        if self.command("Qqemu.PhyMemMode:1") != "OK":
            self._socket.close()
            raise StubError("%s: the stub has no Qqemu.PhyMemMode; in gdb `pagemap` knows other "
                            "ways" % self.address)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.command("Qqemu.PhyMemMode:0")
            self.command("D")
        except StubError:
            pass
        self._socket.close()

    def _packet(self) -> str:
        try:
            while b"#" not in self._pending or len(self._pending.split(b"#", 1)[1]) < 2:
                chunk = self._socket.recv(1 << 16)
                if not chunk:
                    raise StubError("%s: the stub ended the connection" % self.address)
                self._pending += chunk
            packet, rest = self._pending.split(b"#", 1)
            self._pending = rest[2:]
            self._socket.sendall(b"+")
        except OSError as error:
            raise StubError("%s: %s" % (self.address, error)) from None
        return packet.split(b"$", 1)[-1].decode("ascii", "replace")

    def _answer(self) -> str:
        """The next packet that is none of a stop: a machine that ran tells of that at any time."""
        while (text := self._packet()).startswith(("T", "S")):
            pass
        return text

    def command(self, text: str) -> str:
        """Sends a packet and returns the answer."""
        data = text.encode("ascii")
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
        except OSError as error:
            raise StubError("%s: %s" % (self.address, error)) from None
        return self._answer()

    def monitor(self, line: str) -> str:
        """The answer of QEMU's own monitor, empty where there is none."""
        answer = self.command("qRcmd," + line.encode("ascii").hex())
        text = b""
        while answer.startswith("O") and answer != "OK":
            text += unhex(answer[1:]) or b""
            answer = self._packet()
        return text.decode("utf-8", "replace")

    def read(self, phys: int, size: int) -> bytes:
        parts = []
        for offset in range(0, size, PACKET_BYTES):
            length = min(PACKET_BYTES, size - offset)
            answer = self.command("m%x,%x" % (phys + offset, length))
            part = unhex(answer)
            if part is None or len(part) != length:
                raise Unreadable("0x%x: the stub answers '%s'" % (phys + offset, answer[:16]))
            parts.append(part)
        return b"".join(parts)


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
