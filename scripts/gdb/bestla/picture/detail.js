'use strict';
// The walk to the address under the pointer, or to the one that is selected.

const MOST_ALIASES = 4;

class Detail {
    constructor(map, { onBrief }) {
        this.map = map;
        this.more = element('button', { type: 'button', class: 'more', onclick: onBrief,
            'aria-label': 'All of the walk', title: 'All of the walk, or two lines (v)' });
        this.body = element('div', { class: 'way' });
        this.root = element('section', { class: `detail of${map.top}`, 'aria-label': 'Walk' },
            this.more, this.body);
    }

    showsAll(on) {
        this.more.setAttribute('aria-expanded', String(on));
    }

    /** `level` is that of the entry meant; 0 stands for the way to its end. */
    show(virt, level) {
        const { map } = this, way = walk(map, virt, level || 1);
        if (notCanonical(map, virt)) {              // of two maps only the other has five levels
            this.body.replaceChildren(text('h3', '', notCanonical(map, virt)));
            return;
        }
        const piece = map.pieceAt(virt);
        const symbol = map.symbolText(virt);
        this.body.replaceChildren(
            element('h3', {}, text('span', 'address', hexAddress(virt)),
                symbol ? text('span', 'symbol', symbol) : '',
                text('span', 'what', whatIsAt(map, virt, way, piece))),
            element('table', {}, ...way.steps.map(step => stepRow(step, map.controls))),
            element('p', { class: 'outcome' }, ...this._outcome(way, piece)),
            element('p', { class: 'aliases' }, ...aliases(map, way)));
    }

    _outcome(way, piece) {
        const { controls } = this.map, last = way.steps[way.steps.length - 1];
        if (leadsToTable(way))
            return [below(this.map, way.virt, last.level)];
        return [way.mapped ? text('span', `badge ${rightsClass(way.rights)}`,
            rightsText(way.rights)) : text('span', 'badge none', '—'),
        outcome(way, controls),
        ...accessTexts(way, controls).flatMap(each =>
            [element('br'), text('span', 'access', each)]),
        piece && piece.kind === 'run' ? ownText(piece) : ''];
    }
}

function leadsToTable(way) {
    const { entry, level, reserved } = way.steps[way.steps.length - 1];
    return entry !== null && Boolean(entry & PRESENT) && !reserved && !isLeaf(entry, level);
}

function whatIsAt(map, virt, way, piece) {
    if (leadsToTable(way))
        return `one ${LEVEL_NAMES[way.steps[way.steps.length - 1].level]} entry: ` +
            sizeText(reach(way.steps[way.steps.length - 1].level));
    if (piece)
        return piece.kind === 'flaw' ? piece.why : piece.what;
    const [before, after] = [map.pieces[map.pieceIndex(virt) - 1],
        map.pieces[map.pieceIndex(virt)]];
    const hole = canonicalHole(map.top), upper = virt >= hole.end;
    const start = greater(before ? before.end : 0n, upper ? hole.end : 0n);
    const end = lesser(after ? after.virt : END, upper ? END : hole.start);
    const stack = map.guardedBy(virt);
    return `${stack ? `guard page of ${stack.name}` : 'unmapped'}: ` +
        `${sizeText(end - start)} from ${hexAddress(start)} to ${hexAddress(end)}`;
}

function stepRow(step, controls) {
    const value = step.entry === null ? '?'.repeat(16)
        : step.entry.toString(16).padStart(16, '0');
    return element('tr', { class: step.reserved || step.entry === null ? 'bad' : '' },
        text('th', '', LEVEL_NAMES[step.level]), text('td', 'index', `[${step.index}]`),
        text('td', '', `at ${hex(step.entryAt)}`), text('td', 'value', `0x${value}`),
        text('td', 'words', entryWords(step.entry, step.level, step.reserved, controls)));
}

/** Where else the frame is mapped; if it is executable here and writable there, that is said. */
function aliases(map, way) {
    const others = way.mapped ? map.addressesOf(way.phys).filter(each => each.virt !== way.virt)
        : [];
    const shown = others.slice(0, MOST_ALIASES).map(({ virt, run }) => {
        const breach = opens(run.rights, way.rights) || opens(way.rights, run.rights);
        return text('span', breach ? 'breach' : '', `also at ${hexAddress(virt)}: ` +
            `${rightsText(run.rights)} ${boxTitle(run)}${breach ? ', W+X together' : ''}`);
    });
    const more = others.length - shown.length;
    return more ? [...shown, text('span', '', `and at ${plural(more, 'other place')}`)] : shown;
}

/** Whether what one mapping writes the other executes. */
function opens(rights, others) {
    return Boolean(rights & MAY_WRITE && others & MAY_EXECUTE);
}

/** How much of what lies below an entry. */
function below(map, virt, level) {
    const base = entryBase(virt, level, levelIndex(virt, level), map.top);
    const end = base + reach(level), bytes = new Map();
    let runs = 0, index = map.pieceIndex(base);
    for (; index < map.pieces.length && map.pieces[index].virt < end; index++) {
        const piece = map.pieces[index];
        const size = lesser(piece.end, end) - greater(piece.virt, base);
        const kind = piece.kind === 'run' ? rightsText(piece.rights) : 'leads nowhere';
        bytes.set(kind, (bytes.get(kind) || 0n) + size);
        runs++;
    }
    const parts = [...bytes].map(([kind, size]) => `${kind} ${sizeText(size)}`);
    return `below it ${plural(runs, 'run')}${parts.length ? `: ${parts.join(', ')}` : ''}`;
}

function ownText(run) {
    const touched = `${run.accessed.toLocaleString('en')} of ${plural(run.count, 'page')} ` +
        `accessed, ${run.dirty.toLocaleString('en')} dirty`;
    const rights = rightsText(run.rights);
    const own = run.own === rights && run.ownSome === rights ? ''
        : `; the leaves themselves give ${run.own}` +
            (run.own === run.ownSome ? '' : `, some ${run.ownSome}`);
    return text('span', 'touched', ` · in this run ${touched}${own}`);
}
