"""What a disk is, what is on it, and why it must not be written over, as lsblk tells it.

For scripts/write-usb. Nothing here opens a device, so all of it can be tried on made-up disks.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

COLUMNS = ("PATH,TYPE,SIZE,RO,RM,TRAN,VENDOR,MODEL,SERIAL,LABEL,PARTLABEL,FSTYPE,PTTYPE,"
           "MOUNTPOINTS,PKNAME,LOG-SEC,MAJ:MIN")
# What may be written to as a whole; all else below a disk but its partitions is a holder.
WHOLE, PART = ("disk", "loop"), "part"
# Of the running system. A container sees other mounts than the disk's, but the same devices.
SYSTEM_PLACES = ("/", "/usr", "/boot", "/boot/efi", "/efi", "/home", "/var")
SWAP = "[SWAP]"


class DeviceError(Exception):
    """The device cannot be described; the text says which and why."""


@dataclass(frozen=True)
class Node:  # pylint: disable=too-many-instance-attributes
    """A device of lsblk's tree: a disk, a partition, or what has been made on top of one."""

    path: str
    kind: str                       # lsblk's TYPE: disk, part, loop, crypt, lvm, raid1, …
    size: int                       # bytes
    sector: int                     # bytes, logical
    read_only: bool
    removable: bool                 # the medium can be taken out, or the disk is on USB
    bus: str
    name: str                       # vendor, model and serial number
    label: str                      # of the file system, else of the partition
    holds: str                      # kind of file system, of member, or of partition table
    mounts: tuple[str, ...]
    parent: str                     # kernel name; empty for a disk
    number: str                     # major:minor
    children: list["Node"] = field(default_factory=list)

    def below(self) -> Iterator["Node"]:
        """Itself and everything on top of it."""
        yield self
        for child in self.children:
            yield from child.below()

    @property
    def kernel_name(self) -> str:
        """As in /sys/block: what a person types to confirm."""
        return self.path.rsplit("/", 1)[-1]


def _shown(*texts: str) -> str:
    """What the disk says of itself, with nothing in it that moves a terminal's cursor."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(filter(None, texts)))


def _held(file_system: str, table: str) -> str:
    return file_system or (f"a partition table ({table})" if table else "")


def _node(row: dict[str, Any]) -> Node:
    def text(name: str) -> str:
        return str(row.get(name) or "").strip()
    return Node(
        path=text("path"), kind=text("type"), size=int(row["size"] or 0),
        sector=int(row["log-sec"] or 512), read_only=bool(row["ro"]),
        removable=bool(row["rm"]) or text("tran") == "usb", bus=text("tran"),
        name=_shown(text("vendor"), text("model"), text("serial")),
        label=_shown(text("label") or text("partlabel")),
        holds=_held(text("fstype"), text("pttype")),
        mounts=tuple(filter(None, row.get("mountpoints") or [])), parent=text("pkname"),
        number=text("maj:min"), children=[_node(child) for child in row.get("children", [])])


def parse(text: str) -> Node:
    """The one device that lsblk was asked for. DeviceError: it says something else."""
    try:
        rows = json.loads(text)["blockdevices"]
        if len(rows) != 1:
            raise DeviceError(f"lsblk lists {len(rows)} devices instead of one")
        return _node(rows[0])
    except (ValueError, KeyError, TypeError) as error:
        raise DeviceError(f"lsblk's answer is not understood: {error!r}") from error


def look_at(path: str) -> Node:
    """Asks lsblk. DeviceError when there is no such block device, or no lsblk."""
    try:
        done = subprocess.run(["lsblk", "--json", "--bytes", "--output", COLUMNS, path],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise DeviceError("lsblk: not found; Debian's package util-linux has it") from error
    if done.returncode:
        raise DeviceError(f"{path}: {done.stderr.strip() or 'lsblk knows nothing of it'}")
    return parse(done.stdout)


def size_text(size: int) -> str:
    """In the unit that a person would use."""
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >> shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"


def describe(disk: Node) -> str:
    """A line for the disk, and one for each thing on it."""
    lines = []
    for node in disk.below():
        words = [node.path, size_text(node.size)]
        if node is disk:
            words += [node.name or "no name", node.bus or node.kind,
                      "removable" if node.removable else "not removable"]
        else:
            words.append(node.kind)
        if node.holds:
            words.append(node.holds)
        if node.label:
            words.append(f'"{node.label}"')
        words += [f"in use as {SWAP}" if place == SWAP else f"mounted at {place}"
                  for place in node.mounts]
        lines.append(("" if node is disk else "  ") + ", ".join(words))
    if len(lines) == 1 and not disk.holds:
        lines.append("  nothing that is known")
    return "\n".join(lines)


def _device_number(path: str) -> str:
    try:
        number = os.stat(path).st_dev
    except OSError:
        return ""
    return f"{os.major(number)}:{os.minor(number)}"


def _in_use(node: Node, number_at: Callable[[str], str]) -> Iterator[str]:
    for place in node.mounts:
        if place == SWAP:
            yield f"{node.path} is in use as swap space"
        elif place in SYSTEM_PLACES:
            yield f"{node.path} holds the running system: it is mounted at {place}"
        else:
            yield f"{node.path} is mounted at {place}: unmount it first"
    for place in SYSTEM_PLACES:
        if place not in node.mounts and node.number and number_at(place) == node.number:
            yield f"{node.path} holds the running system: {place} lies on it"


def refusals(disk: Node, image_size: int,
             number_at: Callable[[str], str] = _device_number) -> list[str]:
    """Every reason why it cannot or must not be written over, whatever the user says."""
    reasons: list[str] = []
    if disk.kind == PART:
        whole = f": name the disk, /dev/{disk.parent}" if disk.parent else ""
        reasons.append(f"{disk.path} is a partition{whole}")
    elif disk.kind not in WHOLE:
        reasons.append(f"{disk.path} is no disk but {disk.kind or 'of a kind without a name'}")
    for node in disk.below():
        reasons += _in_use(node, number_at)
        if node is not disk and node.kind != PART:
            reasons.append(f"{node.path} ({node.kind}) is made of it: take that apart first")
    if disk.read_only:
        reasons.append(f"{disk.path} is read-only")
    if disk.size == 0:
        reasons.append(f"{disk.path} has no medium in it")
    elif disk.size < image_size:
        reasons.append(f"{disk.path} is too small: {disk.size} bytes for {image_size}")
    return reasons
