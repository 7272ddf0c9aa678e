/** The application's frame: navigation, the connection line, screens, and what is said aloud. */

import { t } from './core/i18n.js';
import { isPrivate } from './core/router.js';
import { signal } from './core/signals.js';
import { countsOf, isMuted, unreadOf } from './core/streams.js';
import { announce, arrive, go, known, me, obstacle, route, spoken, store } from './ui/context.js';
import { chatName, fullName } from './ui/avatar.js';
import { attribute, h, icon, loadIcons, Part, rebuild, text } from './ui/dom.js';
import { brand, languageSwitch } from './ui/forms.js';
import { loadLimits } from './ui/api.js';
import { boot, knock, left, signOut } from './ui/session.js';
import './ui/chats.js';
import './ui/connection.js';
import './ui/doors.js';
import './ui/looking.js';
import './ui/blocked.js';
import './ui/me.js';
import './ui/notifications.js';
import './ui/profile.js';
import './ui/recovery.js';
import './ui/security.js';
import './ui/settings.js';
import './ui/unsubscribe.js';

/** Messages that arrive within this time are announced as one. Milliseconds. */
const HUSH_MS = 1_000;

class App extends Part {
  /** Mutes end by the clock. */
  minute = signal(0);

  begin() {
    this.every(60_000, () => (this.minute.value += 1));
    const skip = h('a', { class: 'skip', href: '#main' });
    const nav = h('nav', { class: 'nav', hidden: true });
    const main = h('main', { id: 'main', tabindex: -1 });
    const live = h('div', { class: 'sr-only', 'aria-live': 'polite', 'data-testid': 'live' });
    const line = document.createElement('domu-connection');
    const shell = h('div', { class: 'shell' }, nav, h('div', { class: 'stage' }, line, main));
    this.replaceChildren(skip, shell, live);
    skip.addEventListener('click', (event) => {
      event.preventDefault();
      main.focus();
    });

    this.watch(() => text(skip, t('skip')));
    this.watch(() => this.navigation(nav));
    this.watch(() => this.screen(main));
    this.watch(() => {
      const { text: words } = spoken.value;
      // Emptied first, so that the same words twice are two messages.
      live.replaceChildren();
      if (words) live.append(h('p', null, words));
    });
    this.watch(() => this.heading());
    this.watch(() => this.listenForMessages());
  }

  /** @param {HTMLElement} nav */
  navigation(nav) {
    const shown = me.value !== null && obstacle.value === null;
    nav.hidden = !shown;
    if (!shown) return;
    attribute(nav, 'aria-label', t('nav_label'));
    const unread = this.unread();
    const { screen } = route.value;
    const item = (/** @type {string} */ path, /** @type {string} */ name, /** @type {string} */ words, /** @type {boolean} */ here, /** @type {number} */ count, /** @type {string} */ counted) =>
      h(
        'a',
        { href: path, class: 'nav-item', id: `nav-${name}`, 'aria-current': here ? 'page' : null, 'data-testid': `nav-${name}` },
        h('span', { class: 'nav-icon' }, icon(name), count > 0 ? h('span', { class: 'badge', 'aria-hidden': 'true' }, count > 99 ? '99+' : count) : null),
        h('span', null, words),
        count > 0 ? h('span', { class: 'sr-only' }, counted) : null,
      );
    const news = this.news();
    const chats = screen === 'chats' || screen === 'chat';
    nav.dataset.screen = screen;
    rebuild(nav, () => [h('div', { class: 'nav-brand', 'aria-hidden': 'true' }, brand()), item('/chats', 'chats', t('nav_chats'), chats, unread, t('chat_unread', { count: unread })), item('/notifications', 'bell', t('nav_notifications'), screen === 'notifications', news, t('news_unread', { count: news })), item('/me', 'me', t('nav_me'), /^(me|confirm-email)/.test(screen), 0, '')]);
  }

  /** @param {HTMLElement} main */
  screen(main) {
    const blocked = obstacle.value;
    const { screen } = route.value;
    const ready = known.value;
    const signedIn = me.value !== null;
    let name = '';
    if (blocked) name = `obstacle:${blocked}`;
    else if (!ready) name = isPrivate(route.value) ? 'waiting' : 'blank';
    else if (isPrivate(route.value)) name = signedIn ? (screen === 'chats' || screen === 'chat' ? 'domu-chats' : `domu-${screen}`) : 'blank';
    else name = screen === 'not-found' ? 'domu-missing' : `domu-${screen}`;
    document.documentElement.dataset.screen = blocked ?? screen;
    if (main.dataset.shown === name) return;
    const before = main.dataset.shown;
    main.dataset.shown = name;
    const child = name.startsWith('obstacle:') ? document.createElement('domu-obstacle') : name === 'waiting' || name === 'blank' ? h('div', { class: 'blank' }) : document.createElement(name);
    main.replaceChildren(child);
    main.scrollTop = 0;
    window.scrollTo(0, 0);
    // The first screen leaves the focus alone; later ones start at their title.
    if (before && before !== 'blank' && before !== 'waiting') {
      queueMicrotask(() => {
        const title = main.querySelector('h1');
        if (title instanceof HTMLElement) title.focus({ preventScroll: true });
      });
    }
  }

