/** Where a message is written: grows with it, keeps it on the device, and says when it is too long. */

/** @import { Answered } from '../types.js' */
import { isKey, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { WireError } from '../core/socket.js';
import { scalars } from '../core/text.js';
import { recall, remember } from './context.js';
import { attribute, h, icon, Part, text } from './dom.js';
import { draftKey } from './place.js';

/** Characters left from which on the counter shows. */
const COUNTER_FROM = 400;
/** Pause in typing after which the draft is kept. Milliseconds. */
const DRAFT_MS = 300;

/**
 * @typedef {{ type: 'edit', mid: string, rev: number, words: string, before: string }} Editing
 * @typedef {{ type: 'reply', mid: string, seq: number, name: string, words: string } | Editing | null} Mode
 */

/** Why something could not be done with a message, as a sentence of ours. @param {unknown} error @returns {import('../core/i18n.js').Key} */
export function actionProblem(error) {
  const name = error instanceof WireError ? error.refusal?.name : undefined;
  if (name === 'stale_rev') return 'edit_stale';
  if (name === 'forbidden') return 'action_too_late';
  if (name === 'not_found' || name === 'conflict') return 'action_gone';
  if (name === 'rate_limited') return 'action_slow';
  const known = `refused_${name}`;
  return isKey(known) ? known : 'action_failed';
}

/** A range of characters as a field counts them. @param {string} words @param {number} from @param {number} to @returns {[number, number]} */
function units(words, from, to) {
  const letters = [...words];
  return [letters.slice(0, from).join('').length, letters.slice(0, to).join('').length];
}

/** Counts changes of drafts, for who shows them. */
export const drafts = signal(0);

class Composer extends Part {
  constructor() {
    super();
    /** @type {{ user: string, chat: string, name: () => string, limit: () => number, blocked: () => string | null, offer: () => { words: string, run: () => void } | null, typed: (some: boolean) => void, send: (text: string, reply?: Answered) => Promise<void>, edit: (mid: string, rev: number, text: string) => Promise<void>, editLast: () => void, revision: (mid: string) => number | null } | null} */
    this.setup = null;
    /** What went wrong with the last thing that was tried. */
    this.problem = signal(/** @type {null | import('../core/i18n.js').Key} */ (null));
    /** What is written: a message, an answer to one, or another text of one. */
    this.mode = signal(/** @type {Mode} */ (null));
    this.area = h('textarea', { rows: 1, dir: 'auto', 'data-testid': 'composer', enterkeyhint: 'send', autocomplete: 'off' });
  }

  begin() {
    const { setup, area } = this;
    if (setup === null) return;
    const key = draftKey(setup.user, setup.chat);
    const button = h('button', { type: 'submit', class: 'button primary icon-only send', 'data-testid': 'send' }, icon('send'));
    const counter = h('p', { class: 'counter', id: 'composer-counter', 'data-testid': 'counter' });
    const notice = h('p', { class: 'composer-notice', id: 'composer-notice', role: 'status', 'data-testid': 'composer-notice' });
    const offer = h('button', { type: 'button', class: 'button small', hidden: true, 'data-testid': 'composer-offer', onclick: () => setup.offer()?.run() });
    const hint = h('p', { class: 'sr-only', id: 'composer-hint' });
    const about = h('p', null, h('b', { dir: 'auto' }), h('span', { class: 'words', dir: 'auto' }));
    const cancel = h('button', { type: 'button', class: 'button quiet icon-only', 'data-testid': 'mode-cancel', onclick: () => this.cancel() }, icon('cross'));
    const modeBar = h('div', { class: 'composer-mode', hidden: true, 'data-testid': 'composer-mode' }, about, cancel);
    const form = h('form', { class: 'composer', novalidate: true }, modeBar, h('div', { class: 'composer-why' }, notice, offer), h('div', { class: 'composer-box' }, area, button), counter, hint);
    this.replaceChildren(form);
    area.setAttribute('aria-describedby', 'composer-hint composer-counter composer-notice');
    area.value = recall(key) ?? '';

    const { problem, mode } = this;
    const size = signal(scalars(area.value));
    /** @type {any} */ let timer = null;
    const keep = () => {
      clearTimeout(timer);
      timer = null;
      // What is being changed was sent before: it is no draft.
      if (mode.peek()?.type === 'edit') return;
      const held = recall(key) ?? '';
      if (held === area.value) return;
      remember(key, area.value === '' ? null : area.value);
      drafts.value += 1;
    };
    this.keep = keep;
    const changed = () => {
      size.value = scalars(area.value);
      problem.value = null;
      this.grow();
      timer ??= setTimeout(keep, DRAFT_MS);
    };
    this.changed = changed;
    this.listen(area, 'input', () => {
      changed();
      if (setup.blocked() === null && mode.peek()?.type !== 'edit') setup.typed(area.value.trim() !== '');
    });
    this.listen(window, 'pagehide', keep);
    this.listen(document, 'visibilitychange', keep);
    this.ends.push(keep);

    this.watch(() => {
      const name = setup.name();
      attribute(area, 'aria-label', t('composer_label', { name }));
      attribute(area, 'placeholder', t('composer_placeholder'));
      const now = mode.value;
      const send = t(now?.type === 'edit' ? 'mode_save' : 'composer_send');
      attribute(button, 'aria-label', send);
      attribute(button, 'title', send);
      attribute(cancel, 'aria-label', t('mode_cancel'));
      attribute(cancel, 'title', t('mode_cancel'));
      modeBar.hidden = now === null;
      text(/** @type {Node} */ (about.firstChild), now === null ? '' : now.type === 'edit' ? t('mode_edit') : t('mode_reply', { name: now.name }));
      text(/** @type {Node} */ (about.lastChild), now?.words ?? '');
      text(hint, t('composer_hint'));
      const blocked = setup.blocked();
      const left = setup.limit() - size.value;
      text(notice, problem.value ? t(problem.value) : (blocked ?? ''));
      const offered = setup.offer();
      offer.hidden = offered === null;
      text(offer, offered?.words ?? '');
      notice.classList.toggle('bad', problem.value !== null);
      attribute(counter, 'data-over', left < 0 ? 'true' : null);
      text(counter, left < 0 ? t('composer_over', { count: -left }) : left <= COUNTER_FROM ? t('composer_left', { count: left }) : '');
      attribute(area, 'aria-invalid', left < 0 ? 'true' : null);
      const idle = area.value.trim() === '' || left < 0 || blocked !== null;
      attribute(button, 'aria-disabled', idle ? 'true' : null);
    });

    const submit = async () => {
      const words = area.value.trim();
      if (words === '' || scalars(words) > setup.limit() || setup.blocked() !== null) return;
      const now = mode.peek();
      if (now?.type === 'edit') return save(now, words);
      // The outbox writes it down before this goes on, so from here on it is a draft no more.
      const sending = now === null ? setup.send(words) : setup.send(words, { mid: now.mid, seq: now.seq });
      mode.value = null;
      area.value = '';
      changed();
      keep();
      try {
        await sending;
      } catch (error) {
        // Nothing was taken over: the text goes back to where it was written.
        this.cancel();
        area.value = area.value === '' ? words : `${words}\n${area.value}`;
        changed();
        mode.value ??= now;
        problem.value = error instanceof Error && error.message === 'outbox_full' ? 'composer_full' : 'composer_unstored';
      }
    };
    let saving = false;
    const save = async (/** @type {Editing} */ now, /** @type {string} */ words) => {
      if (saving) return;
      saving = true;
      try {
        if (words !== now.words) await setup.edit(now.mid, now.rev, words);
        if (mode.peek() === now) this.cancel();
      } catch (error) {
        const why = actionProblem(error);
        problem.value = why;
        const [from, to] = (error instanceof WireError ? error.refusal?.d?.span : undefined) ?? [0, 0];
        // The part that may not be sent is selected.
        if (from < to) area.setSelectionRange(...units(words, from, to));
        // Who reads that and saves again has seen it.
        if (why === 'edit_stale' && mode.peek() === now) mode.value = { ...now, rev: setup.revision(now.mid) ?? now.rev };
      } finally {
        saving = false;
      }
    };
    this.listen(form, 'submit', (event) => {
      event.preventDefault();
      void submit();
      area.focus();
    });
    this.listen(area, 'keydown', (event) => {
      if (event.key === 'Escape' && mode.peek() !== null) {
        event.preventDefault();
        this.cancel();
        return;
      }
      if (event.key === 'ArrowUp' && area.value === '' && mode.peek() === null) {
        event.preventDefault();
        setup.editLast();
        return;
      }
      if (event.key !== 'Enter' || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      void submit();
    });
    this.grow();
  }

  /** The next message answers one. @param {Answered & { name: string, words: string }} what */
  reply({ mid, seq, name, words }) {
    this.cancel();
    this.mode.value = { type: 'reply', mid, seq, name, words };
    this.focusArea();
  }

  /** What is written replaces the text of a message. @param {{ mid: string, rev: number, words: string }} what */
  edit({ mid, rev, words }) {
    const { area } = this;
    this.cancel();
    this.keep?.();
    this.mode.value = { type: 'edit', mid, rev, words, before: area.value };
    area.value = words;
    this.changed?.();
    this.focusArea();
    area.setSelectionRange(words.length, words.length);
  }

  /** Back to an ordinary message, with what was written before. */
  cancel() {
    const now = this.mode.peek();
    if (now === null) return;
    this.mode.value = null;
    if (now.type === 'edit') {
      this.area.value = now.before;
      this.changed?.();
    }
    this.problem.value = null;
    this.focusArea();
  }

  /** Puts a text back to be changed, before what is there. @param {string} words */
  take(words) {
    const { area } = this;
    this.cancel();
    area.value = area.value.trim() === '' ? words : `${words}\n${area.value}`;
    this.changed?.();
    area.focus();
    area.setSelectionRange(words.length, words.length);
  }

  focusArea() {
    this.area.focus({ preventScroll: true });
  }

  /** Six lines at most; browsers that size fields by themselves do so in the style sheet. */
  grow() {
    if (CSS.supports('field-sizing', 'content')) return;
    const { area } = this;
    area.rows = 1;
    while (area.rows < 6 && area.scrollHeight > area.clientHeight + 2) area.rows += 1;
  }
}

customElements.define('domu-composer', Composer);
export { Composer, draftKey };
