"""Maps to draw: tables made by hand, with what a kernel's file would tell beside them."""

from __future__ import annotations

from typing import Any, Sequence

from page_world import GIB, KERNEL, KIB4, P, U, W, World

from bestla import as_json, picture, space  # noqa: F401
from bestla.paging import GLOBAL, LARGE, NX
from bestla.picture_data import Snapshot
from bestla.space import PageSpace, View

DIRECT = 0xFFFF_8880_0000_0000
TEXT, STACK = KERNEL, KERNEL + 0x21 * KIB4
TEXT_FRAME, STACK_FRAME = 0x10_0000, 0x20_0000
USER_CODE = 0x40_0000
GUARD_BELOW, GUARD_ABOVE = STACK - KIB4, STACK + 4 * KIB4
SYMBOLS = (("kernel_main", TEXT + 0x1230, 0x100), ("handler", TEXT + 0x2000, 0x10),
           ("kernel_panic", TEXT + 0x3000, 0))


def kernel_world(la57: bool = False) -> World:
    """Code, read-only data, a stack between guard pages, user code, a direct map of 512 GiB."""
    world = World(la57)
    for page in range(512):
        world.put(DIRECT + page * GIB, page * GIB | P | W | NX | LARGE | GLOBAL, 3)
    for page in range(24):
        world.put(TEXT + page * KIB4, TEXT_FRAME + page * KIB4 | P)
    for page in range(24, 32):
        world.put(TEXT + page * KIB4, TEXT_FRAME + page * KIB4 | P | NX)
    for page in range(4):
        world.put(STACK + page * KIB4, STACK_FRAME + page * KIB4 | P | W | NX)
    for page in range(3):
        world.put(USER_CODE + page * KIB4, 0x90_0000 + page * KIB4 | P | U)
    return world


def whole(world: World, **changed: int) -> dict[str, Any]:
    """As `pagemap save` writes it."""
    return as_json.whole(PageSpace(View(world, world.controls._replace(**changed)),
                                   rows=space.MOST_ROWS))


def snapshot(world: World, name: str = "a map", symbols: Sequence[tuple[str, int, int]] = (),
             **changed: int) -> Snapshot:
    """With a kernel at KERNEL and its stack, and these symbols."""
    data = whole(world, **changed)
    data["kernel"] = {"file": "kernel.elf", "start": KERNEL, "end": STACK + 5 * KIB4, "slide": 0}
    data["stacks"] = [{"name": ".boot_stack", "start": STACK, "end": GUARD_ABOVE}]
    data["symbols"] = [{"name": name, "virt": virt, "size": size} for name, virt, size in symbols]
    for row in data["runs"]:
        if row["virt"] == TEXT:
            row["what"] = "kernel .text: first .. last"
        if row["virt"] == STACK:
            row["what"] = "kernel .boot_stack, a guard page below and above"
    return Snapshot(name, data)
