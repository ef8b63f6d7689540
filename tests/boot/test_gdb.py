"""`make debug` in batch: gdb's commands on a live machine, from the reset vector to the kernel's
last step, held against what the kernel itself prints."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from booting import ROOT, SCALE

ROW = re.compile(r"^(0x[0-9a-f]{16}-0x[0-9a-f]{16} .*?\])", re.M)
KERNEL_REGION = 0xffffffff80000000

COMMANDS = (
    "echo == reset\\n", "pagemap",
    "bestla-stop-in-loader",
    "echo == loader\\n", "info symbol $pc", "pagewalk $pc",
    "echo == again\\n", "bestla-stop-in-loader", "maintenance info breakpoints",
    "hbreak kernel_main", "continue",
    "echo == handoff\\n", "pagemap", "pagewalk kernel_main", "pagemap save handoff",
    "hbreak run", "continue",
    "echo == kernel\\n", "pagemap", "pagewalk kernel_main", "pagewalk 0x100000",
    "pagewalk boot_stack_bottom - 1", "pagemap picture FOLDER/map.html handoff",
    "echo == same\\n", "pagemap save FOLDER/now.json", "pagediff FOLDER/now.json",
    "echo == since\\n", "pagediff handoff",
    "echo == wrong\\n", "pagediff nothing", "pagemap --tree --size 2M",
    "echo == end\\n",
)


@pytest.fixture(name="session", scope="module")
def fixture_session(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """What gdb printed, by the part of the boot, and what the machine printed."""
    folder = tmp_path_factory.mktemp("gdb")
    log = folder / "serial.log"
    script = [word for command in COMMANDS
              for word in ("-ex", command.replace("FOLDER", str(folder)))]
    done = subprocess.run([ROOT / "scripts" / "debug", "--memory", "512M", "--log", log,
                           "--", "-batch", *script], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=180 * SCALE, check=False)
    parts = re.split(r"^== (\w+)\n", done.stdout, flags=re.M)
    assert parts[-2:-1] == ["end"], done.stdout
    return dict(zip(parts[1::2], parts[2::2])), Path(log).read_text(encoding="utf-8")


def test_a_picture(session: tuple[dict[str, str], str]) -> None:
    """The loader's tables beside the kernel's; what came is the direct map, what went is below."""
    path = re.search(r"^(/.*/map\.html): open it in a browser$", session[0]["kernel"], re.M)
    assert path
    data = re.search(r' id="data">(.*?)</script>', Path(path[1]).read_text(encoding="utf-8"))
    assert data
    page = json.loads(data[1])
    assert [each["name"] for each in page["snapshots"]] == ["handoff", "now"]
    assert {"came", "went"} <= {kind for kind, *_ in page["changes"]}
    assert any(name == "kernel_main" for name, *_ in page["snapshots"][1]["symbols"])


def test_differences(session: tuple[dict[str, str], str]) -> None:
    """Between a file and now; between a name and now; and of what is neither."""
    parts = session[0]
    assert re.fullmatch(r"saved \d+ runs as /.*/now\.json\nno difference\n", parts["same"])
    assert {line[:4] for line in parts["since"].splitlines()} >= {"+ 0x", "- 0x"}
    assert "pagediff: 'nothing' is neither a map that was saved (handoff) nor a file" in \
        parts["wrong"]
    assert "pagemap: --phys, --flags and --size choose among runs" in parts["wrong"]
    assert "Python Exception" not in "".join(parts.values())


def rows(text: str) -> list[str]:
    """The rows of a page map without what the kernel says lies there; blanks are one blank."""
    return [" ".join(row.split()) for row in ROW.findall(text)]


def test_one_gate(session: tuple[dict[str, str], str]) -> None:
    """Of four hardware breakpoints the way into the kernel takes one, asked for twice or not."""
    gates = re.findall(r"^-\d+ +hw breakpoint .* loader/handoff\.asm:", session[0]["again"], re.M)
    assert len(gates) == 1, session[0]["again"]


def test_reset_vector(session: tuple[dict[str, str], str]) -> None:
    """Before there is paging there is nothing to show, and that is said."""
    assert "paging is off" in session[0]["reset"]


def test_loader_has_its_symbols(session: tuple[dict[str, str], str]) -> None:
    """The stop is in efi_main, wherever firmware put it, on firmware's tables."""
    assert "efi_main" in session[0]["loader"]
    assert re.search(r"fetch: works", session[0]["loader"])


def test_kernel_map_is_the_kernels_own(session: tuple[dict[str, str], str]) -> None:
    """Row by row what the kernel has printed, from outside."""
    printed = rows(session[1])
    assert len(printed) > 8
    assert rows(session[0]["kernel"]) == printed


def test_handoff_maps_the_same_image(session: tuple[dict[str, str], str]) -> None:
    """The loader's tables have the image as the kernel's have it, but for the global bit."""
    def image(text: str) -> list[str]:
        return [row.replace(" GLOBAL", "") for row in rows(text)
                if int(row[:18], 16) >= KERNEL_REGION]

    assert len(image(session[1])) >= 7
    assert image(session[0]["handoff"]) == image(session[1])
    assert "GLOBAL" not in session[0]["handoff"]


def test_walks_say_what_would_happen(session: tuple[dict[str, str], str]) -> None:
    """Text may be fetched and not written; low memory and guard pages are not mapped."""
    part = session[0]["kernel"]
    assert re.search(r"read: works, write: #PF.*fetch: works", part)
    assert part.count("is not mapped: ") == 2
    guard = re.search(r"^0x(\w+) is not mapped: PT entry", part, re.M)
    assert guard and int(guard[1], 16) % 0x1000 == 0xfff
