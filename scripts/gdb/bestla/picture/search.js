'use strict';
// The search field and its list of results.

class Search {
    constructor(maps, onChoose) {
        this.maps = maps;
        this.onChoose = onChoose;
        /** @type {{ label: string, note: string, virt: bigint | null }[]} */
        this.found = [];
        this.chosen = 0;
        this.field = byId('search', HTMLInputElement);
        this.list = byId('found', HTMLElement);
        this.field.addEventListener('input', () => this._look());
        this.field.addEventListener('focus', () => this._look());
        this.field.addEventListener('keydown', event => this._key(event));
        this.field.addEventListener('blur', () => this._close());
        // Before the field loses the focus, and with it the list.
        this.list.addEventListener('mousedown', event => {
            const item = closest(event, 'li[data-found]');
            event.preventDefault();
            if (item)
                this._choose(Number(item.dataset.found));
        });
    }

    focus() {
        this.field.focus();
        this.field.select();
    }

    /** Of two maps, what the later one has not is looked for in the earlier one. */
    _look() {
        const known = new Set();
        this.found = [...this.maps].reverse().flatMap(map => find(map, this.field.value))
            .filter(({ label, virt }) => !known.has(`${label} ${virt}`) &&
                known.add(`${label} ${virt}`));
        this.chosen = 0;
        this._show();
    }

    _show() {
        const nothing = this.field.value.trim() && !this.found.length;
        this.list.replaceChildren(...nothing ? [text('li', 'nothing', 'nothing of that name')]
            : this.found.map(({ label, note }, number) => element('li', { role: 'option',
                id: `found-${number}`, 'data-found': number,
                'aria-selected': String(number === this.chosen) },
            text('b', '', label), text('span', '', note))));
        this.list.hidden = !this.list.children.length;
        this.field.setAttribute('aria-expanded', String(!this.list.hidden));
        this.field.setAttribute('aria-activedescendant',
            this.found.length ? `found-${this.chosen}` : '');
    }

    _close() {
        this.list.hidden = true;
        this.field.setAttribute('aria-expanded', 'false');
    }

    _key(event) {
        const { length } = this.found;
        if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && length) {
            this.chosen = (this.chosen + (event.key === 'ArrowDown' ? 1 : length - 1)) % length;
            this._show();
            this.list.children[this.chosen].scrollIntoView({ block: 'nearest' });
        } else if (event.key === 'Enter' && length) {
            this._choose(this.chosen);
        } else if (event.key === 'Escape') {
            this.field.blur();
        } else {
            return;
        }
        event.preventDefault();
    }

    _choose(number) {
        const { virt } = this.found[number];
        if (virt === null)
            return;
        this.field.blur();
        this.onChoose(virt);
    }
}
