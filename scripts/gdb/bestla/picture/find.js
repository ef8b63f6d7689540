'use strict';
// What a few typed characters can mean: a virtual or physical address, a symbol, what lies there.

const MOST_FOUND = 40;

/** Results of every kind for one map, the likeliest first: { label, note, virt }. */
function find(map, typed) {
    const words = typed.trim();
    if (!words)
        return [];
    const number = parseAddress(words);
    const found = number === null ? [...findSymbols(map, words), ...findPlaces(map, words)]
        : findAddress(map, number);
    const more = found.length - MOST_FOUND;
    return [...found.slice(0, MOST_FOUND), ...(more > 0 ? [{ virt: null, note: '',
        label: `and ${plural(more, 'more place')}: type more of it` }] : [])];
}

/** A number in hexadecimal, with 0x or of eight digits and more; separators are skipped. */
function parseAddress(words) {
    const digits = words.replace(/[_`']/g, '');
    const match = /^(?:0x([0-9a-f]{1,16})|([0-9a-f]{8,16}))$/i.exec(digits);
    return match ? BigInt('0x' + (match[1] || match[2])) : null;
}

function findAddress(map, address) {
    const here = { label: `virtual ${hexAddress(address)}`, note: place(map, address),
        virt: address };
    if (canonical(address, map.top) !== address)
        return [{ ...here, virt: null, note: 'not canonical: any access gives #GP' },
            ...findPhysical(map, address)];
    return map.pieceAt(address) ? [here, ...findPhysical(map, address)]
        : [...findPhysical(map, address), here];
}

function findPhysical(map, phys) {
    return map.addressesOf(phys).map(({ virt, run }) => ({
        label: `physical ${hex(phys)} at ${hexAddress(virt)}`,
        note: `${rightsText(run.rights)} ${map.symbolText(virt) || run.what}`, virt }));
}

function place(map, virt) {
    const piece = map.pieceAt(virt);
    if (!piece)
        return 'not mapped';
    return piece.kind === 'flaw' ? piece.why
        : `${rightsText(piece.rights)} ${map.symbolText(virt) || piece.what}`;
}

/** A symbol, with +N or -N behind it: by its whole name, its beginning, any part. */
function findSymbols(map, words) {
    const parts = /^(.*?)(?:\s*([+-])\s*(0x[0-9a-f]+|\d+))?$/is.exec(words) || [];
    const distance = parts[3] ? BigInt(parts[3]) * (parts[2] === '-' ? -1n : 1n) : 0n;
    const name = parts[1].toLowerCase();
    /** @type {{ name: string, virt: bigint, size: bigint }[][]} */
    const ranked = [[], [], []];
    for (const symbol of map.symbols) {
        const at = symbol.name.toLowerCase().indexOf(name);
        if (at >= 0)
            ranked[symbol.name === parts[1] ? 0 : at === 0 ? 1 : 2].push(symbol);
    }
    return ranked.flat().map(symbol => {
        const virt = BigInt.asUintN(64, symbol.virt + distance);
        return { label: symbol.name + (parts[3] ? parts[2] + parts[3] : ''),
            note: hexAddress(virt) + (symbol.size ? ` · ${sizeText(symbol.size)}` : ''), virt };
    });
}

/** Runs by what lies there, and the guards of stacks. */
function findPlaces(map, words) {
    const wanted = words.toLowerCase();
    const places = [...map.stacks.flatMap(stack => guardPlaces(map, stack)),
        ...map.runs.map(run => ({ label: run.what, virt: run.virt,
            note: `${hexAddress(run.virt)} · ${rightsText(run.rights)} · ` +
                sizeText(run.size) }))];
    return places.filter(each => each.label.toLowerCase().includes(wanted));
}

function guardPlaces(map, { name, start, end }) {
    return [[start - PAGE, 'below'], [end, 'above']].filter(([virt]) => !map.pieceAt(virt))
        .map(([virt, side]) => ({ label: `guard page ${side} ${name}`, virt,
            note: `${hexAddress(virt)} · not mapped` }));
}
