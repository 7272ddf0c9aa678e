/** Where a message is written: grows with it, keeps it on the device, and says when it is too long. */

import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { scalars } from '../core/text.js';
import { recall, remember } from './context.js';
import { attribute, h, icon, Part, text } from './dom.js';
import { draftKey } from './place.js';

/** Characters left from which on the counter shows. */
const COUNTER_FROM = 400;
/** Pause in typing after which the draft is kept. Milliseconds. */
const DRAFT_MS = 300;

/** Counts changes of drafts, for who shows them. */
export const drafts = signal(0);

class Composer extends Part {
  constructor() {
    super();
    /** @type {{ user: string, chat: string, name: () => string, limit: () => number, blocked: () => string | null, offer: () => { words: string, run: () => void } | null, typed: (some: boolean) => void, send: (text: string) => Promise<void> } | null} */
    this.setup = null;
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
    const form = h('form', { class: 'composer', novalidate: true }, h('div', { class: 'composer-why' }, notice, offer), h('div', { class: 'composer-box' }, area, button), counter, hint);
    this.replaceChildren(form);
    area.setAttribute('aria-describedby', 'composer-hint composer-counter composer-notice');
    area.value = recall(key) ?? '';

    const problem = signal(/** @type {null | 'composer_full' | 'composer_unstored'} */ (null));
    const size = signal(scalars(area.value));
    /** @type {any} */ let timer = null;
    const keep = () => {
      clearTimeout(timer);
      timer = null;
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
      if (setup.blocked() === null) setup.typed(area.value.trim() !== '');
    });
    this.listen(window, 'pagehide', keep);
    this.listen(document, 'visibilitychange', keep);
    this.ends.push(keep);

    this.watch(() => {
      const name = setup.name();
      attribute(area, 'aria-label', t('composer_label', { name }));
      attribute(area, 'placeholder', t('composer_placeholder'));
      attribute(button, 'aria-label', t('composer_send'));
      attribute(button, 'title', t('composer_send'));
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
      // The outbox writes it down before this goes on, so from here on it is a draft no more.
      const sending = setup.send(words);
      area.value = '';
      changed();
      keep();
      try {
        await sending;
      } catch (error) {
        // Nothing was taken over: the text goes back to where it was written.
        area.value = area.value === '' ? words : `${words}\n${area.value}`;
        changed();
        problem.value = error instanceof Error && error.message === 'outbox_full' ? 'composer_full' : 'composer_unstored';
      }
    };
    this.listen(form, 'submit', (event) => {
      event.preventDefault();
      void submit();
      area.focus();
    });
    this.listen(area, 'keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      void submit();
    });
    this.grow();
  }

  /** Puts a text back to be changed, before what is there. @param {string} words */
  take(words) {
    const { area } = this;
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
