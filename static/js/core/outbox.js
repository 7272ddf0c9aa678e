/**
 * Messages on their way: kept on the device before they are shown, sent strictly in order per chat, each with one
 * client id for all its attempts, until the server has confirmed or refused them.
 *
 * Of all tabs of an account one sends at a time (`lock`); what it learns it tells the others (`tell`).
 */

/** @import { Ack, Answered, OutboxItem, OutboxStorage, Refusal, Timers } from '../types.js' */
import { WireError } from './socket.js';

/** Wait before a message without an answer is asked about again. Milliseconds, doubled each time up to the cap. */
const AGAIN_MS = 1_000;
const AGAIN_CAP_MS = 15_000;
/** Time another tab has to send its own message before this one helps. Milliseconds. */
const HELP_MS = 1_000;
/** Messages kept for one person on one device; beyond it a new one is refused, with its text left in the composer. */
export const OUTBOX_MAX = 500;

/**
 * @typedef {{ type: 'put', item: OutboxItem } | { type: 'gone', cid: string, chat: string, text?: string, reply?: Answered, ack?: Ack }} Notice
 *
 * What is written down at once, for the moment until the storage has answered: a page may end in between.
 * @typedef {{ keep: (item: OutboxItem) => void, drop: (cid: string) => void, all: (user: string) => OutboxItem[] }} Journal
 *
 * @typedef {object} OutboxOptions
 * @property {string} user whose messages these are
 * @property {OutboxStorage} storage
 * @property {Journal} journal
 * @property {(item: OutboxItem) => Promise<Ack>} publish sends once; rejects with `WireError`
 * @property {() => boolean} ready whether this tab is connected as `user`
 * @property {<T>(work: () => Promise<T>) => Promise<T>} lock runs `work` while no other tab of this person does
 * @property {(notice: Notice) => void} tell the other tabs
 * @property {(items: readonly OutboxItem[]) => void} onChange all items, in order
 * @property {(item: { cid: string, chat: string, text: string, reply?: Answered }, ack: Ack) => void} onAck
 * @property {() => string} newId
 * @property {Timers} timers
 * @property {() => number} random
 */

/**
 * Whether a refusal is about the connection or the session rather than about the message.
 * @param {Refusal} refusal
 */
const aboutSession = (refusal) => Math.floor(refusal.code / 100) === 401 || refusal.name === 'not_ready';

