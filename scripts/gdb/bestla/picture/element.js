'use strict';
// Elements from data. Text goes in as text only, so that no name can become markup.

/** An element; of the properties, `class` and data-* and aria-* ones are attributes. */
function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.startsWith('on'))
            made.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            made.setAttribute(name, value);
    }
    made.append(...children.filter(each => each !== null && each !== ''));
    return made;
}

/**
 * The element of page.html with an id, and of a kind.
 * @template {typeof HTMLElement} T
 * @param {string} id
 * @param {T} kind
 * @returns {InstanceType<T>}
 */
function byId(id, kind) {
    const found = document.getElementById(id);
    if (!(found instanceof kind))
        throw new Error(`the page has no ${id}`);
    return /** @type {InstanceType<T>} */ (found);
}

/**
 * What an event happened in.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
function closest(event, selector) {
    return event.target instanceof Element ? event.target.closest(selector) : null;
}

function text(tag, className, words) {
    return element(tag, { class: className }, words);
}

function plural(count, noun) {
    return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

// The four colours: what may be written and executed. A user page has a mark beside.
const RIGHTS_CLASSES = ['r', 'rw', 'rx', 'rwx'];

function rightsClass(rights) {
    return RIGHTS_CLASSES[rights & WX] + (rights & MAY_USER ? ' user' : '');
}

function rightsText(rights) {
    return `R${rights & MAY_WRITE ? 'W' : ''}${rights & MAY_EXECUTE ? 'X' : ''}` +
        `${rights & MAY_USER ? 'U' : ''}`;
}

/** The colours of several kinds, worst first, each with a stripe of the same width. */
function kindColours(kinds) {
    const found = [];
    if (kinds & FLAW)
        found.push('flaw');
    for (const rights of [WX, MAY_EXECUTE, MAY_WRITE, 0])
        if (kinds >> rights & 1 || kinds >> (rights | MAY_USER) & 1)
            found.push(RIGHTS_CLASSES[rights]);
    return found;
}

function stripes(colours) {
    const part = 100 / colours.length;
    return `linear-gradient(100deg, ${colours.map((each, number) =>
        `var(--${each}) ${part * number}% ${part * (number + 1)}%`).join(', ')})`;
}
