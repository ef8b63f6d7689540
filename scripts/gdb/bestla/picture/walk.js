'use strict';
// The way from CR3 to a page, and what an access there does (SDM Vol. 3A 4.5 to 4.7), in the words
// of `pagewalk`.

/**
 * An entry on the way, a bigint or null where its table cannot be read; and the way.
 * @typedef {{ level: number, index: number, entryAt: bigint, entry: any,
 *     reserved: bigint }} Step
 * @typedef {{ virt: bigint, steps: Step[], rights: number, mapped: boolean,
 *     phys: any }} Way
 */

/**
 * Every level's entry down to the leaf, to the one that ends the way, or to a level.
 * @param {PageMap} map
 * @param {bigint} virt
 * @param {number} [lowest]
 */
function walk(map, virt, lowest = 1) {
    const steps = [], last = Math.min(lowest, map.top);
    let frame = map.root, rights = ALL_RIGHTS;
    for (let level = map.top; level >= last; level--) {
        const table = map.table(frame, level), index = levelIndex(virt, level);
        const entry = /** @type {any} */ (table && map.entry(table, index));
        const reserved = table ? reservedBits(entry, level, map.controls) : 0n;
        steps.push({ level, index, entryAt: frame + 8n * BigInt(index), entry, reserved });
        if (!table || !(entry & PRESENT) || reserved)
            break;
        rights &= entryRights(entry);
        if (isLeaf(entry, level))
            break;
        frame = entry & FRAME_BITS;
    }
    return { virt, steps, rights, ...ending(steps[steps.length - 1], virt) };
}

/**
 * @param {Step} step
 * @param {bigint} virt
 */
function ending({ entry, level, reserved }, virt) {
    const mapped = entry !== null && Boolean(entry & PRESENT) && !reserved && isLeaf(entry, level);
    return { mapped, phys: mapped ? leafFrame(entry, level) | virt & (reach(level) - 1n) : null };
}

/**
 * @param {Step} step
 * @param {Controls} controls
 */
function stepText(step, controls) {
    const value = step.entry === null ? '?'.repeat(16)
        : step.entry.toString(16).padStart(16, '0');
    return `${LEVEL_NAMES[step.level].padEnd(4)} [${String(step.index).padStart(3)}] at ` +
        `${hex(step.entryAt, 16)}: 0x${value}  ` +
        entryWords(step.entry, step.level, step.reserved, controls);
}

function obstacle({ level, entry, reserved }) {
    const name = LEVEL_NAMES[level];
    if (entry === null)
        return `the ${name} lies outside readable memory`;
    return entry & PRESENT ? `${name} entry has reserved bits ${bitList(reserved)} set`
        : `${name} entry not present`;
}

/**
 * @param {Way} way
 * @param {Controls} controls
 */
function outcome(way, controls) {
    const last = way.steps[way.steps.length - 1];
    if (!way.mapped)
        return `${hex(way.virt, 16)} is not mapped: ${obstacle(last)}`;
    const type = controls.types[patIndex(last.entry, last.level)];
    return `${hex(way.virt, 16)} -> ${hex(way.phys, 16)}, page size ${hex(reach(last.level))}, ` +
        flagsText(way.rights, last.entry & GLOBAL, type);
}

/**
 * The level that takes a right away.
 * @param {Way} way
 * @param {number} right
 * @param {string} word
 */
function lacking(way, right, word) {
    const step = way.steps.find(each => !(entryRights(each.entry) & right));
    return step ? `${LEVEL_NAMES[step.level]} entry is ${word}` : word;
}

/**
 * Why a mapped page refuses an access, or nothing.
 * @param {Way} way
 * @param {string} access
 * @param {Controls} controls
 * @param {boolean} user
 */
function refusal(way, access, controls, user) {
    const userPage = way.rights & MAY_USER;
    if (user && !userPage)
        return lacking(way, MAY_USER, 'supervisor');
    if (access === 'fetch') {
        if (!(way.rights & MAY_EXECUTE))
            return lacking(way, MAY_EXECUTE, 'NX');
        return userPage && !user && controls.cr4 & CR4_SMEP ? 'user page, CR4.SMEP' : '';
    }
    if (userPage && !user && controls.cr4 & CR4_SMAP)
        return 'user page, CR4.SMAP';
    if (access === 'write' && !(way.rights & MAY_WRITE) && (user || controls.cr0 & CR0_WP))
        return lacking(way, MAY_WRITE, 'read-only');
    return '';
}

