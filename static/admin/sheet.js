/** What every page of the console is made of: a title, what was asked, lists, and what went wrong. */

import { locale, t } from '../js/core/i18n.js';
import { signal } from '../js/core/signals.js';
import { until } from '../js/core/time.js';
import { relative } from '../js/ui/context.js';
import { focusSoon, h, icon, Part, rebuild } from '../js/ui/dom.js';
import { field } from '../js/ui/forms.js';
import { bones, notice } from '../js/ui/parts.js';
import { open } from './book.js';
import { trouble } from './dialogs.js';
import { address, go, place, read } from './place.js';
import { shut } from './self.js';

/** @import { Child } from '../js/ui/dom.js' */

const say = open({
  en: {
    filter: 'Filter',
    filter_all: 'Show all',
    first: 'First page',
    more: 'Next page',
    pages: 'Pages',
    actions: 'Actions',
  },
  nl: {
    filter: 'Filter',
    filter_all: 'Toon alles',
    first: 'Eerste pagina',
    more: 'Volgende pagina',
    pages: "Pagina's",
    actions: 'Acties',
  },
});

/**
 * A page that asks the server for something and shows it. It asks again when its address changes; answers to earlier
 * questions are dropped.
 * @template T
 */
export class Sheet extends Part {
  data = signal(/** @type {T | null} */ (null));
  failure = signal(/** @type {unknown} */ (null));
  /** What was just done. */
  done = signal('');
  turn = 0;

  /** @returns {string} */
  heading() {
    return '';
  }

  /** What is asked; reads the address when it depends on it. @returns {Promise<T>} */
  async fetch() {
    throw new Error('a page asks for something');
  }

  /** Beside the title. @returns {Child[]} */
  tools() {
    return [];
  }

  /** Above what is shown, also while it is under way. @returns {Child[]} */
  above() {
    return [];
  }

  /** @param {T} _data @returns {Child[]} */
  view(_data) {
    return [];
  }

  begin() {
    let before = '';
    this.watch(() => {
      const now = place.value.query.toString();
      if (before !== '' || now !== '') {
        // What stands in the filters is what the address says.
        const held = this.contains(document.activeElement);
        this.querySelector('form')?.remove();
        if (held) focusSoon(() => this.querySelector('h1'));
      }
      before = now;
      // Apart from this effect, which runs for the address alone.
      queueMicrotask(() => void this.load());
    });
    this.watch(() => {
      const opened = [...this.querySelectorAll('details[open]')].map((one) => one.id);
      rebuild(this, () => this.draw());
      for (const one of this.querySelectorAll('details')) if (one.id !== '' && opened.includes(one.id)) one.open = true;
    });
  }

  draw() {
    const [data, failure] = [this.data.value, this.failure.value];
    return [
      h(
        'div',
        { class: 'page sheet' },
        h('header', { class: 'sheet-head' }, h('h1', { tabindex: -1 }, this.heading()), h('div', { class: 'row' }, ...this.tools())),
        this.done.value ? notice(this.done.value) : null,
        ...this.above(),
        failure ? h('div', { class: 'failed-load' }, trouble(failure), h('button', { type: 'button', class: 'button', id: 'load-again', 'data-testid': 'load-again', onclick: () => void this.load() }, icon('again'), t('retry'))) : null,
        ...(data !== null ? this.view(data) : failure ? [] : bones(4)),
      ),
    ];
  }

  async load() {
    const turn = (this.turn += 1);
    try {
      const data = await this.fetch();
      if (this.turn !== turn || !this.alive) return;
      this.failure.value = null;
      this.data.value = data;
    } catch (error) {
      if (this.turn !== turn || !this.alive || shut(error)) return;
      this.failure.value = error;
    }
  }
}

/**
 * A table that becomes a list of cards on a phone.
 * @template R
 * @param {{ caption: string, testid: string, rows: readonly R[], keyOf: (row: R) => string, columns: { title: string, cell: (row: R) => Child, wide?: boolean }[], actions?: (row: R) => Child, empty: string }} options
 */
