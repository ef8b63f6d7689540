"""Page maps and walks as text. A row has the columns of the kernel's own page map."""

from __future__ import annotations

from typing import Iterator, NamedTuple

from .paging import (ACCESSED, ADDRESS_MASK, CR0_WP, CR4_CET, CR4_LASS, CR4_PKE, CR4_PKS,
                     CR4_SMAP, CR4_SMEP, DIRTY, EFER_NXE, EXECUTE, FRAME_BITS, GLOBAL,
                     LEVEL_NAMES, NX, PCD, PRESENT, PWT, USER, WRITE, Controls, Flaw, Piece,
                     Run, Step, Walk, bit_list, canonical, entry_rights, is_leaf, leaf_frame,
                     page_size, pat_index, pat_type)

HEADER = ("Virtual address start-end              Physical address start-end             "
          "Total size   Page size   Count  Flags")

SOFTWARE_BITS = 0x07F0_0000_0000_0E00       # 58:52 and 11:9, free for software
PAGE_NAMES = {1: "4-KiB", 2: "2-MiB", 3: "1-GiB"}
KEY_SHIFT, KEY_MASK = 59, 15


class Mode(NamedTuple):
    """Who would make an access."""

    user: bool = False
    alignment_check: bool = False           # EFLAGS.AC, which suspends SMAP


def letters(rights: int) -> str:
    return "R%s%s%s" % ("W" if rights & WRITE else "-", "X" if rights & EXECUTE else "-",
                        "U" if rights & USER else "-")


def flags(rights: int, is_global: bool, memory_type: str) -> str:
    return "[R%s%s %s%s %s]" % ("W" if rights & WRITE else "-", "X" if rights & EXECUTE else "-",
                                "USER" if rights & USER else "KERN",
                                " GLOBAL" if is_global else "", memory_type)


def row(run: Run, pat: int) -> str:
    """As the kernel prints it: an end at the top of the address space shows as 0."""
    return "0x%016x-0x%016x  0x%016x-0x%016x  %-12s %-11s %-6u %s" % (
        run.virt, (run.virt + run.size) & ADDRESS_MASK, run.phys, run.phys + run.size,
        "0x%x" % run.size, "0x%x" % page_size(run.level), run.count,
        flags(run.rights, run.is_global, pat_type(run.pat, pat)))


def flaw_row(flaw: Flaw) -> str:
    entries = "" if flaw.count == 1 else " and %d more" % (flaw.count - 1)
    return "0x%016x-0x%016x  unreachable: %s entry at 0x%x = 0x%x%s: %s" % (
        flaw.virt, (flaw.virt + flaw.size) & ADDRESS_MASK, LEVEL_NAMES[flaw.level], flaw.address,
        flaw.entry, entries, flaw.why)


def piece_row(piece: Piece, pat: int) -> str:
    return row(piece, pat) if isinstance(piece, Run) else flaw_row(piece)


def entry_words(step: Step, controls: Controls) -> str:
    """The bits of an entry in words; reserved ones that are set come last, in capitals."""
    entry, level = step.entry, step.level
    if entry is None:
        return "not readable: the table is outside memory"
    if not entry & PRESENT:
        return "not present"
    leaf = is_leaf(entry, level)
    words = [target_words(entry, level, leaf),
             "writable" if entry & WRITE else "read-only",
             "user" if entry & USER else "supervisor",
             "NX" if entry & NX and controls.efer & EFER_NXE else ""]
    if leaf:
        words += ["global" if entry & GLOBAL else "",
                  pat_type(pat_index(entry, level), controls.pat),
                  "PAT" if pat_index(entry, level) & 4 else ""]
    words += ["PWT" if entry & PWT else "", "PCD" if entry & PCD else "",
              "accessed" if entry & ACCESSED else "",
              "dirty" if leaf and entry & DIRTY else "",
              key_words(entry, leaf, controls),
              "software " + bit_list(entry & SOFTWARE_BITS) if entry & SOFTWARE_BITS else "",
              "RESERVED " + bit_list(step.reserved) if step.reserved else ""]
    return " ".join(word for word in words if word)


def target_words(entry: int, level: int, leaf: bool) -> str:
    if leaf:
        return "%s page 0x%x" % (PAGE_NAMES[level], leaf_frame(entry, level))
    return "table 0x%x" % (entry & FRAME_BITS)


def key_words(entry: int, leaf: bool, controls: Controls) -> str:
    """Protection keys apply to user pages by CR4.PKE, to others by CR4.PKS (4.6.2)."""
    if not leaf or not controls.cr4 & (CR4_PKE if entry & USER else CR4_PKS):
        return ""
    return "key %d" % (entry >> KEY_SHIFT & KEY_MASK)


def step_row(step: Step, controls: Controls) -> str:
    value = "?" * 16 if step.entry is None else "%016x" % step.entry
    return "%-4s [%3d] at 0x%016x: 0x%s  %s" % (LEVEL_NAMES[step.level], step.index, step.address,
                                                value, entry_words(step, controls))


def obstacle(step: Step) -> str:
    """Why a walk ends at this entry without a page."""
    name = LEVEL_NAMES[step.level]
    if step.entry is None:
        return "the %s lies outside readable memory" % name
    if not step.entry & PRESENT:
        return "%s entry not present" % name
    return "%s entry has reserved bits %s set" % (name, bit_list(step.reserved))


