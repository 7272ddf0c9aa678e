/**
 * What is live and forgotten: what is on screen, who types, who is here. All of it lasts as long as the socket; without one
 * nothing is shown, which is nothing wrong.
 */

/** @import { Presence, Timers } from '../types.js' */
import { signal } from './signals.js';
import { chatOf } from './streams.js';
import { WireError } from './socket.js';

/** Whoever goes on typing says so at most this often. Milliseconds. */
export const TYPING_MS = 3_000;
/** A pause in typing that ends it. Milliseconds. */
export const PAUSE_MS = 5_000;
/** How much later than the server this client lets somebody's typing end by itself. Milliseconds. */
const SLACK_MS = 1_000;
/** Changes of what is on screen within this time are one. Milliseconds. */
const FOCUS_MS = 150;
/** Least wait after a refused change of what is on screen. Milliseconds. */
const REFUSED_MS = 1_000;

/**
 * @typedef {object} LiveOptions
 * @property {Timers} timers
 * @property {(op: string, ch: string | undefined, d: Record<string, any>) => Promise<any>} ask on the socket; rejects without one
 *
 * @typedef {Presence & { at: number }} Known what was told of somebody, and when
 */

export class Live {
  /** @param {LiveOptions} options */
  constructor(options) {
    this.options = options;
    /** By person. @type {import('./signals.js').Signal<ReadonlyMap<string, Known>>} */
    this.presence = signal(/** @type {ReadonlyMap<string, Known>} */ (new Map()));
    /** Who types, by chat. @type {import('./signals.js').Signal<ReadonlyMap<string, readonly string[]>>} */
    this.typing = signal(/** @type {ReadonlyMap<string, readonly string[]>} */ (new Map()));
    /** Whether somebody looks at this client. */
    this.looking = false;
    this.connected = false;
    this.limits = { focus: 0, typing_ms: 0, visible_ms: 0 };
    /** What is on screen. @type {readonly string[]} */
    this.wanted = [];
    /** What the server was told is. @type {readonly string[]} */
    this.told = [];
    this.asked = 0;
    /** When each typist's time is over, by chat and person. @type {Map<string, { chat: string, u: string, until: number }>} */
    this.typists = new Map();
    /** What I was last heard typing in. @type {{ chat: string, at: number } | null} */
    this.own = null;
    /** @type {any} */ this.focusTimer = null;
    /** @type {any} */ this.leaseTimer = null;
    /** @type {any} */ this.typistTimer = null;
    /** @type {any} */ this.pauseTimer = null;
  }

  /** A socket is connected; it was told in `connect` whether somebody looks. @param {{ focus?: number, typing_ms?: number, visible_ms?: number }} limits */
  begin(limits) {
    this.end();
    this.connected = true;
    this.limits = { focus: limits.focus ?? 0, typing_ms: limits.typing_ms ?? 0, visible_ms: limits.visible_ms ?? 0 };
    this.#lease();
    this.#focusSoon(0);
  }

  /** There is no socket any more, and nothing is known. */
  end() {
    const { timers } = this.options;
    for (const timer of [this.focusTimer, this.leaseTimer, this.typistTimer, this.pauseTimer]) timers.clearTimeout(timer);
    this.focusTimer = this.leaseTimer = this.typistTimer = this.pauseTimer = null;
    this.connected = false;
    this.told = [];
    this.own = null;
    this.asked += 1;
    this.typists.clear();
    if (this.typing.peek().size > 0) this.typing.value = new Map();
    if (this.presence.peek().size > 0) this.presence.value = new Map();
  }

  /** These chats are on screen, the most important first. @param {readonly string[]} chats */
  focus(chats) {
    if (same(chats, this.wanted)) return;
    this.wanted = [...chats];
    this.#focusSoon(FOCUS_MS);
  }

  /** Asks anew for what is known of whom: something changed who may know. */
  refocus() {
    this.told = [];
    this.#focusSoon(FOCUS_MS);
  }

