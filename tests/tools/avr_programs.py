"""Random programs for avra that hold every form of an address that tools/hexelf knows, and numbers
that only look like one."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

# Registers that ldi takes, but for X, Y and Z.
PAIRS = ((16, 17), (18, 19), (20, 21), (22, 23), (24, 25))
POINTERS = {26: "X", 28: "Y", 30: "Z"}


@dataclass(frozen=True)
class Part:
    """What of a part the generator must know."""

    name: str
    arch: str
    far_jumps: bool
    movw: bool
    elpm: bool
    flash: int          # bytes
    ram: int


PARTS = (
    Part("ATmega328P", "avr5", True, True, False, 0x8000, 0x100),
    Part("ATtiny85", "avr25", False, True, False, 0x2000, 0x60),
    Part("ATtiny26", "avr2", False, False, False, 0x800, 0x60),
    Part("ATmega8", "avr4", False, True, False, 0x2000, 0x60),
    Part("ATmega1280", "avr51", True, True, True, 0x20000, 0x200),
    Part("ATmega2560", "avr6", True, True, True, 0x40000, 0x200),
)


@dataclass
class Source:
    """A program that can be assembled for any address of code, of data, and of what is outside."""

    part: Part
    text: str
    options: list[str] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)   # @NAME@ to the name whose value it has

    def at(self, code: int, data: int, outside: int, values: dict[str, int]) -> str:
        """The text for a word address of code and byte addresses of the others."""
        def number(found: re.Match[str]) -> str:
            kind, name = self.numbers[found[0]].split(" ")
            return str(values.get(name, 0) * int(kind))
        text = re.sub(r"@\w+@", number, self.text)
        return (f".equ outside = {outside}\n.dseg\n.org {data}\nfirst: .byte 4\n"
                f"second: .byte 2\nthird: .byte 30\n.cseg\n.org {code}\n{text}")


class Generator:
    """Writes one program."""

    def __init__(self, part: Part, seed: int) -> None:
        self.part, self.random = part, random.Random(seed)
        small = part.flash <= 0x800
        self.routines = [f"routine{i}" for i in range(self.random.randrange(3, 6 if small else 12))]
        self.tables = [f"table{i}" for i in range(self.random.randrange(2, 5))]
        self.called: set[str] = set()
        self.read: set[str] = set()
        self.numbers: dict[str, str] = {}
        self.extra: list[str] = []      # tables of addresses
        self.labels = 0

    # ---- pieces ----

    def label(self, stem: str = "place") -> str:
        """A new one."""
        self.labels += 1
        return f"{stem}_{self.labels}"

    def load(self, low: int, high: int, value: str) -> list[str]:
        """Two ldi, in either order, perhaps with something between."""
        lines = [f"ldi r{low}, low({value})", f"ldi r{high}, high({value})"]
        self.random.shuffle(lines)
        if self.random.random() < 0.3:
            lines.insert(1, self.random.choice(["nop", "mov r2, r3", "inc r4", "cp r5, r6"]))
        return lines

    def pointer(self, value: str, pointer: int) -> list[str]:
        """The value in X, Y or Z, directly or by way of others."""
        if self.random.random() < 0.6:
            return self.load(pointer, pointer + 1, value)
        low, high = self.random.choice(PAIRS)
        if self.random.random() < 0.3:
            low, high = high, low
        if self.part.movw and low < high and self.random.random() < 0.5:
            return self.load(low, high, value) + [f"movw r{pointer}, r{low}"]
        moves = [f"mov r{pointer}, r{low}", f"mov r{pointer + 1}, r{high}"]
        self.random.shuffle(moves)
        return self.load(low, high, value) + moves

    def table(self, prefix: str = "") -> str:
        """One of them, sooner or later each."""
        names = [name for name in self.tables if name.startswith(prefix)]
        name = self.random.choice([t for t in names if t not in self.read] or names)
        self.read.add(name)
        return name

    def routine(self) -> str:
        """The same of routines."""
        name = self.random.choice(self.routines)
        self.called.add(name)
        return name

    def read_flash(self) -> list[str]:
        """lpm in one of its forms."""
        return [self.random.choice(["lpm r0, Z+", "lpm r5, Z", "lpm"]
                                   if self.part.movw else ["lpm"])]

    # ---- what routines do ----

    def calls(self) -> list[str]:
        """call or rcall, of a routine or of its second instruction."""
        far = self.part.far_jumps and self.random.random() < 0.7
        inside = "+1" if self.random.random() < 0.3 else ""
        return [f"{'call' if far else 'rcall'} {self.routine()}{inside}"]

    def calls_outside(self) -> list[str]:
        """What --extern names."""
        return ["call outside" if self.part.far_jumps else "nop"]

    def branches(self) -> list[str]:
        """Over a label, so that it crosses into another symbol."""
        after = self.label()
        return [f"{self.random.choice(['brne', 'breq', 'brcs', 'brge'])} {after}", "inc r6",
                f"{self.label()}:", "dec r6", f"{after}:"]

    def jumps(self) -> list[str]:
        """Over data that is code for who does not know better."""
        after, data = self.label(), self.label("data")
        far = self.part.far_jumps and self.random.random() < 0.5
        self.tables.append(data)
        return [f"{'jmp' if far else 'rjmp'} {after}", f"{data}: .dw 0x940e, {self.number(1)}",
                ".dw 0xcfff, 0xe0e0, 0xe0f0", f"{after}:"]

    def skips(self) -> list[str]:
        """What is skipped may have two words."""
        skip = self.random.choice(["sbrc r3, 2", "sbrs r4, 7", "cpse r5, r6", "sbic 3, 1",
                                   "sbis 3, 0"])
        return [skip, self.random.choice(["lds r7, first", "sts second, r7", "inc r7",
                                          *self.calls()])]

    def variables(self) -> list[str]:
        """lds and sts, of variables and of what is below them."""
        offset = self.random.choice(["", "+1", "+3"])
        return [self.random.choice([f"lds r9, first{offset}", f"sts third{offset}, r9",
                                    "lds r9, second", "lds r9, 0x3f", "sts 0x40, r9"])]

    def reads_table(self) -> list[str]:
        """Through Z; the table may be indexed, and the end may be compared with."""
        name, again = self.table("table"), self.label()
        lines = self.pointer(f"2*{name}", 30)
        if self.random.random() < 0.3:
            lines += ["add r30, r10", "adc r31, r11"]
        lines += [f"{again}:", *self.read_flash(), "adiw r30, 1"]
        if self.random.random() < 0.5:
            lines += [f"cpi r30, low(2*{name}_end)", f"ldi r18, high(2*{name}_end)",
                      "cpc r31, r18", f"brne {again}"]
        return lines

    def reads_through_index(self) -> list[str]:
        """subi and sbci add where they take away what is negative."""
        name = self.table()
        return ["mov r30, r10", "clr r31", f"subi r30, low(-2*{name})",
                f"sbci r31, high(-2*{name})", *self.read_flash()]

    def reads_in_callee(self) -> list[str]:
        """The pointer is used where it is passed to."""
        name = self.table()
        return self.pointer(f"2*{name}", 30) + ["rcall reads_z"]

    def uses_ram(self) -> list[str]:
        """ld and st through a pointer, into variables and their middle."""
        pointer = self.random.choice([26, 28, 30])
        where = self.random.choice(["first", "second", "third", "third+7"])
        access = self.random.choice([f"ld r8, {POINTERS[pointer]}+", f"st {POINTERS[pointer]}, r8"])
        return self.pointer(where, pointer) + [access]

    def jumps_by_pointer(self) -> list[str]:
        """icall."""
        name = self.routine()
        return self.pointer(name, 30) + ["icall"]

    def table_of_code(self) -> list[str]:
        """Its words are read and jumped to."""
        table = self.label("jumps")
        names = [self.routine() for _ in range(self.random.randrange(1, 5))]
        self.extra += [f"{table}: .dw {', '.join(names)}"]
        if not self.part.movw:
            return self.load(30, 31, f"2*{table}") + ["lpm", "mov r2, r0", "adiw r30, 1", "lpm",
                                                      "mov r31, r0", "mov r30, r2", "icall"]
        return self.load(30, 31, f"2*{table}") + ["lpm r2, Z+", "lpm r31, Z", "mov r30, r2",
                                                  "icall"]

    def table_of_texts(self) -> list[str]:
        """Its words are read and read through."""
        table = self.label("texts")
        if not self.part.movw:
            return ["nop"]
        names = [self.table() for _ in range(self.random.randrange(1, 4))]
        self.extra += [f"{table}: .dw {', '.join(f'2*{name}' for name in names)}"]
        return self.load(30, 31, f"2*{table}") + ["lpm r2, Z+", "lpm r31, Z", "mov r30, r2",
                                                  "lpm r4, Z"]

    def list_of_jumps(self) -> list[str]:
        """Jumped into by an index."""
        jumps = self.label("list")
        lines = [f"{jumps}: rjmp {self.routine()}", *[f"rjmp {self.routine()}"] * 2]
        self.extra += lines
        return self.load(30, 31, jumps) + ["add r30, r10", "adc r31, r11", "icall"]

    def far_table(self) -> list[str]:
        """With the third byte in RAMPZ."""
        if not self.part.elpm:
            return ["nop"]
        name = self.table()
        lines = [f"ldi r16, byte3(2*{name})", "out 0x3b, r16"]
        pair = self.load(30, 31, f"2*{name}")
        return (lines + pair if self.random.random() < 0.5 else pair + lines) + ["elpm r6, Z+"]

    def number(self, scale: int | None = None) -> str:
        """A number that is the address of something, by chance."""
        mark = f"@n{len(self.numbers)}@"
        name = self.random.choice(self.routines + [t for t in self.tables if t[0] == "t"])
        self.numbers[mark] = f"{scale or self.random.choice([1, 2])} {name}"
        return mark

    def counts(self) -> list[str]:
        """Immediates that are no address: a delay, a divisor for a timer."""
        number, again = self.number(), self.label()
        low, high = self.random.choice([(24, 25), (26, 27), (30, 31), (16, 17)])
        lines = self.load(low, high, number)
        if low >= 24 and self.random.random() < 0.5:
            return lines + [f"{again}:", f"sbiw r{low}, 1", f"brne {again}"]
        return lines + [f"out 0x2d, r{high}", f"out 0x2c, r{low}"]

    # ---- all ----

    def body(self, name: str) -> list[str]:
        """A routine: `name+1` is an instruction, too."""
        forms = (self.calls, self.calls_outside, self.branches, self.jumps, self.skips,
                 self.variables, self.reads_table, self.reads_through_index, self.reads_in_callee,
                 self.uses_ram, self.jumps_by_pointer, self.table_of_code, self.table_of_texts,
                 self.list_of_jumps, self.far_table, self.counts)
        lines = [f"{name}:", "nop"]
        for _ in range(self.random.randrange(1, 5)):
            lines += self.random.choice(forms)()
        return lines + self.end()

    def end(self) -> list[str]:
        """Of a routine: a return, to what was pushed perhaps, or a jump."""
        if self.random.random() < 0.3 and self.part.flash < 0x40000:
            return self.load(16, 17, self.routine()) + ["push r16", "push r17", "ret"]
        return [self.random.choice(["ret", "reti", "rjmp start"])]

    def bytes_of_table(self) -> str:
        """Any, an even number of them; 0xffff is no label."""
        kind = self.random.randrange(3)
        if kind == 0:
            return '.db "HELLO, WORLD", 0, 0'
        if kind == 1:
            return f".dw 0xffff, {self.number(1)}, 0x9508, 0xffff"
        return ".db " + ", ".join(str(self.random.randrange(256)) for _ in range(
            2 * self.random.randrange(1, 9)))

    def program(self) -> Source:
        """Everything is reached: what is not called by chance is called at the start."""
        bodies = [self.body(name) for name in self.routines]
        plain = [table for table in self.tables if table.startswith("table")]
        start = ["start:"]
        for name in self.tables:
            if name not in self.read:
                start += self.load(30, 31, f"2*{name}") + ["lpm"]
        start += ["lds r9, first", "lds r9, second", "sts third, r9"]
        start += [f"rcall {name}" for name in self.routines] + ["ret", "reads_z:", "lpm", "ret"]
        self.random.shuffle(bodies)
        tables = [f"{name}: {self.bytes_of_table()}\n{name}_end:" for name in plain]
        parts = ["\n".join(body) for body in bodies] + tables + ["\n".join(self.extra), "last: ret"]
        self.random.shuffle(parts)
        return Source(self.part, "\n".join(start + parts) + "\n",
                      ["--entry", "start", "--entry", "last", "--extern", "outside"], self.numbers)


def program(part: Part, seed: int) -> Source:
    """The program of this number."""
    return Generator(part, seed).program()