def outcome(walk: Walk, controls: Controls) -> str:
    last = walk.steps[-1]
    if not walk.mapped:
        return "0x%016x is not mapped: %s" % (walk.virt, obstacle(last))
    entry = last.entry or 0
    return "0x%016x -> 0x%016x, page size 0x%x, %s" % (
        walk.virt, walk.phys, page_size(last.level),
        flags(walk.rights, bool(entry & GLOBAL),
              pat_type(pat_index(entry, last.level), controls.pat)))


def lacking(walk: Walk, right: int) -> str:
    """The level that takes a right away."""
    word = {WRITE: "read-only", USER: "supervisor", EXECUTE: "NX"}[right]
    for step in walk.steps:
        if step.entry is not None and not entry_rights(step.entry) & right:
            return "%s entry is %s" % (LEVEL_NAMES[step.level], word)
    return word


def refusal(walk: Walk, access: str, controls: Controls, mode: Mode) -> str:
    """Why a mapped page refuses an access, or nothing (SDM Vol. 3A 4.6.1)."""
    rights, user_page = walk.rights, bool(walk.rights & USER)
    if mode.user and not user_page:
        return lacking(walk, USER)
    if access == "fetch":
        if not rights & EXECUTE:
            return lacking(walk, EXECUTE)
        return "user page, CR4.SMEP" if _barred(mode, user_page, controls, CR4_SMEP) else ""
    if _barred(mode, user_page, controls, CR4_SMAP) and not mode.alignment_check:
        return "user page, CR4.SMAP"
    if access == "write" and not rights & WRITE and (mode.user or controls.cr0 & CR0_WP):
        return lacking(walk, WRITE)
    return ""


def _barred(mode: Mode, user_page: bool, controls: Controls, bit: int) -> bool:
    return user_page and not mode.user and bool(controls.cr4 & bit)


def error_code(walk: Walk, access: str, controls: Controls, mode: Mode) -> int:
    """SDM Vol. 3A 4.7."""
    code = 1 if walk.mapped else 0
    code |= 9 if walk.steps[-1].reserved else 0
    code |= 2 if access == "write" else 0
    code |= 4 if mode.user else 0
    tells_fetch = controls.efer & EFER_NXE or controls.cr4 & CR4_SMEP
    return code | (16 if access == "fetch" and tells_fetch else 0)


def outside_half(virt: int, access: str, controls: Controls, mode: Mode) -> bool:
    """Whether linear-address-space separation (LASS) refuses the access before any table is read:
    by bit 63 alone, the lower half is the user's."""
    if not controls.cr4 & CR4_LASS or bool(virt >> 63) != mode.user:
        return False
    return mode.user or access == "fetch" or \
        bool(controls.cr4 & CR4_SMAP) and not mode.alignment_check


def access_words(walk: Walk, access: str, controls: Controls, mode: Mode) -> str:
    """What one would do."""
    if outside_half(walk.virt, access, controls, mode):
        return "#GP (CR4.LASS)"
    fault = "#PF 0x%x" % error_code(walk, access, controls, mode)
    if not walk.mapped:
        return fault
    why = refusal(walk, access, controls, mode)
    return "%s (%s)" % (fault, why) if why else "works"


def access_key(walk: Walk, controls: Controls) -> str:
    """Whose page it is, and so whether a key protects it, all levels decide together (4.6.2)."""
    entry = walk.steps[-1].entry or 0
    return key_words(entry & ~USER | walk.rights & USER, walk.mapped, controls)


def is_shadow_stack(walk: Walk, controls: Controls) -> bool:
    """Writable down to a leaf that is read-only and dirty (4.6.1): plain writes fault there."""
    *above, leaf = (step.entry or 0 for step in walk.steps)
    return bool(controls.cr4 & CR4_CET and walk.mapped and leaf & DIRTY and not leaf & WRITE) and \
        all(each & WRITE for each in above)


def access_row(walk: Walk, controls: Controls, mode: Mode) -> str:
    """What a read, a write and a fetch would do."""
    if walk.steps[-1].entry is None:
        return "a read, write or fetch here: cannot be told"
    parts = ["%s: %s" % (access, access_words(walk, access, controls, mode))
             for access in ("read", "write", "fetch")]
    key, notes = access_key(walk, controls), ""
    if key:
        notes += " (protection %s not considered)" % key
    if is_shadow_stack(walk, controls):
        notes += " (shadow-stack page)"
    return "by %s: %s%s" % ("user code" if mode.user else "supervisor", ", ".join(parts), notes)


def access_rows(walk: Walk, controls: Controls, mode: Mode) -> Iterator[str]:
    """Of a user page, what user code can do with it too."""
    yield access_row(walk, controls, mode)
    if walk.mapped and walk.rights & USER and not mode.user:
        yield access_row(walk, controls, Mode(user=True))


def not_canonical(walk: Walk, controls: Controls) -> str:
    """That no access gets as far as the tables, or nothing."""
    if canonical(walk.virt, controls.top) == walk.virt:
        return ""
    return "0x%016x is not canonical with %d-level tables: any access gives #GP" % (
        walk.virt, controls.top)


def walk_rows(walk: Walk, controls: Controls, mode: Mode) -> Iterator[str]:
    if why := not_canonical(walk, controls):
        yield why
        return
    for step in walk.steps:
        yield step_row(step, controls)
    yield outcome(walk, controls)
    yield from access_rows(walk, controls, mode)
