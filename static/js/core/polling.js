/**
 * The slow way, for networks that let HTTP through and no sockets: the list of chats every few seconds, and the same
 * requests as on the socket by their HTTP twins. Positions are the same numbers, so going over and back loses nothing.
 */

/** @import { ChatPage, Timers } from '../types.js' */
import { Problem } from './http.js';
import { WireError } from './socket.js';
import { chatOf } from './streams.js';

/** Pause between two looks. Milliseconds. */
export const POLL_MS = 5_000;
/** Every so many looks the whole list is read: what moves no chat to the front is seen then. */
const WHOLE_EVERY = 12;

/**
 * @typedef {object} PollingOptions
 * @property {import('./http.js').Http} http
 * @property {Timers} timers
 * @property {string} me whose session it has to be
 * @property {(page: ChatPage) => boolean} onPage takes a page of the list; answers whether its last chat was news
 * @property {(listed: ReadonlySet<string>, invites: readonly import('../wire.d.ts').Invite[]) => void} onWhole takes what a look at everything came to: the chats that were in the list, and open invitations
 * @property {(up: boolean) => void} onUp whether this way works
 * @property {() => void} onSuspect the session may have ended
 * @property {() => void} onStranger the session is somebody else's
 */

export class Polling {
  /** @param {PollingOptions} options */
  constructor(options) {
    this.options = options;
    /** Whether the last look was answered. */
    this.up = false;
    /** Counts starts, so that the answers of an earlier one are not heard. */
    this.turn = 0;
    this.running = false;
    this.looks = 0;
    /** Where a look goes on that was told to slow down. */
    this.from = 0;
    /** The chats that the look at everything has found so far. @type {Set<string>} */
    this.listed = new Set();
    /** What is held of each page. @type {Map<number, string>} */
    this.tags = new Map();
    /** The CSRF token that was seen to belong to this person's session. @type {string | null} */
    this.proven = null;
    /** @type {any} */ this.timer = null;
  }

  /** Begins, unless it has begun. */
  start() {
    if (this.running) return;
    this.running = true;
    this.again();
  }

  stop() {
    this.running = false;
    this.up = false;
    this.turn += 1;
    this.options.timers.clearTimeout(this.timer);
  }

  /** Forgets what it holds and looks at everything now. */
  again() {
    if (!this.running) return;
    this.#forget();
    this.turn += 1;
    this.options.timers.clearTimeout(this.timer);
    void this.#look(this.turn);
  }

  /**
   * Asks over HTTP what `Socket.request` asks over a socket.
   * @param {string} op @param {string | undefined} ch @param {Record<string, any>} d
   * @returns {Promise<any>} rejects with `WireError`
   */
  async request(op, ch, d) {
    const chat = ch === undefined ? null : chatOf(ch);
    if (!this.up || (chat === null && op !== 'notify.read')) throw new WireError('closed');
    try {
      switch (op) {
        case 'publish':
          return await this.#change('/api/chat/send', { chat_id: chat, ...d });
        case 'read':
          return await this.#change(`/api/chats/${chat}/read`, d);
        case 'history': {
          // How much comes at once is the server's to say.
          const { limit, ...position } = d;
          return await this.options.http.get(`/api/chats/${chat}/messages?${new URLSearchParams(position)}`);
        }
        case 'edit':
        case 'delete':
        case 'react': {
          const answer = await this.#change(`/api/chat/${op}`, { chat_id: chat, ...d });
          // What came of it is in the chat.
          this.again();
          return answer;
        }
        case 'notify.read':
          return await this.#change('/api/notifications/read', d);
        case 'ack':
          // What was received is told by the next socket.
          return {};
        default:
          throw new WireError('closed');
      }
    } catch (error) {
      throw wireError(error);
    }
  }

  /** Changes something in this person's session and in no other. @param {string} path @param {Record<string, any>} body @returns {Promise<any>} */
  #change(path, body) {
    return this.options.http.fetchWithCSRF(path, { method: 'POST', body, prove: (token) => this.#prove(token) });
  }

  /** Whether a token is of this person's session: asked after the token was there, so a later change of the session makes the token worthless. @param {string} token */
  async #prove(token) {
    if (token === this.proven) return;
    const { http, me, onStranger } = this.options;
    if ((await http.me()).id !== me) {
      onStranger();
      throw new WireError('closed');
    }
    this.proven = token;
  }

  /** @param {number} turn */
  async #look(turn) {
    let wait = POLL_MS;
    let first = this.from;
    try {
      const whole = this.looks % WHOLE_EVERY === 0;
      if (first === 0) this.listed.clear();
      for (let total = first + 1; first < total; ) {
        const answer = await this.options.http.getIfChanged(`/api/chats?first=${first}`, whole ? undefined : this.tags.get(first));
        if (turn !== this.turn) return;
        this.#tell(true);
        if (answer === null) break;
        /** @type {ChatPage} */
        const page = answer.body;
        if (page.chats.some((chat) => chat.members.every((member) => member.u !== this.options.me))) {
          this.options.onStranger();
          return;
        }
        if (answer.tag !== undefined) this.tags.set(first, answer.tag);
        for (const { id } of page.chats) this.listed.add(id);
        ({ total } = page);
        // The liveliest come first: behind a chat without news there is none.
        if ((!this.options.onPage(page) && !whole) || page.chats.length === 0) break;
        first += page.chats.length;
      }
      if (whole) {
        const { invites } = await this.options.http.get('/api/invites');
        if (turn !== this.turn) return;
        this.options.onWhole(this.listed, invites);
      }
      this.looks += 1;
      this.from = 0;
    } catch (error) {
      if (turn !== this.turn) return;
      const problem = error instanceof Problem ? error : null;
      wait = Math.max(POLL_MS, problem?.after_ms ?? 0);
      if (problem?.name === 'rate_limited') {
        // The line works: what is held stays, and the look goes on where it was.
        this.from = first;
      } else {
        this.#forget();
        if (problem?.status === 401 || problem?.status === 403) this.options.onSuspect();
        this.#tell(false);
      }
    }
    this.timer = this.options.timers.setTimeout(() => void this.#look(turn), wait);
  }

  #forget() {
    this.tags.clear();
    this.looks = 0;
    this.from = 0;
  }

  /** @param {boolean} up */
  #tell(up) {
    if (this.up === up) return;
    this.up = up;
    this.options.onUp(up);
  }
}

/** A problem of HTTP as the socket would have told it. @param {unknown} error */
function wireError(error) {
  if (!(error instanceof Problem)) return error instanceof WireError ? error : new WireError('closed');
  // Without an answer nobody knows what became of it.
  if (error.status === 0) return new WireError('timeout');
  const { code, name, retry, detail, after_ms, request_id } = error;
  return new WireError('refused', { code, name, retry, detail, ...(after_ms === undefined ? {} : { after_ms }), ...(request_id === undefined ? {} : { request_id }) });
}
