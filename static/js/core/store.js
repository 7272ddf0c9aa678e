/**
 * The signed-in application without its pages: streams, outbox and connection put together.
 *
 * Written by the frames of the socket (or, where those are blocked, the answers of polling) and the person's actions; read by the screens through signals.
 */

/** @import { Ack, Answered, Ask, Chat, ConnectReply, Emoji, HistoryPage, Input, Link, Me, OutboxItem, OutboxStorage, SocketLike, Streams, Timers, WireEvent } from '../types.js' */
import { Live } from './live.js';
import { Outbox } from './outbox.js';
import { Polling } from './polling.js';
import { signal } from './signals.js';
import { Socket, WireError } from './socket.js';
import { apply, emptyStreams, isMuted, isNews, resumeOf, unreadOf } from './streams.js';

/** A hole that stays this long is healed by a resume. Milliseconds. */
const HOLE_MS = 2_000;
/** Markers of a chat are sent at most this often. Milliseconds. */
const MARKER_MS = 1_000;
/** Chats whose messages come with `connect`. */
const WINDOW = 19;

/**
 * @typedef {object} Channel
 * @property {(message: any) => void} post
 * @property {((message: any) => void) | null} onMessage
 * @property {() => void} close
 *
 * @typedef {object} StoreOptions
 * @property {Me} me
 * @property {() => SocketLike} open
 * @property {import('./http.js').Http} http
 * @property {Timers} timers
 * @property {() => number} random
 * @property {() => string} newId
 * @property {OutboxStorage} storage
 * @property {import('./outbox.js').Journal} journal
 * @property {<T>(work: () => Promise<T>) => Promise<T>} lock
 * @property {Channel} channel to the other tabs of this person
 * @property {() => void} onSuspect the session may have ended
 * @property {() => void} onStranger the connection belongs to somebody else
 * @property {(at: number) => void} [onExpiring] the session of the socket ends then
 * @property {(ask: () => Promise<Me>) => Promise<Me>} learn asks what this person is now, and tells whoever shows it
 */

export class Store {
  /** @param {StoreOptions} options */
  constructor(options) {
    this.options = options;
    this.me = options.me;
    /** @type {import('./signals.js').Signal<Streams>} */
    this.streams = signal(emptyStreams());
    /** @type {import('./signals.js').Signal<readonly OutboxItem[]>} */
    this.pending = signal(/** @type {readonly OutboxItem[]} */ ([]));
    /** @type {import('./signals.js').Signal<Link>} */
    this.link = signal(/** @type {Link} */ ({ state: 'idle' }));
    /** Whether the first list of chats has arrived. */
    this.loaded = signal(false);
    /** Longest message, once the server has said it. */
    this.messageChars = signal(/** @type {number | null} */ (null));
    /** Events of a page of history, once the server has said it. @type {number | null} */
    this.historyMax = null;
    /** What the server said this client has to keep to. @type {Partial<ConnectReply['limits']>} */
    this.limits = {};
    /** Asking for the bounds. @type {Promise<void> | null} */
    this.asking = null;
    /** @type {Set<(chat: Chat, event: WireEvent) => void>} */
    this.arrivals = new Set();
    /** @type {Set<(event: WireEvent) => void>} */
    this.userEvents = new Set();
    /** News that is being said to be seen. @type {Set<number>} */
    this.seeing = new Set();
    /** Answered messages that are being asked about. @type {Set<string>} */
    this.quoting = new Set();
    /** Chats whose hole is being asked about. @type {Set<string>} */
    this.filling = new Set();
    /** @type {Map<string, any>} */
    this.holeTimers = new Map();
    /** @type {Map<string, Promise<void>>} */
    this.older = new Map();
    /** @type {Map<string, { want: number, sent: number, timer: any, op: string }>} */
    this.markers = new Map();
    /** Who types and who is here. @type {Live} */
    this.live = new Live({ timers: options.timers, ask: (op, ch, d) => this.socket.request(op, ch, d) });
    /** @type {Socket} */
    this.socket = new Socket({
      open: options.open,
      timers: options.timers,
      random: options.random,
      hello: () => ({ ...(options.http.bearer === null ? {} : { token: options.http.bearer }), v: 1, client: 'web/1', window: [0, WINDOW], visible: this.live.looking, ...this.#resume() }),
      onConnected: (reply) => this.#connected(reply),
      onFrame: (frame) => this.#frame(frame),
      onLink: () => this.#linked(),
      onSuspect: options.onSuspect,
      onUnreachable: () => this.polling.start(),
    });
    this.polling = new Polling({
      http: options.http,
      timers: options.timers,
      me: options.me.id,
      onPage: (page) => this.#listed(page),
      onWhole: (listed, invites) => this.#looked(listed, invites),
      onUp: () => this.#linked(),
      onSuspect: options.onSuspect,
      onStranger: options.onStranger,
    });
    this.outbox = new Outbox({
      user: options.me.id,
      storage: options.storage,
      journal: options.journal,
      publish: (item) => this.#publish(item),
      ready: () => this.line !== null && this.streams.peek().me === options.me.id,
      lock: options.lock,
      tell: (notice) => options.channel.post({ outbox: notice }),
      onChange: (items) => (this.pending.value = items),
      onAck: (item, ack) => this.#acked(item, ack),
      newId: options.newId,
      timers: options.timers,
      random: options.random,
    });
    options.channel.onMessage = (message) => {
      if (message && typeof message === 'object' && message.outbox) this.outbox.heard(message.outbox);
    };
  }

  /** The way to the server that works now: the socket, else polling, else none. */
  get line() {
    return this.socket.connected ? this.socket : this.polling.up ? this.polling : null;
  }

  /** @param {string} op @param {string} chat @param {Record<string, any>} d @returns {Promise<any>} */
  #ask(op, chat, d) {
    return this.line?.request(op, `chat:${chat}`, d) ?? Promise.reject(new WireError('closed'));
  }

  /** What is held cannot be continued as it is: begins from what the server says now. */
  #heal() {
    if (this.socket.connected) this.socket.reconnect();
    else this.polling.again();
  }

