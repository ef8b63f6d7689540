"""Bestla under Bochs, whose CPU has what QEMU's lacks, left on by firmware."""

import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from bochs import BochsBoot, missing
from booting import READY, ROOT, Boot, make_esp, make_image
from kernel_log import assert_audited
from monitor import Monitor
from test_firmware_state import assert_stands, program

PCIDE, PKE, CET, FSGSBASE, X2APIC = 1 << 17, 1 << 22, 1 << 23, 1 << 16, 3 << 10
STATE = (r"^test: CR3 0x([0-9a-f]+), CR4 0x([0-9a-f]+), APIC base 0x([0-9a-f]+), "
         r"CET (at the end|absent)$")


@pytest.fixture(name="bochs")
def fixture_bochs(tmp_path: Path) -> Iterator[Callable[..., BochsBoot]]:
    """Starts a machine with the ESP as a test wants it, as the fixture `boot` does."""
    if why := missing():
        pytest.skip(why)
    started: list[BochsBoot] = []

    def start(cpu: str = "tigerlake", smp: int = 1, **esp: Any) -> BochsBoot:
        image = make_image(make_esp(tmp_path / "esp", **esp), tmp_path / "disk.img")
        started.append(BochsBoot(image, cpu, smp=smp))
        return started[-1]

    yield start
    for machine in started:
        machine.stop()


def state_left_on(machine: Boot) -> tuple[int, int, int, str]:
    """CR3, CR4, the APIC's base and CET as tests/efi/cpu_state.c made them."""
    found = machine.wait_for(STATE)
    return int(found[1], 16), int(found[2], 16), int(found[3], 16), found[4]


def assert_state_is_the_handoffs(machine: Boot) -> None:
    """docs/handoff.md: all of it is off again."""
    registers = machine.registers()
    assert registers["CR4"] & (PCIDE | PKE | CET | FSGSBASE) == 0
    assert registers["CR3"] & 0xfff == 0


def test_firmware_leaves_everything_on(bochs: Callable[..., BochsBoot]) -> None:
    """PCIDs with one in use, CET, x2APIC mode; no screen, no ACPI; the monitor answers."""
    machine = bochs(efi=program("cpu_state"))
    cr3, cr4, apic, cet = state_left_on(machine)
    assert cr3 & 0xfff == 5
    assert cr4 & (PCIDE | FSGSBASE) == PCIDE | FSGSBASE
    assert apic & X2APIC == X2APIC and cet == "at the end"
    machine.wait_for("no framebuffer: no graphics output protocol")
    machine.wait_for(r"^bestla> ")
    assert any(line.startswith("  walk ") for line in Monitor(machine).run("help"))
    assert_stands(machine)
    assert_state_is_the_handoffs(machine)


def test_firmware_leaves_on_what_qemu_has(boot: Callable[..., Boot]) -> None:
    """Protection keys, which Bochs's model lacks."""
    machine = boot(efi=program("cpu_state"), memory="256M", firmware="bios")
    _, cr4, _, _ = state_left_on(machine)
    assert cr4 & (PKE | FSGSBASE) == PKE | FSGSBASE
    assert_stands(machine)
    assert_state_is_the_handoffs(machine)


@pytest.mark.matrix
@pytest.mark.parametrize("cpu, smp", [("tigerlake", 1), ("tigerlake", 2), ("ryzen", 1),
                                      ("corei7_skylake_x", 2), ("corei7_haswell_4770", 1),
                                      ("athlon64_clawhammer", 1), ("core2_penryn_t9600", 1)])
def test_models(bochs: Callable[..., BochsBoot], cpu: str, smp: int) -> None:
    """CPUs from the first with 64 bits on: with and without 1-GiB pages, SMEP, SMAP, RDRAND."""
    machine = bochs(cpu=cpu, smp=smp)
    machine.wait_for(READY)
    assert_audited(machine.serial)
    assert_stands(machine)
    assert re.search(r"^\[.*\] loader: ACPI RSDP 0x0,", machine.serial, re.M)
