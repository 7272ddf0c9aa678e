/** Whether somebody is here and whether they type, as signs and words. */

/** @import { Chat } from '../types.js' */
/** @import { Known } from '../core/live.js' */
import { t } from '../core/i18n.js';
import { others } from './avatar.js';
import { h } from './dom.js';

/** How long "just now" is true after it was told. Milliseconds. */
const JUST_NOW_MS = 10 * 60_000;

const SEEN = /** @type {const} */ ({ just_now: 'here_seen_just_now', today: 'here_seen_today', this_week: 'here_seen_week', long_ago: 'here_seen_long' });

/**
 * What is known of the other one in a chat of two; null where that is nothing.
 * @param {Chat} chat @param {string | null} me @param {ReadonlyMap<string, Known>} presence @returns {Known | null}
 */
export function hereOf(chat, me, presence) {
  const other = chat.group || chat.blocked ? undefined : others(chat, me)[0];
  return (other && presence.get(other.u)) ?? null;
}

/** @param {Known} here @param {number} now */
export function hereWords(here, now) {
  if (here.state === 'online') return t('here_online');
  if (here.state === 'away') return t('here_away');
  const seen = here.seen === 'just_now' && now - here.at > JUST_NOW_MS ? 'today' : here.seen;
  return t(seen === null ? 'here_offline' : SEEN[seen]);
}

/** A dot that is full, half or not there: its form says it, the words beside it say it again. @param {Known['state']} state */
export const hereSign = (state) => h('span', { class: 'here', 'data-state': state, 'aria-hidden': 'true' });

/** Who types, by first names; the one other of a chat of two needs no name. @param {readonly string[]} names */
export function typingWords(names) {
  const [first = '', second = ''] = names;
  if (names.length === 0) return '';
  if (names.length === 1) return first === '' ? t('typing') : t('typing_one', { name: first });
  return names.length === 2 ? t('typing_two', { name: first, other: second }) : t('typing_many', { count: names.length });
}