export class Outbox {
  /** @param {OutboxOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {Map<string, OutboxItem>} */
    this.items = new Map();
    this.order = 0;
    this.pumping = false;
    this.again = false;
    this.closed = false;
    /** Makes the drain look for chats that have something new. */
    this.kick = () => {};
    /** Wakes chats that wait for their next attempt. @type {Set<() => void>} */
    this.sleepers = new Set();
  }

  /** Takes up what an earlier visit left. */
  async load() {
    // Written down but perhaps not stored: stored now. Should it have left already, its id makes it arrive once.
    for (const item of this.options.journal.all(this.options.user)) {
      await this.options.storage.put(item);
      this.options.journal.drop(item.cid);
    }
    for (const item of await this.options.storage.all(this.options.user)) {
      // What was on the wire when its tab ended may or may not have arrived: only the server knows.
      this.#set(item.state === 'sending' ? { ...item, state: 'unconfirmed' } : item);
    }
    this.#changed();
  }

  /** Ends this tab's part; the messages stay on the device. */
  close() {
    this.closed = true;
    this.#wake();
  }

  /** @returns {OutboxItem[]} */
  list() {
    return [...this.items.values()].sort((a, b) => a.order - b.order);
  }

  /**
   * Keeps a message and sends it when its turn comes.
   * @param {string} chat @param {string} text @param {Answered} [reply]
   * @returns {Promise<OutboxItem>} once it is stored on the device
   */
  async add(chat, text, reply) {
    if (this.items.size >= OUTBOX_MAX) throw new Error('outbox_full');
    const now = this.options.timers.now();
    /** @type {OutboxItem} */
    const item = {
      cid: this.options.newId(),
      user: this.options.user,
      chat,
      text,
      order: (this.order = Math.max(this.order + 1, now)),
      created: now,
      state: 'queued',
      attempts: 0,
    };
    if (reply !== undefined) item.reply = reply;
    this.options.journal.keep(item);
    try {
      await this.options.storage.put(item);
    } finally {
      this.options.journal.drop(item.cid);
    }
    this.#set(item);
    this.options.tell({ type: 'put', item });
    this.#changed();
    this.pump();
    return item;
  }

  /** Tries a refused message again: the same message, so the same id, unless that id itself was the trouble. @param {string} cid */
  async retry(cid) {
    const item = this.items.get(cid);
    if (item === undefined || item.state !== 'failed') return;
    if (item.error?.name === 'cid_reused') {
      await this.#forget(item);
      await this.add(item.chat, item.text, item.reply);
      return;
    }
    const { error: _error, ...rest } = item;
    await this.#save({ ...rest, state: 'queued' });
    this.pump();
  }

  /** Takes a refused message away and gives back its text. @param {string} cid */
  async discard(cid) {
    const item = this.items.get(cid);
    if (item === undefined || item.state !== 'failed') return undefined;
    await this.#forget(item);
    return item.text;
  }

  /** The message was seen in its chat's stream, so it is stored. @param {string} cid */
  async settle(cid) {
    const item = this.items.get(cid);
    if (item !== undefined) await this.#forget(item);
  }

  /** What another tab said. @param {Notice} notice */
  heard(notice) {
    if (notice.type === 'put') {
      if (notice.item.user !== this.options.user) return;
      this.#set(notice.item);
      this.kick();
      // Its own tab sends it, unless that tab has no connection.
      if (notice.item.state === 'queued') this.options.timers.setTimeout(() => this.pump(), HELP_MS);
    } else {
      if (notice.ack && notice.text !== undefined) {
        const { cid, chat, text, reply, ack } = notice;
        this.options.onAck({ cid, chat, text, ...(reply === undefined ? {} : { reply }) }, ack);
      }
      this.items.delete(notice.cid);
    }
    this.#changed();
  }

  /** The connection came, or something changed: see what can leave. */
  pump() {
    this.#wake();
    if (this.closed) return;
    if (this.pumping) {
      this.kick();
      this.again = true;
      return;
    }
    if (!this.options.ready() || !this.#due()) return;
    this.pumping = true;
    this.options
      .lock(() => this.#drain())
      .catch(() => {})
      .finally(() => {
        this.pumping = false;
        if (this.again) {
          this.again = false;
          this.pump();
        }
      });
  }

  #due() {
    return [...this.items.values()].some((item) => item.state !== 'failed');
  }

  /** Sends everything there is, chats side by side, each chat in order. */
  async #drain() {
    // Another tab may have sent some of it while this one waited for its turn.
    const before = this.list();
    const stored = new Map((await this.options.storage.all(this.options.user)).map((item) => [item.cid, item]));
    for (const item of before) if (!stored.has(item.cid)) this.items.delete(item.cid);
    for (const item of stored.values()) this.#set(item.state === 'sending' ? { ...item, state: 'unconfirmed' } : item);
    this.#changed();
    /** @type {Map<string, Promise<void>>} */
    const lanes = new Map();
    while (!this.closed && this.options.ready()) {
      for (const item of this.list()) {
        if (item.state === 'failed' || lanes.has(item.chat)) continue;
        lanes.set(item.chat, this.#lane(item.chat).finally(() => lanes.delete(item.chat)));
      }
      if (lanes.size === 0) return;
      /** @type {Promise<void>} */
      const kicked = new Promise((resolve) => (this.kick = resolve));
      await Promise.race([...lanes.values(), kicked]);
    }
    this.#wake();
    await Promise.all(lanes.values());
  }

  /** @param {string} chat */
  async #lane(chat) {
    let quiet = 0;
    while (!this.closed && this.options.ready()) {
      const item = this.list().find((candidate) => candidate.chat === chat && candidate.state !== 'failed');
      if (item === undefined) return;
      const wait = await this.#attempt(item, quiet);
      if (wait === null) quiet = 0;
      else {
        quiet += 1;
        await this.#sleep(wait);
      }
    }
  }

  /**
   * One attempt. Answers null when the message is decided, else milliseconds to wait.
   * @param {OutboxItem} item @param {number} quiet attempts without a decision so far
   * @returns {Promise<number | null>}
   */
  async #attempt(item, quiet) {
    const unsure = item.state === 'unconfirmed';
    // Stored before it leaves, so that a reload in the middle knows that the outcome is open.
    await this.#save({ ...item, state: unsure ? 'unconfirmed' : 'sending', attempts: item.attempts + 1 });
    if (!this.options.ready() || !this.items.has(item.cid)) {
      if (this.items.has(item.cid) && !unsure) await this.#save({ ...item, state: 'queued' });
      return 0;
    }
    const again = Math.round(Math.min(AGAIN_CAP_MS, AGAIN_MS * 2 ** quiet) * (0.5 + this.options.random() / 2));
    try {
      const ack = await this.options.publish(item);
      const { cid, chat, text, reply } = item;
      const sent = { cid, chat, text, ...(reply === undefined ? {} : { reply }) };
      this.options.onAck(sent, ack);
      await this.#forget(item, ack);
      return null;
    } catch (error) {
      if (!this.items.has(item.cid)) return null;
      const refusal = error instanceof WireError ? error.refusal : undefined;
      if (refusal === undefined) {
        await this.#save({ ...item, state: 'unconfirmed', attempts: item.attempts + 1 });
        return again;
      }
      if (refusal.retry || aboutSession(refusal)) {
        // A fault inside the server leaves open whether the message was stored; the other refusals say it was not.
        await this.#save({ ...item, state: unsure || refusal.code === 50000 ? 'unconfirmed' : 'queued', attempts: item.attempts + 1 });
        return Math.max(refusal.after_ms ?? 0, again);
      }
      await this.#save({ ...item, state: 'failed', attempts: item.attempts + 1, error: refusal });
      return null;
    }
  }

  /** @param {number} ms */
  #sleep(ms) {
    if (ms <= 0 || this.closed || !this.options.ready()) return Promise.resolve();
    return new Promise((/** @type {(value: void) => void} */ done) => {
      const wake = () => {
        this.sleepers.delete(wake);
        this.options.timers.clearTimeout(timer);
        done();
      };
      const timer = this.options.timers.setTimeout(wake, ms);
      this.sleepers.add(wake);
    });
  }

  /** The line went away or came back: nobody sleeps through it. */
  #wake() {
    if (this.closed || !this.options.ready()) for (const wake of [...this.sleepers]) wake();
  }

  /** The connection ended. */
  disconnected() {
    this.#wake();
  }

  /** @param {OutboxItem} item */
  #set(item) {
    this.items.set(item.cid, item);
    this.order = Math.max(this.order, item.order);
  }

  /** @param {OutboxItem} item */
  async #save(item) {
    this.#set(item);
    this.#changed();
    this.options.tell({ type: 'put', item });
    try {
      await this.options.storage.put(item);
    } catch {
      // The message itself was stored when it was added; only its state is behind.
    }
  }

  /** @param {OutboxItem} item @param {Ack} [ack] */
  async #forget(item, ack) {
    this.items.delete(item.cid);
    this.#changed();
    const { cid, chat, text, reply } = item;
    this.options.tell({ type: 'gone', cid, chat, text, ...(reply === undefined ? {} : { reply }), ...(ack === undefined ? {} : { ack }) });
    try {
      await this.options.storage.remove(cid);
    } catch {
      // It will be asked about once more after a reload, and answered with `dup`.
    }
  }

  #changed() {
    this.options.onChange(this.list());
  }
}

/** Keeps items in memory only, for browsers that refuse to store. @implements {OutboxStorage} */
export class MemoryStorage {
  constructor() {
    /** @type {Map<string, OutboxItem>} */
    this.items = new Map();
  }
  /** @param {string} user */
  async all(user) {
    return [...this.items.values()].filter((item) => item.user === user).sort((a, b) => a.order - b.order);
  }
  /** @param {OutboxItem} item */
  async put(item) {
    this.items.set(item.cid, item);
  }
  /** @param {string} cid */
  async remove(cid) {
    this.items.delete(cid);
  }
}
