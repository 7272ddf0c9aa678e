/** Where the link of a mail leads that ends such mails: nothing happens until the button is pressed. */

import { Problem } from '../core/http.js';
import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { query } from './context.js';
import { focusSoon, h, Part, rebuild } from './dom.js';
import { door, link } from './doors.js';
import { notice, trouble } from './parts.js';

class Unsubscribe extends Part {
  state = signal(/** @type {'asked' | 'busy' | 'done'} */ ('asked'));
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    /** The proof in the link; it leaves the address at once, for it belongs in no history. */
    this.token = query.peek().get('token') ?? '';
    if (this.token) history.replaceState(null, '', '/unsubscribe');
    this.watch(() => {
      const state = this.state.value;
      const problem = this.problem.value;
      rebuild(this, () => [
        door(
          h('h1', { tabindex: -1 }, t('unsubscribe_title')),
          state === 'done' ? notice(t('unsubscribe_done')) : h('p', { class: 'lead' }, t('unsubscribe_lead')),
          problem ? trouble(problem, problem instanceof Problem && problem.status === 400 ? 'unsubscribe_bad' : undefined) : null,
          state === 'done' ? null : h('button', { type: 'button', class: 'button primary', id: 'unsubscribe', 'data-testid': 'unsubscribe', 'aria-disabled': state === 'busy' ? 'true' : null, onclick: () => void this.run() }, t(state === 'busy' ? 'unsubscribe_busy' : 'unsubscribe_do')),
          h('p', { class: 'aside' }, t('unsubscribe_back'), ' ', link('/me/settings', t('settings_title'), 'to-settings')),
        ),
      ]);
    });
  }

  async run() {
    if (this.state.peek() === 'busy') return;
    this.state.value = 'busy';
    this.problem.value = null;
    try {
      // As a mail program does it: the proof is all that counts, whoever is signed in here.
      const answer = await fetch(`/unsubscribe?token=${encodeURIComponent(this.token ?? '')}`, { method: 'POST', credentials: 'omit', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) }).catch(() => null);
      if (!answer?.ok) throw new Problem({ name: 'offline', status: 0, code: 0, ...(answer ? await answer.json().catch(() => ({ name: 'internal', status: answer.status })) : {}) });
      this.state.value = 'done';
      focusSoon(() => this.querySelector('h1'));
    } catch (error) {
      this.state.value = 'asked';
      this.problem.value = error;
    }
  }
}

customElements.define('domu-unsubscribe', Unsubscribe);