export function table({ caption, testid, rows, keyOf, columns, actions, empty }) {
  if (rows.length === 0) return h('p', { class: 'nothing muted', 'data-testid': `${testid}-empty` }, empty);
  const body = rows.map((row) =>
    h(
      'tr',
      { id: `${testid}-${keyOf(row)}`, 'data-row': true, tabindex: -1 },
      ...columns.map(({ title, cell, wide }) => h('td', { 'data-label': title, class: wide ? 'wide' : null }, cell(row))),
      actions ? h('td', { class: 'acts' }, actions(row)) : null,
    ),
  );
  return h(
    'table',
    { class: 'rows', 'data-testid': testid },
    h('caption', { class: 'sr-only' }, caption),
    h('thead', null, h('tr', null, ...columns.map(({ title }) => h('th', { scope: 'col' }, title)), actions ? h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, say('actions'))) : null)),
    h('tbody', null, ...body),
  );
}

/**
 * Filters whose state is the address.
 * @param {{ name: string, testid: string, fields: { name: string, label: string, type?: string, options?: [value: string, words: string][] }[] }} options `name` is the page's
 */
export function filters({ name, testid, fields }) {
  const asked = place.value.query;
  const controls = fields.map((one) => {
    const value = asked.get(one.name) ?? '';
    const made = one.options
      ? field({ name: one.name, label: one.label, testid: `filter-${one.name}`, control: h('select', null, ...one.options.map(([key, words]) => h('option', { value: key, selected: key === value }, words))) })
      : field({ name: one.name, label: one.label, type: one.type ?? 'text', testid: `filter-${one.name}`, input: { value, maxlength: 100, autocapitalize: 'none', spellcheck: 'false', autocomplete: 'off' } });
    return made;
  });
  const form = h('form', { class: 'filters', role: 'search', 'data-testid': testid }, ...controls, h('div', { class: 'row' }, h('button', { type: 'submit', class: 'button', 'data-testid': `${testid}-send` }, say('filter')), asked.size > 0 ? h('a', { class: 'button quiet', href: address(name), 'data-testid': `${testid}-all` }, say('filter_all')) : null));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go(address(name, Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, String(value).trim()]))));
  });
  return form;
}

/** The way to the next page of a list, and back to the first. @param {string} cursor the name in the address @param {string | number | undefined} next */
export function pager(cursor, next) {
  const { path, query } = place.value;
  const name = read(path)?.name ?? '';
  const asked = Object.fromEntries([...query].filter(([key]) => key !== cursor));
  if (next === undefined && !query.has(cursor)) return null;
  return h(
    'nav',
    { class: 'row', 'aria-label': say('pages') },
    query.has(cursor) ? h('a', { class: 'button', href: address(name, asked), 'data-testid': 'page-first' }, say('first')) : null,
    next === undefined ? null : h('a', { class: 'button', href: address(name, { ...asked, [cursor]: String(next) }), 'data-testid': 'page-next' }, say('more')),
  );
}

/** A moment: how long ago or how far ahead, and exactly. @param {string | null | undefined} when */
export function moment(when) {
  if (!when) return null;
  const at = new Date(when);
  const exact = new Intl.DateTimeFormat(locale.value === 'en' ? 'en-GB' : locale.value, { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
  return h('time', { datetime: at.toISOString(), title: exact }, at.getTime() > Date.now() ? until(at.getTime(), Date.now(), locale.value) : relative(when));
}

/** A moment with its date and time in full figures. @param {string} when */
export const exactly = (when) => h('time', { datetime: when }, new Intl.DateTimeFormat(locale.value === 'en' ? 'en-GB' : locale.value, { dateStyle: 'short', timeStyle: 'medium' }).format(new Date(when)));

/** A state as a word with a colour. @param {'good' | 'bad' | 'caution' | 'plain'} kind @param {string} words */
export const sign = (kind, words) => h('span', { class: `chip ${kind}` }, words);
