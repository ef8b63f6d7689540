"""The keyboard of a machine, pressed by QMP: QEMU makes its own scan codes of the names of keys."""

import re

from booting import BOOT_TIMEOUT, SCALE, Boot

PLAIN = {"`": "grave_accent", "-": "minus", "=": "equal", "[": "bracket_left",
         "]": "bracket_right", "\\": "backslash", ";": "semicolon", "'": "apostrophe",
         ",": "comma", ".": "dot", "/": "slash", " ": "spc", "\n": "ret"} | \
    {each: each for each in "abcdefghijklmnopqrstuvwxyz0123456789"}
SHIFTED = dict(zip("~!@#$%^&*()_+{}|:\"<>?", "`1234567890-=[]\\;',./"))
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7f))


def keys_of(character: str) -> list[str]:
    """The keys that make it on a US keyboard."""
    if character.isupper():
        return ["shift", character.lower()]
    if character in SHIFTED:
        return ["shift_r", PLAIN[SHIFTED[character]]]
    return [PLAIN[character]]


def press(machine: Boot, *keys: str) -> None:
    """Keys go down one after the other, and up again."""
    for down in (True, False):
        machine.qmp.command("input-send-event", events=[
            {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
            for key in (keys if down else reversed(keys))])


def write(machine: Boot, text: str) -> None:
    """Characters, without a look at what becomes of them: a few at a time."""
    for character in text:
        press(machine, *keys_of(character))


def wait_end(machine: Boot, ending: str, serial: bool) -> str:
    """Until what was printed ends so."""
    if not serial:
        machine.wait_for_debugcon(re.escape(ending) + r"\Z")
        return machine.debugcon
    text = machine.running.serial.wait(lambda now: now if now.endswith(ending) else None,
                                       BOOT_TIMEOUT * SCALE)
    assert text, f"{machine.serial[-200:]!r} does not end with {ending!r}"
    return text


def type_line(machine: Boot, text: str, serial: bool = True) -> None:
    """Characters one by one, as they are echoed; no Enter."""
    for end, character in enumerate(text, 1):
        press(machine, *keys_of(character))
        wait_end(machine, text[:end], serial)
