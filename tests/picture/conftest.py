"""The fixtures `chrome`, one browser for all tests, and `show`, which opens a page in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gdb"))

# pylint: disable=wrong-import-position
import browser  # noqa: E402
from browser import Picture  # noqa: E402
from drawn_world import SYMBOLS, Snapshot, kernel_world, picture, snapshot  # noqa: E402


@pytest.fixture(name="chrome", scope="session")
def fixture_chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Chrome]:
    """Ends with the tests."""
    chrome = browser.start(tmp_path_factory.mktemp("chromium"))
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture(name="show")
def fixture_show(chrome: browser.Chrome, tmp_path: Path) -> Iterator[Callable[..., Picture]]:
    """Draws snapshots and opens the page; at the end it must not have complained of anything."""
    opened: list[Picture] = []

    def show(*snapshots: Snapshot, fragment: str = "") -> Picture:
        path = tmp_path / "map.html"
        picture.write(str(path), snapshots)
        opened.append(Picture(chrome, path, fragment))
        return opened[-1]

    yield show
    assert opened and opened[-1].log() == []


@pytest.fixture(name="page")
def fixture_page(show: Callable[..., Picture]) -> Picture:
    """A kernel's map, as it opens."""
    return show(snapshot(kernel_world(), symbols=SYMBOLS))
