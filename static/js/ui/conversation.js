/** One conversation: its messages by day and author, what is on its way, and where one writes. */

/** @import { Chat, WireEvent } from '../types.js' */
/** @import { Row } from '../core/timeline.js' */
/** @import { Composer } from './composer.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { unreadOf } from '../core/streams.js';
import { dayOf } from '../core/time.js';
import { rowsOf } from '../core/timeline.js';
import { chatAvatar, chatName, others } from './avatar.js';
import { api } from './api.js';
import { announce, explain, me, store, wanted } from './context.js';
import { attribute, h, icon, Part, rebuild, reconcile, text } from './dom.js';
import { showPeople } from './person.js';
import { hereOf, hereSign, hereWords, typingWords } from './here.js';
import { swipes } from './actions.js';
import { Doing } from './doing.js';
import { fillRow, makeRow } from './rows.js';
import './composer.js';

/** This near to the end counts as being there. Pixels. */
const NEAR_END = 60;
/** Older messages are fetched when the top is this near. Pixels. */
const NEAR_TOP = 600;
/** How long a message that was looked for stands out. Milliseconds. */
const REVEALED_MS = 2_500;

class Conversation extends Part {
  /** Sequence after which messages were unread when this was opened. */
  divider = signal(/** @type {number | null} */ (null));
  /** Messages that arrived below what is on the screen. */
  missed = signal(0);
  /** Whether the newest messages are off the screen. */
  away = signal(false);
  olderFailed = signal(false);
  /** Why unblocking did not work. */
  problem = signal(/** @type {unknown} */ (null));
  /** Whether the first position was taken up. */
  settled = false;
  /** Whether the view stays at the end as messages arrive. */
  following = true;
  fetching = false;
  wide = matchMedia('(min-width: 900px) and (pointer: fine)').matches;
  /** @type {HTMLElement | null} */
  scroller = null;
  /** @type {HTMLOListElement | null} */
  list = null;
  /** @type {Doing | null} */
  doing = null;
  /** What the list shows. @type {readonly Row[]} */
  rows = [];

  begin() {
    const id = this.dataset.chat ?? '';
    let shown = '';
    this.watch(() => {
      const held = store.value;
      const chat = held?.streams.value.chats.get(id);
      const next = held === null || !held.loaded.value ? 'loading' : chat === undefined ? 'missing' : 'open';
      if (next === shown) return;
      shown = next;
      if (next === 'loading') rebuild(this, () => [this.skeleton()]);
      else if (next === 'missing') this.missing();
      else this.open(id);
    });
  }

  skeleton() {
    return h(
      'div',
      { class: 'conversation-skeleton' },
      h('p', { class: 'sr-only', role: 'status' }, t('loading')),
      ...['', 'own', '', 'own', 'own', ''].map((side) => h('span', { class: `bone bubble-bone ${side}`, 'aria-hidden': 'true' })),
    );
  }

  missing() {
    rebuild(this, () => [
      h(
        'div',
        { class: 'empty full', 'data-testid': 'chat-missing' },
        h('span', { class: 'empty-mark' }, icon('question')),
        h('h1', { tabindex: -1 }, t('chat_missing_title')),
        h('p', null, t('chat_missing_text')),
        h('a', { href: '/chats', class: 'button' }, t('chat_to_list')),
      ),
    ]);
  }