  async start() {
    this.socket.start();
    await this.outbox.load();
    this.outbox.pump();
  }

  stop() {
    this.live.end();
    this.outbox.close();
    this.polling.stop();
    this.socket.stop();
    this.options.channel.close();
  }

  /** Takes another bearer session of this person, on the socket that is there. @param {string} token @returns {Promise<void>} */
  async refresh(token) {
    if (this.socket.connected) await this.socket.request('refresh', undefined, { token });
    this.options.http.bearer = token;
  }

  /**
   * Asks anew for chats on the socket that is there: those in a window of the list, and some by their ids.
   * @param {{ window?: [number, number], chats?: readonly string[] }} what
   */
  async sync({ window, chats = [] }) {
    const { epoch, chats: held } = this.streams.peek();
    const positions = Object.fromEntries(chats.map((id) => [id, held.get(id)?.seq ?? null]));
    const reply = await this.socket.request('sync', undefined, { ...(window === undefined ? {} : { window }), chats: positions });
    if (this.streams.peek().epoch === epoch) this.#apply({ type: 'synced', chats: reply.chats });
  }

  /** Messages not read yet, over all chats this person wants to be told of. */
  unread() {
    const now = this.options.timers.now();
    let sum = 0;
    for (const chat of this.streams.value.chats.values()) if (!chat.blocked && !isMuted(chat, now)) sum += unreadOf(chat);
    return sum;
  }

  /** The server has said what of the news was seen: shown at once, whatever tells it next. @param {{ upto: number, also: number[] }} noticed */
  noticed(noticed) {
    this.#apply({ type: 'noticed', noticed });
  }

  /** What is news about a chat is seen by whoever has it before them. @param {string} chat */
  seeNews(chat) {
    const { notices } = this.streams.peek();
    for (const item of notices?.items ?? []) {
      const { seq } = item;
      if (notices === null || item.chat_id !== chat || !isNews(notices, item) || this.seeing.has(seq) || this.line === null) continue;
      this.seeing.add(seq);
      this.line
        .request('notify.read', undefined, { seq })
        .then((noticed) => this.noticed(noticed))
        // It stays news, and is seen the next time.
        .catch(() => {})
        .finally(() => this.seeing.delete(seq));
    }
  }

  /** The server has said until when a chat is muted: shown at once, whatever tells it next. @param {string} id @param {number} until */
  muted(id, until) {
    this.#apply({ type: 'muted', chat: id, until });
  }

  /** @param {string} chat @param {string} text @param {Answered} [reply] */
  send(chat, text, reply) {
    this.live.stopped({ sent: this.line !== null });
    return this.outbox.add(chat, text, reply);
  }

  /** Puts another text in the place of a message of mine. @param {string} chat @param {string} mid @param {number} rev the revision that was seen @param {string} text @returns {Promise<void>} */
  edit(chat, mid, rev, text) {
    return this.#ask('edit', chat, { mid, rev, text });
  }

