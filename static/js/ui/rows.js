/** The rows of a conversation as elements: messages with their fate, days, dividers and events. */

/** @import { Chat, WireEvent } from '../types.js' */
/** @import { Quote, Row, MessageRow } from '../core/timeline.js' */
import { isKey, locale, t } from '../core/i18n.js';
import { clockTime, dayName, fullTime } from '../core/time.js';
import { fullName, memberAvatar } from './avatar.js';
import { announce, store } from './context.js';
import { attribute, h, icon, text } from './dom.js';
import { stateIcon, stateWords } from './states.js';

/**
 * What rows are drawn with.
 * @typedef {{ chat: Chat, own: string, connected: boolean, language: 'nl' | 'en', now: number, takeBack: (cid: string, edit: boolean) => Promise<void> }} Facts
 */

/** What each row was drawn from, so that only changed rows are touched. @type {WeakMap<Element, string>} */
const drawn = new WeakMap();

/** An event that is no person's message, in words. @param {WireEvent} event @param {Chat} chat */
export function systemWords(event, chat) {
  const name = () => fullName(chat.members.find((member) => member.u === event.d.u));
  if (event.op === 'chat') {
    if (event.d.change === 'closed') return t('system_closed');
    if (event.d.change === 'renamed') return t('system_renamed', { title: String(event.d.title ?? '') });
    if (event.d.cause === 'group') return t('system_opened_group');
    return t(event.d.cause === 'match' ? 'system_opened_match' : 'system_opened');
  }
  if (event.op === 'member') return t(event.d.change === 'joined' ? 'system_joined' : event.d.change === 'role' ? (event.d.role === 'owner' ? 'system_owner' : 'system_member') : event.d.change === 'removed' ? 'system_removed' : 'system_left', { name: name() });
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
    h('div', { class: 'stack' }, h('span', { class: 'author', dir: 'auto', 'aria-hidden': 'true' }), h('div', { class: 'line' }, h('div', { class: 'bubble' }, h('span', { class: 'sr-only said' }), h('button', { type: 'button', class: 'quote', tabindex: -1, hidden: true, 'data-testid': 'quote' }, h('b', { dir: 'auto' }), h('span', { dir: 'auto' })), h('p', { class: 'text', dir: 'auto' }), h('span', { class: 'tick' })), h('time', { class: 'side', 'aria-hidden': 'true' }), h('button', { type: 'button', class: 'more', tabindex: -1, 'data-testid': 'message-more' }, icon('more'))), h('div', { class: 'reactions' }), h('div', { class: 'foot' })),
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
  const seen = [row.mid, row.text, row.edited, row.deleted, row.seq, row.first, row.last, row.state, row.readers, row.others, row.item?.error?.name, author?.first_name, language, connected, row.quote ? JSON.stringify(row.quote) : '', row.reactions.length > 0 ? JSON.stringify(row.reactions) : ''].join('|');
  if (drawn.get(element) === seen) return;
  drawn.set(element, seen);
  element.className = `message ${row.own ? 'own' : 'other'}${row.first ? ' first' : ''}${row.last ? ' last' : ''}${chat.group ? ' in-group' : ''}`;
  attribute(element, 'data-mid', row.mid);
  attribute(element, 'data-cid', row.cid);
  attribute(element, 'data-seq', row.seq === null ? null : String(row.seq));
  attribute(element, 'data-state', row.state);
  const time = clockTime(row.ts, language);
  text(part('.said'), `${row.own ? t('message_own', { time }) : t('message_said', { name: fullName(author), time })}: `);
  fillText(part('.text'), row);
  part('.text').classList.toggle('gone', row.deleted);
  attribute(element, 'data-edited', row.edited ? '' : null);
  const side = part('.side');
  text(side, row.edited ? `${t('message_edited')} · ${time}` : time);
  side.title = fullTime(row.ts, language);
  const showAuthor = chat.group && !row.own && row.first;
  text(part('.author'), showAuthor ? fullName(author) : '');
  const portrait = part('.portrait');
  const face = !row.own && chat.group && row.last ? (author?.u ?? '?') : '';
  if (portrait.dataset.face !== face) {
    portrait.dataset.face = face;
    portrait.replaceChildren(...(face ? [memberAvatar(author, 'small')] : []));
  }
  attribute(part('.more'), 'aria-label', t('actions_more'));
  fillQuote(part('.quote'), row, facts);
  fillReactions(part('.reactions'), row, chat);
  fillFate(element, row, facts, row.edited ? `${t('message_edited')} · ${time}` : time);
}

/** The words of a message; what may not be sent is marked in them. @param {HTMLElement} element @param {MessageRow} row */
function fillText(element, row) {
  const [from, to] = row.item?.error?.d?.span ?? [0, 0];
  if (element.firstElementChild) element.replaceChildren();
  if (row.deleted || row.state !== 'failed' || from >= to) return text(element, row.deleted ? t('message_deleted') : row.text);
  const letters = [...row.text];
  element.replaceChildren(letters.slice(0, from).join(''), h('mark', { class: 'refused', 'data-testid': 'refused-part' }, letters.slice(from, to).join('')), letters.slice(to).join(''));
}

/** What a message answers, as that is now. @param {HTMLElement} element @param {MessageRow} row @param {Facts} facts */
function fillQuote(element, { quote, deleted }, { chat, own }) {
  element.hidden = quote === null || deleted;
  if (quote === null || deleted) return;
  const words = quoteWords(quote, chat, own);
  attribute(element, 'data-state', quote.state);
  attribute(element, 'data-quoted', String(quote.seq));
  attribute(element, 'aria-label', `${words.name} ${words.text}. ${t('quote_go', { name: words.name })}`);
  text(/** @type {Node} */ (element.firstChild), words.name);
  text(/** @type {Node} */ (element.lastChild), words.text);
}

/** Who said what, as a quote tells it. @param {Quote} quote @param {Chat} chat @param {string} own */
export function quoteWords({ state, author, text }, chat, own) {
  const name = author === null ? '' : author === own ? t('quote_you') : fullName(chat.members.find((member) => member.u === author));
  return { name, text: state === 'shown' ? text : t(state === 'deleted' ? 'quote_deleted' : state === 'unseen' ? 'quote_unseen' : 'quote_asked') };
}

/** @param {HTMLElement} element @param {MessageRow} row @param {Chat} chat */
function fillReactions(element, { reactions }, chat) {
  element.replaceChildren(
    ...reactions.map(({ emoji, people, mine }) => {
      const names = people.map((person) => chat.members.find((member) => member.u === person)?.first_name ?? t('chat_nobody')).join(', ');
      const words = t('reaction_by', { emoji, names, count: people.length });
      return h('button', { type: 'button', class: 'reaction', tabindex: -1, 'aria-pressed': String(mine), 'aria-label': words, title: words, 'data-emoji': emoji, 'data-testid': 'reaction' }, emoji, people.length > 1 ? h('span', null, people.length) : null);
    }),
  );
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
