"""The machines that Bestla must boot on: each value of each setting once or twice.

`make test-all` adds those marked matrix.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest

from booting import READY, Boot
from boot_info import BootInfo
from kernel_log import assert_audited
from machine import memory_bytes
from monitor import PROMPT
from screen import assert_shows_log, wait_for_screen
from test_firmware_state import assert_stands, program

NO_NX = {1: "the CPU has no NX"}
ALL_GUARDS, NO_GUARDS = "SMEP on, SMAP on, UMIP on", "SMEP absent, SMAP absent, UMIP absent"
# What firmware keeps for itself, generously; with Secure Boot also for system management.
FIRMWARE_SHARE, SMM_SHARE = 24 << 20, 16 << 20
VGA_NONE = ["-vga", "none"]
U_BOOT = Path("/usr/lib/u-boot/qemu-x86_64/u-boot.rom")


@dataclass(frozen=True)
class Case:
    """A machine by the fields of scripts/machine.py, and what is special about it."""

    name: str
    machine: dict[str, Any]
    says: tuple[str, ...] = ()
    excused: dict[int, str] = field(default_factory=dict)


def case(name: str, *says: str, excused: dict[int, str] | None = None,
         **machine: Any) -> Case:
    """One line of the tables below."""
    return Case(name, machine, says, excused or {})


CASES = [
    case("qemu64-512M-pc-ahci", NO_GUARDS, cpu="qemu64", memory="512M", machine="pc",
         media="ahci"),
    case("max-8G-q35-usb", ALL_GUARDS, "1-GiB leaves", memory="8G", media="usb"),
    case("no1g-8G-q35-nvme", "no 1-GiB leaves", cpu="max,-pdpe1gb", memory="8G", media="nvme"),
    case("nonx-512M-q35-ahci", "no NX", cpu="max,-nx", memory="512M", media="ahci",
         excused=NO_NX),
    case("max-64M-q35-virtio", memory="64M"),
    case("qemu64-64M-pc-usb", memory="64M", cpu="qemu64", machine="pc", media="usb"),
    case("max-1G-pc-nvme-bios", memory="1G", machine="pc", media="nvme", firmware="bios"),
    case("nonx-no1g-256M-pc-ide-bios", "no NX", memory="256M", cpu="max,-nx,-pdpe1gb",
         machine="pc", media="ide", firmware="bios", excused=NO_NX),
    case("secboot-smp4-1G-q35-nvme", memory="1G", firmware="secboot", smp=4, media="nvme"),
    case("no-screen", "no framebuffer: no graphics output protocol", memory="256M",
         extra=VGA_NONE),
    case("screen-without-framebuffer", "no framebuffer: pixel format 3", memory="256M",
         extra=[*VGA_NONE, "-device", "virtio-gpu-pci"]),
]


def matrix() -> list[Case]:
    """The long list."""
    cases = [case(f"{cpu}-{machine}", cpu=cpu, machine=machine, memory="1G")
             for cpu in ("qemu64", "Nehalem", "Haswell", "Skylake-Server", "EPYC", "max")
             for machine in ("pc", "q35")]
    cases += [case(f"{media}-{machine}-{firmware}", media=media, machine=machine,
                   firmware=firmware, memory="512M")
              for media in ("virtio", "ahci", "nvme", "usb", "ehci")
              for machine in ("pc", "q35") for firmware in ("4m", "2m", "bios")]
    cases += [case(f"{memory}-{cpu}", memory=memory, cpu=cpu)
              for memory in ("48M", "64M", "3G", "20G", "900G") for cpu in ("max", "qemu64")]
    return cases + [
        case("1T-amd", memory="1T"),
        case("1T-intel", memory="1T", cpu="max,vendor=GenuineIntel,phys-bits=42"),
        *(case(f"secboot-{media}", firmware="secboot", media=media, memory="512M")
          for media in ("ahci", "nvme", "usb", "ehci")),
        *(case(f"smp{smp}-{machine}-{firmware}", smp=smp, machine=machine, firmware=firmware,
               memory="1G")
          for smp in (1, 2, 4, 8) for machine in ("pc", "q35") for firmware in ("4m", "bios")),
        case("smp8-secboot", smp=8, firmware="secboot", memory="1G"),
        case("smp8-8G-numa", smp=8, memory="8G", extra=[
            "-object", "memory-backend-ram,id=a,size=6G", "-numa", "node,memdev=a,cpus=0-3",
            "-object", "memory-backend-ram,id=b,size=2G", "-numa", "node,memdev=b,cpus=4-7"]),
        case("numa-three-nodes-pc", smp=4, machine="pc", memory="6G", extra=[
            part for node, (size, cpus) in enumerate([("1G", "0"), ("3G", "1-2"), ("2G", "3")])
            for part in ("-object", f"memory-backend-ram,id=n{node},size={size}",
                         "-numa", f"node,memdev=n{node},cpus={cpus}")]),
        *(case(f"screen-{screen}", "framebuffer", memory="256M",
               extra=[*VGA_NONE, "-device", screen])
          for screen in ("bochs-display", "ramfb", "virtio-vga", "qxl-vga", "cirrus-vga",
                         "vmware-svga")),
    ]


def assert_memory_is_managed(boot: Boot) -> None:
    """All but firmware's share belongs to the allocator, and nearly all of it is free."""
    found = re.search(r"reclaimed; (\d+) of (\d+) KiB free$", boot.serial, re.M)
    assert found
    machine = boot.running.machine
    free, managed, size = int(found[1]) << 10, int(found[2]) << 10, memory_bytes(machine.memory)
    share = FIRMWARE_SHARE + (SMM_SHARE if machine.firmware == "secboot" else 0)
    assert size - share <= managed <= size
    # The books take a byte of every page, tables and copies less.
    assert managed - managed // 4096 - (4 << 20) <= free < managed


