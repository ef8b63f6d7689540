'use strict';
// One table: 512 entries in 32 lines of 16.

const LINE = 16;
const NOTHING = { name: '', background: '' };

/** What is drawn of an entry: its kinds by the rights of all levels together. */
function cellOf(map, table, index, rightsAbove) {
    const entry = map.entry(table, index), { level } = table;
    if (!(entry & PRESENT))
        return { kinds: 0, leaf: false, present: false };
    const leaf = isLeaf(entry, level);
    return { kinds: limited(map.kindsBelow(entry, level), rightsAbove), leaf, present: true,
        uncached: leaf && map.controls.types[patIndex(entry, level)] !== 'WB' };
}

function cellClass(cell, colours) {
    if (!cell.present)
        return '';
    const user = cell.kinds >> 4 & 0xf ? ' user' : '';
    return (cell.leaf ? 'leaf' : 'table') + (colours.length === 1 ? ` ${colours[0]}` : ' mix') +
        (colours.includes('rwx') ? ' alarm' : '') + user + (cell.uncached ? ' uncached' : '') +
        (colours.length ? '' : ' empty');
}

class Grid {
    constructor(level, label) {
        this.level = level;
        this.cells = Array.from({ length: ENTRIES }, (_, index) =>
            element('i', { 'data-index': index }));
        // To who hears the page a table is a slider over its entries: the arrows move it.
        this.cellsAt = element('div', { class: 'cells', role: 'slider', tabindex: '0',
            'aria-valuemin': 0, 'aria-valuemax': ENTRIES - 1 }, ...this.cells);
        this.title = text('strong', '', LEVEL_NAMES[level]);
        this.measure = text('span', '', `${sizeText(reach(level))} each`);
        this.state = text('p', 'state', '');
        this.ruler = element('div', { class: 'ruler', 'aria-hidden': 'true' },
            ...Array.from({ length: 8 }, (_, number) => text('span', '', String(64 * number))));
        this.note = text('p', 'note', '');
        this.root = element('figure', { class: 'level', 'data-level': level },
            element('figcaption', {}, this.title, this.measure, this.state),
            this.ruler, element('div', { class: 'frame' }, this.cellsAt, this.note));
        this.label = label;
    }

    /**
     * `column` is what levels.js knows of this level on the way to `virt`; `mark(index)` is the
     * class of what has changed at an entry.
     */
    show(map, column, selected, active, mark) {
        this.root.className = `level ${column.state}${active ? ' active' : ''}` +
            (this.level === map.top ? ' root' : '');
        this.state.textContent = column.words;
        this.note.textContent = column.note;
        this.cellsAt.setAttribute('aria-label', `${this.label} ${LEVEL_NAMES[this.level]}, ` +
            (column.words || column.note));
        this.cellsAt.setAttribute('aria-valuenow', selected);
        this.cellsAt.setAttribute('aria-valuetext', this._said(map, column, selected));
        const whole = column.state !== 'has';
        this.cellsAt.className = `cells ${column.colour || ''} ${whole ? mark(selected) : ''}`;
        for (let index = 0; index < ENTRIES; index++)
            this._paint(index, whole ? NOTHING : this._look(map, column, index),
                whole ? '' : mark(index), !whole && index === selected);
    }

    /** The selected entry in words. */
    _said(map, column, index) {
        if (column.state !== 'has')
            return `entry ${index}: ${column.note}`;
        const entry = map.entry(column.table, index);
        const reserved = reservedBits(entry, this.level, map.controls);
        return `entry ${index}: ${entryWords(entry, this.level, reserved, map.controls)}`;
    }

    _look(map, column, index) {
        const cell = cellOf(map, column.table, index, column.rights);
        const colours = kindColours(cell.kinds);
        return { name: cellClass(cell, colours),
            background: colours.length > 1 ? stripes(colours) : '' };
    }

    _paint(index, look, mark, selected) {
        const cell = this.cells[index];
        const name = look.name + (mark && ` ${mark}`) + (selected ? ' selected' : '');
        if (cell.className !== name)
            cell.className = name;
        if (cell.style.background !== look.background)
            cell.style.background = look.background;
    }
}
