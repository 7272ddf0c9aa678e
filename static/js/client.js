/**
 * The reference client of Domu: everything a client has to do and nothing of a page. The web app is built on it, and it
 * runs the same in Node (from 22 on as it is; before, give it a `WebSocket`).
 *
 *     const client = new DomuClient({ url: 'https://domu.example', token });   // token: POST /api/auth/token
 *     client.onMessage((chat, event) => console.log(event.op, event.d.text));
 *     const store = await client.start();  // store.streams holds the chats
 *     await client.send(chatId, 'hoi');    // kept, sent once, whatever happens to the line
 *     client.stop();
 *
 * What it promises: `store.streams` holds of each chat a run of events up to the newest, each once, in order and without a
 * hole; every sent message is stored once or refused aloud; and of every close code it does what its hundred asks for
 * (40xx stay away, 41xx wait at least a second, 42xx resume at once).
 */

/** @import { Me, OutboxItem, OutboxStorage, SocketLike, Timers } from './types.js' */
import { FaultySocket, faultyFetch, faultyTimers } from './core/faults.js';
import { Http } from './core/http.js';
import { MemoryStorage } from './core/outbox.js';
import { signal } from './core/signals.js';
import { Store } from './core/store.js';
import { newId } from './core/text.js';

/** The subprotocol of the socket. */
const SUBPROTOCOL = 'domu.v1.json';

/**
 * Where a client keeps what must outlive it, and how the clients of one person on one device share it.
 * @typedef {object} Place
 * @property {() => Promise<OutboxStorage>} open
 * @property {import('./core/outbox.js').Journal} journal
 * @property {<T>(user: string, work: () => Promise<T>) => Promise<T>} lock
 * @property {(user: string) => import('./core/store.js').Channel} channel
 *
 * @typedef {(chat: import('./types.js').Chat, event: import('./types.js').WireEvent) => void} Heard
 *
 * @typedef {object} ClientOptions
 * @property {string} [url] the server's origin; empty for the origin of the page
 * @property {string | null} [token] a bearer session; without it the browser's cookie is the session
 * @property {typeof globalThis.fetch} [fetch]
 * @property {new (url: string | URL, protocol: string) => any} [WebSocket]
 * @property {Place} [storage]
 * @property {Timers} [clock]
 * @property {() => number} [random]
 * @property {import('./core/faults.js').Hooks} [hooks] faults, see `core/faults.js`
 */

/** @type {Timers} */
const realClock = {
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (handle) => clearTimeout(handle),
  now: () => Date.now(),
};

/** Keeps everything as long as the program runs. @returns {Place} */
export function memoryPlace() {
  const storage = new MemoryStorage();
  return {
    open: async () => storage,
    journal: { keep: () => {}, drop: () => {}, all: () => [] },
    lock: (_user, work) => work(),
    channel: () => ({ post: () => {}, onMessage: null, close: () => {} }),
  };
}

export class DomuClient {
  /** @param {ClientOptions} [options] */
  constructor({ url = '', token = null, fetch = (input, init) => globalThis.fetch(input, init), WebSocket = globalThis.WebSocket, storage = memoryPlace(), clock = realClock, random = Math.random, hooks = {} } = {}) {
    this.url = url;
    this.WebSocket = WebSocket;
    this.storage = storage;
    this.clock = faultyTimers(clock, hooks);
    this.random = random;
    this.hooks = hooks;
    /** @type {Set<Heard>} */
    this.listeners = new Set();
    this.http = new Http(faultyFetch(fetch, hooks), { base: url, bearer: token });
    /** Streams, outbox and connection of the person who is connected. */
    this.store = signal(/** @type {Store | null} */ (null));
    /** The session may have ended; ask `http.me()`. @type {() => void} */
    this.onSuspect = () => {};
    /** The session is now somebody else's; nothing is sent any more. @type {() => void} */
    this.onStranger = () => {};
    /** This person's profile or settings changed. @type {(me: Me) => void} */
    this.onMe = () => {};
    /** The session ends at this time (milliseconds since the epoch): give `refresh` another one. @type {(at: number) => void} */
    this.onExpiring = () => {};
    /** Questions about this person so far, and the latest of them whose answer is known. */
    this.asked = 0;
    this.told = 0;
    /** Counts starts and stops: a start that was overtaken by one ends. */
    this.starts = 0;
  }

  /**
   * Asks something whose answer is this person as they are now, and tells `onMe`. An answer that comes after that of a later
   * question may be out of date and is asked for again.
   * @param {() => Promise<Me>} ask
   * @returns {Promise<Me>}
   */
  async learn(ask) {
    const asked = ++this.asked;
    const me = await ask();
    // What was asked for is done, whatever becomes of asking again.
    if (asked < this.told) return this.learn(() => this.http.me()).catch(() => me);
    this.told = asked;
    this.onMe(me);
    return me;
  }

  /** Connects as whoever the session belongs to. @param {Me} [person] when that is already known @returns {Promise<Store>} rejects with `AbortError` when it was stopped or started again meanwhile */
  async start(person) {
    this.stop();
    const turn = this.starts;
    const me = person ?? (await this.http.me());
    const { storage } = this;
    const opened = await storage.open();
    if (turn !== this.starts) throw new DOMException('The client was stopped or started again meanwhile.', 'AbortError');
    const store = new Store({
      me,
      open: () => new FaultySocket(() => this.#open(), this.hooks, this.clock),
      http: this.http,
      timers: this.clock,
      random: this.random,
      newId: () => newId(globalThis.crypto),
      storage: opened,
      journal: storage.journal,
      lock: (work) => storage.lock(me.id, work),
      channel: storage.channel(me.id),
      onSuspect: () => this.onSuspect(),
      onStranger: () => {
        this.store.peek()?.stop();
        this.onStranger();
      },
      onExpiring: (at) => this.onExpiring(at),
      learn: (ask) => this.learn(ask),
    });
    store.arrivals.add((chat, event) => {
      for (const heard of this.listeners) heard(chat, event);
    });
    this.store.value = store;
    await store.start();
    return store;
  }

  /** Ends the connection; what is not sent stays where it is kept. */
  stop() {
    this.starts += 1;
    this.store.peek()?.stop();
    this.store.value = null;
  }

  /** Goes on with another bearer session of the same person, without a new connection. @param {string} token */
  async refresh(token) {
    await this.store.peek()?.refresh(token);
    this.http.bearer = token;
  }

  /**
   * Keeps a message and sends it as soon as that is possible.
   * @param {string} chat @param {string} text @param {import('./types.js').Answered} [reply]
   * @returns {Promise<OutboxItem>} once it is kept
   */
  send(chat, text, reply) {
    const store = this.store.peek();
    return store === null ? Promise.reject(new Error('the client is not started')) : store.send(chat, text, reply);
  }

  /**
   * Calls back for every event that continues a chat which is held, once and in order: messages, and what else happens there.
   * Not for what a snapshot brings, which is how a chat begins and how it goes on when the server could not resume it, nor
   * for older history: those are in `store.streams`. Listeners stay from one `start` to the next.
   * @param {Heard} heard
   * @returns {() => void} ends it
   */
  onMessage(heard) {
    this.listeners.add(heard);
    return () => void this.listeners.delete(heard);
  }

  /** @returns {SocketLike} */
  #open() {
    const url = new URL('/ws', this.url || globalThis.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new this.WebSocket(url, SUBPROTOCOL);
  }
}
