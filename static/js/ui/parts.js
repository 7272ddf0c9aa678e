/** Parts that the pages of a person share: their frame, what is under way, what failed, and questions. */

import { t } from '../core/i18n.js';
import { explain } from './context.js';
import { h, icon } from './dom.js';

/** A page under "Me": the way back, a title, and what it is about. @param {string} title @param {...import('./dom.js').Child} children */
export const subpage = (title, ...children) =>
  h('div', { class: 'page' }, h('a', { href: '/me', class: 'back-link', 'data-testid': 'to-me' }, icon('back'), t('me_title')), h('h1', { tabindex: -1 }, title), ...children);

/** Bones of a list that is under way. @param {number} [count] */
export const bones = (count = 2) => [
  h('p', { class: 'sr-only', role: 'status' }, t('loading')),
  h('div', { class: 'skeletons', 'aria-hidden': 'true' }, Array.from({ length: count }, () => h('div', { class: 'skeleton-row' }, h('span', { class: 'bone round' }), h('span', { class: 'bone wide' }), h('span', { class: 'bone' })))),
];

/** What went wrong, and the code for support when it was ours. @param {unknown} error @param {import('../core/i18n.js').Key} [instead] */
export function trouble(error, instead) {
  const { text, reference } = explain(error, instead);
  return h('div', { class: 'problem', role: 'alert', 'data-testid': 'problem' }, icon('alert'), h('div', null, h('p', null, text), reference ? h('p', { class: 'reference' }, t('reference', { id: reference })) : null));
}

/** Something that could not be loaded, and the way to try again. @param {unknown} error @param {() => void} again */
export const failedToLoad = (error, again) => h('div', { class: 'failed-load' }, trouble(error), h('button', { type: 'button', class: 'button', id: 'load-again', 'data-testid': 'load-again', onclick: again }, icon('again'), t('retry')));

/** Good news that is read aloud. @param {string} words @param {...import('./dom.js').Child} rest */
export const notice = (words, ...rest) => h('p', { class: 'notice good', role: 'status', 'data-testid': 'notice' }, icon('check'), h('span', null, words), ...rest);

/**
 * A question that must be answered before something goes on. The focus goes back to where it was.
 * @param {HTMLElement} host
 * @param {{ title: string, text: (string | HTMLElement)[], yes: string, no: string, danger?: boolean, testid: string }} words
 * @returns {Promise<boolean>}
 */
export function ask(host, { title, text, yes, no, danger = false, testid }) {
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'ask-title', 'data-testid': `${testid}-ask` },
    h('h2', { id: 'ask-title' }, title),
    ...text.map((line) => (typeof line === 'string' ? h('p', null, line) : line)),
    h('form', { method: 'dialog', class: 'row end' }, h('button', { class: 'button', value: 'no', 'data-testid': `${testid}-no` }, no), h('button', { class: `button ${danger ? 'danger' : 'primary'}`, value: 'yes', 'data-testid': `${testid}-yes` }, yes)),
  );
  host.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    }),
  );
}
