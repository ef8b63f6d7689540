'use strict';
// The page: which address is selected at which level, and what keys and pointer do to that.

const THEMES = ['', 'light', 'dark'];
const WHEEL_STEP = 40;                      // of a wheel or a touchpad, in pixels

class Page {
    constructor(packed) {
        this.maps = packed.snapshots.map(each => new PageMap(each));
        this.map = this.maps[this.maps.length - 1];
        this.changes = packed.changes.map(unpackChange);
        const actions = {
            onHover: (virt, level) => this.panels.forEach(panel => panel.hover(virt, level)),
            onSelect: (virt, level, exact) => this.select(virt, level, exact),
            onZoom: (event, virt, level) => this.zoom(event, virt, level),
            onLevel: level => this.show(this.virt, level),
            onBrief: () => this._brief(!document.body.classList.contains('brief')),
        };
        const roles = this.maps.length > 1 ? ['before', 'after'] : [''];
        this.panels = this.maps.map((map, number) =>
            new Panel(map, this.changes, roles[number], actions));
        this.wheel = 0;
        byId('panels', HTMLElement).replaceChildren(...this.panels.map(each => each.root));
        document.body.classList.toggle('two', this.maps.length > 1);
        this._addChanges(packed);
        this._addAlarm();
        this._brief(matchMedia('(max-height: 640px)').matches);
        this.search = new Search(this.maps, virt => this.go(virt));
        addEventListener('hashchange', () => this._goToHash());
        addEventListener('keydown', event => this._key(event));
        byId('theme', HTMLElement).addEventListener('click', () => this._nextTheme());
        byId('help', HTMLElement).addEventListener('click', () => this._help());
        this._goToHash();
    }

    _addChanges(packed) {
        if (this.maps.length < 2)
            return;
        this.list = new ChangeList(this.changes, packed, virt => this.go(virt));
        byId('panels', HTMLElement).before(this.list.root);
    }

    /** What is writable and executable is said before all. */
    _addAlarm() {
        this.alarms = this.map.runs.filter(run => (run.rights & WX) === WX);
        const { length } = this.alarms, alarm = byId('alarm', HTMLElement);
        if (!length)
            return;
        alarm.hidden = false;
        alarm.textContent = `W+X: ${plural(length, 'run')} ${length === 1 ? 'is' : 'are'} ` +
            'writable and executable';
        alarm.addEventListener('click', () => this._next(this.alarms));
    }

    /** To an address, at the level of the entry that ends the way to it. */
    go(virt) {
        const { steps } = walk(this.map, virt);
        this.show(virt, steps[steps.length - 1].level);
    }

    show(virt, level) {
        this.virt = virt;
        this.level = level;
        this.panels.forEach(panel => panel.show(virt, level));
        byId('said', HTMLElement).textContent = this._said();
        if (this.list)
            this.list.mark(virt);
        history.replaceState(null, '', `#${hex(virt)}/${level}`);
    }

    /** What is selected, for who hears the page: the entry, what is there, what may be done. */
    _said() {
        const way = walk(this.map, this.virt, this.level);
        const piece = this.map.pieceAt(this.virt);
        return `${LEVEL_NAMES[this.level]} entry ${levelIndex(this.virt, this.level)}, ` +
            `${hexAddress(this.virt)}, ${way.mapped ? rightsText(way.rights) : 'no page'}, ` +
            whatIsAt(this.map, this.virt, way, piece);
    }

    /** Of the walk, which lies over the map on a low screen, two lines or all. */
    _brief(on) {
        document.body.classList.toggle('brief', on);
        this.panels.forEach(panel => panel.detail.showsAll(!on));
    }

    /** An entry of a table: the first page below it, unless `exact`. */
    select(virt, level, exact = false) {
        if (!level) {
            this.go(virt);
            return;
        }
        this.show(exact ? virt : this._firstMapped(virt, level), level);
    }

    _firstMapped(virt, level) {
        const { top } = this.map;
        const base = entryBase(virt, level, levelIndex(virt, level), top);
        if (this.virt >= base && this.virt < base + reach(level))
            return this.virt;
        const starts = this.maps.map(map => map.pieces[map.pieceIndex(base)])
            .filter(piece => piece && piece.virt < base + reach(level))
            .map(piece => greater(piece.virt, base));
        return starts.length ? starts.reduce(lesser) : base;
    }

