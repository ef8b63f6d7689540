"""A page map as one HTML file, which needs no network and no program but a browser.

The page's own files lie in picture/; here they are put into one, with the maps.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any, Sequence

from .picture_data import Snapshot, pack
from .query import QueryError

FOLDER = Path(__file__).resolve().parent / "picture"
# Each uses only what stands before it, but inside functions.
SCRIPTS = ("address", "entry", "map", "walk", "element", "boxes", "strip", "grid", "levels",
           "detail", "panel", "find", "search", "changes", "page")
STYLES = ("colours", "page", "map")


def page(snapshots: Sequence[Snapshot]) -> str:
    """The whole file. What the maps hold, names of symbols too, cannot become markup."""
    scripts = ["\n" + source(name + ".js") for name in SCRIPTS]
    style = "\n" + "\n".join(source(name + ".css") for name in STYLES)
    parts = {
        "title": html.escape(" and ".join(each.name for each in snapshots)),
        "policy": policy(scripts, style),
        "style": "<style>%s</style>" % style,
        "data": '<script type="application/json" id="data">%s</script>'
                % inert(pack(snapshots)),
        "scripts": "\n".join("<script>%s</script>" % each for each in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], source("page.html"))


def source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def inert(value: Any) -> str:
    """JSON in which no end of an element and no comment can be."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def policy(scripts: Sequence[str], style: str) -> str:
    """Nothing is loaded, and nothing runs but these scripts to the letter."""
    return "default-src 'none'; base-uri 'none'; form-action 'none'; script-src %s; style-src %s" \
        % (" ".join(map(digest, scripts)), digest(style))


def digest(text: str) -> str:
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write(path: str, snapshots: Sequence[Snapshot]) -> None:
    if path.endswith(".json"):
        raise QueryError("%s: the name of a saved map, which is not drawn over; the page's own "
                         "comes first" % path)
    text = page(snapshots).encode("utf-8", "replace")
    try:
        Path(path).write_bytes(text)
    except OSError as error:
        raise QueryError("%s: %s" % (path, error.strerror)) from None