  /** @param {string} id */
  open(id) {
    const held = store.peek();
    if (held === null) return;
    const own = held.me.id;
    const chatNow = () => /** @type {Chat | undefined} */ (held.streams.value.chats.get(id));
    const peek = () => held.streams.peek().chats.get(id);

    const title = h('h2', { tabindex: -1, dir: 'auto', 'data-testid': 'conversation-title' });
    const under = h('p', { class: 'under', 'data-testid': 'under' });
    const typing = h('p', { class: 'typing', 'data-testid': 'typing' });
    const portrait = h('span', { class: 'portrait' });
    const back = h('a', { href: '/chats', class: 'button quiet icon-only back', 'data-testid': 'back' }, icon('back'));
    const about = h('button', { type: 'button', class: 'button quiet icon-only about-button', 'data-testid': 'about-chat', onclick: () => showPeople(this, id) }, icon('card'));
    const top = h('div', { class: 'history-top' });
    const list = h('ol', { class: 'messages', 'data-testid': 'messages' });
    const scroller = h('div', { class: 'scroller', tabindex: 0, role: 'region', 'data-testid': 'scroller' }, top, list);
    const jump = h('button', { type: 'button', class: 'jump', hidden: true, 'data-testid': 'jump' }, icon('down'), h('span', null));
    const write = h('div');
    const foot = h('div', { class: 'conversation-foot' }, typing, write);
    this.replaceChildren(h('header', { class: 'conversation-head' }, back, portrait, h('div', { class: 'who' }, title, under), about), h('div', { class: 'scroll-place' }, scroller, jump), foot);
    this.scroller = scroller;
    this.list = list;

    this.watch(() => {
      const chat = chatNow();
      if (chat === undefined) return;
      const name = chatName(chat, own);
      text(title, name);
      attribute(back, 'aria-label', t('chat_back'));
      const words = t(chat.group ? 'person_about_group' : 'person_about', { name });
      attribute(about, 'aria-label', words);
      attribute(about, 'title', words);
      attribute(scroller, 'aria-label', t('chat_messages', { name }));
      portrait.replaceChildren(chatAvatar(chat, own));
      const active = chat.members.filter((member) => member.status === 'active');
      if (!chat.group) return;
      text(under, `${t('chat_members', { count: active.length })}${chat.name ? ` · ${others(chat, own).filter((member) => member.status === 'active').map((member) => member.first_name).join(', ')}` : ''}`);
    });

    const minute = signal(0);
    this.every(60_000, () => (minute.value += 1));
    this.watch(() => {
      const chat = chatNow();
      if (chat === undefined) return;
      void minute.value;
      const here = hereOf(chat, own, held.live.presence.value);
      const words = here ? hereWords(here, Date.now()) : '';
      const key = `${here?.state ?? ''}|${words}`;
      if (!chat.group && under.dataset.key !== key) {
        under.dataset.key = key;
        under.replaceChildren(...(here ? [hereSign(here.state), h('span', null, words)] : []));
      }
      const typists = held.live.typing.value.get(id) ?? [];
      text(typing, typingWords(chat.members.filter((member) => typists.includes(member.u)).map((member) => member.first_name)));
    });

    const composer = /** @type {Composer} */ (document.createElement('domu-composer'));
    composer.setup = {
      user: own,
      chat: id,
      name: () => {
        const chat = chatNow();
        return chat ? chatName(chat, own) : '';
      },
      limit: () => held.messageChars.value ?? Infinity,
      blocked: () => {
        const chat = chatNow();
        if (chat?.blocked) return this.problem.value ? explain(this.problem.value).text : t('chat_blocked', { name: chatName(chat, own) });
        // Where no socket has told it, the account has.
        return held.streams.value.verified || me.value?.verified ? null : t('chat_not_verified');
      },
      offer: () => {
        const chat = chatNow();
        const other = chat?.blocked ? others(chat, own)[0] : undefined;
        return other ? { words: t('unblock_name', { name: other.first_name }), run: () => void this.unblock(other) } : null;
      },
      typed: (some) => (some ? held.live.typed(id) : held.live.stopped()),
      send: async (words, reply) => {
        this.following = true;
        await held.send(id, words, reply);
        this.divider.value = null;
      },
      edit: (mid, rev, words) => held.edit(id, mid, rev, words),
      editLast: () => doing.editLast(),
      revision: (mid) => doing.revision(mid),
    };
    const doing = new Doing({ host: this, chat: id, composer, rows: () => this.rows, reveal: (seq) => this.reveal(id, seq) });
    this.doing = doing;
    this.watch(() => {
      const closed = chatNow()?.status === 'closed';
      if (closed) rebuild(write, () => [h('p', { class: 'closed', 'data-testid': 'chat-closed' }, icon('lock'), t('chat_closed'))]);
      else if (composer.parentElement !== write) write.replaceChildren(composer);
    });

    // The state of older history, above the messages.
    this.watch(() => {
      const chat = chatNow();
      if (chat === undefined) return;
      const failed = this.olderFailed.value;
      const fresh = !chat.group && chat.n === 0;
      const key = `${locale.value}:${chat.more}:${failed}:${fresh}`;
      if (top.dataset.key === key) return;
      top.dataset.key = key;
      rebuild(top, () => [
        chat.more
          ? failed
            ? h('div', { class: 'older' }, h('p', null, t('chat_older_failed')), h('button', { type: 'button', class: 'button quiet', onclick: () => this.older() }, t('retry')))
            : h('button', { type: 'button', class: 'button quiet older', 'data-testid': 'older', onclick: () => this.older() }, t('chat_older_do'))
          : h(
              'div',
              { class: 'beginning' },
              chatAvatar(chat, own, 'large'),
              fresh ? h('p', { class: 'name' }, t('chat_first_title', { name: chatName(chat, own) })) : null,
              h('p', null, fresh ? t('chat_first_text') : t('chat_start', { name: chatName(chat, own) })),
            ),
      ]);
    });

    const day = signal(dayOf(Date.now()));
    this.every(30_000, () => (day.value = dayOf(Date.now())));
    this.watch(() => {
      const chat = chatNow();
      if (chat === undefined) return;
      void day.value;
      this.draw(chat, rowsOf(chat, held.pending.value, own, this.divider.value, dayOf), held.link.value.state === 'connected');
    });

    this.watch(() => {
      const count = this.missed.value;
      jump.hidden = !this.away.value;
      const words = count > 0 ? t('chat_jump_count', { count }) : t('chat_jump');
      attribute(jump, 'aria-label', words);
      text(/** @type {HTMLElement} */ (jump.lastElementChild), count > 0 ? words : '');
    });

    const hear = (/** @type {Chat} */ chat, /** @type {WireEvent} */ event) => {
      if (chat.id !== id || event.op !== 'message' || event.d.u === own) return;
      if (!this.atEnd()) this.missed.value += 1;
    };
    held.arrivals.add(hear);
    this.ends.push(() => held.arrivals.delete(hear));

    this.following = true;
    this.listen(scroller, 'scroll', () => this.scrolled(), { passive: true });
    this.listen(jump, 'click', () => {
      this.following = true;
      this.toEnd(true);
      composer.focusArea();
    });
    this.listen(list, 'keydown', (event) => this.walk(event));
    this.listen(list, 'click', (event) => doing.pressed(event));
    this.ends.push(swipes(list, (message) => doing.rowOf(message, (row) => doing.can(row).reply?.())));
    this.listen(list, 'focusin', (event) => this.rove(event.target));
    this.listen(window, 'focus', () => this.seen());
    this.listen(document, 'visibilitychange', () => {
      const chat = peek();
      // Coming back, one sees where the new messages begin.
      if (document.visibilityState === 'hidden' && chat) this.divider.value = chat.read;
      else this.seen();
    });
    const sizes = new ResizeObserver(() => {
      if (this.following) this.toEnd(false);
      this.scrolled();
    });
    sizes.observe(scroller);
    sizes.observe(list);
    this.ends.push(() => sizes.disconnect());

    void this.settle(id).then(() => {
      if (wanted.peek()?.chat !== id) {
        if (this.wide) composer.focusArea();
        else title.focus({ preventScroll: true });
      }
      this.watch(() => {
        const place = wanted.value;
        if (place?.chat !== id) return;
        wanted.value = null;
        void this.reveal(id, place.seq);
      });
    });
  }

