'use strict';
// One map: its facts, the overview, the way to the selected address, the walk.

class Panel {
    constructor(map, changes, role, actions) {
        this.map = map;
        this.actions = actions;
        this.strip = new Strip(map, changes, role || 'map', actions);
        this.levels = new Levels(map, changes, actions);
        this.detail = new Detail(map, actions);
        this.path = element('nav', { class: 'path', 'aria-label': 'Way to the address' });
        this.root = element('section', { class: 'panel' },
            element('header', {}, role ? text('span', 'role', role) : '',
                text('h2', '', map.name), element('p', { class: 'facts' }, ...facts(map))),
            this.strip.root, this.path, this.levels.root, this.detail.root);
    }

    show(virt, level) {
        this.virt = virt;
        this.level = level;
        this.strip.mark(virt);
        this.levels.show(virt, level);
        this.path.replaceChildren(...this._path(virt, level));
        this.hover(null);
    }

    /** The walk to what the pointer is over, without it to what is selected. */
    hover(virt, level = 0) {
        this.detail.show(virt === null ? this.virt : virt, virt === null ? 0 : level);
    }

    _path(virt, active) {
        const parts = [];
        for (let level = this.map.top; level >= 1; level--)
            parts.push(element('button', { type: 'button', 'data-level': level,
                'aria-current': level === active ? 'step' : null,
                onclick: () => this.actions.onSelect(virt, level, true) },
            `${LEVEL_NAMES[level]}[${levelIndex(virt, level)}]`));
        return [...parts, text('output', 'address', hexAddress(virt))];
    }
}

function facts(map) {
    const { controls, runs, flaws } = map;
    const mapped = runs.reduce((sum, run) => sum + run.size, 0n);
    const words = [`${controls.levels}-level`, `CR3 ${hex(controls.cr3)}`,
        `${sizeText(mapped)} mapped in ${plural(runs.length, 'run')}`,
        plural(map.tableCount, 'table')];
    if (map.kernel)
        words.push(`kernel at ${hexAddress(map.kernel.start)}`);
    if (flaws.length)
        words.push(`${plural(flaws.length, 'place')} that leads nowhere`);
    if (map.stoppedAt !== null)
        words.push(`runs from ${hexAddress(map.stoppedAt)} on were left out`);
    return [...words.map(each => text('span', '', each)),
        ...controls.assumed.map(each => text('span', 'assumed', each))];
}
