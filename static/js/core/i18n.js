/** Sentences in the person's language. */

import { en } from '../../i18n/en.js';
import { nl } from '../../i18n/nl.js';
import { signal } from './signals.js';

/** @typedef {'nl' | 'en'} Locale */
/** @typedef {keyof typeof en} Key */
/** @typedef {string | { one: string, other: string }} Sentence */

/** @type {Record<Locale, Record<Key, Sentence>>} */
const books = { nl, en };

/** @type {import('./signals.js').Signal<Locale>} */
export const locale = signal(/** @type {Locale} */ ('en'));

/** The first language of `wanted` that there is. @param {readonly string[]} wanted @returns {Locale} */
export function pick(wanted) {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    if (base === 'nl' || base === 'en') return base;
  }
  return 'en';
}

/** @param {string} value @returns {value is Key} */
export const isKey = (value) => Object.hasOwn(en, value);

/**
 * A sentence with its gaps filled. `count` chooses between one and other.
 * @param {Key} key @param {Record<string, string | number>} [gaps]
 */
export function t(key, gaps) {
  return fill(locale.value, key, gaps);
}

/** @param {Locale} language @param {Key} key @param {Record<string, string | number>} [gaps] */
export function fill(language, key, gaps = {}) {
  const sentence = books[language][key];
  const text = typeof sentence === 'string' ? sentence : sentence[new Intl.PluralRules(language).select(Number(gaps.count ?? 0)) === 'one' ? 'one' : 'other'];
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = gaps[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** A place in a sentence to put an element: the text before and after `{name}`. @param {Key} key @param {string} name */
export function around(key, name) {
  const [before = '', after = ''] = t(key).split(`{${name}}`);
  return { before, after };
}
