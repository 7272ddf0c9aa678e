/** Finding a chat by a name: among those at hand at once, and among all by asking the server. */

/** @import { Chat, WireChat } from '../types.js' */
import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { fits } from '../core/text.js';
import { api } from './api.js';
import { chatName } from './avatar.js';
import { me } from './context.js';
import { h, icon } from './dom.js';
import { Finds } from './finds.js';

/** Pause in typing after which the server is asked. Milliseconds. */
const PAUSE_MS = 250;

export class Search {
  /** What is looked for; empty for everything. */
  words = signal('');
  /** Chats that the server found. */
  found = signal(/** @type {WireChat[]} */ ([]));
  /** How many more fit than the server has told. */
  more = signal(0);
  /** What the server is doing about it. */
  state = signal(/** @type {'idle' | 'asking' | 'done' | 'failed'} */ ('idle'));

  /** What was said with these words. */
  finds = new Finds();

  constructor() {
    this.input = h('input', { type: 'search', name: 'search', id: 'chat-search', autocomplete: 'off', enterkeyhint: 'search', spellcheck: 'false', 'data-testid': 'chat-search' });
    this.element = h('div', { class: 'search', role: 'search' }, icon('search'), this.input);
    /** @type {any} */ this.timer = null;
    this.input.addEventListener('input', () => this.changed());
    this.input.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.input.value === '') return;
      event.preventDefault();
      this.input.value = '';
      this.changed();
    });
  }

  /** Says in the reader's language what it is for. */
  label() {
    this.input.setAttribute('aria-label', t('search_label'));
    this.input.placeholder = t('search_label');
  }

  changed() {
    clearTimeout(this.timer);
    const words = this.input.value.trim();
    // What was found for other words says nothing about these.
    this.found.value = [];
    this.more.value = 0;
    this.words.value = words;
    this.finds.changed(words);
    if (words === '') {
      this.state.value = 'idle';
      return;
    }
    this.state.value = 'asking';
    this.timer = setTimeout(() => {
      void this.ask(words);
      void this.finds.ask();
    }, PAUSE_MS);
  }

  /** @param {string} words */
  async ask(words) {
    try {
      const { chats, total } = await api.searchChats(words);
      if (this.words.peek() !== words) return;
      this.found.value = chats;
      this.more.value = Math.max(0, total - chats.length);
      this.state.value = 'done';
    } catch {
      if (this.words.peek() === words) this.state.value = 'failed';
    }
  }

  /** The chats that fit, of those at hand and those the server found. @param {readonly Chat[]} held @returns {Chat[]} */
  among(held) {
    const words = this.words.value;
    const own = me.peek()?.id ?? null;
    if (words === '') return held.filter((chat) => !chat.blocked);
    const found = new Set(this.found.value.map((chat) => chat.id));
    const fitting = held.filter((chat) => found.has(chat.id) || fits(chatName(chat, own), words) || chat.members.some((member) => member.u !== own && fits(`${member.first_name} ${member.last_name}`, words)));
    const known = new Set(held.map((chat) => chat.id));
    // Their events come when they are opened.
    const further = this.found.value.filter((chat) => !known.has(chat.id)).map((wire) => /** @type {Chat} */ ({ ...wire, seq: wire.head, from: wire.head + 1, more: true, ahead: new Map(), quoted: new Map(), counted: wire.head }));
    return [...fitting, ...further];
  }
}
