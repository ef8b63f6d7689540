"""The kernel's monitor, typed at: every command against what QEMU says of the same machine."""

import random
import re
import struct
import zlib
from typing import Callable, Iterator

import pytest

import page_walk
from booting import BOOT_TIMEOUT, QUICK, SCALE, Boot
from kernel_file import KERNEL, read, symbols
from kernel_log import RULES, page_map, row_of
from monitor import PROMPT, Monitor, start

KINDS = ["null", "write-text", "stack-overflow", "nx", "divide", "gp", "ud", "df", "panic",
         "assert"]
COMMANDS = ["acpi", "audit", "boot", "bt", "cpu", "dump", "fault", "find", "help", "history",
            "map", "mem", "poweroff", "reboot", "sym", "walk", "x"]
PAGE = 4096


@pytest.fixture(name="monitor", scope="module")
def fixture_monitor(boot_once: Callable[..., Boot]) -> Iterator[Monitor]:
    """One machine for all commands that leave it as it was."""
    monitor = start(boot_once, **QUICK)
    yield monitor
    monitor.boot.stop()


@pytest.fixture(autouse=True)
def fixture_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test typed, the machine they share is still there."""
    yield
    if "monitor" in request.fixturenames:
        monitor = request.getfixturevalue("monitor")
        assert monitor.run("sym no_such_symbol") == [
            "no_such_symbol: neither a number nor a symbol"]
        assert "kernel panic" not in monitor.boot.serial


def number(text: str) -> int:
    """The first hexadecimal number in a line."""
    found = re.search(r"0x([0-9a-f]+)", text)
    assert found, text
    return int(found[1], 16)


# ---- the tables -------------------------------------------------------------------------------


def test_map(monitor: Monitor) -> None:
    """The whole map is the walker's; of a range those runs that it meets."""
    whole = page_map("\n".join(monitor.run("map")) + "\n")
    assert [row for row, _ in whole] == [row_of(run) for run in
                                         page_walk.runs(monitor.boot.leaves())]
    leaf = monitor.boot.leaves()[-1]
    for typed in (f"{leaf.virt:#x}", f"{leaf.virt + 5:#x}+1", f"{leaf.virt:#x}-{leaf.virt + 1:#x}"):
        assert [row for row, _ in page_map("\n".join(monitor.run(f"map {typed}")) + "\n")] == \
            [row_of(leaf)]
    assert monitor.run("map 0x1000+4K")[1:] == ["  nothing is mapped there"]


def test_walk(monitor: Monitor) -> None:
    """Physical address, rights and page size of leaves of every kind are the walker's."""
    leaves = monitor.boot.leaves()
    kinds = {(leaf.rights, leaf.page_size): leaf for leaf in leaves}
    assert len(kinds) >= 4
    for leaf in kinds.values():
        address = leaf.virt + leaf.page_size - 1
        text = "\n".join(monitor.run(f"walk {address:#x}"))
        assert f"physical {leaf.phys + leaf.page_size - 1:#014x}, in a page of " in text
        assert "read   succeeds" in text
        assert (f"write  {'succeeds' if leaf.writable else '#PF, error code 0x3'}") in text
        assert (f"fetch  {'succeeds' if leaf.executable else '#PF, error code 0x11'}") in text


def test_walk_where_nothing_is(monitor: Monitor) -> None:
    """The error codes of what is not present, and no walk of what is not canonical."""
    assert monitor.run("walk 0x1234")[-4:] == [
        f"  PML4[  0] at {monitor.boot.registers()['CR3']:#014x}: 0x0000000000000000 not present",
        "  read   #PF, error code 0x0", "  write  #PF, error code 0x2",
        "  fetch  #PF, error code 0x10"]
    assert monitor.run("walk 0x8000000000000000") == [
        "  not a canonical address", "  any access: #GP, or #SS through the stack"]


def test_find(monitor: Monitor) -> None:
    """Every address that leads to a frame, of the image twice."""
    leaves = monitor.boot.leaves()
    for leaf in (leaves[0], leaves[-1]):
        expected = [each.virt + leaf.phys - each.phys for each in leaves
                    if each.phys <= leaf.phys < each.phys + each.page_size]
        assert [number(line) for line in monitor.run(f"find {leaf.phys:#x}")] == expected
    assert len(monitor.run(f"find {leaves[-1].phys:#x}")) == 2
    assert monitor.run("find 0xfee00000") == ["  no address leads to physical 0xfee00000"]
    assert monitor.run("find 1T") == ["1T: physical addresses have 40 bits here"]