  /** Takes up the position: at the first unread message, else at the end. @param {string} id */
  async settle(id) {
    const held = store.peek();
    let chat = held?.streams.peek().chats.get(id);
    if (!held || !chat) return;
    const unread = unreadOf(chat);
    const count = () => (chat?.events ?? []).filter((event) => event.op === 'message').length;
    if (chat.more && count() < Math.max(15, unread)) {
      try {
        await held.loadOlder(id, Math.max(40, Math.min(100, unread + 15)));
      } catch {
        // The top of the list says so and offers to try again.
        this.olderFailed.value = true;
      }
    }
    chat = held.streams.peek().chats.get(id);
    if (!chat || !this.alive) return;
    if (unread > 0) this.divider.value = chat.read;
    // Let the rows be drawn first.
    await Promise.resolve();
    await new Promise((drawn) => requestAnimationFrame(drawn));
    const scroller = this.scroller;
    const line = this.list?.querySelector('.unread-line');
    if (scroller && line instanceof HTMLElement) {
      this.following = false;
      scroller.scrollTop = line.offsetTop - scroller.clientHeight / 4;
    } else this.toEnd(false);
    this.settled = true;
    this.scrolled();
  }

  /** Shows a message, however far back it is: the history between comes along, page by page. @param {string} id @param {number} seq */
  async reveal(id, seq) {
    const held = store.peek();
    const chat = () => held?.streams.peek().chats.get(id);
    this.following = false;
    this.olderFailed.value = false;
    for (let before = chat(); held && this.alive && before?.more && before.from > seq; before = chat()) {
      const { from } = before;
      try {
        await held.loadOlder(id, Infinity);
      } catch {
        this.olderFailed.value = true;
        return;
      }
      if (chat()?.from === from) return;
    }
    await new Promise((drawn) => requestAnimationFrame(drawn));
    const row = this.list?.querySelector(`[data-seq="${seq}"]`);
    if (!(row instanceof HTMLElement) || !this.alive) return;
    row.scrollIntoView({ block: 'center' });
    this.rove(row);
    row.focus({ preventScroll: true });
    row.classList.add('revealed');
    setTimeout(() => row.classList.remove('revealed'), REVEALED_MS);
  }

