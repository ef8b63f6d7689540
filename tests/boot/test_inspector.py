"""scripts/pagemap on live machines: firmware's tables, the loader's, the kernel's, five levels.

What it reads over the gdb stub and out of a core is held against the kernel's own map, QEMU's
`info tlb` and the walker that is nobody else's (page_walk.py).
"""

import gc
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

import page_walk
from booting import KERNEL, QUICK, READY, ROOT, SCALE, Boot
from gdb_stub import GdbStub
from kernel_log import Row, page_map, row_of
from kernel_map import KernelMap
from machine import memory_bytes

sys.path.insert(0, str(ROOT / "scripts" / "gdb"))

# pylint: disable=wrong-import-position
from bestla import paging, sources  # noqa: E402
from bestla.memory import BoundedMemory, parse_flat_view  # noqa: E402
from bestla.stub import Stub  # noqa: E402

PROGRAM = ROOT / "scripts" / "pagemap"
TLB = re.compile(r"^([0-9a-f]{16}): ([0-9a-f]{16}) ([-XGPDACTUW]{9})\s*$", re.M)


def run(*words: str | Path, status: int = 0) -> str:
    """What the program prints; never a traceback."""
    done = subprocess.run([PROGRAM, *words], text=True, capture_output=True, check=False,
                          timeout=60 * SCALE)
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def stub_of(boot: Boot) -> str:
    """The path of the machine's stub."""
    assert boot.running.machine.gdb
    return boot.running.machine.gdb


def core_of(boot: Boot, folder: Path, paging_too: bool = False) -> Path:
    """A core, as QEMU writes it."""
    path = folder / ("core-p" if paging_too else "core")
    boot.qmp.command("dump-guest-memory", paging=paging_too, protocol=f"file:{path}")
    return path


def shown(*source: str | Path) -> list[dict[str, Any]]:
    """A map as the program gives it, without what may differ between two moments."""
    rows = json.loads(run(*source, "--json"))
    return [{name: value for name, value in row.items()
             if name not in ("accessed", "dirty", "what")} for row in rows]


def walked(boot: Boot) -> list[tuple[int, int, int, int, str, bool, int]]:
    """The same by page_walk.py."""
    return [(leaf.virt, leaf.phys, leaf.page_size, leaf.count, leaf.rights.replace("-", ""),
             leaf.global_, leaf.pat_index) for leaf in page_walk.runs(boot.leaves())]


def summary(rows: list[dict[str, Any]]) -> list[tuple[int, int, int, int, str, bool, int]]:
    """Rows as `walked` has them."""
    return [(row["virt"], row["phys"], row["page_size"], row["count"], row["rights"],
             row["global"], row["pat"]) for row in rows]


def assert_tlb_agrees(boot: Boot, rows: list[dict[str, Any]]) -> None:
    """Page by page, with each leaf's own rights."""
    expected = {}
    for row in rows:
        own = row["own"] if row["own"] == row["own_some"] else None
        for number in range(row["count"]):
            offset = number * row["page_size"]
            expected[row["virt"] + offset] = row["phys"] + offset, own
    found = TLB.findall(boot.qmp.monitor("info tlb"))
    assert len(found) == len(expected)
    for virt, phys, flags in found:
        address, own = expected[int(virt, 16)]
        assert int(phys, 16) == address
        assert own is None or own == "R" + ("W" if "W" in flags else "") + \
            ("" if "X" in flags else "X") + ("U" if "U" in flags else "")


def kernel_rows(boot: Boot, folder: Path) -> list[Row]:
    """What the kernel's walker says of the machine's memory, whosever tables are loaded."""
    memory, size = folder / "memory", memory_bytes(boot.running.machine.memory)
    boot.qmp.command("pmemsave", val=0, size=size, filename=str(memory))
    registers = boot.registers()
    kernel = KernelMap(memory, 0, cr0=registers["CR0"], cr3=registers["CR3"], cr4=registers["CR4"],
                       efer=registers["EFER"])
    rows = [row for row, _ in page_map(kernel.text())]
    memory.unlink()
    return rows


def agree(boot: Boot, folder: Path) -> tuple[list[dict[str, Any]], Path]:
    """Core, `info tlb`, page_walk.py, the kernel's walker over the same memory, and at last the
    stub, which lets the machine run again.

    Of these only the stub tells MAXPHYADDR: what a firmware maps beyond is for nobody to reach.
    """
    boot.qmp.command("stop")
    core = core_of(boot, folder)
    rows = shown("--core", core)
    assert_tlb_agrees(boot, rows)
    assert summary(rows) == walked(boot)
    assert kernel_rows(boot, folder) == [row_of(leaf) for leaf in page_walk.runs(boot.leaves())]
    bits = boot.qmp.monitor("qom-get /machine/unattached/device[0] phys-bits").strip()
    assert shown("--core", core, "--maxphyaddr", bits) == shown("--stub", stub_of(boot))
    return rows, core