def test_audit(monitor: Monitor) -> None:
    """Every rule once more."""
    lines = monitor.run("audit")
    assert len([line for line in lines if re.search(r"audit: \d pass: ", line)]) == RULES
    assert lines[-1] == "  every rule that can be enforced holds"


def read_dump(lines: list[str]) -> tuple[dict[str, int], dict[int, list[int]]]:
    """Control registers and tables by frame; the checksum is right."""
    state = {name: int(value, 0) for name, value in re.findall(r"(\w+)=(\w+)", lines[0])}
    tables: dict[int, list[int]] = {}
    for line in lines[1:-1]:
        found = re.fullmatch(r"table 0x([0-9a-f]+) ([1-5]) (\d+):((?: [0-9a-f]+){1,8})", line)
        assert found, line
        entries = tables.setdefault(int(found[1], 16), [0] * 512)
        for index, entry in enumerate(found[4].split(), int(found[3])):
            entries[index] = int(entry, 16)
    crc = 0
    for frame, entries in tables.items():
        crc = zlib.crc32(struct.pack("<513Q", frame, *entries), crc)
    assert lines[-1] == f"tables: end {len(tables)} crc {crc:#010x}"
    return state, tables


def test_dump(monitor: Monitor) -> None:
    """The tables that it prints say what the machine's memory says."""
    lines = monitor.run("dump")
    state, tables = read_dump(lines)
    registers = monitor.boot.registers()
    assert (state["cr0"], state["cr3"], state["cr4"], state["efer"]) == \
        tuple(registers[name] for name in ("CR0", "CR3", "CR4", "EFER"))
    assert (state["pat"], state["maxphyaddr"]) == (0x0007010600070406, 40)

    def read_table(address: int, size: int) -> bytes:
        assert size == PAGE
        return struct.pack("<512Q", *tables[address])

    assert list(page_walk.leaves(read_table, state["cr3"], state["cr4"], state["efer"])) == \
        monitor.boot.leaves()
    before = monitor.run("mem")
    assert read_dump(monitor.run("dump"))[1].keys() == tables.keys()
    assert monitor.run("mem") == before, "dump keeps no frame"


# ---- memory and symbols -----------------------------------------------------------------------


def read_bytes(lines: list[str]) -> bytes:
    """What `x` printed."""
    return b"".join(bytes.fromhex(line[21:72].split("|")[0]) for line in lines if "|" in line)


def test_x(monitor: Monitor) -> None:
    """Bytes as the machine has them, up to where nothing is mapped."""
    leaves = monitor.boot.leaves()
    text = next(leaf for leaf in leaves if leaf.executable)
    assert read_bytes(monitor.run(f"x {text.virt + 3:#x} 1000")) == \
        monitor.boot.read_physical(text.phys + 3, 1000)
    assert len(read_bytes(monitor.run(f"x {text.virt:#x}"))) == 64
    mapped = {leaf.virt for leaf in leaves}
    last = next(leaf for leaf in leaves if leaf.page_size == PAGE and leaf.virt >= text.virt and
                leaf.virt + PAGE not in mapped)
    lines = monitor.run(f"x {last.virt + PAGE - 20:#x} 64")
    assert read_bytes(lines) == monitor.boot.read_physical(last.phys + PAGE - 20, 20)
    assert lines[-1] == f"  {last.virt + PAGE:#018x} is not mapped"
    assert monitor.run("x 0 4") == ["  0x0000000000000000 is not mapped"]
    assert monitor.run("x 0x8000000000000000 4") == ["  0x8000000000000000 is not mapped"]
    assert monitor.run("x 0xffffffffffffffff 1") == ["  0xffffffffffffffff is not mapped"]


