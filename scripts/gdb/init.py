"""Sourced by gdb (`gdb -x scripts/gdb/init.py`): registers Bestla's commands.

It connects to nothing and loads no symbols.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from bestla import commands  # noqa: E402  (needs the path above)

commands.register(str(HERE.parent.parent / "build"))
print("Bestla: %s; `help NAME` tells more" % ", ".join(each.name for each in commands.COMMANDS))
