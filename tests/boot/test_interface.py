"""The Boot Loader Interface on real firmware: a system that ran asks for its next boot, the program
that is started is told what it should be, and tries are counted on the volume."""

import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from booting import QUICK, READY, ROOT, Boot, make_esp
from kernel_log import assert_audited
from test_firmware_state import program
from test_machines import U_BOOT
from test_media import partition

CONF, ENTRIES = "loader/loader.conf", "loader/entries"
TOLD = "title Told\nefi /tools/told.efi\n"
# What SetVariable of one boot leaves to the next is in the flash chip of firmware's.
FLASH: dict[str, Any] = {"memory": "256M", "reboot": True, "write_image": True}


def told(text: str) -> list[dict[str, str]]:
    """What the program was told, by name, each time that it ran."""
    runs: list[dict[str, str]] = []
    for name, value in re.findall(r"^test: told: (\w+): (.*)$", text, re.M):
        if name == "LoaderInfo":
            runs.append({})
        runs[-1][name] = value
    return runs


def unified(target: Path, release: str) -> Path:
    """The program that says what it was told, as a unified kernel of the system described."""
    text = target.with_suffix(".txt")
    text.write_text(release)
    subprocess.run(["objcopy", f"--add-section=.osrel={text}", "--set-section-flags=.osrel=data",
                    "--change-section-vma=.osrel=0x20000", program("told"), target], check=True)
    return target


def names(image: Path, folder: str) -> list[str]:
    """The files of a folder on the image's volume."""
    listed = subprocess.run(["mdir", "-b", "-i", f"{image}@@{partition(image).start}",
                             f"::/{folder}"], text=True, capture_output=True, check=True)
    return sorted(line.rsplit("/", 1)[1] for line in listed.stdout.split())


# One-shot, through a reset; what was booted last, which is nothing; a default; and then a default
# that does not exist, values that are none, and a menu for once.
ASKED = """\
set LoaderEntryOneShot told.conf
reset
start
start
set LoaderEntryDefault told
start
set LoaderEntryDefault none.conf
set LoaderEntryLastBooted bestla.conf
raw LoaderEntryOneShot 24
raw LoaderConfigTimeout 7
set LoaderConfigTimeoutOneShot 1
start
"""


