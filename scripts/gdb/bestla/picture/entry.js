'use strict';
// What the bits of an entry mean: SDM Vol. 3A tables 4-14 to 4-20. scripts/gdb/bestla/report.py
// says the same in the same words, and the tests hold one against the other.

const PRESENT = 1n << 0n, WRITE = 1n << 1n, USER = 1n << 2n, PWT = 1n << 3n, PCD = 1n << 4n;
const ACCESSED = 1n << 5n, DIRTY = 1n << 6n, LARGE = 1n << 7n, GLOBAL = 1n << 8n;
const PAT_SMALL = 1n << 7n, PAT_LARGE = 1n << 12n, NX = 1n << 63n;
const FRAME_BITS = 0x000ffffffffff000n;
const SOFTWARE_BITS = 0x07f0000000000e00n;  // 58:52 and 11:9

/**
 * What decides how tables are read; picture_data.py packs it.
 * @typedef {{ cr0: bigint, cr3: bigint, cr4: bigint, efer: bigint, levels: number,
 *     maxphyaddr: number, leaf1Gib: boolean, types: string[], assumed: string[] }} Controls
 */

const CR0_WP = 1n << 16n, CR4_SMEP = 1n << 20n, CR4_SMAP = 1n << 21n;
const CR4_PKE = 1n << 22n, CR4_CET = 1n << 23n, CR4_PKS = 1n << 24n, CR4_LASS = 1n << 27n;
const EFER_NXE = 1n << 11n;

// Rights are three bits, so that those of all levels combine by one AND.
const MAY_WRITE = 1, MAY_EXECUTE = 2, MAY_USER = 4, ALL_RIGHTS = 7;
const PAGE_NAMES = ['', '4-KiB', '2-MiB', '1-GiB'];

/** @param {bigint} entry */
function entryRights(entry) {
    return (entry & WRITE ? MAY_WRITE : 0) | (entry & NX ? 0 : MAY_EXECUTE) |
        (entry & USER ? MAY_USER : 0);
}

/**
 * Bit 7 of a PML4E or PML5E is reserved, so those are always tables.
 * @param {bigint} entry
 * @param {number} level
 */
function isLeaf(entry, level) {
    return level === 1 || (level <= 3 && Boolean(entry & LARGE));
}

/**
 * A large leaf keeps PAT in bit 12: clear all bits below the page size (4.5.4).
 * @param {bigint} entry
 * @param {number} level
 */
function leafFrame(entry, level) {
    return (entry & FRAME_BITS) >> levelShift(level) << levelShift(level);
}

/**
 * @param {bigint} entry
 * @param {number} level
 */
function patIndex(entry, level) {
    const pat = entry & (level === 1 ? PAT_SMALL : PAT_LARGE) ? 4 : 0;
    return Number(entry >> 3n & 3n) | pat;
}

/**
 * Bits of a present entry that are set and must not be: any access faults (4.7, RSVD).
 * @param {bigint} entry
 * @param {number} level
 * @param {Controls} controls
 */
function reservedBits(entry, level, controls) {
    if (!(entry & PRESENT))
        return 0n;
    let mask = (1n << 52n) - (1n << BigInt(controls.maxphyaddr));
    if (!(controls.efer & EFER_NXE))
        mask |= NX;
    if (level >= 4 || level === 3 && !controls.leaf1Gib)
        mask |= LARGE;
    else if (level > 1 && isLeaf(entry, level))
        mask |= reach(level) - (PAT_LARGE << 1n);
    return entry & mask;
}

/**
 * The numbers of the bits that are set, runs as high:low.
 * @param {bigint} value
 */
function bitList(value) {
    const spans = [];
    for (let bit = 63; bit >= 0; bit--) {
        if (!(value >> BigInt(bit) & 1n))
            continue;
        const last = spans[spans.length - 1];
        if (last && last.low === bit + 1)
            last.low = bit;
        else
            spans.push({ high: bit, low: bit });
    }
    return spans.map(({ high, low }) => high > low ? `${high}:${low}` : `${high}`).join(', ');
}

/**
 * @param {bigint} entry
 * @param {number} level
 */
function targetWords(entry, level) {
    return isLeaf(entry, level) ? `${PAGE_NAMES[level]} page ${hex(leafFrame(entry, level))}`
        : `table ${hex(entry & FRAME_BITS)}`;
}

/**
 * Protection keys apply to user pages by CR4.PKE, to others by CR4.PKS (4.6.2).
 * @param {bigint} entry
 * @param {boolean} leaf
 * @param {Controls} controls
 */
function keyWords(entry, leaf, controls) {
    const on = controls.cr4 & (entry & USER ? CR4_PKE : CR4_PKS);
    return leaf && on ? `key ${entry >> 59n & 15n}` : '';
}

/**
 * @param {bigint} entry
 * @param {number} level
 * @param {Controls} controls
 */
function leafWords(entry, level, controls) {
    const pat = patIndex(entry, level);
    return [entry & GLOBAL && 'global', controls.types[pat], pat & 4 && 'PAT'];
}

/**
 * An entry in words; `reserved` are the bits of it that must not be set.
 * @param {bigint} entry
 * @param {number} level
 * @param {bigint} reserved
 * @param {Controls} controls
 */
function entryWords(entry, level, reserved, controls) {
    if (entry === null)
        return 'not readable: the table is outside memory';
    if (!(entry & PRESENT))
        return 'not present';
    const leaf = isLeaf(entry, level), software = entry & SOFTWARE_BITS;
    return [
        targetWords(entry, level),
        entry & WRITE ? 'writable' : 'read-only',
        entry & USER ? 'user' : 'supervisor',
        entry & NX && controls.efer & EFER_NXE && 'NX',
        ...(leaf ? leafWords(entry, level, controls) : []),
        entry & PWT && 'PWT', entry & PCD && 'PCD', entry & ACCESSED && 'accessed',
        leaf && entry & DIRTY && 'dirty',
        keyWords(entry, leaf, controls),
        software && 'software ' + bitList(software),
        reserved && 'RESERVED ' + bitList(reserved),
    ].filter(Boolean).join(' ');
}

/**
 * Such as [RW- KERN GLOBAL WB].
 * @param {number} rights
 * @param {unknown} isGlobal
 * @param {string} type
 */
function flagsText(rights, isGlobal, type) {
    return `[R${rights & MAY_WRITE ? 'W' : '-'}${rights & MAY_EXECUTE ? 'X' : '-'} ` +
        `${rights & MAY_USER ? 'USER' : 'KERN'}${isGlobal ? ' GLOBAL' : ''} ${type}]`;
}
