'use strict';
// The tables on the way to an address, side by side: each is what one entry of the table on its
// left has in it, and a wedge between them shows which.

/** What there is to show at each level on the way to an address. */
function columnsOf(map, virt) {
    const columns = [];
    let frame = map.root, rights = ALL_RIGHTS, ended = null;
    for (let level = map.top; level >= 1; level--) {
        const table = ended ? null : map.table(frame, level);
        if (!table) {
            columns[level] = ended || { state: 'broken', words: 'outside readable memory',
                note: `no table can be read at ${hex(frame)}`, rights };
            continue;
        }
        columns[level] = { state: 'has', table, rights, note: '',
            words: `${hex(frame)} · ${map.presentIn(table)} of ${ENTRIES} present` };
        const entry = map.entry(table, levelIndex(virt, level));
        rights &= entryRights(entry);
        ended = endAt(map, entry, level, rights);
        frame = entry & FRAME_BITS;
    }
    return columns;
}

/** What stands in the columns right of an entry that leads to no table. */
function endAt(map, entry, level, rights) {
    const name = LEVEL_NAMES[level];
    if (!(entry & PRESENT))
        return { state: 'void', words: '', note: `not mapped: the ${name} entry is not present` };
    if (reservedBits(entry, level, map.controls))
        return { state: 'broken', words: '', note: `the ${name} entry has reserved bits ` +
            `${bitList(reservedBits(entry, level, map.controls))} set` };
    if (map.isFlaw(entry, level))
        return { state: 'broken', words: '', note: `the ${name} entry points to ` +
            `${hex(entry & FRAME_BITS)}, outside readable memory` };
    if (!isLeaf(entry, level))
        return null;
    return { state: 'slab', words: '', note: `one ${PAGE_NAMES[level]} page: ${rightsText(rights)}`,
        colour: rightsClass(rights) };
}

class Levels {
    constructor(map, changes, { onHover, onSelect, onZoom, onLevel }) {
        this.map = map;
        this.changes = changes;
        this.grids = [];
        for (let level = map.top; level >= 1; level--)
            this.grids[level] = new Grid(level, map.name);
        this.wedges = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
        this.wedges.setAttribute('class', 'wedges');
        this.wedges.setAttribute('aria-hidden', 'true');
        this.root = element('div', { class: `levels of${map.top}` },
            ...this.grids.filter(Boolean).reverse().map(grid => grid.root), this.wedges);
        const at = (event, act) => {
            const cell = closest(event, 'i');
            if (cell)
                act(this._base(cell), this._levelOf(cell));
            return Boolean(cell);
        };
        this.root.addEventListener('mouseover', event => at(event, onHover) || onHover(null));
        this.root.addEventListener('mouseleave', () => onHover(null));
        this.root.addEventListener('click', event => at(event, onSelect));
        this.root.addEventListener('wheel', event =>
            at(event, (virt, level) => onZoom(event, virt, level)), { passive: false });
        // A table that the keyboard goes to is the one whose entries the keys go through.
        this.root.addEventListener('focusin', event => {
            const figure = closest(event, ':focus-visible') && closest(event, 'figure');
            if (figure)
                onLevel(Number(figure.dataset.level));
        });
        new ResizeObserver(() => this._drawWedges()).observe(this.root);
    }

    _levelOf(cell) {
        return Number(cell.closest('figure').dataset.level);
    }

    _base(cell) {
        return entryBase(this.virt, this._levelOf(cell), Number(cell.dataset.index), this.map.top);
    }

    show(virt, active) {
        this.virt = virt;
        this.columns = columnsOf(this.map, virt);
        for (const grid of this.grids.filter(Boolean)) {
            const { level } = grid;
            grid.show(this.map, this.columns[level], levelIndex(virt, level), level === active,
                index => {
                    const base = entryBase(virt, level, index, this.map.top);
                    return changeMark(this.changes, base, base + reach(level));
                });
        }
        this._drawWedges();
    }

    _drawWedges() {
        const shapes = [];
        for (let level = this.map.top; level > 1 && this.columns; level--)
            if (this.columns[level - 1].state !== 'void' && this.columns[level].state === 'has')
                shapes.push(this._wedge(level));
        this.wedges.replaceChildren(...shapes);
    }

    /** From the selected entry of a table to the whole of the next. */
    _wedge(level) {
        const box = this.root.getBoundingClientRect();
        const cell = this.grids[level].cells[levelIndex(this.virt, level)].getBoundingClientRect();
        const next = this.grids[level - 1].cellsAt.getBoundingClientRect();
        const shape = document.createElementNS('http://www.w3.org/2000/svg', 'polygon');
        shape.setAttribute('points', [[cell.right, cell.top], [next.left, next.top],
            [next.left, next.bottom], [cell.right, cell.bottom]]
            .map(([x, y]) => `${x - box.left},${y - box.top}`).join(' '));
        return shape;
    }
}
