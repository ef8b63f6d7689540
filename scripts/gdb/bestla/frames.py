"""The selected thread's frames, one a line, for programs to read."""

from __future__ import annotations

from typing import Iterator

import gdb

# The rest of a table of return addresses that leads to itself is of no use.
MOST_FRAMES = 1000


def real_frames() -> Iterator[gdb.Frame]:
    """From the innermost out; what the compiler put inline is no frame of its own."""
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.type() != gdb.INLINE_FRAME:
            yield frame
        frame = frame.older()


def function_name(frame: gdb.Frame) -> str:
    """Also of code that has a symbol and no more, which gdb names in some frames only."""
    if name := frame.name():
        return name
    words = gdb.execute("info symbol 0x%x" % frame.pc(), to_string=True).split()
    return "?" if words[:2] == ["No", "symbol"] else words[0]


def frame_line(number: int, frame: gdb.Frame) -> str:
    """The line of a frame: the function's own name, the place of what it does now."""
    place = frame.find_sal()
    where = "%s:%d" % (place.symtab.filename, place.line) if place.symtab else "?"
    return "frame %d 0x%016x %s %s" % (number, frame.pc(), function_name(frame), where)


def frame_lines() -> Iterator[str]:
    for number, frame in enumerate(real_frames()):
        if number == MOST_FRAMES:
            yield "ended after %d frames: there are more" % number
            return
        yield frame_line(number, frame)
