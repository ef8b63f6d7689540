"""The images that scripts/make-image makes: their tables, read by others, and what boots from them.

OVMF starts any ISO from a disk, so that a boot alone proves nothing of a disc on a stick.
"""

import filecmp
import shutil
import struct
import subprocess
import uuid
import zlib
from pathlib import Path
from typing import Callable, NamedTuple

import pytest

from booting import ESP, ROOT, Boot
from test_firmware_state import assert_stands

DISK, DISC = ROOT / "build" / "bestla.img", ROOT / "build" / "bestla.iso"
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
U_BOOT = Path("/usr/lib/u-boot/qemu-x86_64/u-boot.rom")
BLOCK = 2048                        # ISO 9660's
BOOT_RECORD = 17 * BLOCK
SMALL = {"memory": "256M", "firmware": "bios"}


def make(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs scripts/make-image."""
    return subprocess.run([ROOT / "scripts" / "make-image", *arguments], text=True,
                          capture_output=True, check=False)


@pytest.fixture(name="disk_4k", scope="module")
def fixture_disk_4k(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with sectors of 4,096 bytes."""
    image = tmp_path_factory.mktemp("media") / "disk.img"
    done = make("--sector", "4096", ESP, image)
    assert done.returncode == 0, done.stderr
    return image


class Table(NamedTuple):
    """A GPT's header (UEFI 2.10, table 5.5), checked, and its partitions."""

    own: int
    other: int
    usable: range
    disk: uuid.UUID
    partitions: list[tuple[uuid.UUID, uuid.UUID, range]]    # type, id, sectors


def table(data: bytes, sector: int, own: int) -> Table:
    """The table whose header is at this sector, as a strict reader takes it."""
    head = data[own * sector:own * sector + 92]
    signature, revision, size, crc, zero, at, other, first, last, disk, entries, count, \
        entry_size, entries_crc = struct.unpack("<8s4I4Q16sQ3I", head)
    assert (signature, revision, size, zero, at) == (b"EFI PART", 0x10000, 92, 0, own)
    assert crc == zlib.crc32(head[:16] + bytes(4) + head[20:])
    assert not any(data[own * sector + 92:(own + 1) * sector])
    array = data[entries * sector:entries * sector + count * entry_size]
    assert entries_crc == zlib.crc32(array) and len(array) >= 16384
    found = []
    for offset in range(0, len(array), entry_size):
        kind, name, start, end = struct.unpack_from("<16s16sQQ", array, offset)
        if any(kind):
            found.append((uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=name),
                          range(start, end + 1)))
    return Table(at, other, range(first, last + 1), uuid.UUID(bytes_le=disk), found)


def partition(image: Path, sector: int = 512) -> range:
    """The one partition, in bytes, when everything around it is as it should be."""
    data = image.read_bytes()
    assert len(data) % sector == 0
    last = len(data) // sector - 1
    # UEFI 2.10, 5.2.3: one partition of type 0xEE over the whole disk.
    assert data[510:512] == b"\x55\xaa" and not any(data[:446]) and not any(data[462:510])
    assert (data[450], *struct.unpack_from("<II", data, 454)) == (0xee, 1, last)
    main, backup = table(data, sector, 1), table(data, sector, last)
    assert (main.other, backup.other) == (last, 1)
    assert main._replace(own=0, other=0) == backup._replace(own=0, other=0)
    assert len(main.partitions) == 1
    kind, _, sectors = main.partitions[0]
    assert kind == ESP_TYPE
    assert main.usable.start <= sectors.start <= sectors[-1] <= main.usable[-1]
    return range(sectors.start * sector, sectors.stop * sector)