  /** @param {Chat} chat @param {Row[]} rows @param {boolean} connected */
  draw(chat, rows, connected) {
    const { scroller, list } = this;
    if (!scroller || !list) return;
    const anchor = this.following ? null : this.anchor();
    this.rows = rows;
    for (const row of rows) if (row.type === 'message' && row.quote?.state === 'asked') store.peek()?.quote(chat.id, row.quote.seq);
    const facts = { chat, own: store.peek()?.me.id ?? '', connected, language: locale.value, now: Date.now(), takeBack: this.takeBack };
    reconcile(
      list,
      rows,
      (row) => row.key,
      makeRow,
      (element, row) => fillRow(element, row, facts),
    );
    if (list.querySelector('[tabindex="0"]') === null) {
      const last = [...list.querySelectorAll('.message')].at(-1);
      if (last) attribute(last, 'tabindex', '0');
    }
    if (anchor) {
      const moved = anchor.element.getBoundingClientRect().top - anchor.top;
      if (moved !== 0 && anchor.element.isConnected) scroller.scrollTop += moved;
    } else this.toEnd(false);
    if (this.settled) queueMicrotask(() => this.scrolled());
  }

  /** The first message in view and where it stands, so that it can stay there. */
  anchor() {
    const { scroller, list } = this;
    if (!scroller || !list) return null;
    const edge = scroller.getBoundingClientRect().top;
    for (const element of list.children) {
      const box = element.getBoundingClientRect();
      if (box.bottom > edge && element.classList.contains('message')) return { element, top: box.top };
    }
    return null;
  }