def kernel_says(boot: Boot, rows: list[dict[str, Any]]) -> None:
    """The kernel's own map, row by row."""
    leaves = list(page_walk.runs(boot.leaves()))
    assert [row for row, _ in page_map(boot.serial)] == [row_of(leaf) for leaf in leaves]
    assert summary(rows) == walked(boot)


def test_the_kernels_tables(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """All walkers; then what lies there, where a frame is mapped, the audit, a difference."""
    machine = boot(**QUICK, gdb=str(tmp_path / "gdb"))
    machine.wait_for(READY)
    rows, core = agree(machine, tmp_path)
    kernel_says(machine, rows)
    whole = json.loads(run("--core", core, "--json", "--all"))
    text = next(row for row in whole["runs"] if row["rights"] == "RX")
    assert re.match(r"kernel \.text: \w+ \.\. \w+$", text["what"])
    assert sum("stack, a guard page below and above" in row["what"]
               for row in whole["runs"]) == 4
    assert any(row["what"].startswith("direct map: usable") for row in whole["runs"])
    assert whole["kernel"]["start"] <= text["virt"] < whole["kernel"]["end"]
    assert len(whole["stacks"]) == 4 and whole["tables"][0]["frame"] == whole["controls"]["cr3"]
    # The walk of a symbol, and back from its frame: the image and the direct map.
    walk = json.loads(run("--core", core, "walk", "kernel_main", "--json"))
    found = json.loads(run("--core", core, "find", hex(walk["phys"]), "--json"))
    assert sorted(each["address"] for each in found) == \
        sorted((walk["virt"], walk["phys"] + whole["direct_map"]))
    assert "fail" not in run("--core", core, "audit")
    run("--core", core, "save", tmp_path / "map.json")
    assert run("--core", core, "diff", tmp_path / "map.json") == "no difference\n"
    # A core with -p holds what is mapped: enough here, as the direct map has the tables.
    assert shown("--core", core_of(machine, tmp_path, True)) == rows
    with open(core, "r+b") as file:
        file.truncate(core.stat().st_size // 2)
    run("--core", core, status=2)


def test_five_levels(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Tables of LA57, the kernel's."""
    machine = boot(efi=ROOT / "build" / "tests" / "efi" / "la57.efi", **QUICK,
                   gdb=str(tmp_path / "gdb"))
    machine.wait_for(READY)
    rows, core = agree(machine, tmp_path)
    kernel_says(machine, rows)
    assert json.loads(run("--core", core, "--json", "--all"))["controls"]["levels"] == 5


def test_the_loaders_tables(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """At the kernel's first instruction, before it has its own."""
    header = subprocess.run(["readelf", "-hW", ROOT / "build" / "kernel.elf"], text=True,
                            capture_output=True, check=True).stdout
    entry = re.search(r"Entry point address: +0x(\w+)", header)
    assert entry
    machine = boot(**QUICK, options="nokaslr", gdb=str(tmp_path / "gdb"), stopped=True)
    with GdbStub(tmp_path / "gdb", 60 * SCALE) as stub:
        stub.run_to(int(entry[1], 16))
    rows, core = agree(machine, tmp_path)
    assert any(row["virt"] == row["phys"] for row in rows)
    assert "fail    nothing in the lower half" in run("--core", core, "audit", status=1)


def test_the_firmwares_tables(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Of a machine with few addresses: `info tlb` would take half a minute on the usual map. This
    firmware maps 512 GiB all the same, most of it past MAXPHYADDR."""
    machine = boot(**{**QUICK, "cpu": "max,phys-bits=36"}, files={KERNEL: None},
                   gdb=str(tmp_path / "gdb"))
    machine.wait_for(r"kernel\.elf")
    rows, core = agree(machine, tmp_path)
    assert any(row["rights"] == "RWX" for row in rows)
    assert "skipped" in run("--core", core, "audit", status=1)
    beyond = run("--core", core, "--maxphyaddr", "36", "--virt", f"{1 << 36:#x}-")
    assert "unreachable: PDPT entry" in beyond and "reserved bits set: 36" in beyond


def read_bare(stub: Stub, frames: list[int]) -> None:
    """The bare transfer: the same tables, known beforehand and asked for in the reader's own way
    (several at a time), and nothing done with what comes."""
    stub.expect(frames)
    for frame in frames:
        stub.read(frame, 4096)


def timed(act: Callable[[], Any], times: list[float]) -> Any:
    """What it gives; how long it took goes to the list."""
    start = time.perf_counter()
    result = act()
    times.append(time.perf_counter() - start)
    return result


def test_the_time_of_the_widest_map(boot: Callable[..., Boot], tmp_path: Path) -> None:
    """Firmware's 1 TiB in 2-MiB leaves: at most half more than the transfer of its tables takes.

    Both by turns and the least time of each, so that a busy machine hinders both; the more rounds,
    the nearer they come to what an idle one would take. Then gdb's command, whole, against gdb's.
    """
    machine = boot(memory="512M", files={KERNEL: None}, gdb=str(tmp_path / "gdb"))
    machine.wait_for(r"kernel\.elf")
    with Stub(stub_of(machine)) as stub:
        controls = sources.stub_controls(stub)
        ranges = parse_flat_view(stub.monitor("info mtree -f"))
        assert ranges
        gc.collect()
        gc.freeze()                         # pytest's own objects are no part of the time
        ours: list[float] = []
        bare: list[float] = []
        while len(ours) < 12 or len(ours) < 60 and min(ours) >= 1.5 * min(bare):
            tables = paging.Tables(BoundedMemory(stub, ranges), controls)
            pieces = timed(lambda each=tables: list(each.pieces()), ours)
            frames = list(tables.store)
            timed(lambda: read_bare(stub, frames), bare)
        gc.unfreeze()
    assert len(frames) > 1000
    assert sum(piece.count for piece in pieces) > 500_000
    assert min(ours) < 1.5 * min(bare), (ours, bare)
    script = tmp_path / "time.py"
    script.write_text(GDB_TIMES)
    done = subprocess.run(
        ["gdb", "-q", "-nx", "-batch", "-ex", f"source {ROOT / 'scripts' / 'gdb' / 'init.py'}",
         "-ex", f"target remote {stub_of(machine)}", "-ex", f"source {script}"],
        stdin=subprocess.DEVNULL, text=True, capture_output=True, check=True, timeout=180 * SCALE)
    times = re.search(r"^times (\S+) (\S+) (\d+)$", done.stdout, re.M)
    assert times and int(times[3]) == len(frames), done.stdout + done.stderr
    assert float(times[1]) < 1.5 * float(times[2]), done.stdout


# In gdb a packet is sent when the one before is answered: the same for both.
GDB_TIMES = """
import time
from bestla import paging, target
state, ranges = target.controls(), target.readable_ranges()
with target.physical_memory(state, ranges) as memory:
    tables = paging.Tables(memory, state)
    list(tables.pieces())
frames = list(tables.store)
ours, bare = [], []
while len(ours) < 5 or len(ours) < 30 and min(ours) >= 1.5 * min(bare):
    start = time.perf_counter()
    gdb.execute("pagemap", to_string=True)
    ours.append(time.perf_counter() - start)
    with target.physical_memory(state, None) as memory:
        start = time.perf_counter()
        for frame in frames:
            memory.read(frame, 4096)
        bare.append(time.perf_counter() - start)
print("times", min(ours), min(bare), len(frames))
"""


@pytest.mark.parametrize("words, message", [
    (["--core", "/nonexistent"], "No such file"), (["--core", "/dev/null"], "not an ELF file"),
    (["--core", ROOT / "build" / "kernel.elf"], "not a core"), ([], "name one source"),
    (["--memory", "/dev/null"], "needs --cr3 and --cr4"),
    (["--memory", "/dev/null", "--cr3", "0x1000", "--cr4", "0x20"], "outside readable memory"),
    (["--dump", PROGRAM], "no page-table dump"), (["--stub", "/nonexistent"], "No such file"),
    (["--core", "a", "--dump", "b"], "one source at a time"), (["--nonsense"], "unrecognized"),
    (["fly"], "'fly': expected one of"), (["walk"], "walk takes 1 argument, got 0"),
    (["diff", "/nonexistent", "/nonexistent"], "No such file"), (["--rows", "x"], "--rows"),
])
def test_bad_arguments(words: list[str | Path], message: str) -> None:
    """One line, status 2, no traceback."""
    done = subprocess.run([PROGRAM, *words], text=True, capture_output=True, check=False)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""