def test_sym(monitor: Monitor) -> None:
    """Names and addresses, the one from the other; all by the same distance from nm's."""
    expected = symbols()
    moved = number(monitor.run("sym kernel_main")[0]) - expected["kernel_main"]
    for name in ("run", "page_map_print", "boot_info"):
        address = expected[name] + moved
        assert monitor.run(f"sym {name}")[0].startswith(f"  {address:#018x} {name}+0x0")
        assert monitor.run(f"sym {address + 1:#x}")[0].startswith(
            f"  {address + 1:#018x} {name}+0x1")
        assert monitor.run(f"sym {name}+1") == monitor.run(f"sym {address + 1:#x}")
    names = re.findall(r" t ([a-z]\w+)$", read("nm", f"{KERNEL}.debug"), re.M)
    shared = next(name for name in names if names.count(name) > 1)
    assert len(monitor.run(f"sym {shared}")) == names.count(shared)
    assert monitor.run(f"walk {shared}") == [f"{shared}: the name of several symbols: "
                                             "`sym` lists them"]
    assert monitor.run("sym 5")[0] == "  0x0000000000000005 is in no symbol"


def test_bt(monitor: Monitor) -> None:
    """Up to the kernel's entry."""
    names = [line.split()[1].split("+")[0] for line in monitor.run("bt")[1:]]
    assert names[0] == "monitor_run" and names[-3:] == ["run", "kernel_main", "kernel_entry"]


def test_mem(monitor: Monitor) -> None:
    """Ranges and sums agree, and the RAM is QEMU's."""
    text = "\n".join(monitor.run("mem"))
    ranges = re.findall(r"^  0x([0-9a-f]+)-0x([0-9a-f]+) +(\d+) KiB  (.+)$", text, re.M)
    sums: dict[str, int] = {}
    for start_text, end_text, size, name in ranges:
        assert int(end_text, 16) - int(start_text, 16) == int(size) * 1024
        sums[name] = sums.get(name, 0) + int(size)
    assert dict((name, int(size)) for size, name in
                re.findall(r"^ +(\d+) KiB  (.+)$", text.split("by type:")[1], re.M)) == sums
    assert 240 << 10 < sums["usable"] < 256 << 10
    found = re.search(r"(\d+) of (\d+) frames free, in \d+ zones", text)
    assert found and int(found[1]) < int(found[2]) <= sums["usable"] // 4


# ---- the machine ------------------------------------------------------------------------------


def test_cpu(monitor: Monitor) -> None:
    """Control registers and features are those of QEMU's processor."""
    text = "\n".join(monitor.run("cpu"))
    registers = monitor.boot.registers()
    for name in ("CR0", "CR3", "CR4", "EFER"):
        assert f"  {name:4} {registers[name]:#018x}" in text
    assert re.search(r"^  has not .*\bPCID\b", text, re.M)      # TCG has none
    for feature in ("NX", "1GiB", "SMEP", "SMAP", "PGE", "PAT"):
        assert re.search(rf"^  has [^\n]*\b{feature}\b", text, re.M)
    assert " 0:WB 1:WT 2:UC- 3:UC 4:WB 5:WC 6:UC- 7:UC" in text
    assert re.search(r"^     0  0x000080000000, 0x80000000 bytes: UC$", text, re.M)


def test_acpi(monitor: Monitor) -> None:
    """Every table is where it is said to be."""
    text = "\n".join(monitor.run("acpi"))
    tables = re.findall(r"^  0x([0-9a-f]{12})  (\w{4})  0x([0-9a-f]+) bytes$", text, re.M)
    assert {"XSDT", "FACP", "APIC", "DSDT"} <= {name for _, name, _ in tables}
    for address, name, length in tables:
        table = monitor.boot.read_physical(int(address, 16), int(length, 16))
        assert table[:4].decode() == name and sum(table) % 256 == 0
    assert re.search(r"^  \\_S5: \d, \d$", text, re.M)
    assert "  reset: port 0xcf9, 8 bits" in text


def test_boot(monitor: Monitor) -> None:
    """Steps in order of time, the kernel's entry being 0."""
    lines = monitor.run("boot")[1:]
    times = [int(line.split()[0]) for line in lines]
    assert times == sorted(times) and times[0] < 0 < times[-1]
    assert [line.split()[0] for line in lines if line.endswith("the kernel's entry")] == ["0"]


# ---- the line ---------------------------------------------------------------------------------