  /** @param {number} wait */
  #focusSoon(wait) {
    if (!this.connected || this.focusTimer !== null) return;
    this.focusTimer = this.options.timers.setTimeout(() => {
      this.focusTimer = null;
      this.#focus();
    }, wait);
  }

  #focus() {
    const chats = this.wanted.slice(0, this.limits.focus);
    if (!this.connected || same(chats, this.told)) return;
    this.told = chats;
    const turn = (this.asked += 1);
    this.options.ask('focus', undefined, { chats }).then(
      (/** @type {{ chats: { id: string, presence: Presence[], typing: string[] }[] }} */ reply) => {
        if (turn === this.asked) this.#focused(reply.chats);
      },
      (error) => {
        if (turn !== this.asked || !(error instanceof WireError) || error.refusal === undefined) return;
        // What is not on screen any more is nobody's business; a chat that is not ours (yet) is left out.
        this.told = [];
        if (error.refusal.retry) this.#focusSoon(Math.max(REFUSED_MS, error.refusal.after_ms ?? 0));
      },
    );
  }

  /** @param {{ id: string, presence: Presence[], typing: string[] }[]} chats */
  #focused(chats) {
    const at = this.options.timers.now();
    this.presence.value = new Map(chats.flatMap((chat) => chat.presence.map((presence) => /** @type {const} */ ([presence.u, { ...presence, at }]))));
    this.typists.clear();
    for (const chat of chats) for (const u of chat.typing) this.#types(chat.id, u);
    this.#show();
  }

  /** Takes a `typing` or `presence` signal. @param {Record<string, any>} frame */
  heard({ op, ch, d }) {
    const chat = chatOf(String(ch));
    if (chat === null || !this.told.includes(chat) || typeof d?.u !== 'string') return;
    if (op === 'presence') {
      this.presence.value = new Map(this.presence.peek()).set(d.u, { u: d.u, state: d.state, seen: d.seen ?? null, at: this.options.timers.now() });
    } else {
      if (d.on === true) this.#types(chat, d.u);
      else this.typists.delete(`${chat} ${d.u}`);
      this.#show();
    }
  }

  /** A message of somebody is there. @param {string} chat @param {string} u */
  spoke(chat, u) {
    if (this.typists.delete(`${chat} ${u}`)) this.#show();
  }

  /** @param {string} chat @param {string} u */
  #types(chat, u) {
    this.typists.set(`${chat} ${u}`, { chat, u, until: this.options.timers.now() + this.limits.typing_ms + SLACK_MS });
  }

  /** Shows who types, and looks again when the first of them has been silent for too long. */
  #show() {
    const { timers } = this.options;
    timers.clearTimeout(this.typistTimer);
    this.typistTimer = null;
    const now = timers.now();
    let first = Infinity;
    /** @type {Map<string, string[]>} */
    const typing = new Map();
    for (const [key, { chat, u, until }] of this.typists) {
      if (until <= now) {
        this.typists.delete(key);
        continue;
      }
      first = Math.min(first, until);
      typing.set(chat, [...(typing.get(chat) ?? []), u]);
    }
    if (first < Infinity) this.typistTimer = timers.setTimeout(() => this.#show(), first - now);
    const held = this.typing.peek();
    if (typing.size !== held.size || [...typing].some(([chat, people]) => !same(people, held.get(chat) ?? []))) this.typing.value = typing;
  }

  /** Somebody looks at this client, or no longer. @param {boolean} on */
  look(on) {
    if (on === this.looking) return;
    this.looking = on;
    if (!this.connected) return;
    this.#say('visible', undefined, { on });
    this.#lease();
  }

  #lease() {
    const { timers } = this.options;
    timers.clearTimeout(this.leaseTimer);
    this.leaseTimer = null;
    if (!this.looking || this.limits.visible_ms === 0) return;
    this.leaseTimer = timers.setTimeout(() => {
      this.#say('visible', undefined, { on: true });
      this.#lease();
    }, this.limits.visible_ms / 2);
  }

  /** A key was pressed in a message of mine. @param {string} chat */
  typed(chat) {
    if (!this.connected) return;
    const { timers } = this.options;
    const now = timers.now();
    if (this.own !== null && this.own.chat !== chat) this.stopped();
    if (this.own === null || now - this.own.at >= TYPING_MS) {
      this.own = { chat, at: now };
      this.#say('typing', `chat:${chat}`, { on: true });
    }
    timers.clearTimeout(this.pauseTimer);
    this.pauseTimer = timers.setTimeout(() => this.stopped(), PAUSE_MS);
  }

  /** I stopped typing. A message that was sent says so by itself. @param {{ sent?: boolean }} [options] */
  stopped({ sent = false } = {}) {
    this.options.timers.clearTimeout(this.pauseTimer);
    this.pauseTimer = null;
    const { own } = this;
    this.own = null;
    if (own !== null && !sent) this.#say('typing', `chat:${own.chat}`, { on: false });
  }

  /** Says what need not arrive. @param {string} op @param {string | undefined} ch @param {Record<string, any>} d */
  #say(op, ch, d) {
    this.options.ask(op, ch, d).catch(() => {});
  }
}

/** @param {readonly string[]} a @param {readonly string[]} b */
const same = (a, b) => a.length === b.length && a.every((id, at) => id === b[at]);
