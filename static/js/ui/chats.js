/** The list of chats, and beside it the open one. */

/** @import { Chat } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { chatsByActivity, fate, isMuted, unreadOf } from '../core/streams.js';
import { fullTime, listTime } from '../core/time.js';
import { previewOf } from '../core/timeline.js';
import { chatAvatar, chatName } from './avatar.js';
import { me, recall, route, store } from './context.js';
import './conversation.js';
import { systemWords } from './rows.js';
import { attribute, h, icon, Part, rebuild, reconcile } from './dom.js';
import { hereOf, hereSign, hereWords, typingWords } from './here.js';
import { Search } from './search.js';
import { choosePeople } from './groups.js';
import { bones } from './parts.js';
import { draftKey, drafts } from './composer.js';
import { stateIcon, stateWords } from './states.js';

/** Tries after which a list that has not come yet is said to be missing. */
const TRIES = 3;

class Chats extends Part {
  begin() {
    const list = document.createElement('domu-chat-list');
    const place = h('div', { class: 'conversation-place' });
    this.replaceChildren(list, place);
    /** @type {string | undefined} */
    let open;
    this.watch(() => {
      const { chat } = route.value;
      this.toggleAttribute('data-open', chat !== undefined);
      if (chat !== undefined && chat === open) return;
      open = chat;
      if (chat === undefined) {
        const count = store.value?.streams.value.chats.size ?? 0;
        rebuild(place, () =>
          count === 0
            ? []
            : [h('div', { class: 'empty full' }, h('span', { class: 'empty-mark' }, icon('mark')), h('h2', null, t('chats_choose_title')), h('p', null, t('chats_choose_text')))],
        );
      } else {
        const conversation = document.createElement('domu-conversation');
        conversation.dataset.chat = chat;
        place.replaceChildren(conversation);
      }
    });
    this.watch(() => this.toggleAttribute('data-empty', Boolean(store.value?.loaded.value) && (store.value?.streams.value.chats.size ?? 0) === 0));
  }
}

class ChatList extends Part {
  begin() {
    const title = h('h1', { tabindex: -1 });
    const rows = h('ul', { class: 'chat-rows', 'data-testid': 'chat-list' });
    const rest = h('div', { class: 'list-rest' });
    const finds = h('section', { class: 'list-finds' });
    const search = new Search();
    const make = h('button', { type: 'button', class: 'button quiet icon-only', 'data-testid': 'group-new', onclick: () => choosePeople(this) }, icon('people'));
    const head = h('header', { class: 'list-head' }, h('div', { class: 'row list-title' }, title, make), search.element);
    this.replaceChildren(head, document.createElement('domu-invitations'), rows, rest, finds);
    this.ends.push(() => clearTimeout(search.timer));
    // Whom one may ask is known with the chats.
    this.watch(() => (make.disabled = !store.value?.loaded.value));
    const minute = signal(0);
    this.every(60_000, () => (minute.value += 1));
    this.watch(() => {
      title.textContent = t('chats_title');
      attribute(make, 'aria-label', t('group_new'));
      attribute(make, 'title', t('group_new'));
      search.label();
      attribute(rows, 'aria-label', t('chats_list'));
    });
    this.watch(() => {
      const chats = store.value?.streams.value.chats;
      rebuild(finds, () => (chats === undefined || search.words.value === '' ? [] : search.finds.shown(chats)));
    });
    this.watch(() => {
      const held = store.value;
      void minute.value;
      void drafts.value;
      if (held === null || !held.loaded.value) {
        rows.hidden = true;
        search.element.hidden = false;
        const link = held?.link.value;
        const failed = link !== undefined && (link.state === 'stopped' || ('attempt' in link && link.attempt >= TRIES));
        rebuild(rest, () => (failed ? [h('div', { class: 'empty', 'data-testid': 'chats-failed' }, h('span', { class: 'empty-mark' }, icon('cloud-off')), h('h2', null, t('chats_failed_title')), h('p', null, t('chats_failed_text')))] : bones(6)));
        return;
      }
      const all = chatsByActivity(held.streams.value);
      const chats = search.among(all);
      const words = search.words.value;
      const state = search.state.value;
      rows.hidden = chats.length === 0;
      search.element.hidden = all.length === 0;
      rebuild(rest, () =>
        words !== ''
          ? [h('p', { class: 'search-state', role: 'status', 'data-testid': 'search-state', 'data-state': state }, chats.length === 0 && state !== 'asking' ? t('search_nothing', { words }) : '', state === 'asking' ? t('search_asking') : state === 'failed' ? ` ${t('search_failed')}` : search.more.value > 0 ? t('search_more', { count: search.more.value }) : '')]
          : chats.length === 0
          ? [h('div', { class: 'empty', 'data-testid': 'chats-empty' }, h('span', { class: 'empty-mark' }, icon('mark')), h('h2', null, t(all.length === 0 ? 'chats_empty_title' : 'chats_blocked_title')), all.length === 0 ? h('p', null, t('chats_empty_text')) : h('a', { class: 'button', href: '/me/blocked' }, t('blocked_title')))]
          : [],
      );
      const language = locale.value;
      const here = route.value.chat;
      reconcile(rows, chats, (chat) => chat.id, makeRow, (row, chat) => fillRow(row, chat, held, language, here));
    });
  }
}

