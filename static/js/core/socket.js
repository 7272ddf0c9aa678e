/**
 * The one connection to the server: connect and resume, requests with answers, signs of life, and coming back.
 *
 * A state machine without a page: the WebSocket, the clock and chance come from outside.
 */

/** @import { ConnectReply, Link, Refusal, SocketLike, Timers } from '../types.js' */

/** Silence after which the connection counts as dead. Milliseconds; the server pings about every 25 s. */
export const SILENCE_MS = 40_000;
/** Patience with one ping after waking up. Milliseconds. */
export const WAKE_MS = 3_000;
/** Patience with an answer. Milliseconds. */
export const ANSWER_MS = 10_000;
/** Patience with opening and `connect`. Milliseconds. */
export const CONNECT_MS = 12_000;
/** Full-jitter back-off: a random moment below `BASE * 2^attempt`, at most `CAP`. Milliseconds. */
export const BACKOFF_BASE_MS = 300;
export const BACKOFF_CAP_MS = 20_000;
/** A connection that lived this long starts the back-off anew. Milliseconds. */
export const STABLE_MS = 5_000;
/** Tries in a row in which no server was heard, after which a socket counts as out of reach: at first, and once there has been one. */
const UNREACHABLE_TRIES = { first: 3, later: 6 };
/** Waiting this long for the very first connection is as good as those tries. Milliseconds. */
const UNREACHABLE_MS = 5_000;
/** Requests on their way at once, where the server allows more. */
const IN_FLIGHT_MAX = 24;
/** Patience with the close that follows a refused `connect` and says more exactly why. Milliseconds. */
const VERDICT_MS = 1_000;
/** A close code of our own for a connection that is given up. */
const GIVEN_UP = 4900;

/** A request that was not answered with `ok`. */
export class WireError extends Error {
  /**
   * @param {'refused' | 'timeout' | 'closed'} kind `refused` has a verdict of the server; the others leave the outcome unknown
   * @param {Refusal} [refusal]
   */
  constructor(kind, refusal) {
    super(refusal ? `${refusal.name} (${refusal.code})` : kind);
    this.kind = kind;
    this.refusal = refusal;
  }
}

/**
 * Milliseconds to wait before attempt `attempt` (counted from 0).
 * @param {number} attempt @param {() => number} random
 */
export function backoff(attempt, random) {
  return Math.round(random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 16)));
}

/**
 * @typedef {object} SocketOptions
 * @property {() => SocketLike} open makes a new WebSocket
 * @property {Timers} timers
 * @property {() => number} random in [0, 1)
 * @property {() => Record<string, any>} hello `d` of the connect frame
 * @property {(reply: ConnectReply) => void} onConnected
 * @property {(frame: Record<string, any>) => void} onFrame events, signals, markers and pings
 * @property {(link: Link) => void} onLink
 * @property {() => void} [onUnreachable] several tries in a row met no server: sockets may be blocked on the way
 * @property {() => void} [onSuspect] the connection could not be opened, now for the second time or the fifth, tenth and so on: perhaps the session has ended
 */

