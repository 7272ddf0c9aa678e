/** Whether a person wants to be told of a chat, in its panel. */

import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { FOR_EVER, isMuted } from '../core/streams.js';
import { fullTime } from '../core/time.js';
import { api } from './api.js';
import { announce, store } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { trouble } from './parts.js';

const HOUR_MS = 3_600_000;

/** How long a chat can be muted, and what that is called. @type {readonly { id: string, ms: number | null, words: import('../core/i18n.js').Key }[]} */
const TERMS = [
  { id: 'hour', ms: HOUR_MS, words: 'mute_hour' },
  { id: 'day', ms: 24 * HOUR_MS, words: 'mute_day' },
  { id: 'always', ms: null, words: 'mute_always' },
];

class MuteSetting extends Part {
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    const id = this.dataset.chat ?? '';
    const minute = signal(0);
    this.every(60_000, () => (minute.value += 1));
    this.watch(() => {
      const chat = store.value?.streams.value.chats.get(id);
      if (chat === undefined) return;
      void minute.value;
      const muted = isMuted(chat, Date.now());
      rebuild(this, () => [
        h('h3', null, t('mute_title')),
        h('p', { class: 'muted small', 'data-testid': 'mute-state' }, muted ? (chat.muted >= FOR_EVER ? t('mute_on') : t('mute_until', { time: fullTime(chat.muted, locale.value) })) : t('mute_off')),
        this.problem.value ? trouble(this.problem.value) : null,
        muted
          ? h('button', { type: 'button', class: 'button', id: 'unmute', 'data-testid': 'unmute', onclick: () => void this.run(id, false, null) }, icon('bell'), t('mute_end'))
          : h('div', { class: 'row' }, ...TERMS.map((term) => h('button', { type: 'button', class: 'button', id: `mute-${term.id}`, 'data-testid': `mute-${term.id}`, onclick: () => void this.run(id, true, term.ms) }, icon('bell-off'), t(term.words)))),
      ].filter((part) => part !== null));
    });
  }

  /** @param {string} id @param {boolean} on @param {number | null} ms */
  async run(id, on, ms) {
    this.problem.value = null;
    try {
      const { muted = 0 } = await api.mute(id, on, ms === null ? null : Date.now() + ms);
      store.peek()?.muted(id, muted);
      announce(t(on ? 'mute_on_done' : 'mute_end_done'));
      focusSoon(() => document.getElementById(on ? 'unmute' : 'mute-hour'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

customElements.define('domu-mute', MuteSetting);
