"""The little of gdb's remote protocol that it takes to stop a machine at an address."""

import socket
from pathlib import Path


class GdbStub:
    """A connection to QEMU's stub; a context manager."""

    def __init__(self, path: Path, timeout: float):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._pending = b""

    def __enter__(self) -> "GdbStub":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _send(self, text: str) -> None:
        data = text.encode()
        self._socket.sendall(b"$" + data + b"#" + f"{sum(data) & 0xff:02x}".encode())

    def _receive(self) -> str:
        """The next packet, acknowledged."""
        while b"#" not in self._pending or len(self._pending.split(b"#", 1)[1]) < 2:
            chunk = self._socket.recv(4096)
            assert chunk, "QEMU ended the connection"
            self._pending += chunk
        packet, rest = self._pending.split(b"#", 1)
        self._pending = rest[2:]
        self._socket.sendall(b"+")
        return packet.split(b"$", 1)[1].decode()

    def command(self, text: str) -> str:
        """Sends a packet and returns the answer."""
        self._send(text)
        return self._receive()

    def run_to(self, address: int) -> None:
        """Lets the machine run until it is about to execute this address, for the first time."""
        assert self.command(f"Z1,{address:x},1") == "OK"
        self._send("c")
        answer = self._receive()
        assert answer.startswith("T05"), answer
        assert self.command(f"z1,{address:x},1") == "OK"
