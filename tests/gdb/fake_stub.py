"""The little of QEMU's gdb stub that the reader needs, over a world's tables."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Callable

from page_world import World

from bestla.memory import Unreadable


class FakeStub:
    """Serves one connection at `path`; `requests` has what was asked for, in order.

    `twist` makes other answers of those to a request; none at all ends the connection.
    """

    def __init__(self, world: World, path: Path, physical: bool = True,
                 twist: Callable[[str, list[str]], list[str]] = lambda _, answers: answers) -> None:
        self.world, self.path, self.physical, self.twist = world, path, physical, twist
        self.requests: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        path.chmod(0o777)
        self._thread = threading.Thread(target=self._until_gone, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeStub:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        self._listener.close()

    def _until_gone(self) -> None:
        with contextlib.suppress(ConnectionError):      # whoever asked has had enough
            self._serve()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        pending = b""
        with connection:
            while data := connection.recv(4096):
                pending += data
                while b"#" in pending and len(pending.split(b"#", 1)[1]) >= 2:
                    packet, rest = pending.split(b"#", 1)
                    pending = rest[2:]
                    text = packet[packet.index(b"$") + 1:].decode()
                    self.requests.append(text)
                    answers = self.twist(text, self._answers(text))
                    for answer in answers:
                        connection.sendall(b"+$%s#%02x" % (answer.encode(),
                                                           sum(answer.encode()) & 0xFF))
                    if text == "D" or not answers:
                        return

    def _answers(self, text: str) -> list[str]:
        if text.startswith("qRcmd,"):
            line = bytes.fromhex(text[6:]).decode()
            said = self._monitor(line).encode().hex()
            return ["O" + said[at:at + 2000] for at in range(0, len(said), 2000)] + ["OK"]
        if text.startswith("m"):
            phys, size = (int(word, 16) for word in text[1:].split(","))
            try:
                page = self.world.read(phys & -4096, 4096)
            except Unreadable:
                return ["E14"]
            return [page[phys & 4095:(phys & 4095) + size].hex()]
        return ["" if text.startswith("Qqemu.PhyMemMode") and not self.physical else "OK"]

    def _monitor(self, line: str) -> str:
        state, first = self.world.controls, self.world.first
        if line == "info registers":
            return f"CR0={state.cr0:08x} CR2=0 CR3={state.cr3:016x} CR4={state.cr4:08x}\n" \
                   f"EFER={state.efer:016x}\n"
        if line == "info mtree -f":
            end = first + 0x1000 * len(self.world.tables) + 0xF_FFFF
            return f'FlatView #1\n AS "memory", root: system\n' \
                   f"  {first:016x}-{end:016x} (prio 0, ram): ram\n"
        return f"unknown command: '{line.split()[0]}'\n"
