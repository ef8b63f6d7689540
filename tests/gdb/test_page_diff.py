"""Differences between maps of which not all rows are known."""

from __future__ import annotations

import json
from argparse import Namespace

import pytest
from page_world import KIB4, P, World
from test_inspect import space_of

from bestla import actions, as_json, saved_map
from bestla.saved_map import JsonError, Saved
from bestla.picture_data import Snapshot, pack
from bestla.present import Paint

CUT = 6 * KIB4


def maps() -> tuple[Saved, Saved]:
    """One and the same of six pages, whole, and cut after three."""
    world = World()
    for page in range(6):
        world.put(2 * page * KIB4, 2 * page * KIB4 | P)
    data = json.loads(json.dumps(as_json.whole(space_of(world))))
    return saved_map.parse(data, "whole"), \
        saved_map.parse({**data, "stopped_at": CUT, "runs": data["runs"][:3]}, "cut")


@pytest.mark.parametrize("turned", [False, True])
def test_what_lies_behind_a_cut_has_neither_come_nor_gone(turned: bool) -> None:
    said: list[str] = []
    aside: list[str] = []
    old, new = reversed(maps()) if turned else maps()
    assert actions.show_diff(old, new, Namespace(json=False), Paint(False), said.append,
                             aside.append) == actions.OK
    assert said == ["no difference"]
    assert aside == ["compared only what is known of both, 0x%016x-0x%016x" % (0, CUT)]


def test_a_picture_of_them_has_no_difference() -> None:
    data = [Snapshot("", as_json.whole(space_of(World()))) for _ in range(2)]
    for each, saved in zip(data, maps()):
        each.whole.update(runs=[as_json.run_dict(run, None, 0) for run in saved.runs],
                          stopped_at=saved.stopped_at)
    assert pack(data)["changes"] == []


@pytest.mark.parametrize("stopped", ["6", -1, 1 << 64, [], 1.5])
def test_a_cut_that_is_no_address(stopped: object) -> None:
    with pytest.raises(JsonError, match="x: stopped_at is .*, expected an integer from 0 to"):
        saved_map.parse({**as_json.whole(space_of(World())), "stopped_at": stopped}, "x")
