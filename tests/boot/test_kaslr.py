"""Where KASLR puts the kernel: nowhere but where it may, everywhere there, and all holds.

The machines of test_many_boots() come from one that is parked in firmware and saved, so that a
boot takes half a second; what the CPU says when it is asked for random numbers is not saved.
"""

import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

import pytest

from booting import QUICK, READY, Boot
from boot_info import DIRECT_MAP_BASE, KERNEL_PHYS, OWN_TYPES, BootInfo
from kernel_file import KERNEL_REGION, PAGE, pages
from test_firmware_state import assert_stands, program

MIB2, GIB = 2 << 20, 1 << 30
LINKED_PHYS, LOWEST_BASE, LIMIT = 0x100000, 0xffff888000000000, 0xffffc88000000000
FULL = 512 * GIB
KERNEL_IMAGE = OWN_TYPES | 5
LINKED = min(pages())
SIZE = max(pages()) + PAGE - LINKED
# The image ends 2 MiB before the region does, at the latest.
SLIDES = range(0, KERNEL_REGION + GIB - MIB2 - SIZE - LINKED + 1, MIB2)
BASES = range(LOWEST_BASE, LIMIT - FULL + 1, GIB)
EVERY_BIT = (1 << 64) - 1


@dataclass(frozen=True)
class Places:
    """Where things were put."""

    slide: int
    frames: int
    base: int


def find_places(machine: Boot) -> Places:
    """Reads them out of the machine; that all holds, and each is allowed, is seen on the way."""
    assert_stands(machine)
    info = BootInfo(machine)
    places = Places(info.slide, info.field(KERNEL_PHYS), info.field(DIRECT_MAP_BASE))

    assert places.slide in SLIDES and places.base in BASES
    assert places.base + info.ram()[-1][1] <= LIMIT
    assert places.frames % MIB2 == LINKED_PHYS % MIB2 and places.frames >= LINKED_PHYS
    assert any(each.type == KERNEL_IMAGE and each.start == places.frames and each.size == SIZE
               for each in info.firmware_map())
    assert {leaf.virt: (leaf.phys, leaf.rights, leaf.page_size) for leaf in machine.leaves()
            if leaf.virt >= KERNEL_REGION} == {
        virt + places.slide: (phys - LINKED_PHYS + places.frames, rights, PAGE)
        for virt, (phys, rights) in pages().items()}
    return places


def told_counts(machine: Boot) -> tuple[int, ...]:
    """From how many places the loader says that it has drawn: pages, frames, bases."""
    found = re.search(r"loader: KASLR by .* \(of (\d+) places\), .* \(of (\d+)\), .* \(of (\d+)\)$",
                      machine.serial, re.M)
    assert found, machine.tail()
    return tuple(int(number) for number in found.groups())


# ---- many boots -----------------------------------------------------------------------------


def save(machine: Boot, path: Path) -> None:
    """Writes a machine to a file; it does not run on."""
    machine.qmp.command("migrate", uri=f"exec:cat > {path}")
    deadline = time.monotonic() + 60
    while (state := machine.qmp.command("query-migrate")["status"]) != "completed":
        assert state in ("setup", "active", "device") and time.monotonic() < deadline, state
        time.sleep(0.02)


@pytest.fixture(name="parked", scope="module")
def fixture_parked(boot_once: Callable[..., Boot],
                   tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What starts the saved machine again: arguments of the fixture `boot`."""
    path = tmp_path_factory.mktemp("parked") / "machine"
    machine = boot_once(efi=program("park"), **QUICK)
    machine.wait_for("^test: parked$")
    save(machine, path)
    machine.stop()
    return QUICK | {"image": machine.running.machine.image, "extra": [
        *QUICK["extra"], "-incoming", f"exec:cat {path}", "-fw_cfg",
        "name=opt/bestla/go,string=1"]}


def assert_spread(values: Sequence[int], allowed: range, bins: int) -> None:
    """Each part of what is allowed got some. (Of 200 draws, one of 8 gets none in 10^10; of 16,
    one of 2 in 5,000.)"""
    width = -(-len(allowed) // bins)
    assert {allowed.index(value) // width for value in values} == set(range(bins))


@pytest.mark.parametrize("boots, bins", [
    (16, 2), pytest.param(200, 8, marks=pytest.mark.matrix)])
def test_many_boots(boot: Callable[..., Boot], parked: dict[str, Any], boots: int,
                    bins: int) -> None:
    """None fails, and the places are spread over all of their ranges."""
    found = []
    for _ in range(boots):
        machine = boot(**parked)
        found.append(find_places(machine))
        counts = told_counts(machine)
        assert (counts[0], counts[2]) == (len(SLIDES), len(BASES))
        machine.stop()
    slides, frames, bases = ([getattr(each, name) for each in found]
                             for name in ("slide", "frames", "base"))
    assert_spread(slides, SLIDES, bins)
    assert_spread(bases, BASES, bins)
    # 256 MiB in steps of 2, of which firmware has some, most of them of the highest quarter.
    assert 90 < counts[1] < 128
    assert_spread(frames, range(LINKED_PHYS, 256 << 20, MIB2), min(bins, 4))
    # Of 16 out of 100 two are often alike, eleven hardly ever.
    assert all(len(set(values)) > boots // 3 for values in (slides, frames, bases))


# ---- the ends of the ranges -----------------------------------------------------------------


@pytest.mark.parametrize("word, slide, base", [(1, SLIDES[0], BASES[0]),
                                               (EVERY_BIT, SLIDES[-1], BASES[-1])])
def test_first_and_last_place(boot: Callable[..., Boot], word: int, slide: int, base: int) -> None:
    """Firmware whose random words all have the same high bits forces them."""
    machine = boot(efi=program("same_random"), files={"random.bin": struct.pack("<Q", word)},
                   **QUICK)
    places = find_places(machine)
    assert "KASLR by EFI_RNG_PROTOCOL" in machine.serial
    assert (places.slide, places.base) == (slide, base)
    if word == 1:
        assert places.frames == LINKED_PHYS
    else:
        assert places.frames > 200 << 20


def test_linked_place_taken(boot: Callable[..., Boot]) -> None:
    """What somebody else has is none of the places."""
    machine = boot(efi=program("occupy"), **QUICK)
    assert find_places(machine).frames != LINKED_PHYS
    assert "is taken" not in machine.serial


# ---- sources, and none ----------------------------------------------------------------------


def test_source_is_firmware_where_it_can(boot: Callable[..., Boot]) -> None:
    """It may have more than the CPU has, and mixes it."""
    machine = boot(memory="512M", extra=["-device", "virtio-rng-pci"])
    find_places(machine)
    assert "loader: KASLR by EFI_RNG_PROTOCOL: pages at 0x" in machine.serial


@pytest.mark.parametrize("cpu, options, says", [
    ("max", "nokaslr", "loader: KASLR off: nokaslr"),
    ("max,-rdrand", "quiet",
     "loader: KASLR off: neither firmware nor the CPU gives random numbers"),
    ("max,-rdrand", "kaslr",
     "loader: warning: KASLR off: neither firmware nor the CPU gives random numbers")])
def test_off(boot: Callable[..., Boot], cpu: str, options: str, says: str) -> None:
    """Everything lies where it is linked, and the log says why."""
    machine = boot(cpu=cpu, options=options, **QUICK)
    machine.wait_for(READY)
    assert says in machine.serial
    assert find_places(machine) == Places(0, LINKED_PHYS, LOWEST_BASE)