export class Socket {
  /** @param {SocketOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {Link} */
    this.link = { state: 'idle' };
    /** @type {SocketLike | null} */
    this.ws = null;
    this.attempt = 0;
    this.nextId = 1;
    this.inFlightMax = IN_FLIGHT_MAX;
    /** @type {Map<number, { resolve: (ok: any) => void, reject: (error: WireError) => void, timer: any }>} */
    this.inFlight = new Map();
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.lastSeen = 0;
    this.connectedAt = 0;
    this.opened = false;
    /** Whether a server was heard in this try. */
    this.heard = false;
    /** Tries in a row without. */
    this.unheard = 0;
    /** Whether there has ever been a connection. */
    this.met = false;
    /** Moment chosen inside an announced restart, or 0. */
    this.spreadUntil = 0;
    /** @type {any} */ this.lifeTimer = null;
    /** @type {any} */ this.retryTimer = null;
    /** @type {any} */ this.connectTimer = null;
    /** @type {any} */ this.spreadTimer = null;
    /** @type {any} */ this.slowTimer = null;
  }

  get connected() {
    return this.link.state === 'connected';
  }

  /** Begins, unless it has begun. */
  start() {
    if (this.link.state === 'idle' || this.link.state === 'stopped') this.#dial();
  }

  /** Ends the connection and stays away. */
  stop() {
    this.#clear();
    this.#drop(1000);
    this.#tell({ state: 'idle' });
  }

  /** The person wants it now. */
  retryNow() {
    if (this.link.state === 'waiting' || this.link.state === 'stopped') {
      this.attempt = 0;
      this.#dial();
    }
  }

  /** The device woke up, came online or the page came to the front: find out at once whether the line is alive. */
  wake() {
    if (this.link.state === 'waiting') {
      if (this.spreadUntil > this.options.timers.now()) return;
      this.#dial();
    } else if (this.link.state === 'connected') {
      this.request('ping', undefined, {}, WAKE_MS).catch((error) => {
        if (error instanceof WireError && error.kind === 'timeout') this.reconnect();
      });
    }
  }

  /** Gives the connection up and comes back at once with a resume. */
  reconnect() {
    if (this.ws === null) return;
    this.#lost(GIVEN_UP, '');
  }

  /**
   * Asks and waits for the answer.
   * @param {string} op @param {string | undefined} ch @param {Record<string, any>} d @param {number} [patience] milliseconds
   * @returns {Promise<any>} the `ok` of the reply; rejects with `WireError`
   */
  request(op, ch, d, patience = ANSWER_MS) {
    return new Promise((resolve, reject) => {
      if (!this.connected) return reject(new WireError('closed'));
      const go = () => this.#ask(op, ch, d, patience, resolve, reject);
      if (this.inFlight.size >= this.inFlightMax) this.waiting.push(() => (this.connected ? go() : reject(new WireError('closed'))));
      else go();
    });
  }

  /** @param {string} op @param {string | undefined} ch @param {Record<string, any>} d @param {number} patience @param {(ok: any) => void} resolve @param {(error: WireError) => void} reject */
  #ask(op, ch, d, patience, resolve, reject) {
    const id = this.nextId++;
    const timer = this.options.timers.setTimeout(() => {
      this.inFlight.delete(id);
      reject(new WireError('timeout'));
      this.#next();
    }, patience);
    this.inFlight.set(id, { resolve, reject, timer });
    this.#send(ch === undefined ? { id, op, d } : { id, op, ch, d });
  }

  #next() {
    while (this.inFlight.size < this.inFlightMax) {
      const go = this.waiting.shift();
      if (go === undefined) return;
      go();
    }
  }

  /** @param {Record<string, any>} frame */
  #send(frame) {
    try {
      this.ws?.send(JSON.stringify(frame));
    } catch {
      // A socket that cannot take a frame reports its end by itself.
    }
  }

  #dial() {
    this.#clear();
    this.#drop(GIVEN_UP);
    this.opened = false;
    this.heard = false;
    this.#tell({ state: 'connecting', attempt: this.attempt });
    /** @type {SocketLike} */
    let ws;
    try {
      ws = this.options.open();
    } catch {
      this.#lost(1006, '');
      return;
    }
    this.ws = ws;
    const mine = () => this.ws === ws;
    this.connectTimer = this.options.timers.setTimeout(() => mine() && this.#lost(GIVEN_UP, ''), CONNECT_MS);
    if (!this.met) this.slowTimer = this.options.timers.setTimeout(() => mine() && !this.heard && this.options.onUnreachable?.(), UNREACHABLE_MS);
    ws.onopen = () => {
      if (!mine()) return;
      this.opened = true;
      const id = this.nextId++;
      this.inFlight.set(id, { resolve: (ok) => this.#welcomed(ok), reject: (error) => this.#unwelcome(error), timer: null });
      this.#send({ id, op: 'connect', d: this.options.hello() });
    };
    ws.onmessage = (event) => mine() && this.#receive(event.data);
    ws.onclose = (event) => mine() && this.#lost(event.code, event.reason);
    ws.onerror = () => {};
  }

  /** @param {ConnectReply} reply */
  #welcomed(reply) {
    this.options.timers.clearTimeout(this.connectTimer);
    this.connectedAt = this.options.timers.now();
    this.spreadUntil = 0;
    this.unheard = 0;
    this.met = true;
    this.inFlightMax = Math.max(1, Math.min(IN_FLIGHT_MAX, Math.floor((reply.limits?.in_flight ?? 32) * 0.75)));
    this.options.onConnected(reply);
    this.#tell({ state: 'connected' });
    this.#watch();
  }

  /** @param {WireError} error */
  #unwelcome(error) {
    const refusal = error.refusal;
    if (refusal === undefined) return;
    if (refusal.retry) this.#lost(4100, String((refusal.after_ms ?? 1000) / 1000));
    else if (refusal.code === 40307) this.#lost(4003, refusal.name);
    else if (Math.floor(refusal.code / 100) === 401) this.#lost(4001, refusal.name);
    else {
      this.options.timers.clearTimeout(this.connectTimer);
      this.connectTimer = this.options.timers.setTimeout(() => this.#lost(4000, refusal.name), VERDICT_MS);
    }
  }

  /** @param {any} data */
  #receive(data) {
    this.lastSeen = this.options.timers.now();
    this.heard = true;
    /** @type {any} */
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame === null || typeof frame !== 'object') return;
    if (typeof frame.id === 'number' && (frame.ok !== undefined || frame.err !== undefined)) {
      const asked = this.inFlight.get(frame.id);
      // An answer after our patience: what it said is asked about again.
      if (asked === undefined) return;
      this.inFlight.delete(frame.id);
      if (asked.timer !== null) this.options.timers.clearTimeout(asked.timer);
      if (frame.err !== undefined) asked.reject(new WireError('refused', frame.err));
      else asked.resolve(frame.ok);
      this.#next();
      return;
    }
    if (frame.op === 'ping') this.#send({ op: 'pong' });
    if (frame.op === 'reconnect') this.#spread(Number(frame.d?.within_ms) || 0);
    this.options.onFrame(frame);
  }

  /** The server will stop: leave at a random moment before it does, so that not everybody comes back at once. @param {number} within */
  #spread(within) {
    const wait = Math.round(this.options.random() * within);
    this.spreadUntil = this.options.timers.now() + wait;
    this.options.timers.clearTimeout(this.spreadTimer);
    this.spreadTimer = this.options.timers.setTimeout(() => {
      if (this.connected) this.#lost(4200, '');
    }, wait);
  }

  #watch() {
    const { timers } = this.options;
    this.lastSeen = timers.now();
    const look = () => {
      const silence = timers.now() - this.lastSeen;
      if (silence >= SILENCE_MS) this.#lost(GIVEN_UP, '');
      else this.lifeTimer = timers.setTimeout(look, SILENCE_MS - silence);
    };
    this.lifeTimer = timers.setTimeout(look, SILENCE_MS);
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    const { timers, random } = this.options;
    const lived = this.link.state === 'connected' ? timers.now() - this.connectedAt : 0;
    const wasOpened = this.opened;
    const heard = this.heard || (code >= 4000 && code < GIVEN_UP);
    this.unheard = heard ? 0 : this.unheard + 1;
    this.#clear();
    this.#drop(code === GIVEN_UP || code === 4200 ? GIVEN_UP : 1000);
    if (code >= 4000 && code < 4100) {
      this.#tell({ state: 'stopped', code, reason });
      return;
    }
    if (lived >= STABLE_MS) this.attempt = 0;
    let wait = backoff(this.attempt, random);
    if (code >= 4100 && code < 4200) {
      // A moment that was told is our own: later ones are for others.
      const asked = Number.parseFloat(reason) * 1000;
      wait = Number.isFinite(asked) ? Math.min(Math.max(asked, 1000), 600_000) + random() * 1000 : Math.max(1000, wait);
    } else if (this.spreadUntil > timers.now()) {
      wait = this.spreadUntil - timers.now();
    } else if ((code >= 4200 && code < 4300) || code === GIVEN_UP) {
      // At once, but a server that keeps sending us away is asked less and less often.
      if (this.attempt === 0) wait = 0;
    }
    if (this.unheard >= (this.met ? UNREACHABLE_TRIES.later : UNREACHABLE_TRIES.first)) this.options.onUnreachable?.();
    if (!wasOpened && (this.attempt === 1 || (this.attempt > 0 && this.attempt % 5 === 0))) this.options.onSuspect?.();
    this.attempt += 1;
    this.#tell({ state: 'waiting', attempt: this.attempt, until: timers.now() + wait });
    this.retryTimer = timers.setTimeout(() => this.#dial(), wait);
  }

  #clear() {
    const { timers } = this.options;
    for (const timer of [this.lifeTimer, this.retryTimer, this.connectTimer, this.spreadTimer, this.slowTimer]) timers.clearTimeout(timer);
    this.lifeTimer = this.retryTimer = this.connectTimer = this.spreadTimer = this.slowTimer = null;
  }

  /** @param {number} code */
  #drop(code) {
    const ws = this.ws;
    this.ws = null;
    if (ws !== null) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      try {
        ws.close(code === 1000 ? 1000 : code);
      } catch {
        // Already gone.
      }
    }
    const asked = [...this.inFlight.values()];
    const waiting = this.waiting;
    this.inFlight.clear();
    this.waiting = [];
    for (const { reject, timer } of asked) {
      if (timer !== null) this.options.timers.clearTimeout(timer);
      reject(new WireError('closed'));
    }
    // Requests that waited for a free place learn that there is none.
    const state = this.link;
    if (state.state === 'connected') this.link = { state: 'idle' };
    for (const go of waiting) go();
  }

  /** @param {Link} link */
  #tell(link) {
    this.link = link;
    this.options.onLink(link);
  }
}