def test_help_and_usage(monitor: Monitor) -> None:
    """Every command is listed, and says how it is used when it is not used so."""
    listed = [line.split()[0] for line in monitor.run("help")]
    assert listed[:len(COMMANDS)] == COMMANDS
    for name in COMMANDS:
        assert monitor.run(f"help {name}")[0].split()[0] == name
        assert monitor.run(f"{name} 1 2 3")[0].startswith(f"usage: {name}")
    assert monitor.run("nonsense") == ["nonsense: no such command; `help` lists them"]
    assert monitor.run("help nonsense") == ["nonsense: no such command; `help` lists them"]
    assert monitor.run("") == monitor.run("   ") == []


BAD = ["0x", "0xg", "-", "+", "1-", "12x", "99999999999999999999999", "0x1ffffffffffffffff",
       "99999999999G", "%s%n", "no_such_symbol", "kernel_main+", "`", "\\", "..", "1e5"]


@pytest.mark.parametrize("name", ["map", "walk", "find", "x", "sym", "x 0", "x kernel_main"])
def test_bad_arguments(monitor: Monitor, name: str) -> None:
    """One line that repeats what is wrong, and nothing else."""
    for bad in BAD:
        lines = monitor.run(f"{name} {bad}")
        assert len(lines) == 1 and lines[0].startswith(f"{bad}: "), lines


def test_bad_ranges(monitor: Monitor) -> None:
    """Empty, backwards, past the end."""
    for bad in ("2-1", "1-1", "0-0", "1+0", "0xffffffffffffffff+2"):
        assert monitor.run(f"map {bad}") == [f"{bad}: an empty range, or one that passes 2^64"]
    for bad, size in (("0", 0), ("0x10001", 0x10001), ("1T", 1 << 40)):
        assert monitor.run(f"x 0x1000 {bad}") == [
            f"{size} bytes from 0x0000000000001000: 1 to 65536, and not past the end"]
    lines = monitor.run("x 0x1000 64K+1")
    assert len(lines) == 1 and lines[0].startswith("64K+1: ")
    assert monitor.run("x 0xffffffffffffffff 2") == [
        "2 bytes from 0xffffffffffffffff: 1 to 65536, and not past the end"]
    assert page_map("\n".join(monitor.run("map 1-0xffffffffffffffff")) + "\n") == \
        page_map("\n".join(monitor.run("map")) + "\n")


def test_editing(monitor: Monitor) -> None:
    """Arrows, history, completion, ^U and ^C, as a terminal sends them."""
    assert monitor.type("ym kernel_main\x1b[Hs\r").count("kernel_main+0x0") == 1
    assert monitor.type("\x1b[A\r").count("kernel_main+0x0") == 1
    assert monitor.type("nonsense\x15sym kernel_ma\t\r").count("kernel_main+0x0") == 1
    assert "no such command" not in monitor.type("nonsense\x03")
    text = monitor.type("m\t\t\x15\r", prompts=2)
    assert "map  mem  " in text
    assert "  sym kernel_main" in monitor.run("history")


def test_long_lines(monitor: Monitor) -> None:
    """10,000 characters are refused; what follows them is a line of its own."""
    text = monitor.type("x" * 10_000 + "\r")
    assert "longer than 255 characters: not run" in text
    assert len(monitor.run("sym kernel_main")) == 1
    assert "longer than 255 characters: not run" in monitor.type("map " * 2_500 + "\r")


def test_binary_noise(monitor: Monitor) -> None:
    """Bytes of all values: the monitor is there afterwards, and the tables are what they were."""
    before = monitor.boot.leaves()
    noise = random.Random(1)
    for _ in range(20):
        monitor.boot.send(bytes(noise.randrange(256) for _ in range(500)))
    monitor.boot.send(b"\x1b[" + b"9" * 1000 + b"\x1b\x1b\x03\x03")
    begin = len(monitor.boot.serial)
    monitor.boot.send("audit\r")
    monitor.boot.running.serial.wait(
        lambda text: text.find("  every rule that can be enforced holds\n" + PROMPT, begin) > 0 or
        None, BOOT_TIMEOUT * SCALE)
    assert monitor.boot.serial.endswith("holds\n" + PROMPT)
    assert monitor.boot.leaves() == before


def test_fault_kinds(monitor: Monitor) -> None:
    """Those that there are are listed for one that there is not."""
    lines = monitor.run("fault nonsense")
    assert lines[0] == "nonsense: no such kind; there are"
    assert [line.split()[0] for line in lines[1:]] == KINDS
