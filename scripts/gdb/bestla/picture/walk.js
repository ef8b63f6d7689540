'use strict';
// The way from CR3 to a page, and what an access there does (SDM Vol. 3A 4.5 to 4.7), in the words
// of `pagewalk`.

/** Every level's entry down to the leaf, to the one that ends the way, or to a level. */
function walk(map, virt, lowest = 1) {
    const steps = [], last = Math.min(lowest, map.top);
    let frame = map.root, rights = ALL_RIGHTS;
    for (let level = map.top; level >= last; level--) {
        const table = map.table(frame, level), index = levelIndex(virt, level);
        const entry = table && map.entry(table, index);
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

function ending({ entry, level, reserved }, virt) {
    const mapped = entry !== null && Boolean(entry & PRESENT) && !reserved && isLeaf(entry, level);
    return { mapped, phys: mapped ? leafFrame(entry, level) | virt & (reach(level) - 1n) : null };
}

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

function outcome(way, controls) {
    const last = way.steps[way.steps.length - 1];
    if (!way.mapped)
        return `${hex(way.virt, 16)} is not mapped: ${obstacle(last)}`;
    const type = controls.types[patIndex(last.entry, last.level)];
    return `${hex(way.virt, 16)} -> ${hex(way.phys, 16)}, page size ${hex(reach(last.level))}, ` +
        flagsText(way.rights, last.entry & GLOBAL, type);
}

/** The level that takes a right away. */
function lacking(way, right, word) {
    const step = way.steps.find(each => !(entryRights(each.entry) & right));
    return step ? `${LEVEL_NAMES[step.level]} entry is ${word}` : word;
}

/** Why a mapped page refuses the supervisor an access, or nothing. */
function refusal(way, access, controls) {
    const userPage = way.rights & MAY_USER;
    if (access === 'fetch') {
        if (!(way.rights & MAY_EXECUTE))
            return lacking(way, MAY_EXECUTE, 'NX');
        return userPage && controls.cr4 & CR4_SMEP ? 'user page, CR4.SMEP' : '';
    }
    if (userPage && controls.cr4 & CR4_SMAP)
        return 'user page, CR4.SMAP';
    if (access === 'write' && !(way.rights & MAY_WRITE) && controls.cr0 & CR0_WP)
        return lacking(way, MAY_WRITE, 'read-only');
    return '';
}

function errorCode(way, access, controls) {
    const tellsFetch = controls.efer & EFER_NXE || controls.cr4 & CR4_SMEP;
    return (way.mapped ? 1 : 0) | (way.steps[way.steps.length - 1].reserved ? 9 : 0) |
        (access === 'write' ? 2 : 0) | (access === 'fetch' && tellsFetch ? 16 : 0);
}

/** What a read, a write and a fetch do. */
function accessText(way, controls) {
    const last = way.steps[way.steps.length - 1];
    if (last.entry === null)
        return 'a read, write or fetch here: cannot be told';
    const parts = ['read', 'write', 'fetch'].map(access => {
        const fault = `#PF ${hex(errorCode(way, access, controls))}`;
        const why = way.mapped ? refusal(way, access, controls) : '';
        return `${access}: ${way.mapped ? why ? `${fault} (${why})` : 'works' : fault}`;
    });
    const key = keyWords(last.entry, way.mapped, controls);
    return `by supervisor: ${parts.join(', ')}${key && ` (protection ${key} not considered)`}`;
}

/** Why no walk is made for an address, or nothing. */
function notCanonical(map, virt) {
    return canonical(virt, map.top) === virt ? ''
        : `${hex(virt, 16)} is not canonical with ${map.top}-level tables: any access gives #GP`;
}

/** A walk as pagewalk prints it. */
function walkText(map, virt) {
    if (notCanonical(map, virt))
        return [notCanonical(map, virt)];
    const way = walk(map, virt);
    return [...way.steps.map(step => stepText(step, map.controls)),
        outcome(way, map.controls), accessText(way, map.controls)];
}
