/** The console's frame: who is there, the pages that their role includes, and the keyboard. */

import { t } from '../js/core/i18n.js';
import { announce, chooseLocale, me, spoken } from '../js/ui/context.js';
import { attribute, h, icon, loadIcons, Part, rebuild } from '../js/ui/dom.js';
import { brand, languageSwitch, themeSwitch } from '../js/ui/forms.js';
import { loadLimits } from '../js/ui/api.js';
import { signal } from '../js/core/signals.js';
import { open } from './book.js';
import { tellOnce } from './dialogs.js';
import { knock, leave, watchTabs } from './door.js';
import { address, arrive, go, may, place, read, shownAt } from './place.js';
import { find, pages } from './registry.js';
import { roleName } from './roles.js';
import { door, self } from './self.js';

const say = open({
  en: {
    name: 'Domu console',
    menu: 'Menu',
    sign_out: 'Sign out',
    help: 'Keys',
    help_title: 'With the keyboard',
    help_down: 'next row',
    help_up: 'row before',
    help_enter: 'open the row',
    help_search: 'to the filters',
    help_help: 'this list',
    close: 'Close',
    refused: 'This page is not for your role',
    refused_text: 'You are {role}. Ask a super admin if you need it.',
    missing: 'There is no such page',
    missing_text: 'Check the address, or start from the overview.',
    to_overview: 'To the overview',
    left_failed: 'Signing out did not work. Try again.',
  },
  nl: {
    name: 'Domu-console',
    menu: 'Menu',
    sign_out: 'Uitloggen',
    help: 'Toetsen',
    help_title: 'Met het toetsenbord',
    help_down: 'volgende rij',
    help_up: 'vorige rij',
    help_enter: 'open de rij',
    help_search: 'naar de filters',
    help_help: 'deze lijst',
    close: 'Sluiten',
    refused: 'Deze pagina hoort niet bij je rol',
    refused_text: 'Je bent {role}. Vraag een superbeheerder als je haar nodig hebt.',
    missing: 'Deze pagina bestaat niet',
    missing_text: 'Controleer het adres, of begin bij het overzicht.',
    to_overview: 'Naar het overzicht',
    left_failed: 'Uitloggen lukte niet. Probeer het opnieuw.',
  },
});

class Console extends Part {
  /** Whether the menu is open, on a phone. */
  menu = signal(false);

  begin() {
    const skip = h('a', { class: 'skip', href: '#main' });
    const head = h('header', { class: 'console-head' });
    const nav = h('nav', { class: 'console-nav', id: 'console-nav' });
    const main = h('main', { id: 'main', tabindex: -1 });
    const live = h('div', { class: 'sr-only', 'aria-live': 'polite' });
    this.replaceChildren(skip, h('div', { class: 'console' }, head, nav, main), live);
    skip.addEventListener('click', (event) => {
      event.preventDefault();
      main.focus();
    });
    this.watch(() => skip.replaceChildren(t('skip')));
    this.watch(() => this.head(head));
    this.watch(() => this.navigation(nav));
    this.watch(() => this.screen(main));
    this.watch(() => live.replaceChildren(spoken.value.text));
    this.watch(() => {
      void place.value;
      this.menu.value = false;
    });
    this.listen(document, 'keydown', (event) => this.key(event));
  }

  /** @param {HTMLElement} head */
  head(head) {
    head.hidden = door.value !== 'open';
    if (head.hidden) return;
    const shown = this.menu.value;
    rebuild(head, () => [
      brand(),
      h('button', { type: 'button', class: 'button', id: 'console-menu', 'aria-expanded': String(shown), 'aria-controls': 'console-nav', 'data-testid': 'menu', onclick: () => (this.menu.value = !this.menu.peek()) }, icon('more'), say('menu')),
    ]);
  }