  /** Unread messages this person wants to be told of. */
  unread() {
    void this.minute.value;
    return me.value?.settings.notify_messages === false ? 0 : store.value?.unread() ?? 0;
  }

  /** News this person wants to be told of. */
  news() {
    const counts = countsOf(store.value?.streams.value.notices ?? null);
    const settings = me.value?.settings;
    return counts.account.unread + (settings?.notify_chats === false ? 0 : counts.chats.unread) + (settings?.notify_invites === false ? 0 : counts.invites.unread);
  }

  /** The window's title: what is open, and how much is unread. */
  heading() {
    const { screen, chat } = route.value;
    const held = store.value;
    const unread = this.unread();
    const words = {
      'sign-in': t('sign_in_title'),
      'sign-up': t('sign_up_title'),
      confirm: t('confirm_title'),
      chats: t('chats_title'),
      chat: t('chats_title'),
      'forgot-password': t('forgot_title'),
      'reset-password': t('reset_title'),
      'confirm-email': t('email_confirm_title'),
      unsubscribe: t('unsubscribe_title'),
      notifications: t('news_title'),
      me: t('me_title'),
      'me-profile': t('profile_title'),
      'me-settings': t('settings_title'),
      'me-security': t('security_title'),
      'me-blocked': t('blocked_title'),
      'not-found': t('missing_title'),
    };
    const open = chat ? held?.streams.value.chats.get(chat) : undefined;
    const name = open ? chatName(open, me.value?.id ?? null) : words[screen];
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${name} · Domu`;
  }

  /** Says new messages aloud, several in a row as one. */
  listenForMessages() {
    const held = store.value;
    if (held === null) return;
    /** @type {{ chat: import('./types.js').Chat, event: import('./types.js').WireEvent }[]} */
    let heard = [];
    /** @type {any} */
    let timer = null;
    const say = () => {
      timer = null;
      const batch = heard;
      heard = [];
      const own = held.me.id;
      const first = batch[0];
      if (first === undefined) return;
      if (batch.length > 1) announce(t('live_many', { count: batch.length }));
      else {
        const author = first.chat.members.find((member) => member.u === first.event.d.u);
        const here = route.peek().chat === first.chat.id;
        if (here) announce(t('live_one', { name: author?.first_name ?? '', text: String(first.event.d.text ?? '').slice(0, 280) }));
        else announce(t('live_elsewhere', { name: first.chat.group ? chatName(first.chat, own) : fullName(author) }));
      }
    };
    const hear = (/** @type {import('./types.js').Chat} */ chat, /** @type {import('./types.js').WireEvent} */ event) => {
      if (event.op !== 'message' || event.d.u === held.me.id || unreadOf(chat) === 0) return;
      const here = route.peek().chat === chat.id;
      if (!here && (isMuted(chat, Date.now()) || me.peek()?.settings.notify_messages === false)) return;
      heard.push({ chat, event });
      timer ??= setTimeout(say, HUSH_MS);
    };
    held.arrivals.add(hear);
  }
}

class Obstacle extends Part {
  begin() {
    this.watch(() => {
      const kind = obstacle.value;
      if (kind === null) return;
      const words = {
        suspended: { mark: 'lock', title: t('suspended_title'), text: t('suspended_text'), act: { words: t('me_sign_out'), run: () => void signOut().catch(() => left('out')) } },
        offline: { mark: 'cloud-off', title: t('offline_title'), text: t('offline_text'), act: { words: t('retry'), run: () => void knock() } },
        failed: { mark: 'alert', title: t('failed_title'), text: t('failed_text'), act: { words: t('retry'), run: () => void knock() } },
        switched: { mark: 'people', title: t('switched_title'), text: t('switched_text'), act: { words: t('link_reload'), run: () => location.assign('/chats') } },
      }[kind];
      rebuild(this, () => [
        h('div', { class: 'page-tools' }, brand(), languageSwitch()),
        h(
          'div',
          { class: 'empty full', 'data-testid': `obstacle-${kind}` },
          h('span', { class: 'empty-mark' }, icon(words.mark)),
          h('h1', { tabindex: -1 }, words.title),
          h('p', null, words.text),
          words.act ? h('button', { type: 'button', class: 'button primary', id: 'obstacle-act', onclick: words.act.run }, words.act.words) : null,
        ),
      ]);
    });
  }
}

class Missing extends Part {
  begin() {
    this.watch(() =>
      rebuild(this, () => [
        h(
          'div',
          { class: 'empty full', 'data-testid': 'not-found' },
          h('span', { class: 'empty-mark' }, icon('mark')),
          h('h1', { tabindex: -1 }, t('missing_title')),
          h('p', null, t('missing_text')),
          h('a', { href: '/chats', class: 'button primary' }, t('missing_do')),
        ),
      ]),
    );
  }
}

loadIcons();
customElements.define('domu-obstacle', Obstacle);
customElements.define('domu-missing', Missing);
customElements.define('domu-app', App);

window.addEventListener('popstate', arrive);
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || link.target || link.hasAttribute('download') || link.origin !== location.origin || link.hash || link.pathname.startsWith('/static/') || link.pathname.startsWith('/demo')) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
void boot();
void loadLimits();
