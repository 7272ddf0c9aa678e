/** What all screens share: who is signed in, where we are, and the way to the server. */

/** @import { Me } from '../types.js' */
import { DomuClient } from '../client.js';
import { Problem } from '../core/http.js';
import { isKey, locale, pick, t } from '../core/i18n.js';
import { match } from '../core/router.js';
import { signal } from '../core/signals.js';
import { ago } from '../core/time.js';
import { place, recall, remember } from './place.js';

export { recall, recallKeys, remember } from './place.js';

export const client = new DomuClient({ storage: place });
export const { http, store } = client;

/** @type {import('../core/signals.js').Signal<Me | null>} */
export const me = signal(/** @type {Me | null} */ (null));
export const route = signal(match(location.pathname));
/** Query of the address, as it was when we came here. */
export const query = signal(asked());
/** A message that is to be shown, once its conversation is. */
export const wanted = signal(/** @type {null | { chat: string, seq: number }} */ (null));
/** What stands in the way of the whole application. */
export const obstacle = signal(/** @type {null | 'suspended' | 'offline' | 'failed' | 'switched'} */ (null));
/** Whether it is known who is signed in. */
export const known = signal(false);
/** Text for screen readers; the counter makes equal texts count. */
export const spoken = signal({ text: '', count: 0 });

/** @param {string} text */
export function announce(text) {
  spoken.value = { text, count: spoken.peek().count + 1 };
}

/** @param {string} path @param {{ replace?: boolean }} [options] */
export function go(path, { replace = false } = {}) {
  const url = new URL(path, location.origin);
  if (replace) history.replaceState(null, '', url);
  else if (url.href !== location.href) history.pushState({ inside: true }, '', url);
  arrive();
}

/** The query, and the token of a link from a mail: that one is in the fragment, which reaches no server and no log. */
function asked() {
  const all = new URLSearchParams(location.search);
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token !== null) all.set('token', token);
  return all;
}

/** Reads the address. */
export function arrive() {
  query.value = asked();
  const next = match(location.pathname);
  const now = route.peek();
  if (next.screen !== now.screen || next.chat !== now.chat) route.value = next;
}

/** The language chosen on this device, else the account's, else the browser's. @param {Me | null} person */
export function chooseLocale(person) {
  const chosen = recall('domu:locale');
  showLocale(pick([...(chosen ? [chosen] : []), ...(person ? [person.settings.locale] : []), ...navigator.languages]));
}

/** @param {'nl' | 'en'} language */
function showLocale(language) {
  document.documentElement.lang = language;
  locale.value = language;
}

/** Changes the language here and, unless somebody else does that, on the account. @param {'nl' | 'en'} language @param {{ keep?: boolean }} [options] */
export function setLocale(language, { keep = true } = {}) {
  remember('domu:locale', language);
  showLocale(language);
  if (keep && me.peek() !== null) http.settings({ locale: language }).catch(() => {});
}

/** @returns {'light' | 'dark' | 'system'} */
export function theme() {
  const chosen = recall('domu:theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

/** @param {'light' | 'dark' | 'system'} choice */
export function setTheme(choice) {
  remember('domu:theme', choice === 'system' ? null : choice);
  if (choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

/**
 * A problem as a sentence of ours. @param {unknown} error @param {import('../core/i18n.js').Key} [instead] for `bad_request` and the like
 * @returns {{ text: string, reference: string | null }}
 */
export function explain(error, instead) {
  if (!(error instanceof Problem)) return { text: t('problem_internal'), reference: null };
  const key = `problem_${error.name}`;
  const soft = error.name === 'bad_request' || error.name === 'not_found' || error.name === 'forbidden' || error.name === 'unrecoverable_position';
  let text;
  if (error.name === 'rate_limited') {
    const wait = error.after_ms ?? 60_000;
    const relative = new Intl.RelativeTimeFormat(locale.value, { numeric: 'always' });
    const when = wait < 90_000 ? relative.format(Math.max(1, Math.ceil(wait / 1000)), 'second') : wait < 5_400_000 ? relative.format(Math.ceil(wait / 60_000), 'minute') : relative.format(Math.ceil(wait / 3_600_000), 'hour');
    text = t('problem_rate_limited', { when });
  } else if (instead && soft) text = t(instead);
  else text = isKey(key) ? t(key) : t('problem_internal');
  const ours = error.status >= 500 || !isKey(key) || error.name === 'invalid_csrf';
  return { text, reference: ours ? (error.request_id ?? null) : null };
}

/** @param {string | number} when */
export const relative = (when) => ago(new Date(when).getTime(), Date.now(), locale.value);
