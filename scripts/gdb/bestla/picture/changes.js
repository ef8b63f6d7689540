'use strict';
// What came, went and changed between two maps.

const SIGNS = { came: '+', went: '−', changed: '~' };

function unpackChange([kind, virt, size, before, after]) {
    const start = fromHex(virt), bytes = fromHex(size);
    return { kind, virt: start, end: start + bytes, size: bytes, before, after };
}

/** The class of what has changed in a range: one kind, `mixed`, or nothing. */
function changeMark(changes, start, end) {
    let index = Math.max(0, lastAtOrBelow(changes, start, each => each.virt));
    let mark = '';
    for (; index < changes.length && changes[index].virt < end; index++) {
        if (changes[index].end <= start)
            continue;
        if (mark && mark !== changes[index].kind)
            return 'differs mixed';
        mark = changes[index].kind;
    }
    return mark && `differs ${mark}`;
}

class ChangeList {
    constructor(changes, { changesLeftOut, compared }, onChoose) {
        this.changes = changes;
        const counts = ['came', 'went', 'changed'].map(kind =>
            text('span', `sign ${kind}`, `${SIGNS[kind]} ${changes.filter(each =>
                each.kind === kind).length} ${kind}`));
        this.list = element('ol', {}, ...changes.map((change, number) =>
            changeItem(change, number)));
        this.root = element('section', { class: 'changes', 'aria-label': 'Differences' },
            element('h2', {}, changes.length ? 'Differences' : 'No difference', ...counts,
                changesLeftOut ? text('span', '', `${changesLeftOut} more are not listed`) : '',
                compared ? text('span', '', comparedText(compared)) : ''), this.list);
        this.list.addEventListener('click', event => {
            const item = closest(event, 'li');
            if (item)
                onChoose(changes[Number(item.dataset.change)].virt);
        });
    }

    mark(virt) {
        const number = lastAtOrBelow(this.changes, virt, each => each.virt);
        const current = number >= 0 && virt < this.changes[number].end ? number : -1;
        [...this.list.children].forEach((item, each) =>
            item.classList.toggle('current', each === current));
        if (current >= 0)
            scrollInto(this.list, this.list.children[current]);
    }
}

/** Of maps of which not all is there. */
function comparedText([start, end]) {
    return `compared only from ${hexAddress(fromHex(start))} to ${hexAddress(fromHex(end))}`;
}

function changeItem({ kind, virt, end, size, before, after }, number) {
    return element('li', { 'data-change': number },
        element('button', { type: 'button' }, text('span', `sign ${kind}`, SIGNS[kind]),
            text('code', '', `${hexAddress(virt)}–${hexAddress(end)}`),
            text('span', 'size', sizeText(size)),
            text('span', 'sides', [before, after].filter(Boolean).join('  →  '))));
}
