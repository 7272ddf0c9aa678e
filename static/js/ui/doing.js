/** What one does with the messages of a conversation: react, answer, change, delete. */

/** @import { Chat } from '../types.js' */
/** @import { MessageRow, Row } from '../core/timeline.js' */
/** @import { Composer } from './composer.js' */
import { t } from '../core/i18n.js';
import { quoteOf } from '../core/timeline.js';
import { showActions } from './actions.js';
import { actionProblem } from './composer.js';
import { announce, store } from './context.js';
import { ask } from './parts.js';
import { quoteWords } from './rows.js';

export class Doing {
  /** @param {{ host: HTMLElement, chat: string, composer: Composer, rows: () => readonly Row[], reveal: (seq: number) => Promise<void> }} setup */
  constructor(setup) {
    this.setup = setup;
  }

  /** The row that an element shows. @param {Element | null} element @param {(row: MessageRow, message: HTMLElement) => void} use */
  rowOf(element, use) {
    const message = element?.closest('.message');
    const row = message instanceof HTMLElement ? this.setup.rows().find((row) => row.key === message.dataset.key) : undefined;
    if (message instanceof HTMLElement && row?.type === 'message') use(row, message);
  }

  /** What can be done with a message now. @param {MessageRow} row @returns {import('./actions.js').Can} */
  can(row) {
    const held = store.peek();
    const { chat: id } = this.setup;
    const chat = held?.streams.peek().chats.get(id);
    const { mid, seq } = row;
    const { composer } = this.setup;
    if (!held || !chat || mid === null || seq === null) return row.text === '' ? {} : { copy: () => void this.copy(row) };
    const writes = chat.status === 'open' && composer.setup?.blocked() === null;
    const within = (/** @type {number | undefined} */ ms) => row.own && !row.deleted && chat.status === 'open' && (ms === undefined || Date.now() - row.ts < ms);
    const tried = (/** @type {Promise<unknown>} */ work) => void work.catch((error) => this.failed(error));
    const { quote } = row;
    const reply = quoteOf(chat, seq);
    return {
      ...(writes && !row.deleted ? { react: (emoji, on) => tried(held.react(id, mid, emoji, on)), reply: () => composer.reply({ mid, seq, ...this.said(reply, chat) }) } : {}),
      ...(quote && quote.state === 'shown' ? { quoted: () => void this.setup.reveal(quote.seq) } : {}),
      ...(writes && within(held.limits.edit_ms) ? { edit: () => composer.edit({ mid, rev: row.rev, words: row.text }) } : {}),
      ...(row.deleted ? {} : { copy: () => void this.copy(row) }),
      erase: () => void this.delete(mid, 'me'),
      ...(within(held.limits.delete_ms) ? { revoke: () => void this.delete(mid, 'all') } : {}),
    };
  }

  /** @param {import('../core/timeline.js').Quote} quote @param {Chat} chat */
  said(quote, chat) {
    const { name, text } = quoteWords(quote, chat, store.peek()?.me.id ?? '');
    return { name, words: text };
  }

  /** Something did not work. @param {unknown} error */
  failed(error) {
    const why = actionProblem(error);
    announce(t(why));
    this.setup.composer.problem.value = why;
  }

  /** @param {MessageRow} row */
  async copy(row) {
    try {
      await navigator.clipboard.writeText(row.text);
      announce(t('action_copied'));
    } catch (error) {
      this.failed(error);
    }
  }

  /** @param {string} mid @param {'me' | 'all'} scope */
  async delete(mid, scope) {
    const words = scope === 'me' ? /** @type {const} */ (['erase_title', 'erase_text']) : /** @type {const} */ (['revoke_title', 'revoke_text']);
    const { host } = this.setup;
    const yes = await ask(host, { title: t(words[0]), text: [t(words[1])], yes: t('delete_yes'), no: t('delete_no'), danger: true, testid: `delete-${scope}` });
    if (!yes) return;
    if (this.setup.composer.mode.peek()?.mid === mid) this.setup.composer.cancel();
    try {
      await store.peek()?.remove(this.setup.chat, mid, scope);
      announce(t('delete_done'));
    } catch (error) {
      this.failed(error);
    }
    this.setup.composer.focusArea();
  }

  /** A press somewhere in a message. @param {MouseEvent} event */
  pressed(event) {
    const target = event.target instanceof Element ? event.target : null;
    const [quote, reaction, more] = ['.quote', '.reaction', '.more'].map((what) => target?.closest(what));
    this.rowOf(target, (row, message) => {
      const can = this.can(row);
      if (quote) can.quoted?.();
      else if (reaction instanceof HTMLElement) {
        const kind = row.reactions.find((kind) => kind.emoji === reaction.dataset.emoji);
        if (kind) can.react?.(kind.emoji, !kind.mine);
      } else if (more || (target?.closest('.bubble') && matchMedia('(hover: none)').matches && getSelection()?.isCollapsed !== false)) showActions(this.setup.host, message, row, can);
    });
  }

  /** Changes the newest message of this person, if that is still possible. */
  editLast() {
    const row = this.setup.rows().findLast((row) => row.type === 'message' && row.own);
    if (row?.type === 'message') this.can(row).edit?.();
  }

  /** Which revision of a message is shown. @param {string} mid */
  revision(mid) {
    const row = this.setup.rows().find((row) => row.type === 'message' && row.mid === mid);
    return row?.type === 'message' ? row.rev : null;
  }

  /** Enter on a message opens what can be done with it, R answers it; whether the key was one of these. @param {KeyboardEvent} event */
  typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !['Enter', 'ContextMenu', 'r'].includes(event.key)) return false;
    event.preventDefault();
    this.rowOf(/** @type {Element} */ (event.target), (row, message) => (event.key === 'r' ? this.can(row).reply?.() : showActions(this.setup.host, message, row, this.can(row))));
    return true;
  }
}
