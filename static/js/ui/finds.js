/** Finding what was said: messages of all chats by their words, asked of the server. */

/** @import { Chat, Hit } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { fullTime, listTime } from '../core/time.js';
import { api } from './api.js';
import { chatName, fullName } from './avatar.js';
import { me, wanted } from './context.js';
import { h, text } from './dom.js';

/** The fewest characters that are asked about. */
const CHARS_MIN = 2;
/** Characters shown before the first word that was found. */
const CHARS_BEFORE = 24;
/** Characters shown of a message. */
const CHARS_SHOWN = 140;

export class Finds {
  /** Messages that were found. */
  hits = signal(/** @type {Hit[]} */ ([]));
  /** Where the next page begins. */
  next = signal(/** @type {string | null} */ (null));
  /** What the server is doing about it. */
  state = signal(/** @type {'idle' | 'asking' | 'done' | 'failed'} */ ('idle'));
  words = '';
  /** Counts what was asked: the answer to an earlier question is not heard, also when its words are the same again. */
  turn = 0;

  /** Forgets what was found for other words. @param {string} words */
  changed(words) {
    this.words = words;
    this.turn += 1;
    this.hits.value = [];
    this.next.value = null;
    this.state.value = [...words].length < CHARS_MIN || !/[\p{L}\p{N}]/u.test(words) ? 'idle' : 'asking';
  }

  /** Asks for the first page, or for the one after what is shown. */
  async ask() {
    const { words } = this;
    const turn = (this.turn += 1);
    if (this.state.peek() === 'idle') return;
    this.state.value = 'asking';
    try {
      const found = await api.searchMessages(words, this.next.peek());
      if (this.turn !== turn) return;
      this.hits.value = [...this.hits.peek(), ...found.hits];
      this.next.value = found.next ?? null;
      this.state.value = 'done';
    } catch {
      if (this.turn === turn) this.state.value = 'failed';
    }
  }

  /** What was found, under its heading. @param {ReadonlyMap<string, Chat>} chats @returns {Node[]} */
  shown(chats) {
    const [state, hits, next] = [this.state.value, this.hits.value, this.next.value];
    if (state === 'idle') return [];
    const words = state === 'asking' ? t('search_asking') : state === 'failed' ? t('finds_failed') : hits.length === 0 ? t('finds_nothing') : '';
    return [
      h('h2', { class: 'finds-title', id: 'finds-title' }, t('finds_title')),
      h('ul', { class: 'finds', 'aria-labelledby': 'finds-title', 'data-testid': 'finds' }, ...hits.map((hit) => this.row(hit, chats))),
      h('p', { class: 'search-state', role: 'status', 'data-testid': 'finds-state', 'data-state': state }, words),
      ...(next !== null && state === 'done' ? [h('button', { type: 'button', class: 'button quiet', 'data-testid': 'finds-more', onclick: () => void this.ask() }, t('finds_more'))] : []),
      ...(state === 'failed' ? [h('button', { type: 'button', class: 'button quiet', onclick: () => void this.ask() }, t('retry'))] : []),
    ];
  }

  /** @param {Hit} hit @param {ReadonlyMap<string, Chat>} chats */
  row({ event, spans }, chats) {
    const id = event.ch.replace(/^chat:/, '');
    const own = me.peek()?.id ?? null;
    const chat = chats.get(id);
    const author = event.d.u === own ? t('finds_you') : fullName(chat?.members.find((member) => member.u === event.d.u));
    const time = /** @type {HTMLTimeElement} */ (h('time', { class: 'chat-time', datetime: new Date(event.ts).toISOString(), title: fullTime(event.ts, locale.value) }));
    text(time, listTime(event.ts, Date.now(), locale.value));
    const open = () => (wanted.value = { chat: id, seq: event.seq });
    return h(
      'li',
      null,
      h(
        'a',
        { class: 'find', href: `/chats/${id}`, onclick: open, 'data-testid': 'find', 'data-seq': String(event.seq) },
        h('span', { class: 'find-where' }, h('bdi', null, chat ? chatName(chat, own) : author)),
        time,
        h('span', { class: 'find-text', dir: 'auto' }, ...(chat?.group || event.d.u === own ? [`${author}: `] : []), ...excerpt(String(event.d.text ?? ''), spans)),
      ),
    );
  }
}

/** The part of a text around the first place, with the places marked. Places are in characters, as the server counts. @param {string} whole @param {readonly (readonly number[])[]} spans */
export function excerpt(whole, spans) {
  const letters = [...whole];
  const first = spans[0]?.[0] ?? 0;
  const from = first <= CHARS_BEFORE ? 0 : first - CHARS_BEFORE;
  const to = Math.min(letters.length, from + CHARS_SHOWN);
  /** @type {(Node | string)[]} */
  const parts = from > 0 ? ['…'] : [];
  let at = from;
  for (const [begin = 0, end = 0] of spans) {
    if (begin < at || end > to) continue;
    parts.push(letters.slice(at, begin).join(''), h('mark', null, letters.slice(begin, end).join('')));
    at = end;
  }
  parts.push(letters.slice(at, to).join(''), to < letters.length ? '…' : '');
  return parts;
}
