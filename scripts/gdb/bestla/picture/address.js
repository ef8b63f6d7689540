'use strict';
// Addresses, which are BigInts of 64 bits, and the levels that translate them (SDM Vol. 3A 4.5).

const LEVEL_NAMES = ['', 'PT', 'PD', 'PDPT', 'PML4', 'PML5'];
const ENTRIES = 512;
const PAGE = 4096n;
const END = 1n << 64n;                      // of the address space, one past its last byte
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** @param {number} level */
function levelShift(level) {
    return BigInt(12 + 9 * (level - 1));
}

/**
 * How much one entry of a table translates.
 * @param {number} level
 */
function reach(level) {
    return 1n << levelShift(level);
}

/**
 * @param {bigint} virt
 * @param {number} level
 */
function levelIndex(virt, level) {
    return Number((virt >> levelShift(level)) & 511n);
}

/**
 * Copies the highest translated bit into those above it.
 * @param {bigint} virt
 * @param {number} top
 */
function canonical(virt, top) {
    const sign = 1n << (levelShift(top) + 8n);
    const low = virt & (2n * sign - 1n);
    return BigInt.asUintN(64, (low ^ sign) - sign);
}

/**
 * Where what the index-th entry of a table translates begins; `virt` is anywhere in the table.
 * @param {bigint} virt
 * @param {number} level
 * @param {number} index
 * @param {number} top
 */
function entryBase(virt, level, index, top) {
    const table = virt >> levelShift(level + 1) << levelShift(level + 1);
    return canonical(table + (BigInt(index) << levelShift(level)), top);
}

/**
 * The two ends of the addresses between the halves, which no table can map.
 * @param {number} top
 */
function canonicalHole(top) {
    const half = reach(top) * 256n;
    return { start: half, end: END - half };
}

/** @param {string} digits */
function fromHex(digits) {
    return digits.startsWith('-') ? -BigInt('0x' + digits.slice(1)) : BigInt('0x' + digits);
}

/**
 * @param {bigint | number} value
 * @param {number} [digits] at least
 */
function hex(value, digits = 0) {
    return '0x' + value.toString(16).padStart(digits, '0');
}

/**
 * Of an end, which at the top of the address space is shown as 0, as the kernel does.
 * @param {bigint} value
 */
function hexAddress(value) {
    return hex(value & (END - 1n), 16);
}

/**
 * Such as 72 KiB, 1.6 GiB, 512 GiB: exact, or with one digit behind the point.
 * @param {bigint} bytes
 */
function sizeText(bytes) {
    let unit = 0, whole = bytes;
    while (whole >= 1024n && unit < UNITS.length - 1) {
        whole >>= 10n;
        unit++;
    }
    const tenths = bytes * 10n >> BigInt(10 * unit);
    const text = whole < 100n && tenths % 10n ? `${whole}.${tenths % 10n}` : `${whole}`;
    return `${text} ${UNITS[unit]}`;
}

/**
 * @param {bigint} one
 * @param {bigint} other
 */
function lesser(one, other) {
    return one < other ? one : other;
}

/**
 * @param {bigint} one
 * @param {bigint} other
 */
function greater(one, other) {
    return one > other ? one : other;
}

/**
 * The binary logarithm, near enough for a picture's scale.
 * @param {bigint} value
 */
function log2(value) {
    return value > 0n ? value.toString(2).length - 1 : 0;
}

/** The index of the last element at or below a key, -1 if there is none. */
function lastAtOrBelow(sorted, key, of) {
    let low = 0, high = sorted.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (of(sorted[middle]) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}