  /** Deletes a message: for me, or one of mine for all. @param {string} chat @param {string} mid @param {'me' | 'all'} scope */
  async remove(chat, mid, scope) {
    await this.#ask('delete', chat, { mid, scope });
    // Where no socket is, nothing else tells it.
    if (scope === 'me') this.#apply({ type: 'erased', chat, mid });
  }

  /** @param {string} chat @param {string} mid @param {Emoji} emoji @param {boolean} on @returns {Promise<void>} */
  react(chat, mid, emoji, on) {
    return this.#ask('react', chat, { mid, emoji, on });
  }

  /** Asks for a message that another one answers and that is not held. @param {string} id @param {number} seq */
  quote(id, seq) {
    const key = `${id}:${seq}`;
    const chat = this.streams.peek().chats.get(id);
    if (chat === undefined || chat.quoted.has(seq) || this.quoting.has(key) || this.line === null) return;
    this.quoting.add(key);
    this.#ask('history', id, { around: seq, limit: 1, epoch: this.streams.peek().epoch })
      .then(this.#sameEpoch((/** @type {HistoryPage} */ page) => this.#apply({ type: 'quoted', chat: id, seq, page })))
      .catch((error) => {
        // What the server does not show is not to be seen; anything else is asked again when it is drawn again.
        if (error instanceof WireError && error.refusal && !error.refusal.retry) this.#apply({ type: 'quoted', chat: id, seq, page: null });
      })
      .finally(() => this.quoting.delete(key));
  }

  /**
   * Loads the page of history above what is held. Several calls at once are one.
   * @param {string} id @param {number} [limit]
   * @returns {Promise<void>}
   */
  loadOlder(id, limit = 50) {
    const running = this.older.get(id);
    if (running) return running;
    const chat = this.streams.peek().chats.get(id);
    if (chat === undefined || !chat.more) return Promise.resolve();
    const before = chat.from;
    const work = this.#ask('history', id, { before, limit: Math.min(limit, this.historyMax ?? limit), epoch: this.streams.peek().epoch })
      .then(this.#sameEpoch((/** @type {HistoryPage} */ page) => this.#apply({ type: 'history', chat: id, page, before })))
      .finally(() => this.older.delete(id));
    this.older.set(id, work);
    return work;
  }

  /** Everything up to `seq` was shown to the person. @param {string} id @param {number} seq */
  markRead(id, seq) {
    const chat = this.streams.peek().chats.get(id);
    if (chat === undefined || seq <= chat.read) return;
    this.#marker('read', id, seq);
    // The person sees it as read at once; a resume brings back what the server holds.
    const last = chat.events.findLast((event) => (event.op === 'message' || event.op === 'hidden') && event.seq <= seq);
    this.#apply({ type: 'marker', chat: id, d: { u: this.me.id, read: seq, read_n: Number(last?.d.n) || 0 } });
  }

  /** @param {string} op @param {string} id @param {number} seq */
  #marker(op, id, seq) {
    const key = `${op}:${id}`;
    const held = this.markers.get(key) ?? { want: 0, sent: 0, timer: null, op };
    this.markers.set(key, held);
    if (seq <= held.want) return;
    held.want = seq;
    if (held.timer === null) this.#sendMarker(key, id, held);
  }

  /** @param {string} key @param {string} id @param {{ want: number, sent: number, timer: any, op: string }} held */
  #sendMarker(key, id, held) {
    if (held.want <= held.sent || this.line === null) {
      // Not connected: what was wanted is forgotten, and wanted again when it is shown again.
      this.markers.delete(key);
      return;
    }
    const seq = held.want;
    held.sent = seq;
    held.timer = this.options.timers.setTimeout(() => {
      held.timer = null;
      this.#sendMarker(key, id, held);
    }, MARKER_MS);
    this.#ask(held.op, id, { seq })
      .then((ok) => this.#apply({ type: 'marker', chat: id, d: { u: this.me.id, ...ok } }))
      .catch((error) => {
        if (error instanceof WireError && error.refusal !== undefined && !error.refusal.retry) return;
        // Asked again with the next beat of the timer, or now when there is none any more.
        held.sent = 0;
        if (this.markers.get(key) !== held && this.line !== null) this.#marker(held.op, id, held.want);
      });
  }

  #resume() {
    const state = this.streams.peek();
    const resume = state.me === this.me.id ? resumeOf(state) : undefined;
    return resume === undefined ? {} : { resume };
  }

