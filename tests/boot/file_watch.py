"""Waits for the next write to a file, without looking at it again and again."""

import ctypes
import os
import select
from pathlib import Path

IN_MODIFY = 2


class FileWatch:
    """inotify(7), which Python has no module for: a context manager over one file."""

    def __init__(self, path: Path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_CLOEXEC)
        if self._libc.inotify_add_watch(self._handle, os.fsencode(path), IN_MODIFY) < 0:
            raise OSError(ctypes.get_errno(), f"inotify on {path}")

    def __enter__(self) -> "FileWatch":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def wait(self, timeout: float) -> bool:
        """Whether the file was written to, since the start of the watch or the last wait."""
        if not select.select([self._handle], [], [], max(0.0, timeout))[0]:
            return False
        os.read(self._handle, 1 << 16)
        return True