def test_a_system_asks(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Of four starts each boots what was asked for; meanwhile tries are counted on the disk."""
    machine = boot(efi=program("ask"), files={
        CONF: "default @saved\n", f"{ENTRIES}/told+2.conf": TOLD, "asked": ASKED,
        "tools/told.efi": program("told"), "EFI/Linux/uki+1.efi": unified(
            tmp_path / "uki.efi", "# a system\nID=test\nPRETTY_NAME='Test OS'\nVERSION_ID=\"7\"\n"),
        }, **FLASH)
    machine.wait_for(READY)
    runs = told(machine.serial)
    assert [run["LoaderEntrySelected"] for run in runs] == ["told.conf", "uki.efi", "told.conf"]
    assert [run["LoaderBootCountPath"] for run in runs] == [
        r"\loader\entries\told+1-1.conf", r"\EFI\Linux\uki+0-1.efi",
        r"\loader\entries\told+0-2.conf"]
    assert [run.get("LoaderEntryLastBooted") for run in runs] == [None, "uki.efi", "uki.efi"]
    assert [run.get("LoaderEntryDefault") for run in runs] == [None, None, "told"]
    assert runs[0]["LoaderEntries"] == "uki.efi|told.conf|bestla.conf"
    for run in runs:
        assert_told_of_loader(run)
    assert machine.serial.count("test: the loader is back: 0\n") == 3
    assert "Booting in 1 s" in machine.serial and "Test OS 7 (no tries left)" in machine.serial
    for line in ("Default: no entry is called none.conf; taking what else is asked for",
                 "OneShot: holds text that does not end, of 0x18 bytes: not heeded"):
        assert f"loader: warning: variable LoaderEntry{line}\n" in machine.serial
    assert "variable LoaderConfigTimeout: holds an odd number of bytes, of 0x7" in machine.serial
    assert "bestla.conf: Bestla 0.1\n" in machine.serial
    assert_audited(machine.serial)
    machine.stop()
    assert names(tmp_path / "disk0.img", ENTRIES) == ["bestla.conf", "told+0-2.conf"]
    assert names(tmp_path / "disk0.img", "EFI/Linux") == ["uki+0-1.efi"]


def assert_told_of_loader(run: dict[str, str]) -> None:
    """Loader, firmware, partition and times."""
    assert run["LoaderInfo"] == "bestla 0.1" and run["LoaderFeatures"] == "0x1231f"
    assert run["LoaderFirmwareType"].startswith("UEFI 2.")
    assert re.fullmatch(r"\S.* \d+\.\d+", run["LoaderFirmwareInfo"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", run["LoaderDevicePartUUID"])
    assert 0 < int(run["LoaderTimeInitUSec"]) < int(run["LoaderTimeExecUSec"])
    assert "LoaderEntryOneShot" not in run and "LoaderTimeMenuUSec" not in run


COUNTED: dict[str, bytes | str | Path | None] = {
    CONF: "default bestla\n", f"{ENTRIES}/bestla.conf": None,
    f"{ENTRIES}/bestla+3.conf": "title Counted\nkernel /kernel.elf\n"}


def test_what_cannot_be_counted(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """A disc is not written to: the entry is booted, and the log says so."""
    esp, disc = make_esp(tmp_path / "esp", files=COUNTED), tmp_path / "disc.iso"
    subprocess.run([ROOT / "scripts" / "make-image", "--iso", esp, disc], check=True)
    machine = boot(image=disc, media="cd", **QUICK)
    machine.wait_for(READY)
    assert re.search(r"loader: warning: /loader/entries/bestla\+3.conf: this try is not counted, "
                     r"the file keeps its name \(.+\)\n", machine.serial)


def fill(image: Path, folder: str, work: Path) -> None:
    """Takes every cluster of the image's volume, and every place that is left in the folder."""
    volume = f"{image}@@{partition(image).start}"
    listed = subprocess.run(["mdir", "-i", volume, "::/"], text=True, capture_output=True,
                            check=True).stdout
    free = re.search(r"([\d ]+) bytes free", listed)
    assert free
    with (work / "clusters").open("wb") as file:
        file.truncate(int(free[1].replace(" ", "")))
    subprocess.run(["mcopy", "-i", volume, work / "clusters", "::/"], check=True)
    places = [work / f"F{number}" for number in range(128)]
    for place in places:
        place.touch()
    full = subprocess.run(["mcopy", "-i", volume, *places, f"::/{folder}"], text=True,
                          capture_output=True, check=False)
    assert full.returncode and "Disk full" in full.stderr


def test_full_volume(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Where no folder can grow, a file that firmware renames would be lost."""
    esp, image = make_esp(tmp_path / "esp", files=COUNTED), tmp_path / "full.img"
    subprocess.run([ROOT / "scripts" / "make-image", esp, image], check=True)
    fill(image, ENTRIES, tmp_path)
    machine = boot(image=image, write_image=True, **QUICK)
    machine.wait_for(READY)
    assert "the file keeps its name (Volume Full)" in machine.serial
    machine.stop()
    assert "bestla+3.conf" in names(image, ENTRIES)


@pytest.mark.matrix
@pytest.mark.skipif(not U_BOOT.exists(), reason="Debian's package u-boot-qemu has it")
def test_u_boot(boot: Callable[..., Boot]) -> None:
    """A UEFI whose variables do not last and whose files keep their names."""
    machine = boot(firmware=str(U_BOOT), memory="256M", files=COUNTED)
    machine.wait_for("Hit any key to stop autoboot")
    machine.send("\r")
    machine.wait_for("^=> ")
    machine.send("virtio scan; load virtio 0:1 0x1000000 EFI/BOOT/BOOTX64.EFI; bootefi 0x1000000\r")
    machine.wait_for(READY)
    assert "bestla+3.conf: this try is not counted" in machine.serial
