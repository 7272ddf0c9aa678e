/** The rows of a conversation as elements: messages with their fate, days, dividers and events. */

/** @import { Chat, WireEvent } from '../types.js' */
/** @import { Row, MessageRow } from '../core/timeline.js' */
import { isKey, locale, t } from '../core/i18n.js';
import { clockTime, dayName, fullTime } from '../core/time.js';
import { fullName, memberAvatar } from './avatar.js';
import { announce, store } from './context.js';
import { attribute, h, icon, text } from './dom.js';
import { stateIcon, stateWords } from './states.js';

/**
 * What rows are drawn with.
 * @typedef {{ chat: Chat, connected: boolean, language: 'nl' | 'en', now: number, takeBack: (cid: string, edit: boolean) => Promise<void> }} Facts
 */

/** What each row was drawn from, so that only changed rows are touched. @type {WeakMap<Element, string>} */
const drawn = new WeakMap();

/** An event that is no person's message, in words. @param {WireEvent} event @param {Chat} chat */
export function systemWords(event, chat) {
  const name = () => fullName(chat.members.find((member) => member.u === event.d.u));
  if (event.op === 'chat') {
    if (event.d.change === 'closed') return t('system_closed');
    return t(event.d.cause === 'match' ? 'system_opened_match' : 'system_opened');
  }
  if (event.op === 'member') return t(event.d.change === 'left' ? 'system_left' : 'system_joined', { name: name() });
  return event.d.text ? String(event.d.text) : t('system_other');
}

/** An empty element for a row. @param {Row} row */
export function makeRow(row) {
  if (row.type === 'day') return h('li', { class: 'day' }, h('span'));
  if (row.type === 'unread') return h('li', { class: 'unread-line', 'data-testid': 'unread-divider' }, h('span'));
  if (row.type === 'system') return h('li', { class: 'system' }, h('span', { dir: 'auto' }));
  return h(
    'li',
    { class: 'message', tabindex: -1, 'data-testid': 'message' },
    h('span', { class: 'portrait' }),
    h('div', { class: 'stack' }, h('span', { class: 'author', dir: 'auto', 'aria-hidden': 'true' }), h('div', { class: 'line' }, h('div', { class: 'bubble' }, h('span', { class: 'sr-only said' }), h('p', { class: 'text', dir: 'auto' }), h('span', { class: 'tick' })), h('time', { class: 'side', 'aria-hidden': 'true' })), h('div', { class: 'foot' })),
  );
}

/** Makes an element say what its row says. @param {HTMLElement} element @param {Row} row @param {Facts} facts */
export function fillRow(element, row, facts) {
  const { chat, connected, language, now } = facts;
  if (row.type === 'day') return text(/** @type {Node} */ (element.firstChild), dayName(row.ts, now, language));
  if (row.type === 'unread') return text(/** @type {Node} */ (element.firstChild), t('chat_new_divider'));
  if (row.type === 'system') return text(/** @type {Node} */ (element.firstChild), systemWords(row.event, chat));
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const author = chat.members.find((member) => member.u === row.author);
  const seen = [row.mid, row.seq, row.first, row.last, row.state, row.readers, row.others, row.item?.error?.name, author?.first_name, language, connected].join('|');
  if (drawn.get(element) === seen) return;
  drawn.set(element, seen);
  element.className = `message ${row.own ? 'own' : 'other'}${row.first ? ' first' : ''}${row.last ? ' last' : ''}${chat.group ? ' in-group' : ''}`;
  attribute(element, 'data-mid', row.mid);
  attribute(element, 'data-cid', row.cid);
  attribute(element, 'data-seq', row.seq === null ? null : String(row.seq));
  attribute(element, 'data-state', row.state);
  const time = clockTime(row.ts, language);
  text(part('.said'), `${row.own ? t('message_own', { time }) : t('message_said', { name: fullName(author), time })}: `);
  text(part('.text'), row.text);
  const side = part('.side');
  text(side, time);
  side.title = fullTime(row.ts, language);
  const showAuthor = chat.group && !row.own && row.first;
  text(part('.author'), showAuthor ? fullName(author) : '');
  const portrait = part('.portrait');
  const face = !row.own && chat.group && row.last ? (author?.u ?? '?') : '';
  if (portrait.dataset.face !== face) {
    portrait.dataset.face = face;
    portrait.replaceChildren(...(face ? [memberAvatar(author, 'small')] : []));
  }
  fillFate(element, row, facts, time);
}

/** The sign in the bubble and the words under it. @param {HTMLElement} element @param {MessageRow} row @param {Facts} facts @param {string} time */
function fillFate(element, row, { chat, connected, takeBack }, time) {
  const tick = /** @type {HTMLElement} */ (element.querySelector('.tick'));
  const foot = /** @type {HTMLElement} */ (element.querySelector('.foot'));
  const words = row.state === null ? '' : stateWords(row.state, { connected, group: chat.group, readers: row.readers, others: row.others });
  const error = row.item?.error;
  const footed = row.last || row.state === 'failed' || row.state === 'unconfirmed';
  const key = `${row.state}|${words}|${footed}|${time}|${error?.name ?? ''}|${locale.peek()}`;
  if (element.dataset.fate === key) return;
  const before = element.dataset.fate;
  element.dataset.fate = key;
  tick.replaceChildren(...(row.state === null ? [] : [stateIcon(row.state), h('span', { class: 'sr-only' }, words)]));
  if (row.state === 'failed') {
    const cid = row.cid ?? '';
    if (before !== undefined && !before.startsWith('failed')) announce(t('live_failed'));
    const reason = error ? `refused_${error.name}` : '';
    const why = error ? (isKey(reason) ? t(reason) : t('refused_other', { name: error.name })) : '';
    const act = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {string} */ testid, /** @type {() => void} */ run) => h('button', { type: 'button', class: 'button small', 'data-testid': testid, onclick: run }, icon(sign), label);
    foot.replaceChildren(
      h(
        'div',
        { class: 'failed', role: 'group', 'aria-label': t('message_actions') },
        h('p', null, h('strong', null, t('state_failed')), why ? `. ${why}` : ''),
        h(
          'div',
          { class: 'acts' },
          act('again', t('message_retry'), 'message-retry', () => void store.peek()?.outbox.retry(cid)),
          act('edit', t('message_edit'), 'message-edit', () => void takeBack(cid, true)),
          act('bin', t('message_delete'), 'message-delete', () => void takeBack(cid, false)),
        ),
      ),
    );
  } else if (footed) {
    foot.replaceChildren(h('span', { 'aria-hidden': 'true' }, row.state === null ? time : `${time} · ${words}`));
    if (row.state === 'unconfirmed') foot.title = t('state_unconfirmed_long');
    else foot.removeAttribute('title');
  } else foot.replaceChildren();
}