    /** One level in to what the pointer is over, or out; at both ends the page scrolls on. */
    zoom(event, virt, level) {
        const inward = event.deltaY < 0;
        if (inward ? level === 1 : this.level === this.map.top)
            return;
        event.preventDefault();
        this.wheel = this.wheel * event.deltaY < 0 ? event.deltaY : this.wheel + event.deltaY;
        if (Math.abs(this.wheel) < WHEEL_STEP)
            return;
        this.wheel = 0;
        if (inward)
            this.show(this._firstMapped(virt, level), level - 1);
        else
            this.show(this.virt, this.level + 1);
    }

    _goToHash() {
        const match = /^#0x([0-9a-f]{1,16})(?:\/([1-5]))?$/i.exec(location.hash);
        const virt = match ? canonical(fromHex(match[1]), this.map.top) : this._beginning();
        if (match && match[2] && Number(match[2]) <= this.map.top)
            this.show(virt, Number(match[2]));
        else
            this.go(virt);
    }

    /** Where there is most to see: what differs, the kernel's code, other code, anything. */
    _beginning() {
        const { kernel, runs } = this.map;
        const upper = runs.filter(run => run.rights & MAY_EXECUTE && run.virt >> 63n);
        const code = upper.find(run => kernel && run.virt >= kernel.start && run.virt < kernel.end);
        return (this.changes[0] || code || upper[0] || runs[0] || { virt: 0n }).virt;
    }

    _key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target === this.search.field ||
                byId('keys', HTMLDialogElement).open)
            return;
        const strip = this.panels.map(panel => panel.strip)
            .find(each => each.list === event.target);
        const act = (strip && this._stripKeys(strip)[event.key]) || this._keys()[event.key];
        const onButton = event.key === 'Enter' && closest(event, 'button');
        if (!act || onButton)
            return;
        event.preventDefault();
        act();
    }

    /** In the overview the arrows go from run to run, and Enter opens what is one box. */
    _stripKeys(strip) {
        const next = () => this._next(this.map.pieces);
        const previous = () => this._next(this.map.pieces, -1);
        return {
            ArrowRight: next, ArrowDown: next, ArrowLeft: previous, ArrowUp: previous,
            Home: () => this._next(this.map.pieces.slice(0, 1)),
            End: () => this._next(this.map.pieces.slice(-1)),
            Enter: () => strip.open(this.virt), Backspace: () => strip.show(WHOLE, this.virt),
        };
    }

    _keys() {
        const move = distance => () => this._move(distance);
        const level = change => () => this.show(this.virt,
            Math.min(this.map.top, Math.max(1, this.level + change)));
        const index = levelIndex(this.virt, this.level);
        return {
            ArrowLeft: move(-1), ArrowRight: move(1), ArrowUp: move(-LINE), ArrowDown: move(LINE),
            Home: move(-index), End: move(ENTRIES - 1 - index),
            Enter: level(-1), '+': level(-1), Backspace: level(1), '-': level(1),
            Escape: level(1),
            n: () => this._next(this.map.pieces), p: () => this._next(this.map.pieces, -1),
            d: () => this._next(this.changes), D: () => this._next(this.changes, -1),
            w: () => this._next(this.alarms), W: () => this._next(this.alarms, -1),
            v: () => this._brief(!document.body.classList.contains('brief')),
            '/': () => this.search.focus(), t: () => this._nextTheme(), '?': () => this._help(),
        };
    }

    /** To another entry of the same table. */
    _move(distance) {
        const index = levelIndex(this.virt, this.level) + distance;
        if (index >= 0 && index < ENTRIES)
            this.select(entryBase(this.virt, this.level, index, this.map.top), this.level);
    }

    /** To the next of these, or the one before; from the last to the first. */
    _next(places, direction = 1) {
        if (!places.length)
            return;
        const at = lastAtOrBelow(places, this.virt, each => each.virt);
        const here = at >= 0 && places[at].virt === this.virt;
        const next = direction > 0 ? at + 1 : here ? at - 1 : at;
        this.go(places[(next + places.length) % places.length].virt);
    }

    _nextTheme() {
        const root = document.documentElement;
        root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme || '') + 1) % THEMES.length];
    }

    _help() {
        byId('keys', HTMLDialogElement).showModal();
    }
}

const thePage = new Page(JSON.parse(byId('data', HTMLElement).textContent || ''));