  /** @param {ConnectReply} reply */
  #connected(reply) {
    if (reply.user.id !== this.me.id) {
      this.options.onStranger();
      return;
    }
    this.messageChars.value = reply.limits.message_chars;
    this.historyMax = reply.limits.history;
    this.limits = reply.limits;
    this.filling.clear();
    this.markers.clear();
    this.older.clear();
    this.#apply({ type: 'connected', reply });
    // The events that would have told what changed about this person are not coming.
    if (this.loaded.peek() && reply.user.recovered !== 'full') void this.#refresh();
    this.loaded.value = true;
    this.#settle();
  }

  /** Takes messages out of the outbox that the streams already hold. */
  #settle() {
    const { chats } = this.streams.peek();
    for (const item of this.outbox.list()) {
      const events = chats.get(item.chat)?.events ?? [];
      if (events.some((event) => event.d?.cid === item.cid && event.d.u === this.me.id)) void this.outbox.settle(item.cid);
    }
  }

  /** @param {import('../types.js').ChatPage} page */
  #listed(page) {
    const last = page.chats.at(-1);
    const news = last !== undefined && this.streams.peek().chats.get(last.id)?.head !== last.head;
    this.#apply({ type: 'list', me: this.me.id, epoch: page.epoch, chats: page.chats });
    this.loaded.value = true;
    if (this.messageChars.peek() === null) this.asking ??= this.#bounds().finally(() => (this.asking = null));
    // What was read here while there was no line gets there now.
    for (const { id, read, blocked } of page.chats) {
      // There one's marker stands still, whatever is told.
      if (blocked) continue;
      const held = this.streams.peek().chats.get(id)?.read ?? 0;
      if (held > read && !this.markers.has(`read:${id}`)) this.#marker('read', id, held);
    }
    this.outbox.pump();
    return news;
  }

  /**
   * The whole list was read. Lists move while they are read, so a chat that was not in it is asked about before it goes.
   * @param {ReadonlySet<string>} listed @param {readonly import('../wire.d.ts').Invite[]} invites
   */
  #looked(listed, invites) {
    this.#apply({ type: 'invites', invites });
    for (const { id, seq } of this.streams.peek().chats.values()) {
      if (listed.has(id)) continue;
      this.#ask('history', id, { after: seq, epoch: this.streams.peek().epoch }).catch((error) => {
        if (error instanceof WireError && error.refusal?.name === 'not_member') this.#apply({ type: 'gone', chat: id });
      });
    }
  }

  /** Asks for the bound that a socket tells with its first answer. */
  async #bounds() {
    try {
      const { message_chars_max } = await this.options.http.get('/api/limits');
      if (typeof message_chars_max === 'number') this.messageChars.value ??= message_chars_max;
    } catch {
      // Asked again with the next list.
    }
  }

  /** One of the two ways to the server came or went. */
  #linked() {
    const { link } = this.socket;
    // Where the server itself has spoken there is nothing to go around.
    if (link.state === 'connected' || link.state === 'stopped' || link.state === 'idle') this.polling.stop();
    if (link.state !== 'connected') this.live.end();
    else if (!this.live.connected) this.live.begin(this.limits);
    this.link.value = this.polling.up ? { state: 'polling' } : link;
    if (this.line === null) {
      this.outbox.disconnected();
      return;
    }
    this.outbox.pump();
    this.#receipts();
  }

  /** Passes an answer on unless the store it came from has been replaced since it was asked for. @template T @param {(answer: T) => void} use @returns {(answer: T) => void} */
  #sameEpoch(use) {
    const { epoch } = this.streams.peek();
    return (answer) => {
      if (this.streams.peek().epoch === epoch) use(answer);
    };
  }

  /** @param {Record<string, any>} frame */
  #frame(frame) {
    if (typeof frame.seq === 'number' && typeof frame.ch === 'string') {
      this.#apply({ type: 'event', event: /** @type {WireEvent} */ (frame) });
    } else if (frame.op === 'marker' && typeof frame.ch === 'string' && frame.d) {
      this.#apply({ type: 'marker', chat: frame.ch.slice(5), d: frame.d });
    } else if (frame.op === 'typing' || frame.op === 'presence') {
      this.live.heard(frame);
    } else if (frame.op === 'token.expiring') {
      this.options.onExpiring?.(Number(frame.d?.expires_at));
    } else if (frame.op === 'ping' && frame.h) {
      this.#apply({ type: 'heads', heads: frame.h });
    }
  }

  /** @param {OutboxItem} item @returns {Promise<Ack>} */
  async #publish(item) {
    if (item.user !== this.streams.peek().me) throw new WireError('closed');
    const d = { cid: item.cid, text: item.text, ...(item.reply === undefined ? {} : { reply_to: item.reply.mid }) };
    return await this.#ask('publish', item.chat, d);
  }

  /** @param {{ cid: string, chat: string, text: string, reply?: Answered }} item @param {Ack} ack */
  #acked(item, ack) {
    this.#apply({ type: 'ack', chat: item.chat, ack, text: item.text, ...(item.reply === undefined ? {} : { reply: item.reply }) });
  }

  /** @param {Input} input */
  #apply(input) {
    const { state, asks } = apply(this.streams.peek(), input);
    this.streams.value = state;
    for (const ask of asks) this.#answer(ask);
  }

  /** @param {Ask} ask */
  #answer(ask) {
    switch (ask.ask) {
      case 'history':
        this.#fill(ask.chat);
        break;
      case 'resync':
        // On a fresh turn: this may be in the middle of a connect reply.
        this.options.timers.setTimeout(() => this.#heal(), 0);
        break;
      case 'arrived': {
        const chat = this.streams.peek().chats.get(ask.chat);
        const { event } = ask;
        if (event.d?.u === this.me.id && typeof event.d.cid === 'string') void this.outbox.settle(event.d.cid);
        if (typeof event.d?.u === 'string') this.live.spoke(ask.chat, event.d.u);
        // Whoever joined is not among those the server tells of until it is asked again.
        if (event.op === 'member' && event.d.change === 'joined') this.live.refocus();
        if (chat) for (const heard of this.arrivals) heard(chat, event);
        this.#receipt(ask.chat);
        break;
      }
      case 'user':
        // Who hides sees nobody, and whom one has blocked one does not see.
        if (['settings', 'block'].includes(ask.event.op)) this.live.refocus();
        if (['settings', 'profile', 'verification'].includes(ask.event.op)) void this.#refresh();
        for (const heard of this.userEvents) heard(ask.event);
        break;
    }
  }

  /** Asks for the events right after the position, and resumes when the hole stays. @param {string} id */
  #fill(id) {
    if (this.filling.has(id) || this.line === null) {
      // During `connect` the line is not yet told to be up; look again right after.
      if (!this.filling.has(id)) this.options.timers.setTimeout(() => this.#hole(id) && this.line !== null && this.#fill(id), 0);
      return;
    }
    const chat = this.streams.peek().chats.get(id);
    if (chat === undefined || chat.seq >= chat.head) return;
    this.filling.add(id);
    const after = chat.seq;
    if (!this.holeTimers.has(id)) {
      const timer = this.options.timers.setTimeout(() => {
        this.holeTimers.delete(id);
        const now = this.streams.peek().chats.get(id);
        if (now !== undefined && now.seq === after && now.seq < now.head && this.line !== null) this.#heal();
      }, HOLE_MS);
      this.holeTimers.set(id, timer);
    }
    const use = this.#sameEpoch((/** @type {HistoryPage} */ page) => this.#apply({ type: 'history', chat: id, page, after }));
    this.#ask('history', id, { after, ...(this.historyMax === null ? {} : { limit: this.historyMax }), epoch: this.streams.peek().epoch })
      .then((/** @type {HistoryPage} */ page) => {
        this.filling.delete(id);
        use(page);
      })
      .catch((error) => {
        this.filling.delete(id);
        if (error instanceof WireError && error.refusal?.name === 'unrecoverable_position') this.#heal();
      });
  }

  /** Asks how this person's profile is now. */
  async #refresh() {
    try {
      await this.options.learn(() => this.options.http.me());
    } catch {
      // It is asked again when it changes again, and by whoever shows it.
    }
  }

  /** @param {string} id */
  #hole(id) {
    const chat = this.streams.peek().chats.get(id);
    return chat !== undefined && chat.seq < chat.head;
  }

  /** Tells the server that this device holds the messages of a chat. @param {string} id */
  #receipt(id) {
    const chat = this.streams.peek().chats.get(id);
    if (chat === undefined || this.line === null) return;
    if (chat.events.length > 0 && chat.seq > chat.recv) this.#marker('ack', id, chat.seq);
  }

  #receipts() {
    for (const id of this.streams.peek().chats.keys()) this.#receipt(id);
  }
}