  /** Takes a refused message away, to be changed or for good. @param {string} cid @param {boolean} edit */
  takeBack = async (cid, edit) => {
    const words = await store.peek()?.outbox.discard(cid);
    const composer = /** @type {Composer | null} */ (this.querySelector('domu-composer'));
    if (words !== undefined && edit) composer?.take(words);
    else composer?.focusArea();
  };

  /** @param {import('../types.js').Member} other */
  async unblock(other) {
    this.problem.value = null;
    try {
      await api.block(other.u, false);
      announce(t('unblock_done', { name: other.first_name }));
      /** @type {Composer | null} */ (this.querySelector('domu-composer'))?.focusArea();
    } catch (error) {
      this.problem.value = error;
    }
  }

  atEnd() {
    const { scroller } = this;
    return !scroller || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
  }

  /** @param {boolean} smooth */
  toEnd(smooth) {
    const { scroller } = this;
    if (!scroller) return;
    const gentle = smooth && !matchMedia('(prefers-reduced-motion: reduce)').matches && scroller.scrollHeight - scroller.scrollTop < 4 * scroller.clientHeight;
    scroller.scrollTo({ top: scroller.scrollHeight, behavior: gentle ? 'smooth' : 'instant' });
  }

  scrolled() {
    const { scroller } = this;
    if (!scroller || !this.settled || !this.alive) return;
    const end = this.atEnd();
    this.following = end;
    this.away.value = !end;
    if (end) this.missed.value = 0;
    if (scroller.scrollTop < NEAR_TOP && !this.olderFailed.peek()) void this.older();
    this.seen();
  }

  async older() {
    const held = store.peek();
    const id = this.dataset.chat ?? '';
    if (!held?.streams.peek().chats.get(id)?.more || this.fetching) return;
    this.fetching = true;
    this.olderFailed.value = false;
    try {
      await held.loadOlder(id);
    } catch {
      this.olderFailed.value = true;
    } finally {
      this.fetching = false;
    }
  }

  /** Marks as read what is on the screen of somebody who is looking. */
  seen() {
    const { scroller, list } = this;
    const held = store.peek();
    const id = this.dataset.chat ?? '';
    if (!scroller || !list || !held || !this.settled || document.visibilityState !== 'visible' || !document.hasFocus()) return;
    held.seeNews(id);
    const chat = held.streams.peek().chats.get(id);
    if (!chat || chat.seq <= chat.read) return;
    if (this.atEnd()) {
      held.markRead(id, chat.seq);
      return;
    }
    const edge = scroller.getBoundingClientRect().bottom;
    for (let element = list.lastElementChild; element; element = element.previousElementSibling) {
      if (!(element instanceof HTMLElement) || element.dataset.seq === undefined) continue;
      const bubble = element.querySelector('.bubble');
      if (bubble && bubble.getBoundingClientRect().bottom <= edge) {
        held.markRead(id, Number(element.dataset.seq));
        return;
      }
    }
  }

  /** Arrow keys walk through the messages, Enter opens what can be done with one, R answers it. @param {KeyboardEvent} event */
  walk(event) {
    const { list } = this;
    const target = event.target instanceof Element ? event.target : null;
    if (!list || !target || !target.classList.contains('message')) return;
    if (this.doing?.typed(event)) return;
    const all = [...list.querySelectorAll('.message')];
    const at = all.indexOf(target);
    const next = event.key === 'ArrowUp' ? all[at - 1] : event.key === 'ArrowDown' ? all[at + 1] : event.key === 'Home' ? all[0] : event.key === 'End' ? all.at(-1) : undefined;
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  }

  /** @param {EventTarget | null} target */
  rove(target) {
    const message = target instanceof Element ? target.closest('.message') : null;
    if (!message || !this.list) return;
    for (const other of this.list.querySelectorAll('.message[tabindex="0"]')) if (other !== message) other.setAttribute('tabindex', '-1');
    message.setAttribute('tabindex', '0');
  }
}

customElements.define('domu-conversation', Conversation);
