'use strict';
// A map of one moment, from what picture_data.py packed: runs of pages, entries that lead nowhere,
// tables, symbols. Everything else on the page asks this.

/**
 * Consecutive entries, each greater than the one before by a step; a table, which has the entries
 * of `ahead` others of the same kind before it.
 * @typedef {{ index: number, length: number, entry: bigint, step: bigint }} Span
 * @typedef {{ frame: bigint, level: number, spans: Span[], ahead: bigint }} Table
 */

const WX = MAY_WRITE | MAY_EXECUTE;
const FLAW = 1 << 8;                        // beside the eight combinations of rights

/** @param {string} letters */
function rightsOf(letters) {
    return (letters.includes('W') ? MAY_WRITE : 0) | (letters.includes('X') ? MAY_EXECUTE : 0) |
        (letters.includes('U') ? MAY_USER : 0);
}

/**
 * @param {any} row
 * @param {string[]} types
 */
function unpackRun(row, types) {
    const [virt, phys, count, level, rights, own, ownSome, isGlobal, pat, accessed, dirty, what] =
        row;
    const start = fromHex(virt), size = BigInt(count) * reach(level);
    return {
        kind: 'run', virt: start, end: start + size, size, phys: fromHex(phys), count, level,
        rights: rightsOf(rights), own, ownSome, isGlobal: Boolean(isGlobal), type: types[pat],
        accessed, dirty, what,
    };
}

/** @param {any} row */
function unpackFlaw([virt, count, level, entryAt, entry, why]) {
    const start = fromHex(virt), size = BigInt(count) * reach(level);
    return {
        kind: 'flaw', virt: start, end: start + size, size, count, level,
        entryAt: fromHex(entryAt), entry: fromHex(entry), why,
    };
}

/** @param {any} row */
function unpackTable([level, frame, count, spans]) {
    return {
        level, frame: fromHex(frame), count,
        spans: spans.map(([index, length, entry, step]) =>
            ({ index, length, entry: fromHex(entry), step: fromHex(step) })),
    };
}

/**
 * An entry that a span tells; `ahead` are the entries of the tables that are packed before.
 * @param {Span} span
 * @param {Table} table
 * @param {number} index
 */
function entryOf(span, table, index) {
    return span.entry + (table.ahead + BigInt(index - span.index)) * span.step;
}

class PageMap {
    constructor(packed) {
        const { controls } = packed;
        this.name = packed.name;
        this.controls = { ...controls };
        for (const register of ['cr0', 'cr3', 'cr4', 'efer'])
            this.controls[register] = fromHex(controls[register]);
        this.top = controls.levels;
        this.root = this.controls.cr3 & FRAME_BITS;
        this.stoppedAt = packed.stoppedAt === null ? null : fromHex(packed.stoppedAt);
        this.runs = packed.runs.map(row => unpackRun(row, controls.types));
        this.flaws = packed.flaws.map(unpackFlaw);
        this.pieces = [...this.runs, ...this.flaws].sort((a, b) => a.virt < b.virt ? -1 : 1);
        this.tableCount = packed.tableCount;
        this.tables = LEVEL_NAMES.map((_, level) =>
            packed.tables.filter(row => row[0] === level).map(unpackTable));
        this.kernel = packed.kernel && {
            file: packed.kernel.file, start: fromHex(packed.kernel.start),
            end: fromHex(packed.kernel.end),
        };
        this.stacks = packed.stacks.map(([name, start, end]) =>
            ({ name, start: fromHex(start), end: fromHex(end) }));
        this.symbols = packed.symbols.map(([name, virt, size]) =>
            ({ name, virt: fromHex(virt), size: fromHex(size) }));
        this._kept = new Map();
    }

    /**
     * The run or flaw at an address, or undefined.
     * @param {bigint} virt
     */
    pieceAt(virt) {
        const piece = this.pieces[lastAtOrBelow(this.pieces, virt, each => each.virt)];
        return piece && virt < piece.end ? piece : undefined;
    }

    /**
     * Of the first piece that ends behind an address; pieces.length if there is none.
     * @param {bigint} virt
     */
    pieceIndex(virt) {
        const index = lastAtOrBelow(this.pieces, virt, each => each.virt);
        return index >= 0 && virt < this.pieces[index].end ? index : index + 1;
    }

    /**
     * The table in a frame, with its entries; null if it could not be read.
     * @param {bigint} frame
     * @param {number} level
     */
    table(frame, level) {
        const rows = this.tables[level];
        const row = rows[lastAtOrBelow(rows, frame, each => each.frame)];
        const number = row ? (frame - row.frame) / PAGE : 0n;
        if (!row || number >= BigInt(row.count))
            return null;
        return { frame, level, spans: row.spans, ahead: number * BigInt(ENTRIES) };
    }

