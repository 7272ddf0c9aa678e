/** What is news to a person, by kind: unread chats, invitations, new chats, the account. */

/** @import { Chat, Notice, Notices } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { chatsByActivity, countsOf, isMuted, isNews, unreadOf } from '../core/streams.js';
import { fullTime, listTime } from '../core/time.js';
import { api } from './api.js';
import { chatName } from './avatar.js';
import { announce, store } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { bones, failedToLoad, trouble } from './parts.js';

/** The kinds of news in the order of the page, and what each is called. */
const KINDS = /** @type {const} */ ([
  ['invites', 'news_invites'],
  ['matches', 'news_matches'],
  ['chats', 'news_chats'],
  ['account', 'news_account'],
]);

/** What is said of each change of an account. @type {ReadonlyMap<string, import('../core/i18n.js').Key>} */
const ACCOUNT = new Map([
  ['verified', 'news_verified'],
  ['unverified', 'news_unverified'],
  ['suspended', 'news_suspended'],
  ['activated', 'news_activated'],
  ['warned', 'news_warned'],
  ['muted', 'news_muted'],
  ['unmuted', 'news_unmuted'],
  ['restricted', 'news_restricted'],
  ['unrestricted', 'news_unrestricted'],
  ['message_removed', 'news_message_removed'],
]);

class NotificationsScreen extends Part {
  /** The news as it was asked for where no socket tells it. */
  asked = signal(/** @type {Notices | null} */ (null));
  failure = signal(/** @type {unknown} */ (null));
  problem = signal(/** @type {unknown} */ (null));
  loading = false;

  begin() {
    const minute = signal(0);
    this.every(60_000, () => (minute.value += 1));
    this.watch(() => {
      void minute.value;
      const held = store.value;
      const told = held?.streams.value.notices ?? null;
      if (held?.loaded.value && told === null && this.asked.value === null && this.failure.value === null) void this.load();
      const notices = told ?? this.asked.value;
      const unread = notices === null ? [] : notices.items.filter((item) => isNews(notices, item));
      rebuild(this, () => [
        h(
          'div',
          { class: 'page' },
          h('div', { class: 'row list-title' }, h('h1', { tabindex: -1 }, t('news_title')), h('a', { href: '/me/settings', class: 'button quiet icon-only', id: 'news-settings', 'aria-label': t('settings_told'), title: t('settings_told') }, icon('sliders'))),
          this.problem.value ? trouble(this.problem.value) : null,
          unread.length > 0 ? h('div', null, h('button', { type: 'button', class: 'button', id: 'news-all', 'data-testid': 'news-all', onclick: () => void this.seen({ upto: unread.at(-1)?.seq ?? 0 }) }, icon('ticks'), t('news_all'))) : null,
          ...(held === null || notices === null ? (this.failure.value ? [failedToLoad(this.failure.value, () => void this.load())] : bones(4)) : this.sections(held, notices)),
        ),
      ]);
    });
  }

  /** @param {import('../core/store.js').Store} held @param {Notices} notices */
  sections(held, notices) {
    const chats = chatsByActivity(held.streams.value).filter((chat) => !chat.blocked && unreadOf(chat) > 0);
    const counts = countsOf(notices);
    const sections = [chats.length > 0 ? this.section('messages', t('news_messages'), chats.reduce((sum, chat) => sum + (isMuted(chat, Date.now()) ? 0 : unreadOf(chat)), 0), chats.map((chat) => this.chat(chat, held.me.id))) : null];
    for (const [kind, words] of KINDS) {
      const items = notices.items.filter((item) => item.kind === kind).reverse();
      if (items.length > 0) sections.push(this.section(kind, t(words), counts[kind].unread, items.map((item) => this.item(item, held, isNews(notices, item)))));
    }
    const shown = sections.filter((section) => section !== null);
    return shown.length > 0 ? shown : [h('div', { class: 'empty', 'data-testid': 'news-empty' }, h('span', { class: 'empty-mark' }, icon('bell')), h('h2', null, t('news_empty_title')), h('p', null, t('news_empty_text')))];
  }

