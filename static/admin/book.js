/** Sentences of the console: each file has its own book, in both languages, beside what says them. */

import { locale } from '../js/core/i18n.js';

/** @typedef {string | { one: string, other: string }} Sentence */

/** Every book that was opened, for whoever proves them. @type {{ en: Record<string, Sentence>, nl: Record<string, Sentence> }[]} */
export const books = [];

/**
 * A book, whose English keys bind the Dutch.
 * @template {string} K
 * @param {{ en: Record<K, Sentence>, nl: Record<NoInfer<K>, Sentence> }} book
 * @returns {(key: K, gaps?: Record<string, string | number>) => string} a sentence with its gaps filled; `count` chooses between one and other
 */
export function open(book) {
  books.push(book);
  return (key, gaps = {}) => {
    const language = locale.value;
    const sentence = book[language][key];
    const text = typeof sentence === 'string' ? sentence : sentence[new Intl.PluralRules(language).select(Number(gaps.count ?? 0)) === 'one' ? 'one' : 'other'];
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = gaps[name];
      if (value === undefined) return whole;
      return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
    });
  };
}