    /**
     * @param {Table} table
     * @param {number} index
     */
    entry(table, index) {
        const span = table.spans[lastAtOrBelow(table.spans, index, each => each.index)];
        return span && index < span.index + span.length ? entryOf(span, table, index) : 0n;
    }

    /**
     * How many entries are present.
     * @param {Table} table
     */
    presentIn(table) {
        let count = 0;
        for (let index = 0; index < ENTRIES; index++)
            count += this.entry(table, index) & PRESENT ? 1 : 0;
        return count;
    }

    /**
     * Whether a present entry leads nowhere.
     * @param {bigint} entry
     * @param {number} level
     */
    isFlaw(entry, level) {
        return Boolean(reservedBits(entry, level, this.controls)) ||
            (!isLeaf(entry, level) && !this.table(entry & FRAME_BITS, level - 1));
    }

    /**
     * Which combinations of rights there are below a present entry, by the rights that it and what
     * lies below it give: bit N for the rights N, and FLAW. Each table is looked at once, so that
     * one that leads to itself costs no more than another.
     * @param {bigint} entry
     * @param {number} level
     */
    kindsBelow(entry, level) {
        if (this.isFlaw(entry, level))
            return FLAW;
        const rights = entryRights(entry);
        return isLeaf(entry, level) ? 1 << rights
            : limited(this.kindsInTable(entry & FRAME_BITS, level - 1), rights);
    }

    /**
     * @param {bigint} frame
     * @param {number} level
     */
    kindsInTable(frame, level) {
        const key = `${level} ${frame}`;
        if (!this._kept.has(key))
            this._kept.set(key, this._kindsIn(this.table(frame, level), level));
        return this._kept.get(key);
    }

    /**
     * @param {Table | null} table
     * @param {number} level
     */
    _kindsIn(table, level) {
        if (!table)
            return FLAW;
        let kinds = 0;
        for (const span of table.spans) {
            const last = span.index + span.length - 1;
            if (this._isEven(span, table, level)) {
                kinds |= 1 << entryRights(entryOf(span, table, last));
                continue;
            }
            for (let index = span.index; index <= last; index++) {
                const entry = entryOf(span, table, index);
                if (entry & PRESENT)
                    kinds |= this.kindsBelow(entry, level);
            }
        }
        return kinds;
    }

    /**
     * Whether a progression is of sound leaves that differ by nothing but the address.
     * @param {Span} span
     * @param {Table} table
     * @param {number} level
     */
    _isEven(span, table, level) {
        const first = entryOf(span, table, span.index);
        const last = entryOf(span, table, span.index + span.length - 1);
        return Boolean(first & PRESENT) && isLeaf(first, level) && first >> 52n === last >> 52n &&
            span.step >= 0n && span.step % reach(level) === 0n &&
            !reservedBits(first | last, level, this.controls);
    }

    /**
     * The nearest symbol at or below an address that has not ended before, as name+0x12.
     * @param {bigint} virt
     */
    symbolText(virt) {
        let index = lastAtOrBelow(this.symbols, virt, each => each.virt);
        for (; index >= 0 && virt - this.symbols[index].virt < 1n << 20n; index--) {
            const { name, virt: start, size } = this.symbols[index];
            if (virt === start)
                return name;
            if (virt < start + size || !size)
                return `${name}+${hex(virt - start)}`;
        }
        return '';
    }

    /**
     * Every virtual address at which a physical one is mapped, with its run.
     * @param {bigint} phys
     */
    addressesOf(phys) {
        return this.runs.filter(run => run.phys <= phys && phys < run.phys + run.size)
            .map(run => ({ virt: run.virt + phys - run.phys, run }));
    }

    /**
     * The stack that unmapped memory next to it guards, or undefined.
     * @param {bigint} start
     * @param {bigint} end
     */
    guarded(start, end) {
        return this.stacks.find(stack => stack.end === start || stack.start === end);
    }

    /**
     * The stack that the page at an unmapped address guards, or undefined.
     * @param {bigint} virt
     */
    guardedBy(virt) {
        const page = virt / PAGE * PAGE;
        return this.guarded(page, page + PAGE);
    }
}

/**
 * Kinds as they are under an entry that gives no more than these rights.
 * @param {number} kinds
 * @param {number} rights
 */
function limited(kinds, rights) {
    let result = kinds & FLAW;
    for (let each = 0; each <= ALL_RIGHTS; each++)
        if (kinds >> each & 1)
            result |= 1 << (each & rights);
    return result;
}