  /** @param {string} name @param {string} title @param {number} unread @param {HTMLElement[]} rows */
  section(name, title, unread, rows) {
    return h('section', { class: 'card', 'aria-labelledby': `news-${name}`, 'data-testid': `news-${name}` }, h('h2', { id: `news-${name}` }, title, ' ', unread > 0 ? h('span', { class: 'badge', 'data-testid': `news-${name}-count` }, unread) : null), h('ul', { class: 'news' }, ...rows));
  }

  /** @param {Chat} chat @param {string} own */
  chat(chat, own) {
    const muted = isMuted(chat, Date.now());
    return h('li', { 'data-unread': muted ? null : '' }, h('a', { class: 'news-words', href: `/chats/${chat.id}`, id: `news-chat-${chat.id}` }, h('span', { class: 'name', dir: 'auto' }, chatName(chat, own))), muted ? icon('bell-off', t('mute_sign')) : null, h('span', { class: muted ? 'badge quiet' : 'badge' }, unreadOf(chat)), h('span', { class: 'sr-only' }, t('chat_unread', { count: unreadOf(chat) })));
  }

  /** @param {Notice} item @param {import('../core/store.js').Store} held @param {boolean} news */
  item(item, held, news) {
    const chat = held.streams.value.chats.get(item.chat_id ?? '');
    const words =
      item.kind === 'invites'
        ? t('group_invited', { name: item.by_name ?? '', title: item.title ?? '' })
        : item.kind === 'matches'
          ? t(item.change === 'confirmed' ? 'news_matched' : 'news_interested')
        : item.kind === 'chats'
          ? chat ? t('news_chat', { name: chatName(chat, held.me.id) }) : t('news_chat_gone')
          : t(ACCOUNT.get(item.change ?? '') ?? 'news_sanction');
    const path = item.kind === 'account' ? '/me' : (item.kind === 'chats' || item.kind === 'matches') && chat ? `/chats/${chat.id}` : '/chats';
    return h(
      'li',
      { 'data-unread': news ? '' : null, 'data-testid': 'news-item', 'data-seq': item.seq },
      h('a', { class: 'news-words', href: path, id: `news-item-${item.seq}`, onclick: () => news && void this.seen({ seq: item.seq }) }, h('span', { class: 'name', dir: 'auto' }, words), ' ', h('time', { class: 'muted small', datetime: new Date(item.ts).toISOString(), title: fullTime(item.ts, locale.value) }, listTime(item.ts, Date.now(), locale.value))),
      news ? h('button', { type: 'button', class: 'button quiet icon-only', id: `news-seen-${item.seq}`, 'data-testid': 'news-seen', 'aria-label': t('news_seen', { words }), title: t('news_seen_short'), onclick: () => void this.seen({ seq: item.seq }) }, icon('tick')) : null,
    );
  }

  /** @param {{ seq: number } | { upto: number }} what */
  async seen(what) {
    this.problem.value = null;
    try {
      const noticed = await api.noticed(what);
      store.peek()?.noticed(noticed);
      const asked = this.asked.peek();
      if (asked !== null) this.asked.value = { ...asked, noticed };
      if ('upto' in what) {
        announce(t('news_all_done'));
        focusSoon(() => this.querySelector('h1'));
      } else focusSoon(() => document.getElementById(`news-item-${what.seq}`));
    } catch (error) {
      this.problem.value = error;
    }
  }

  async load() {
    if (this.loading) return;
    this.loading = true;
    this.failure.value = null;
    try {
      const { items, noticed } = await api.notifications();
      this.asked.value = { window: Infinity, items: [...items].reverse(), noticed };
    } catch (error) {
      this.failure.value = error;
    } finally {
      this.loading = false;
    }
  }
}

customElements.define('domu-notifications', NotificationsScreen);