def assert_fat_holds(image: Path, place: range, sector: int, bits: int, target: Path) -> None:
    """Its geometry is that of the partition, and its files are those of the ESP."""
    with open(image, "rb") as file:
        file.seek(place.start)
        boot = file.read(512)
    small, hidden, large = struct.unpack_from("<H", boot, 19)[0], \
        *struct.unpack_from("<II", boot, 28)
    assert struct.unpack_from("<H", boot, 11)[0] == sector
    assert boot[13] * sector == 4096
    # mkfs.fat leaves out what is no whole track.
    assert 0 <= len(place) - (small or large) * sector < 63 * sector
    assert hidden in (0, place.start // sector)
    assert boot[54 if bits == 16 else 82:][:5] == f"FAT{bits}".encode()
    target.mkdir()
    subprocess.run(["mcopy", "-s", "-i", f"{image}@@{place.start}", "::/*", target], check=True)
    assert_same_tree(ESP, target)


def assert_same_tree(left: Path, right: Path) -> None:
    """Files with the same names and bytes."""
    names = [{str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
             for root in (left, right)]
    assert names[0] == names[1]
    assert filecmp.cmpfiles(left, right, names[0], shallow=False)[1:] == ([], [])


def sgdisk_is_content(image: Path) -> None:
    """Another reader of GPTs finds nothing to say."""
    done = subprocess.run(["/usr/sbin/sgdisk", "--verify", image], text=True,
                          capture_output=True, check=False)
    assert "No problems found" in done.stdout and not done.stderr, done.stdout + done.stderr


def test_disk(tmp_path: Path) -> None:
    """build/bestla.img: sectors of 512 bytes."""
    assert_fat_holds(DISK, partition(DISK), 512, 32, tmp_path / "fat")
    sgdisk_is_content(DISK)


def test_disk_with_large_sectors(disk_4k: Path, tmp_path: Path) -> None:
    """The same for 4,096; sgdisk takes no such file."""
    assert_fat_holds(disk_4k, partition(disk_4k, 4096), 4096, 32, tmp_path / "fat")
    assert disk_4k.read_bytes()[512:520] != b"EFI PART"


def test_disc(tmp_path: Path) -> None:
    """build/bestla.iso: El Torito and GPT lead to the same bytes, and ISO 9660 to the files."""
    place = partition(DISC)
    data = DISC.read_bytes()
    assert data[BOOT_RECORD:BOOT_RECORD + 30] == b"\0CD001\x01EL TORITO SPECIFICATION"
    catalog = struct.unpack_from("<I", data, BOOT_RECORD + 71)[0] * BLOCK
    # El Torito 1.0, figures 2 and 3: platform 0xEF, the words' sum is 0, no emulation.
    assert data[catalog:catalog + 2] == b"\x01\xef"
    assert sum(struct.unpack_from("<16H", data, catalog)) & 0xffff == 0
    bootable, emulation, count, block = struct.unpack_from("<BB4xHI", data, catalog + 32)
    assert (bootable, emulation, block * BLOCK) == (0x88, 0, place.start)
    assert count * 512 == len(place)
    assert_fat_holds(DISC, place, 512, 16, tmp_path / "fat")
    sgdisk_is_content(DISC)
    subprocess.run(["xorriso", "-no_rc", "-osirrox", "on", "-indev", DISC, "-extract", "/",
                    tmp_path / "iso"], check=True, capture_output=True)
    (tmp_path / "iso" / "boot.catalog").unlink()
    assert_same_tree(ESP, tmp_path / "iso")


def test_disc_in_a_drive(boot: Callable[..., Boot]) -> None:
    """By its El Torito entry: a drive's blocks have 2,048 bytes, and show no GPT."""
    assert_stands(boot(image=DISC, media="cd", **SMALL))


def test_disc_on_a_stick(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """By its GPT: all that says that it is a disc is taken away."""
    stick = shutil.copy(DISC, tmp_path / "stick")
    with open(stick, "r+b") as file:
        file.seek(16 * BLOCK)
        file.write(bytes(4 * BLOCK))
    assert_stands(boot(image=stick, media="usb", **SMALL))


@pytest.mark.parametrize("media", [pytest.param("virtio", marks=pytest.mark.matrix), "nvme"])
def test_disk_with_large_sectors_boots(boot: Callable[..., Boot], disk_4k: Path,
                                       media: str) -> None:
    """4Kn disks."""
    assert_stands(boot(image=disk_4k, media=media, sector=4096, **SMALL))


def test_large_disc_has_fat32(tmp_path: Path) -> None:
    """More than FAT16 can hold; El Torito's 16-bit count of sectors then says 0: to the end."""
    tree = shutil.copytree(ESP, tmp_path / "tree")
    with open(tree / "large", "wb") as file:
        file.truncate(270 << 20)
    image = tmp_path / "disc.iso"
    done = make("--iso", tree, image)
    assert done.returncode == 0, done.stderr
    place = partition(image)
    with open(image, "rb") as file:
        file.seek(place.start + 82)
        assert file.read(5) == b"FAT32"
    sgdisk_is_content(image)


def many_names(folder: Path) -> None:
    """As many as FAT16's root folder cannot hold."""
    for number in range(200):
        (folder / f"a-name-of-two-entries-{number}").write_bytes(b"")


def large_file(folder: Path) -> None:
    """More than the smallest disk."""
    with open(folder / "large", "wb") as file:
        file.truncate(300 << 20)


@pytest.mark.parametrize("change, options, status, words", [
    (large_file, [], 1, "large: 314572800 bytes do not fit"),
    (large_file, ["--iso", "--size", "100"], 1, "large: 314572800 bytes do not fit"),
    (many_names, ["--iso"], 1, "entries; a disc of 20 MiB has 512"),
    (None, ["--size", "263"], 1, "--size 263: from 264"),
    (None, ["--iso", "--size", "19"], 1, "--size 19: from 20"),
    (None, ["--iso", "--sector", "4096"], 2, "--sector 4096: a disc's GPT"),
    (None, ["--sector", "1024"], 2, "1024")])
def test_cannot_be_made(tmp_path: Path, change: Callable[[Path], None] | None,
                        options: list[str], status: int, words: str) -> None:
    """The message names what is too much, and nothing is left behind."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    (tree / "EFI").mkdir(parents=True)
    (tree / "EFI" / "file").write_bytes(b"content")
    out.mkdir()
    if change:
        change(tree)
    done = make(*options, tree, out / "image")
    assert done.returncode == status and words in done.stderr, done.stderr
    assert not list(out.iterdir())


@pytest.mark.matrix
def test_u_boot_finds_the_disc_s_partition(boot: Callable[..., Boot]) -> None:
    """Another reader of GPTs, and another of FAT16, than edk2's."""
    if not U_BOOT.exists():
        pytest.skip(f"{U_BOOT}: missing; Debian's package u-boot-qemu has it")
    machine = boot(image=DISC, firmware=str(U_BOOT), machine="pc", memory="512M",
                   extra=["-vga", "none"])
    machine.wait_for("Hit any key to stop autoboot")
    machine.send("\r")
    machine.wait_for("^=> ")
    machine.send("setenv bootargs; virtio scan; part list virtio 0; "
                 "load virtio 0:1 0x1000000 EFI/BOOT/BOOTX64.EFI; bootefi 0x1000000\r")
    machine.wait_for("Partition Type: EFI")
    assert_stands(machine)