/** @param {Chat} chat */
function makeRow(chat) {
  return h(
    'li',
    null,
    h(
      'a',
      { class: 'chat-row', href: `/chats/${chat.id}`, 'data-testid': 'chat-row', 'data-chat-id': chat.id },
      h('span', { class: 'portrait' }),
      h('span', { class: 'chat-name' }, h('bdi'), h('span', { class: 'sr-only', 'data-testid': 'row-here' })),
      h('time', { class: 'chat-time' }),
      h('span', { class: 'chat-line' }, h('span', { class: 'chat-preview' }), h('span', { class: 'chat-count' })),
    ),
  );
}

/** @param {HTMLElement} row @param {Chat} chat @param {import('../core/store.js').Store} held @param {'nl' | 'en'} language @param {string | undefined} here */
function fillRow(row, chat, held, language, here) {
  const own = me.peek()?.id ?? null;
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (row.querySelector(name));
  const anchor = part('a');
  attribute(anchor, 'aria-current', chat.id === here ? 'page' : null);
  const unread = unreadOf(chat);
  const muted = isMuted(chat, Date.now());
  attribute(anchor, 'data-unread', unread > 0 ? String(unread) : null);
  attribute(anchor, 'data-muted', muted ? '' : null);
  const known = hereOf(chat, own, held.live.presence.value);
  part('.portrait').replaceChildren(chatAvatar(chat, own), ...(known && known.state !== 'offline' ? [hereSign(known.state)] : []));
  part('.chat-name .sr-only').textContent = known && known.state !== 'offline' ? `, ${hereWords(known, Date.now())}` : '';
  const typists = held.live.typing.value.get(chat.id) ?? [];
  part('.chat-name bdi').textContent = chatName(chat, own);
  const preview = previewOf(chat, held.pending.value, own);
  const time = /** @type {HTMLTimeElement} */ (part('time'));
  const at = preview?.ts ?? chat.at;
  time.textContent = at > 0 ? listTime(at, Date.now(), language) : '';
  if (at > 0) {
    time.dateTime = new Date(at).toISOString();
    time.title = fullTime(at, language);
  }
  const line = part('.chat-preview');
  const draft = chat.id === here ? '' : (recall(draftKey(own ?? '', chat.id)) ?? '').trim();
  line.classList.toggle('quiet', preview === null);
  const isolated = (/** @type {string} */ words) => h('bdi', null, words);
  const gone = preview?.event?.d.deleted === true;
  if (typists.length > 0) line.replaceChildren(h('span', { class: 'draft' }, typingWords(chat.group ? chat.members.filter((member) => typists.includes(member.u)).map((member) => member.first_name) : [''])));
  else if (draft) line.replaceChildren(h('span', { class: 'draft' }, ...sentence('chat_draft', draft)));
  else if (preview === null) line.replaceChildren(t(chat.n > 0 ? 'chat_hidden' : 'chat_nothing'));
  else if (preview.event && preview.event.d.kind === 'system') line.replaceChildren(systemWords(preview.event, chat));
  else if (preview.own) {
    const fated = preview.event ? fate(chat, own, preview.event.seq) : null;
    const state = preview.item ? (preview.item.state === 'queued' ? 'sending' : preview.item.state) : (fated?.state ?? 'sent');
    line.replaceChildren(stateIcon(state, stateWords(state, { connected: true })), h('span', { class: 'cut' }, ...sentence('chat_you', gone ? t('message_deleted') : preview.text)));
  } else if (chat.group) {
    const author = chat.members.find((member) => member.u === preview.author);
    line.replaceChildren(h('span', { class: 'cut' }, author ? `${author.first_name}: ` : '', isolated(gone ? t('message_deleted') : preview.text)));
  } else line.replaceChildren(h('span', { class: 'cut' }, isolated(gone ? t('message_deleted') : preview.text)));
  part('.chat-count').replaceChildren(
    ...(muted ? [icon('bell-off', t('mute_sign'))] : []),
    ...(unread > 0 ? [h('span', { class: muted ? 'badge quiet' : 'badge', 'aria-hidden': 'true', 'data-testid': 'unread' }, unread > 99 ? '99+' : unread), h('span', { class: 'sr-only' }, t('chat_unread', { count: unread }))] : []),
  );
}

/** A sentence with somebody's text isolated in it. @param {'chat_you' | 'chat_draft'} key @param {string} words */
function sentence(key, words) {
  const [before = '', after = ''] = t(key).split('{text}');
  return [before, h('bdi', null, words), after];
}

customElements.define('domu-chats', Chats);
customElements.define('domu-chat-list', ChatList);
