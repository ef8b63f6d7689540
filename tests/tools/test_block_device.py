"""scripts/block_device.py over disks that lsblk might tell of: which of them may be written."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))

# pylint: disable=wrong-import-position
from block_device import DeviceError, describe, look_at, parse, refusals  # noqa: E402

GIB = 1 << 30
IMAGE = 266 << 20


def row(name: str, **changes: Any) -> dict[str, Any]:
    """A line of lsblk's, of a stick unless told otherwise."""
    return {"path": f"/dev/{name}", "type": "disk", "size": 16 * GIB, "ro": False, "rm": True,
            "tran": "usb", "vendor": "SanDisk ", "model": "Ultra", "serial": "4C53", "label": None,
            "partlabel": None, "fstype": None, "pttype": None, "mountpoints": [None],
            "pkname": None, "log-sec": 512, "maj:min": "8:16"} | changes


def part(name: str, **changes: Any) -> dict[str, Any]:
    """One of a partition."""
    return row(name, **{"type": "part", "tran": None, "vendor": None, "model": None,
                        "serial": None, "pkname": name.rstrip("0123456789"), "size": GIB,
                        "maj:min": "8:17"} | changes)


def reasons(*rows: dict[str, Any], size: int = IMAGE, root: str = "252:0") -> list[str]:
    """Why a machine whose root lies on that device refuses."""
    return refusals(parse(json.dumps({"blockdevices": rows})), size,
                    lambda place: root if place == "/" else "")


def test_stick_may_be_written() -> None:
    """Whatever is on it, as long as nobody uses it."""
    assert reasons(row("sdb")) == []
    assert reasons(row("sdb", children=[part("sdb1", fstype="vfat"),
                                        part("sdb2", fstype="LVM2_member")])) == []
    assert reasons(row("sdb", size=IMAGE)) == []


@pytest.mark.parametrize("rows, words", [
    (row("sdb", mountpoints=["/mnt"]), "/dev/sdb is mounted at /mnt"),
    (row("sdb", children=[part("sdb1", mountpoints=[None, "/media/a", "/srv"])]),
     "/dev/sdb1 is mounted at /media/a;/dev/sdb1 is mounted at /srv"),
    (row("sdb", children=[part("sdb1", mountpoints=["[SWAP]"])]),
     "/dev/sdb1 is in use as swap space"),
    (row("sda", children=[part("sda1", mountpoints=["/boot/efi"])]),
     "/dev/sda1 holds the running system: it is mounted at /boot/efi"),
    (row("sda", children=[part("sda2", children=[
        row("mapper/vg-root", type="lvm", mountpoints=["/"])])]),
     "/dev/mapper/vg-root holds the running system;/dev/mapper/vg-root (lvm) is made of it"),
    (row("sdb", children=[part("sdb1", children=[row("mapper/luks", type="crypt")])]),
     "/dev/mapper/luks (crypt) is made of it"),
    (row("sdb", children=[row("md0", type="raid1")]), "/dev/md0 (raid1) is made of it"),
    (row("sdb", ro=True), "/dev/sdb is read-only"),
    (row("sdb", size=IMAGE - 1), f"/dev/sdb is too small: {IMAGE - 1} bytes for {IMAGE}"),
    (row("sdb", size=0), "/dev/sdb has no medium in it"),
    (part("sdb1"), "/dev/sdb1 is a partition: name the disk, /dev/sdb"),
    (row("sr0", type="rom"), "/dev/sr0 is no disk but rom"),
    (row("dm-0", type="crypt"), "/dev/dm-0 is no disk but crypt"),
    (row("sda", children=[part("sda1", **{"maj:min": "252:0"})]),
     "/dev/sda1 holds the running system: / lies on it"),
], ids=lambda value: value[:40].replace("/", "") if isinstance(value, str) else "")
def test_refused(rows: dict[str, Any], words: str) -> None:
    """Each for its reason and for no other, in the order of the devices."""
    found, expected = reasons(rows), words.split(";")
    assert len(found) == len(expected)
    for reason, start in zip(found, expected):
        assert reason.startswith(start)


def test_every_reason_is_given() -> None:
    """So that nobody has to try again for the next one."""
    assert len(reasons(part("sdb1", ro=True, size=1, mountpoints=["/mnt"]))) == 4


@pytest.mark.parametrize("changes, removable", [
    ({}, True), ({"rm": False}, True), ({"tran": None}, True),
    ({"rm": False, "tran": "sata"}, False), ({"rm": False, "tran": "nvme"}, False),
    ({"rm": False, "tran": None}, False)])
def test_removable(changes: dict[str, Any], removable: bool) -> None:
    """The medium, or the disk by its bus: a USB disk's medium is not."""
    disk = parse(json.dumps({"blockdevices": [row("sdb", **changes)]}))
    assert disk.removable == removable
    assert ("not removable" in describe(disk)) != removable


def test_description() -> None:
    """Model, size, and everything on it with its label."""
    disk = parse(json.dumps({"blockdevices": [row("sdb", pttype="gpt", children=[
        part("sdb1", fstype="vfat", label="HOLIDAY", mountpoints=["/media/h"]),
        part("sdb2", partlabel="secret", children=[row("mapper/x", type="crypt", size=GIB,
                                                       fstype="ext4")])])]}))
    assert describe(disk).splitlines() == [
        "/dev/sdb, 16.0 GiB, SanDisk Ultra 4C53, usb, removable, a partition table (gpt)",
        '  /dev/sdb1, 1.0 GiB, part, vfat, "HOLIDAY", mounted at /media/h',
        '  /dev/sdb2, 1.0 GiB, part, "secret"',
        "  /dev/mapper/x, 1.0 GiB, crypt, ext4"]
    assert "nothing that is known" in describe(parse(json.dumps({"blockdevices": [row("sdb")]})))


def test_names_cannot_move_the_cursor() -> None:
    """Else a stick could hide what is said of it."""
    disk = parse(json.dumps({"blockdevices": [row(
        "sdb", model="A\x1b[1A", children=[part("sdb1", label="B\rC\x9b2J\u202e\u00e9")])]}))
    assert all(each.isprintable() for each in describe(disk).splitlines())
    assert '"B?C?2J?\u00e9"' in describe(disk)


@pytest.mark.parametrize("text", ["", "{}", '{"blockdevices": [{}]}', '{"blockdevices": []}',
                                  json.dumps({"blockdevices": [row("sda"), row("sdb")]})])
def test_lsblk_says_something_else(text: str) -> None:
    """An error with a name, and never a disk."""
    with pytest.raises(DeviceError, match="lsblk"):
        parse(text)


def test_lsblk_knows_nothing_of_it(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(DeviceError, match=str(tmp_path)):
        look_at(str(tmp_path / "file"))