/**
 * @param {Way} way
 * @param {string} access
 * @param {Controls} controls
 * @param {boolean} user
 */
function errorCode(way, access, controls, user) {
    const tellsFetch = controls.efer & EFER_NXE || controls.cr4 & CR4_SMEP;
    return (way.mapped ? 1 : 0) | (way.steps[way.steps.length - 1].reserved ? 9 : 0) |
        (access === 'write' ? 2 : 0) | (user ? 4 : 0) |
        (access === 'fetch' && tellsFetch ? 16 : 0);
}

/**
 * Whether linear-address space separation refuses an access before any table is read.
 * @param {bigint} virt
 * @param {string} access
 * @param {Controls} controls
 * @param {boolean} user
 */
function outsideHalf(virt, access, controls, user) {
    return Boolean(controls.cr4 & CR4_LASS) && virt >> 63n === (user ? 1n : 0n) &&
        (user || access === 'fetch' || Boolean(controls.cr4 & CR4_SMAP));
}

/**
 * @param {Way} way
 * @param {string} access
 * @param {Controls} controls
 * @param {boolean} user
 */
function accessWords(way, access, controls, user) {
    if (outsideHalf(way.virt, access, controls, user))
        return '#GP (CR4.LASS)';
    const fault = `#PF ${hex(errorCode(way, access, controls, user))}`;
    if (!way.mapped)
        return fault;
    const why = refusal(way, access, controls, user);
    return why ? `${fault} (${why})` : 'works';
}

/**
 * Whose page it is, and so whether a key protects it, all levels decide together (4.6.2).
 * @param {Way} way
 * @param {Controls} controls
 */
function accessKey(way, controls) {
    const { entry } = way.steps[way.steps.length - 1];
    return keyWords(entry & ~USER | (way.rights & MAY_USER ? USER : 0n), way.mapped, controls);
}

/**
 * Writable down to a leaf that is read-only and dirty (4.6.1): plain writes fault there.
 * @param {Way} way
 * @param {Controls} controls
 */
function isShadowStack(way, controls) {
    const entries = way.steps.map(step => step.entry), leaf = entries.pop();
    return Boolean(controls.cr4 & CR4_CET) && way.mapped && Boolean(leaf & DIRTY) &&
        !(leaf & WRITE) && entries.every(each => each & WRITE);
}

/**
 * What a read, a write and a fetch do.
 * @param {Way} way
 * @param {Controls} controls
 * @param {boolean} [user]
 */
function accessText(way, controls, user = false) {
    const last = way.steps[way.steps.length - 1];
    if (last.entry === null)
        return 'a read, write or fetch here: cannot be told';
    const parts = ['read', 'write', 'fetch'].map(access =>
        `${access}: ${accessWords(way, access, controls, user)}`);
    const key = accessKey(way, controls);
    return `by ${user ? 'user code' : 'supervisor'}: ${parts.join(', ')}` +
        (key && ` (protection ${key} not considered)`) +
        (isShadowStack(way, controls) ? ' (shadow-stack page)' : '');
}

/**
 * Of a user page, what user code can do with it too.
 * @param {Way} way
 * @param {Controls} controls
 */
function accessTexts(way, controls) {
    return [accessText(way, controls),
        ...(way.mapped && way.rights & MAY_USER ? [accessText(way, controls, true)] : [])];
}

/**
 * Why no walk is made for an address, or nothing.
 * @param {PageMap} map
 * @param {bigint} virt
 */
function notCanonical(map, virt) {
    return canonical(virt, map.top) === virt ? ''
        : `${hex(virt, 16)} is not canonical with ${map.top}-level tables: any access gives #GP`;
}

/**
 * A walk as pagewalk prints it.
 * @param {PageMap} map
 * @param {bigint} virt
 */
function walkText(map, virt) {
    if (notCanonical(map, virt))
        return [notCanonical(map, virt)];
    const way = walk(map, virt);
    return [...way.steps.map(step => stepText(step, map.controls)),
        outcome(way, map.controls), ...accessTexts(way, map.controls)];
}
