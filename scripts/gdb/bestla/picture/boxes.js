'use strict';
// The address space as a row of boxes: every run, every flaw and every gap between them.

// More than anybody reads; of more, neighbours are put together.
const MOST_BOXES = 400;
const GUARD_AT_MOST = 64n * 1024n;

/** All boxes of a range, in order; together they are the range. */
function boxesOf(map, range) {
    const boxes = [];
    let at = range.start;
    for (let index = map.pieceIndex(at); index < map.pieces.length; index++) {
        const piece = map.pieces[index];
        if (piece.virt >= range.end)
            break;
        boxes.push(...gaps(map, at, piece.virt), piece);
        at = piece.end;
    }
    boxes.push(...gaps(map, at, range.end));
    return grouped(boxes);
}

/** What lies between two pieces, the canonical hole apart. */
function gaps(map, start, end) {
    const hole = canonicalHole(map.top);
    return [gap(map, start, lesser(end, hole.start)),
        { kind: 'hole', ...sized(greater(start, hole.start), lesser(end, hole.end)) },
        gap(map, greater(start, hole.end), end)].filter(each => each.size > 0n);
}

function sized(virt, end) {
    return { virt, end, size: end - virt };
}

function gap(map, start, end) {
    const unread = map.stoppedAt !== null && end > map.stoppedAt;
    const stack = end - start <= GUARD_AT_MOST ? map.guarded(start, end) : undefined;
    return { kind: unread ? 'unread' : stack ? 'guard' : 'gap', ...sized(start, end) };
}

/** What lies nearest to each other together: the widest gaps part the groups. */
function grouped(boxes) {
    if (boxes.length <= MOST_BOXES)
        return boxes;
    const widths = boxes.filter(isEmpty).map(each => each.size).sort((a, b) => a > b ? -1 : 1);
    const widest = widths[MOST_BOXES / 2] || 0n;
    const groups = [/** @type {any[]} */ ([])];
    for (const box of boxes) {
        if (isEmpty(box) && box.size > widest)
            groups.push([box], []);
        else
            groups[groups.length - 1].push(box);
    }
    return groups.filter(each => each.length).flatMap(each =>
        each.length <= MOST_BOXES / groups.length ? each : inChunks(each, groups.length));
}

function isEmpty(box) {
    return box.kind !== 'run' && box.kind !== 'flaw';
}

/** In so many pieces that those of all groups are not too many. */
function inChunks(boxes, groups) {
    const length = Math.ceil(boxes.length * groups / MOST_BOXES), chunks = [];
    for (let index = 0; index < boxes.length; index += length)
        chunks.push(group(boxes.slice(index, index + length)));
    return chunks;
}

function group(members) {
    const kinds = members.reduce((sum, each) => sum | (each.kind === 'run' ? 1 << each.rights
        : each.kind === 'flaw' ? FLAW : 0), 0);
    const pieces = members.filter(each => !isEmpty(each)).length;
    return { kind: 'group', ...sized(members[0].virt, members[members.length - 1].end), kinds,
        pieces };
}

/** What a box is, in a few words, and what more there is to say. */
function boxTitle(box) {
    const [title] = boxWords(box);
    return title;
}

function boxWords(box) {
    if (box.kind !== 'run')
        return [gapTitle(box), ''];
    const [, title, more] = /^(?:kernel )?(.*?)(?:(?:[:;]|, a) (.*))?$/s.exec(box.what) || [];
    return [title || 'mapped', more || ''];
}

function gapTitle(box) {
    return {
        flaw: () => 'leads nowhere',
        gap: () => 'unmapped',
        guard: () => box.size > PAGE ? 'guard pages' : 'guard page',
        hole: () => 'not canonical',
        unread: () => 'not read',
        group: () => plural(box.pieces, 'run'),
    }[box.kind]();
}

function boxPages(box) {
    return box.kind === 'run' && box.count > 1
        ? `${box.count.toLocaleString('en')}×${['', '4K', '2M', '1G'][box.level]}` : '';
}

/** How wide to draw it, in pixels at least: a run by its size, a gap much less. */
function boxWidth(box) {
    const scale = log2(box.size / PAGE);
    switch (box.kind) {
        case 'run': return 124 + 4 * scale;
        case 'guard': return 100;
        case 'group': return 74;
        case 'flaw': return 100;
        default: return 72 + scale;
    }
}
