/** Building and keeping up pages: elements from values, text only as text. */

import { effect } from '../core/signals.js';

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | null | undefined | false} Leaf */
/** @typedef {Leaf | (Leaf | Leaf[])[]} Child */

/**
 * Makes an element. Properties starting with `on` are listeners, `class` and names with a hyphen are attributes,
 * `true` sets an empty attribute, and null, undefined and false set nothing.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, any> | null} [properties] @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  add(element, children);
  return element;
}

/** @param {Node} parent @param {Child[]} children */
function add(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(parent, child);
    else parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * Takes the one file of icons into the page, once, so that drawings are there without a connection too.
 *
 * Why: a reference into another file is asked for again with every use, and offline it stays empty.
 */
export function loadIcons() {
  if (document.getElementById('icons')) return;
  const request = new XMLHttpRequest();
  request.open('GET', '/static/icons.svg');
  request.responseType = 'document';
  request.overrideMimeType('image/svg+xml');
  request.onload = () => {
    const drawn = request.responseXML?.querySelectorAll('symbol') ?? [];
    const holder = document.createElementNS(SVG, 'svg');
    holder.id = 'icons';
    holder.setAttribute('aria-hidden', 'true');
    holder.setAttribute('class', 'sr-only');
    for (const symbol of drawn) {
      const own = document.importNode(symbol, true);
      own.id = `icon-${symbol.id}`;
      holder.appendChild(own);
    }
    if (drawn.length > 0) document.body.appendChild(holder);
  };
  request.onerror = () => setTimeout(loadIcons, 2_000);
  request.send();
}

/** A drawing from the one file of icons. Decoration unless it has a name. @param {string} name @param {string} [label] */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 24 24');
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.appendChild(use);
  return svg;
}

/** Sets an attribute, or takes it away for null. Touches the page only on a change. @param {Element} element @param {string} name @param {string | null} value */
export function attribute(element, name, value) {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Sets text only on a change, so that selections and screen readers are left in peace. @param {Node} node @param {string} text */
export function text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the children of `parent` be one element per item, in order, moving and keeping what is there.
 * @template T
 * @param {Element} parent @param {readonly T[]} items @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} create @param {(element: any, item: T) => void} update
 */
export function reconcile(parent, items, keyOf, create, update) {
  /** @type {Map<string, Element>} */
  const held = new Map();
  for (const child of parent.children) if (child instanceof HTMLElement && child.dataset.key !== undefined) held.set(child.dataset.key, child);
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of held) if (!wanted.has(key)) child.remove();
  /** @type {Element | null} */
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = held.get(key);
    if (element === undefined) {
      element = create(item);
      /** @type {HTMLElement} */ (element).dataset.key = key;
    }
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
}

/** Moves the focus once what just changed has been drawn. @param {() => Element | null} find */
export function focusSoon(find) {
  queueMicrotask(() => {
    const found = find();
    if (found instanceof HTMLElement) found.focus();
  });
}

/** An element that ends its effects and listeners when it leaves the page. */
export class Part extends HTMLElement {
  constructor() {
    super();
    /** @type {(() => void)[]} */
    this.ends = [];
    this.alive = false;
  }

  connectedCallback() {
    if (this.alive) return;
    this.alive = true;
    this.begin();
  }

  disconnectedCallback() {
    // A move inside the page is no end.
    queueMicrotask(() => {
      if (this.isConnected || !this.alive) return;
      this.alive = false;
      for (const end of this.ends.splice(0)) end();
      this.replaceChildren();
    });
  }

  begin() {}

  /** Runs `work` now and whenever a signal it reads changes. @param {() => void} work */
  watch(work) {
    this.ends.push(effect(work));
  }

  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} heard @param {AddEventListenerOptions} [options] */
  listen(target, type, heard, options) {
    target.addEventListener(type, heard, options);
    this.ends.push(() => target.removeEventListener(type, heard, options));
  }

  /** @param {() => void} work @param {number} ms */
  every(ms, work) {
    const timer = setInterval(work, ms);
    this.ends.push(() => clearInterval(timer));
  }
}

/** Fields whose state is the page's own, or that take no value back. */
const UNTYPED = new Set(['file', 'radio']);

/** @param {Element} parent @returns {NodeListOf<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>} */
const fields = (parent) => parent.querySelectorAll('input, textarea, select');

/** Builds children anew and keeps what was typed and where the focus and the caret were. @param {Element} parent @param {() => Child[]} build */
export function rebuild(parent, build) {
  /** @type {Map<string, { value: string, checked: boolean }>} */
  const typed = new Map();
  for (const input of fields(parent)) if (input.name && !UNTYPED.has(input.type)) typed.set(input.name, { value: input.value, checked: 'checked' in input && input.checked });
  const active = document.activeElement;
  // An id before a name, which radio buttons share.
  const focused = active instanceof HTMLElement && parent.contains(active) ? (active.id ? `#${CSS.escape(active.id)}` : `[name="${CSS.escape(active.getAttribute('name') ?? '')}"]`) : null;
  // Only fields of text say where their caret is.
  const caret = (active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement) && active.selectionStart !== null ? /** @type {const} */ ([active.selectionStart, active.selectionEnd, active.selectionDirection ?? 'none']) : null;
  parent.replaceChildren();
  add(parent, build());
  for (const input of fields(parent)) {
    const kept = typed.get(input.name);
    if (kept === undefined) continue;
    if (input.type === 'checkbox' && input instanceof HTMLInputElement) input.checked = kept.checked;
    else input.value = kept.value;
  }
  if (focused) {
    const again = parent.querySelector(focused);
    if (again instanceof HTMLElement) again.focus();
    if (caret !== null && (again instanceof HTMLInputElement || again instanceof HTMLTextAreaElement)) again.setSelectionRange(...caret);
  }
}
