/**
 * Faults on demand: hooks between the client and its network and clock, for tests and for looking at what people see.
 *
 * Without hooks everything passes through untouched.
 */

/** @import { SocketLike, Timers } from '../types.js' */

/**
 * What happens to one frame: nothing, `drop`, `twice`, `swap` (after the next one), `kill` (the socket ends instead), or a delay in milliseconds.
 * @typedef {'drop' | 'twice' | 'swap' | 'kill' | number | undefined} Fate
 *
 * @typedef {object} Hooks
 * @property {(direction: 'in' | 'out', frame: any, count: number) => Fate} [frame] `count` counts the frames of this socket in both directions, from 1
 * @property {() => 'fail' | 'hang' | undefined} [upgrade] whether a socket can be opened
 * @property {(path: string, init: RequestInit) => 'fail' | 'lose' | undefined} [fetch] `fail`: never sent; `lose`: done, but its answer is lost
 * @property {(now: number) => number} [now] what the clock shows; the same number always freezes it
 */

/** Close code of a browser for a line that is gone without a word. */
const GONE = 1006;

/**
 * @param {typeof globalThis.fetch} real @param {Hooks} hooks
 * @returns {(path: string, init: RequestInit) => Promise<Response>}
 */
export function faultyFetch(real, hooks) {
  return async (path, init) => {
    const fault = hooks.fetch?.(path, init);
    if (fault === 'fail') throw new TypeError('failed to fetch');
    const response = await real(path, init);
    if (fault === 'lose') throw new TypeError('the answer was lost');
    return response;
  };
}

/** @param {Timers} real @param {Hooks} hooks @returns {Timers} */
export const faultyTimers = (real, hooks) => ({
  setTimeout: (work, ms) => real.setTimeout(work, ms),
  clearTimeout: (handle) => real.clearTimeout(handle),
  now: () => hooks.now?.(real.now()) ?? real.now(),
});

/** Kills the socket after so many frames, in both directions together. @param {number} limit @returns {Hooks} */
export const killAfter = (limit) => ({ frame: (_direction, _frame, count) => (count > limit ? 'kill' : undefined) });

/** A socket with hooks on its frames. @implements {SocketLike} */
export class FaultySocket {
  /** @param {() => SocketLike} open @param {Hooks} hooks @param {Timers} timers */
  constructor(open, hooks, timers) {
    this.hooks = hooks;
    this.timers = timers;
    this.count = 0;
    this.dead = false;
    /** Per direction, a frame that waits for the next one. @type {Record<'in' | 'out', (() => void) | null>} */
    this.swapped = { in: null, out: null };
    /** @type {SocketLike['onopen']} */ this.onopen = null;
    /** @type {SocketLike['onmessage']} */ this.onmessage = null;
    /** @type {SocketLike['onclose']} */ this.onclose = null;
    /** @type {SocketLike['onerror']} */ this.onerror = null;
    /** @type {SocketLike | null} */
    this.real = null;
    const fate = hooks.upgrade?.();
    if (fate === 'fail') timers.setTimeout(() => this.#die(), 0);
    if (fate !== undefined) return;
    const real = open();
    this.real = real;
    real.onopen = (event) => this.onopen?.(event);
    real.onmessage = (event) => this.#pass('in', event.data, () => this.onmessage?.(event));
    real.onclose = (event) => this.onclose?.(event);
    real.onerror = (event) => this.onerror?.(event);
  }

  get readyState() {
    return this.dead ? 3 : (this.real?.readyState ?? 0);
  }

  /** @param {string} text */
  send(text) {
    this.#pass('out', text, () => this.real?.send(text));
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code, reason) {
    this.dead = true;
    this.real?.close(code, reason);
  }

  /** @param {'in' | 'out'} direction @param {any} text @param {() => void} deliver */
  #pass(direction, text, deliver) {
    if (this.dead) return;
    this.count += 1;
    const fate = this.hooks.frame?.(direction, parsed(text), this.count);
    if (fate === 'kill') return this.#die();
    if (fate === 'drop') return;
    const go = () => {
      if (!this.dead) deliver();
    };
    if (typeof fate === 'number') return void this.timers.setTimeout(go, fate);
    const waiting = this.swapped[direction];
    if (fate === 'swap' && waiting === null) {
      this.swapped[direction] = go;
      return;
    }
    this.swapped[direction] = null;
    go();
    if (fate === 'twice') go();
    waiting?.();
  }

  #die() {
    if (this.dead) return;
    this.dead = true;
    const { real } = this;
    if (real !== null) {
      real.onopen = real.onmessage = real.onclose = null;
      real.close();
    }
    this.onclose?.({ code: GONE, reason: '' });
  }
}

/** @param {any} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
