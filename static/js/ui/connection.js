/** One quiet line about the connection, only when there is something to say. */

import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { me, obstacle, store } from './context.js';
import { h, icon, Part } from './dom.js';

/** A connection that is back within this time is not worth a word. Milliseconds. */
const GRACE_MS = 1_500;
/** How long the good news stays. Milliseconds. */
const GOOD_MS = 2_000;

class Connection extends Part {
  begin() {
    const online = signal(navigator.onLine);
    const late = signal(false);
    const back = signal(false);
    this.listen(window, 'online', () => (online.value = true));
    this.listen(window, 'offline', () => (online.value = false));
    /** @type {any} */ let timer = null;
    /** @type {any} */ let goodTimer = null;
    this.watch(() => {
      const state = store.value?.link.value.state ?? 'idle';
      if (state === 'connected' || state === 'polling') {
        clearTimeout(timer);
        timer = null;
        if (late.peek()) {
          back.value = true;
          clearTimeout(goodTimer);
          goodTimer = setTimeout(() => (back.value = false), GOOD_MS);
        }
        late.value = false;
      } else if (timer === null && state !== 'idle') timer = setTimeout(() => (late.value = true), GRACE_MS);
    });
    this.watch(() => {
      const held = store.value;
      const link = held?.link.value ?? { state: /** @type {const} */ ('idle') };
      this.dataset.testid = 'connection';
      this.dataset.state = link.state;
      const shown = held !== null && me.value !== null && obstacle.value === null ? this.words(link, late.value, back.value, online.value) : null;
      this.setAttribute('role', 'status');
      this.toggleAttribute('data-shown', shown !== null);
      this.dataset.kind = shown?.kind ?? '';
      if (shown === null) {
        this.replaceChildren();
        return;
      }
      const key = `${shown.words}|${shown.act?.words ?? ''}`;
      if (this.dataset.key === key && this.childElementCount > 0) return;
      this.dataset.key = key;
      this.replaceChildren(
        icon(shown.kind === 'good' ? 'check' : 'cloud-off'),
        h('span', null, shown.words),
        shown.act ? h('button', { type: 'button', class: 'button link', 'data-testid': 'connect-now', onclick: shown.act.run }, shown.act.words) : '',
      );
    });
  }

  /** @param {import('../types.js').Link} link @param {boolean} late @param {boolean} back @param {boolean} online */
  words(link, late, back, online) {
    const retry = { words: t('retry'), run: () => store.peek()?.socket.retryNow() };
    if (link.state === 'stopped') {
      if (link.code === 4005) return { kind: 'bad', words: t('link_too_many'), act: retry };
      if (link.code === 4004) return { kind: 'bad', words: t('link_version'), act: { words: t('link_reload'), run: () => location.reload() } };
      if (link.code === 4001 || link.code === 4002 || link.code === 4003) return null;
      return { kind: 'bad', words: t('link_refused', { reason: link.reason || String(link.code) }), act: retry };
    }
    if (link.state === 'connected') return back ? { kind: 'good', words: t('link_back'), act: null } : online ? null : { kind: 'bad', words: t('link_offline'), act: null };
    if (!online) return { kind: 'bad', words: t('link_offline'), act: null };
    if (link.state === 'polling') return { kind: 'bad', words: t('link_slow'), act: retry };
    if (!late) return null;
    return { kind: 'bad', words: t('link_waiting'), act: { words: t('link_now'), run: () => store.peek()?.socket.retryNow() } };
  }
}

customElements.define('domu-connection', Connection);