  /** @param {HTMLElement} nav */
  navigation(nav) {
    const admin = self.value;
    nav.hidden = door.value !== 'open' || admin === null;
    if (nav.hidden || admin === null) return;
    attribute(nav, 'aria-label', t('nav_label'));
    attribute(nav, 'data-open', this.menu.value ? '' : null);
    const here = read(place.value.path)?.name;
    rebuild(nav, () => [
      h('div', { class: 'console-brand' }, brand()),
      h(
        'ul',
        { class: 'console-pages' },
        ...pages.filter((page) => may(admin, page)).map((page) => h('li', null, h('a', { href: address(page.name), class: 'console-link', id: `nav-${page.name || 'overview'}`, 'aria-current': page.name === here ? 'page' : null, 'data-testid': `nav-${page.name || 'overview'}` }, icon(page.icon), h('span', null, page.title())))),
      ),
      h(
        'div',
        { class: 'console-self' },
        h('p', { class: 'name', dir: 'auto' }, `${me.value?.first_name ?? ''} ${me.value?.last_name ?? ''}`),
        h('p', { class: 'muted small', 'data-testid': 'role' }, roleName(admin.role)),
        languageSwitch(),
        themeSwitch(),
        h('button', { type: 'button', class: 'button quiet', id: 'keys', 'data-testid': 'keys', onclick: () => void help() }, icon('question'), say('help')),
        h('button', { type: 'button', class: 'button quiet', id: 'sign-out', 'data-testid': 'sign-out', onclick: () => void leave().catch(() => announce(say('left_failed'))) }, icon('leave'), say('sign_out')),
      ),
    ]);
  }

  /** @param {HTMLElement} main */
  screen(main) {
    const state = door.value;
    const admin = self.value;
    const at = read(place.value.path);
    const page = at === null ? null : find(at.name);
    const kind = state !== 'open' ? 'door' : shownAt(admin, page, at?.id ?? null);
    document.title = page !== null && (kind === page.element || kind === page.thing) ? `${page.title()} · ${say('name')}` : say('name');
    document.documentElement.dataset.screen = kind;
    const key = `${kind} ${at?.id ?? ''}`;
    if (main.dataset.shown === key) return;
    const before = main.dataset.shown;
    main.dataset.shown = key;
    main.replaceChildren(document.createElement(kind === 'door' ? 'console-door' : kind === 'missing' || kind === 'refused' ? `console-${kind}` : kind));
    window.scrollTo(0, 0);
    if (before !== undefined)
      queueMicrotask(() => {
        const title = main.querySelector('h1');
        if (title instanceof HTMLElement) title.focus({ preventScroll: true });
      });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (door.peek() !== 'open' || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target?.closest('input, textarea, select')) return;
    if (event.key === '?') void help();
    else if (event.key === 'j' || event.key === 'k') this.step(event.key === 'j' ? 1 : -1);
    else if (event.key === '/') /** @type {HTMLElement | null} */ (this.querySelector('.filters input, .filters select'))?.focus();
    else if (event.key === 'Enter' && target?.matches('[data-row]')) /** @type {HTMLElement | null} */ (target.querySelector('[data-enter], .acts button, .acts a, summary'))?.click();
    else return;
    event.preventDefault();
  }

  /** To the next row or the one before. @param {1 | -1} by */
  step(by) {
    const rows = [...this.querySelectorAll('[data-row]')];
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[now < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, now + by))];
    if (next instanceof HTMLElement) next.focus();
  }
}

function help() {
  const keys = /** @type {const} */ ([['j', 'help_down'], ['k', 'help_up'], ['Enter', 'help_enter'], ['/', 'help_search'], ['?', 'help_help']]);
  return tellOnce(say('help_title'), say('close'), 'help', h('dl', { class: 'keys' }, ...keys.map(([key, words]) => h('div', null, h('dt', null, h('kbd', null, key)), h('dd', null, say(words))))));
}

/** @param {string} testid @param {string} mark @param {string} title @param {string} words */
const instead = (testid, mark, title, words) =>
  h('div', { class: 'empty full', 'data-testid': testid }, h('span', { class: 'empty-mark' }, icon(mark)), h('h1', { tabindex: -1 }, title), h('p', null, words), h('a', { class: 'button primary', href: '/admin' }, say('to_overview')));

class Refused extends Part {
  begin() {
    this.watch(() => {
      const admin = self.value;
      rebuild(this, () => [instead('refused', 'lock', say('refused'), admin === null ? '' : say('refused_text', { role: roleName(admin.role).toLocaleLowerCase() }))]);
    });
  }
}

class Missing extends Part {
  begin() {
    this.watch(() => rebuild(this, () => [instead('missing', 'question', say('missing'), say('missing_text'))]));
  }
}

loadIcons();
chooseLocale(null);
customElements.define('console-refused', Refused);
customElements.define('console-missing', Missing);
customElements.define('domu-console', Console);

window.addEventListener('popstate', arrive);
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || link.target || link.hasAttribute('download') || link.origin !== location.origin || link.hash || read(link.pathname) === null) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
watchTabs();
void knock();
void loadLimits();
