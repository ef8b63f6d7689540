"""Fields of JSON that somebody else may have written, each looked at before it is used.

What is wrong with one is said with its place: `runs[3].virt is -1, expected ...`.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator, NoReturn, TypeVar

from .entries import ADDRESS_MASK

MOST_SHOWN = 40
MISSING = object()
T = TypeVar("T")
Row = dict[str, Any]


class Wrong(Exception):
    """A field that is missing, or of no use."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(field, says)
        self.field = field
        self.says = says

    def __str__(self) -> str:
        return "%s %s" % (self.field, self.says)

    def inside(self, place: str) -> Wrong:
        """The same, of a field that lies in another."""
        return Wrong(place + ("." if self.field and self.field[0] != "[" else "") + self.field,
                     self.says)


def shown(value: Any) -> str:
    """A value as it stands in the file, or what it is."""
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN - 3] + "..."


def wrong(field: str, value: Any, expected: str) -> NoReturn:
    if value is MISSING:
        raise Wrong(field, "is missing")
    raise Wrong(field, "is %s, expected %s" % (shown(value), expected))


def integer(row: Row, name: str, low: int = 0, high: int = ADDRESS_MASK, step: int = 1) -> int:
    """From low to high, both included, and a multiple of step."""
    value = row.get(name, MISSING)
    if type(value) is not int or not low <= value <= high or value % step:  # a bool is no number
        wrong(name, value, "an integer from %d to %s%s" % (
            low, hex(high) if high > 4096 else high,
            ", a multiple of %d" % step if step > 1 else ""))
    return value


def optional(row: Row, name: str, high: int = ADDRESS_MASK) -> int | None:
    """A number, or null; also where the field did not exist in an earlier format."""
    return None if row.get(name) is None else integer(row, name, 0, high)


def flag(row: Row, name: str) -> bool:
    value = row.get(name, MISSING)
    if not isinstance(value, bool):
        wrong(name, value, "true or false")
    return value


def string(value: Any, field: str) -> str:
    """Without halves of characters, which no terminal and no file takes."""
    if not isinstance(value, str):
        wrong(field, value, "a string")
    return value.encode("utf-8", "replace").decode("utf-8")


def text(row: Row, name: str) -> str:
    return string(row.get(name, MISSING), name)


def array(row: Row, name: str) -> list[Any]:
    value = row.get(name, MISSING)
    if not isinstance(value, list):
        wrong(name, value, "an array")
    return value


def texts(row: Row, name: str) -> list[str]:
    return [string(each, "%s[%d]" % (name, index)) for index, each in enumerate(array(row, name))]


def section(row: Row, name: str) -> Row:
    """An object in an object."""
    value = row.get(name, MISSING)
    if not isinstance(value, dict):
        wrong(name, value, "an object")
    return value


def inside(row: Row, name: str, read: Callable[[Row], T]) -> T:
    """What `read` makes of an object in an object."""
    part = section(row, name)
    try:
        return read(part)
    except Wrong as error:
        raise error.inside(name) from None


def each_of(row: Row, name: str, read: Callable[[Row], T]) -> Iterator[T]:
    """What `read` makes of every object of an array."""
    for index, part in enumerate(array(row, name)):
        try:
            if not isinstance(part, dict):
                wrong("", part, "an object")
            yield read(part)
        except Wrong as error:
            raise error.inside("%s[%d]" % (name, index)) from None
