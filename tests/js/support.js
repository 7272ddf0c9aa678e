/** Clocks, sockets and servers that tests hold in their hands. */

/** @import { Chat, ConnectReply, Member, SocketLike, Timers, WireChat, WireEvent } from '../../static/js/types.js' */

/** A clock that moves only when told. @implements {Timers} */
export class FakeTimers {
  time = 1_000_000;
  next = 1;
  /** @type {Map<number, { at: number, work: () => void }>} */
  due = new Map();
  /** @param {() => void} work @param {number} ms */
  setTimeout = (work, ms) => {
    const id = this.next++;
    this.due.set(id, { at: this.time + Math.max(0, ms), work });
    return id;
  };
  /** @param {any} id */
  clearTimeout = (id) => void this.due.delete(id);
  now = () => this.time;

  /** Moves on, letting promises settle between timers. @param {number} ms */
  async advance(ms) {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const first = [...this.due].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (first === undefined) break;
      this.due.delete(first[0]);
      this.time = Math.max(this.time, first[1].at);
      first[1].work();
    }
    this.time = end;
    await settle();
  }
}

/** Lets everything that waits on promises go on. */
export async function settle() {
  for (let round = 0; round < 12; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The client's end of a line whose other end is the test. @implements {SocketLike} */
export class FakeSocket {
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {{ code?: number } | null} */
  closed = null;
  /** @type {((event: any) => void) | null} */ onopen = null;
  /** @type {((event: { data: any }) => void) | null} */ onmessage = null;
  /** @type {((event: { code: number, reason: string }) => void) | null} */ onclose = null;
  /** @type {((event: any) => void) | null} */ onerror = null;
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  /** @param {number} [code] */
  close(code) {
    this.closed = { code };
  }
  open() {
    this.readyState = 1;
    this.onopen?.({});
  }
  /** @param {any} frame */
  receive(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  /** @param {number} code @param {string} [reason] */
  end(code, reason = '') {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  /** The newest request of a kind. @param {string} op */
  asked(op) {
    return this.sent.findLast((frame) => frame.op === op);
  }
}

/** A repeatable source of chance. @param {number} seed */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const ME = '00000000-0000-7000-8000-0000000000aa';
export const OTHER = '00000000-0000-7000-8000-0000000000bb';
export const CHAT = '00000000-0000-7000-8000-0000000000c1';

/** @param {string} u @param {Partial<Member>} [rest] @returns {Member} */
export const member = (u, rest = {}) => ({ u, first_name: u === ME ? 'Sanne' : 'Daan', last_name: 'de Boer', hue: 30, picture: null, role: 'member', joined: 0, read: 0, recv: 0, status: 'active', ...rest });

/** @param {number} seq @param {Record<string, any>} [d] @param {string} [chat] @returns {WireEvent} */
export const message = (seq, d = {}, chat = CHAT) => ({ op: 'message', ch: `chat:${chat}`, seq, ts: seq * 1000, d: { mid: `m${seq}`, n: seq, u: OTHER, text: `text ${seq}`, kind: 'user', ...d } });

/** @param {WireEvent[]} events @param {Partial<WireChat>} [rest] @returns {WireChat} */
export function wireChat(events, rest = {}) {
  const head = events.at(-1)?.seq ?? 0;
  return { id: CHAT, group: false, name: null, status: 'open', blocked: false, head, n: head, base: 0, initial: true, limited: false, recovered: 'none', events, members: [member(ME), member(OTHER)], read: 0, read_n: 0, recv: 0, unread: head, last: events.at(-1) ?? null, at: head * 1000, ...rest };
}

/** @param {WireChat[]} chats @param {Partial<ConnectReply>} [rest] @returns {ConnectReply} */
export const reply = (chats, rest = {}) => ({
  session: 's1',
  user: { id: ME, seq: 0, recovered: 'none', events: [] },
  epoch: 'e1',
  time: 0,
  ping_ms: 25_000,
  limits: { message_chars: 4000, in_flight: 32, history: 100, frame_bytes: 65_536, focus: 4, typing_ms: 6_000, group_members: 4, edit_ms: 86_400_000, delete_ms: 172_800_000, visible_ms: 60_000 },
  recovered: 'none',
  me: { id: ME, first_name: 'Sanne', verified: true },
  chats,
  invites: [],
  notices: { window: 200, items: [], noticed: { upto: 0, also: [] } },
  ...rest,
});

/** What of an event is shown. @param {WireEvent | null} event */
const told = (event) => event && [event.seq, event.op, event.d.n, event.d.text ?? event.d.change, event.d.rev, event.d.edited, event.d.deleted, event.d.reactions];

/** What of a chat must be equal, however it was learnt. @param {Chat | undefined} chat */
export const essence = (chat) => chat && { seq: chat.seq, head: chat.head, n: chat.n, from: chat.from, more: chat.more, status: chat.status, blocked: chat.blocked, name: chat.name, at: chat.at, unread: chat.unread, last: told(chat.last), events: chat.events.map(told), members: chat.members, read: chat.read, read_n: chat.read_n, muted: chat.muted, ahead: chat.ahead.size };

/** @returns {import('../../static/js/types.js').Me} */
export const person = () => ({
  id: ME,
  email: 'sanne@student.tudelft.nl',
  pending_email: null,
  first_name: 'Sanne',
  last_name: 'de Boer',
  user_type: 'student',
  university: null,
  verified: true,
  email_confirmed: true,
  session: 's',
  profile: { pronouns: null, program: null, study_year: null, about: null, languages: [], hue: 30, picture: null },
  settings: { locale: 'nl', visibility: 'visible', who_may_message: 'matches', read_receipts: true, notify_messages: true, notify_chats: true, notify_invites: true, mail_messages: true },
});