@pytest.mark.parametrize("case_", [
    *(pytest.param(each, id=each.name) for each in CASES),
    *(pytest.param(each, id=each.name, marks=pytest.mark.matrix) for each in matrix())])
def test_machine(boot: Callable[..., Boot], case_: Case) -> None:
    """Boots to the end, with every rule that the machine can enforce."""
    machine = boot(**case_.machine)
    assert_stands(machine, case_.excused)
    for words in case_.says:
        assert re.search(rf"(^|[:,] ){re.escape(words)}", machine.serial, re.M), words
    assert_memory_is_managed(machine)


def test_no_serial_port(boot: Callable[..., Boot]) -> None:
    """Where COM1 should be nothing answers; screen and debug console show how far it got."""
    machine = boot(extra=["-global", "isa-serial.iobase=0x3e8"], memory="256M")
    machine.wait_for_debugcon("^" + PROMPT)
    assert "COM1 absent" in machine.debugcon
    assert_shows_log(wait_for_screen(machine, lambda screen: screen.rows[-1] == PROMPT.strip()),
                     machine.debugcon)
    assert_audited(machine.debugcon)
    assert machine.serial == ""


def test_random_seed(boot: Callable[..., Boot]) -> None:
    """Firmware that has random bytes gives 32 to the kernel, which has used 8 of them."""
    machine = boot(extra=["-device", "virtio-rng-pci"], memory="256M")
    assert_stands(machine)
    seed = BootInfo(machine).seed()
    assert len(seed) == 24 and len(set(seed)) > 8
    assert "random seed" not in machine.serial


def test_no_random_seed(boot: Callable[..., Boot]) -> None:
    """Firmware that has none is said to have none."""
    machine = boot(memory="256M", firmware="bios")
    machine.wait_for(READY)
    assert BootInfo(machine).seed() == b""
    assert "firmware offers no random seed" in machine.serial


@pytest.mark.parametrize("options", [pytest.param("kaslr", marks=pytest.mark.matrix), "nokaslr"])
def test_u_boot(boot: Callable[..., Boot], options: str) -> None:
    """Another UEFI: no GOP, WP and NXE off at entry, descriptors of another size.

    Its map calls the memory free that its own stack and IDT lie in, from 1 MiB on, where the
    kernel is linked to go: it must go elsewhere, as it does with KASLR anyway.
    """
    if not U_BOOT.exists():
        pytest.skip(f"{U_BOOT}: missing; Debian's package u-boot-qemu has it")
    machine = boot(firmware=str(U_BOOT), machine="pc", memory="512M", extra=VGA_NONE)
    machine.wait_for("Hit any key to stop autoboot")
    machine.send("\r")
    machine.wait_for("^=> ")
    # U-Boot passes what it has for Linux by default as LoadOptions.
    machine.send(f"setenv bootargs {options}; virtio scan; "
                 "load virtio 0:1 0x1000000 EFI/BOOT/BOOTX64.EFI; bootefi 0x1000000\r")
    assert_stands(machine)
    assert ("loader: 0x100000 is taken" in machine.serial) == (options == "nokaslr")
    assert "no framebuffer: no graphics output protocol" in machine.serial
