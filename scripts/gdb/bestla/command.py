"""What every gdb command of Bestla's is made from."""

from __future__ import annotations

import gdb

from .cli import FAILURES
from .entries import ADDRESS_MASK, NotTranslating
from .target import TargetError
from .uefi import FirmwareError


class UsageError(Exception):
    """An argument that a command cannot take."""


class BestlaCommand(gdb.Command):
    """Turns every failure into one line that begins with the command's name."""

    name = ""
    completes = gdb.COMPLETE_NONE

    def __init__(self) -> None:
        super().__init__(self.name, gdb.COMMAND_DATA, self.completes)

    def invoke(self, argument: str, from_tty: bool) -> None:
        self.dont_repeat()
        try:
            self.run(argument.strip())
        except NotTranslating as state:
            print(state)
        except (FirmwareError, TargetError, UsageError, gdb.error, *FAILURES) as error:
            raise gdb.GdbError("%s: %s" % (self.name, error)) from None
        except KeyboardInterrupt:
            raise gdb.GdbError("%s: interrupted" % self.name) from None

    def run(self, argument: str) -> None:
        raise NotImplementedError


def evaluate(expression: str) -> int:
    """An expression as an address."""
    value = gdb.parse_and_eval(expression)
    if value.type.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and [field.name for field in kind.fields()] == ["raw"]:
        value = value["raw"]                # phys_addr_t, virt_addr_t
    elif kind.code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT,
                       gdb.TYPE_CODE_UNION):
        value = value.address
    elif kind.code == gdb.TYPE_CODE_FLT:
        value = None
    if value is None:
        raise UsageError("'%s' has no address" % expression)
    return int(value) & ADDRESS_MASK
