'use strict';
// The overview: boxes that flow over as many lines as they need, on a scale of their own, so that
// a guard page is seen beside a direct map of 512 GiB.

class Strip {
    /** `onHover(virt, level)`, `onSelect(virt, level)`; a level of 0 stands for any. */
    constructor(map, changes, name, { onHover, onSelect }) {
        this.map = map;
        this.changes = changes;
        this.name = name;
        this.list = element('ol', { class: 'strip', role: 'listbox', tabindex: '0',
            'aria-label': 'Overview: every run and gap' });
        this.back = element('button', { class: 'back', type: 'button', hidden: '',
            onclick: () => this.show(WHOLE) }, '← all addresses');
        this.root = element('div', { class: 'overview' }, this.back, this.list);
        this.list.addEventListener('mouseover', event => {
            const box = this._boxOf(event);
            if (box && box.kind !== 'hole')
                onHover(box.virt, box.level || 0);
        });
        this.list.addEventListener('mouseleave', () => onHover(null));
        this.list.addEventListener('click', event => {
            const box = this._boxOf(event);
            if (box)
                this.open(box.virt);
            if (box && box.kind !== 'hole')
                onSelect(box.virt, box.level || 0);
        });
        this.show(WHOLE);
    }

    _boxOf(event) {
        const item = closest(event, 'li');
        return item && this.boxes[Number(item.dataset.box)];
    }

    /** All boxes of a range; of what is selected there, the mark. */
    show(range, marked) {
        this.boxes = boxesOf(this.map, range);
        this.back.hidden = range === WHOLE;
        this.list.replaceChildren(...this.boxes.map((box, number) => boxElement(box, number,
            `${this.name}-${number}`, changeMark(this.changes, box.virt, box.end))));
        this.marked = undefined;
        if (marked !== undefined)
            this.mark(marked);
    }

    /** What is put together in the box at an address, each by itself. */
    open(virt) {
        const box = this.boxes[lastAtOrBelow(this.boxes, virt, each => each.virt)];
        if (box.kind === 'group')
            this.show({ start: box.virt, end: box.end }, virt);
    }

    /** Marks the box that an address lies in. */
    mark(virt) {
        if (this.boxes[0].virt > virt || this.boxes[this.boxes.length - 1].end <= virt)
            this.show(WHOLE);
        if (this.marked) {
            this.marked.classList.remove('current');
            this.marked.setAttribute('aria-selected', 'false');
        }
        this.marked = this.list.children[lastAtOrBelow(this.boxes, virt, each => each.virt)];
        this.marked.classList.add('current');
        this.marked.setAttribute('aria-selected', 'true');
        this.list.setAttribute('aria-activedescendant', this.marked.id);
        scrollInto(this.list, this.marked);
    }
}

const WHOLE = { start: 0n, end: END };

function boxElement(box, number, id, mark) {
    const [title, more] = boxWords(box);
    const item = element('li', { class: `box ${boxClass(box)} ${mark}`, 'data-box': number, id,
        role: 'option', 'aria-selected': 'false',
        title: `${hexAddress(box.virt)} to ${hexAddress(box.end)}` },
    element('b', {}, title, more && text('i', '', more)),
    element('span', {}, ...(box.kind === 'run' ? [text('em', '', rightsText(box.rights)),
        box.type === 'WB' ? '' : text('em', 'type', box.type)] : []), sizeText(box.size),
    text('span', 'pages', boxPages(box))),
    box.kind === 'run' || box.kind === 'flaw' ? text('small', '', hexAddress(box.virt)) : '');
    if (mark)
        item.append(text('span', 'mark', SIGNS[mark.split(' ')[1]] || SIGNS.changed));
    const width = boxWidth(box);
    item.style.flexBasis = `${width}px`;
    item.style.flexGrow = box.kind === 'run' ? width : width / 8;
    if (box.kind === 'group')
        item.style.background = stripes(kindColours(box.kinds).length ? kindColours(box.kinds)
            : ['gap']);
    return item;
}

function boxClass(box) {
    return box.kind === 'run' ? `run ${rightsClass(box.rights)} level${box.level}` +
        (box.type === 'WB' ? '' : ' uncached') : box.kind;
}

/** Scrolls a list, and never the page, so that a child of it is seen; the list is positioned. */
function scrollInto(list, child) {
    const above = child.offsetTop;
    if (above < list.scrollTop || above + child.offsetHeight > list.scrollTop + list.clientHeight)
        list.scrollTop = above - child.offsetHeight;
}
