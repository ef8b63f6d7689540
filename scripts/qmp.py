"""A small client of QMP, the protocol in which QEMU is asked and tells what happened.

Used by scripts/machine.py and the boot tests, from one thread at a time. The socket is
connected already: one end of a pair, the other end of which QEMU was started with, so there
is no path to agree on and the end of QEMU is the end of the stream.
"""

import json
import os
import select
import socket
import tempfile
import time
from pathlib import Path
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, fell silent, or is gone."""


class Qmp:
    """One connection; `events` holds what QEMU reported and nobody has waited for yet.

    `latest` keeps the data of the last event of each name, waited for or not.
    """

    def __init__(self, connection: socket.socket, timeout: float = 30):
        self._socket = connection
        self._pending = b""
        self._timeout = timeout
        self._ended = False
        self.events: list[dict[str, Any]] = []
        self.latest: dict[str, dict[str, Any]] = {}
        greeting = self._read_message(time.monotonic() + timeout)
        if "QMP" not in greeting:
            raise QmpError(f"expected QMP's greeting, got {greeting}")
        self.command("qmp_capabilities")

    def close(self) -> None:
        """Ends the connection; QEMU runs on."""
        self._socket.close()

    def _read_message(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._pending:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                raise QmpError("QEMU did not answer in time")
            try:
                chunk = self._socket.recv(1 << 16)
            except ConnectionError:
                chunk = b""
            if not chunk:
                self._ended = True
                raise QmpError("QEMU ended the connection")
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
            self.latest[message["event"]] = message.get("data", {})
        return message

    def command(self, execute: str, **arguments: Any) -> Any:
        """Runs a command and returns what it returns; underscores in names become hyphens."""
        message: dict[str, Any] = {"execute": execute}
        if arguments:
            message["arguments"] = {key.replace("_", "-"): value
                                    for key, value in arguments.items()}
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise QmpError(f"{execute}: QEMU is gone ({error.strerror})") from error
        deadline = time.monotonic() + self._timeout
        while True:
            answer = self._read_message(deadline)
            if "error" in answer:
                raise QmpError(f"{execute} {arguments}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def take_event(self, *names: str) -> dict[str, Any] | None:
        """The oldest unseen event of these names, removed; None if there is none yet."""
        for index, event in enumerate(self.events):
            if event["event"] in names:
                return self.events.pop(index)
        return None

    def wait_event(self, *names: str, timeout: float = 60) -> dict[str, Any]:
        """Waits for an event such as RESET, SHUTDOWN or STOP, seen earlier or not."""
        deadline = time.monotonic() + timeout
        while (event := self.take_event(*names)) is None:
            try:
                self._read_message(deadline)
            except QmpError as error:
                raise QmpError(f"no event {' or '.join(names)}: {error}; "
                               f"seen so far: {list(self.latest)}") from error
        return event

    def drain(self) -> None:
        """Collects the events that have arrived, also those QEMU sent before it ended."""
        while not self._ended:
            try:
                self._read_message(time.monotonic())
            except QmpError:
                return

    def monitor(self, line: str) -> str:
        """Runs a line of QEMU's human monitor and returns its text."""
        return self.command("human-monitor-command", command_line=line)

    def screenshot(self, path: Path) -> None:
        """Writes what the screen shows as a PNG file."""
        self.command("screendump", filename=str(Path(path).resolve()), format="png")

    def read_physical(self, address: int, size: int) -> bytes:
        """Physical memory as a device would see it; where nothing answers, QEMU decides."""
        handle, name = tempfile.mkstemp(prefix="bestla-memory-")
        try:
            self.command("pmemsave", val=address, size=size, filename=name)
            with os.fdopen(handle, "rb") as file:
                data = file.read()
        finally:
            os.unlink(name)
        if len(data) != size:
            raise QmpError(f"pmemsave at {address:#x}: {len(data)} bytes of {size}")
        return data
