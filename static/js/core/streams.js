/**
 * What the client knows of its streams, as a pure function of what the server said.
 *
 * Every stream is a gapless run of numbered events. `apply` takes one input and returns the next state and what the
 * shell must ask for; it never looks at a clock, a socket or the page.
 */

/** @import { Streams, Chat, WireChat, WireEvent, Input, Ask, Member, ConnectReply, HistoryPage } from '../types.js' */

/** Events kept beyond a hole, per chat. More than this and a resume is cheaper. */
const AHEAD_MAX = 256;
/** Events kept for chats that were not announced yet. */
const STRANGERS_MAX = 256;

/** @returns {Streams} */
export function emptyStreams() {
  return { me: null, epoch: null, verified: false, userSeq: null, chats: new Map(), strangers: [] };
}

/** The id in `chat:<id>`, or null. @param {string} channel */
export const chatOf = (channel) => (channel.startsWith('chat:') ? channel.slice(5) : null);

/**
 * @param {Streams} state
 * @param {Input} input
 * @returns {{ state: Streams, asks: Ask[] }}
 */
export function apply(state, input) {
  /** @type {Ask[]} */
  const asks = [];
  switch (input.type) {
    case 'connected':
      return { state: connected(state, input.reply, asks), asks };
    case 'event':
      return { state: input.event.ch === 'user' ? userEvent(state, input.event, asks) : chatEvent(state, input.event, asks), asks };
    case 'ack': {
      const { ack } = input;
      /** @type {Record<string, any>} */
      const d = { mid: ack.mid, n: ack.n, u: state.me, cid: ack.cid, text: input.text, kind: 'user' };
      if (input.reply_to !== undefined) d.reply_to = input.reply_to;
      const event = { op: 'message', ch: `chat:${input.chat}`, seq: ack.seq, ts: ack.ts, d };
      return { state: chatEvent(state, event, asks), asks };
    }
    case 'marker':
      return { state: withChat(state, input.chat, (chat) => marked(chat, input.d, state.me)), asks };
    case 'history':
      return { state: history(state, input, asks), asks };
    case 'heads':
      return { state: heads(state, input.heads, asks), asks };
    case 'synced':
      return { state: synced(state, input.chats, asks), asks };
    case 'list':
      return { state: listed(state, input, asks), asks };
  }
}

/** What `connect` sends to resume, or undefined when there is nothing to resume. @param {Streams} state */
export function resumeOf(state) {
  if (state.epoch === null) return undefined;
  /** @type {Record<string, number>} */
  const chats = {};
  for (const chat of state.chats.values()) chats[chat.id] = chat.seq;
  // Whoever never had a socket knows nothing of the person's own stream.
  return { epoch: state.epoch, ...(state.userSeq === null ? {} : { user: state.userSeq }), chats };
}

/** Messages this person has not read; what is withheld from them does not count. @param {Chat} chat */
export const unreadOf = (chat) => chat.unread;

/** Chats with the newest activity first. @param {Streams} state @returns {Chat[]} */
export function chatsByActivity(state) {
  return [...state.chats.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
}

/**
 * What became of a stored message of mine: `sent`, `delivered` to somebody, or `read`.
 * @param {Chat} chat @param {string | null} me @param {number} seq
 * @returns {{ state: 'sent' | 'delivered' | 'read', readers: number, others: number }}
 */
export function fate(chat, me, seq) {
  let others = 0;
  let readers = 0;
  let received = 0;
  for (const member of chat.members) {
    if (member.u === me || member.status !== 'active') continue;
    others += 1;
    // Who hides what they read has received it, no more.
    const read = member.read !== undefined && member.read >= seq;
    if (read) readers += 1;
    if (read || member.recv >= seq) received += 1;
  }
  const state = others > 0 && readers === others ? 'read' : received > 0 ? 'delivered' : 'sent';
  return { state, readers, others };
}

/**
 * @param {Streams} state @param {ConnectReply} reply @param {Ask[]} asks
 * @returns {Streams}
 */
function connected(state, reply, asks) {
  const same = state.me === reply.user.id && state.epoch === reply.epoch;
  /** @type {Map<string, Chat>} */
  const chats = new Map();
  for (const wire of reply.chats) {
    const held = same ? state.chats.get(wire.id) : undefined;
    if (wire.initial || held === undefined) {
      const fresh = snapshot(wire);
      if (fresh.seq < fresh.head) asks.push({ ask: 'history', chat: fresh.id, after: fresh.seq });
      chats.set(wire.id, fresh);
      continue;
    }
    /** @type {Chat} */
    let chat = renewed(held, wire);
    for (const event of wire.events) chat = append(chat, event, reply.user.id, asks);
    if (chat.seq < chat.head) asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
    chats.set(wire.id, chat);
  }
  /** @type {Streams} */
  let next = {
    me: reply.user.id,
    epoch: reply.epoch,
    verified: reply.me.verified,
    userSeq: same && reply.user.recovered === 'full' ? state.userSeq : reply.user.seq,
    chats,
    strangers: [],
  };
  if (same) for (const event of reply.user.events) next = userEvent(next, event, asks);
  return (next.userSeq ?? 0) < reply.user.seq ? { ...next, userSeq: reply.user.seq } : next;
}

/**
 * The answer to `sync`: like that to `connect`, for some chats. It is never behind what came before it, and may repeat that.
 * @param {Streams} state @param {readonly WireChat[]} wires @param {Ask[]} asks
 * @returns {Streams}
 */
function synced(state, wires, asks) {
  let next = state;
  for (const wire of wires) {
    const held = next.chats.get(wire.id);
    // What came behind the answer may have been taken in before it.
    if (held !== undefined && held.seq > wire.head) continue;
    const chat = wire.initial || held === undefined ? snapshot(wire) : wire.events.reduce((chat, event) => append(chat, event, state.me, asks), renewed(held, wire));
    if (chat.seq < chat.head) asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
    next = { ...next, chats: new Map(next.chats).set(chat.id, chat) };
  }
  return next;
}

/**
 * A page of the list of chats, as those read it who have no socket: newer heads are asked about, positions stay.
 * @param {Streams} state @param {{ me: string, epoch: string, chats: readonly WireChat[] }} input @param {Ask[]} asks
 * @returns {Streams}
 */
function listed(state, { me, epoch, chats: wires }, asks) {
  const same = state.me === me && state.epoch === epoch;
  const chats = new Map(same ? state.chats : []);
  for (const wire of wires) {
    const held = chats.get(wire.id);
    // What was read here may still be on its way to the server.
    const chat = held === undefined ? snapshot(wire) : readUpTo(renewed(held, wire), held.read, held.read_n);
    chats.set(wire.id, chat);
    if (chat.seq < chat.head) asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
  }
  return same ? { ...state, chats } : { ...emptyStreams(), me, epoch, chats };
}

/** The parts of a chat that the server's latest word replaces. @param {WireChat} wire */
function facts(wire) {
  const { group, name, status, blocked, base, members, read, read_n, recv, unread } = wire;
  return { group, name, status, blocked, base, members, read, read_n, recv, unread, counted: wire.head };
}

/**
 * A held chat with the server's latest word on it; a word older than what is held says nothing new.
 * @param {Chat} held @param {WireChat} wire @returns {Chat}
 */
function renewed(held, wire) {
  if (wire.head < held.seq) return held;
  return { ...held, ...facts(wire), head: Math.max(held.head, wire.head), n: Math.max(held.n, wire.n), last: wire.last ?? held.last, at: Math.max(held.at, wire.at) };
}

/** @param {WireEvent} event */
const isMessage = (event) => event.op === 'message';

/**
 * Reading moved: what is held tells how much is left, and the ordinals do where nothing is held.
 * @param {Chat} chat @param {number} read @param {number} read_n @returns {Chat}
 */
function readUpTo(chat, read, read_n) {
  if (read <= chat.read) return chat;
  const held = chat.events.filter((event) => event.seq > read && isMessage(event)).length;
  const exact = read >= chat.from - 1 && chat.seq >= chat.counted;
  const unread = read >= Math.max(chat.seq, chat.counted) ? 0 : exact ? held : Math.max(0, chat.unread - Math.max(0, read_n - chat.read_n));
  return { ...chat, read, read_n: Math.max(chat.read_n, read_n), unread };
}

/** @param {WireChat} wire @returns {Chat} */
function snapshot(wire) {
  const first = wire.events.at(0);
  const last = wire.events.at(-1);
  const seq = last ? last.seq : wire.head;
  return {
    id: wire.id,
    ...facts(wire),
    head: Math.max(wire.head, seq),
    n: wire.n,
    seq,
    from: first ? first.seq : seq + 1,
    more: wire.limited,
    events: wire.events,
    ahead: new Map(),
    last: wire.last ?? wire.events.findLast((event) => event.op === 'message') ?? null,
    at: wire.at,
  };
}

/**
 * The live gap rule: known numbers are ignored, the next one is applied, later ones wait beyond the hole.
 * @param {Chat} chat @param {WireEvent} event @param {string | null} me @param {Ask[]} asks
 * @returns {Chat}
 */
function append(chat, event, me, asks) {
  if (event.seq <= chat.seq) return chat;
  if (event.seq > chat.seq + 1) {
    if (chat.ahead.has(event.seq)) return chat;
    if (chat.ahead.size >= AHEAD_MAX) {
      asks.push({ ask: 'resync' });
      return chat;
    }
    const ahead = new Map(chat.ahead).set(event.seq, event);
    asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
    return { ...chat, ahead, head: Math.max(chat.head, event.seq) };
  }
  let next = step(chat, event, me);
  asks.push({ ask: 'arrived', chat: chat.id, event });
  for (let waiting = next.ahead.get(next.seq + 1); waiting; waiting = next.ahead.get(next.seq + 1)) {
    next = step(next, waiting, me);
    asks.push({ ask: 'arrived', chat: chat.id, event: waiting });
  }
  if (next.ahead.size > 0) {
    const ahead = new Map([...next.ahead].filter(([seq]) => seq > next.seq));
    next = { ...next, ahead };
    if (ahead.size > 0) asks.push({ ask: 'history', chat: chat.id, after: next.seq });
  }
  return next;
}

/** Applies the event right after the position. @param {Chat} chat @param {WireEvent} event @param {string | null} me @returns {Chat} */
function step(chat, event, me) {
  /** @type {Chat} */
  const next = { ...chat, seq: event.seq, head: Math.max(chat.head, event.seq), events: [...chat.events, event] };
  if (event.op === 'hidden') {
    // The place of a message that this person does not get: it counts in the sequence, and nowhere else.
    next.n = Math.max(chat.n, Number(event.d.n) || 0);
  } else if (isMessage(event)) {
    const d = event.d;
    next.n = Math.max(chat.n, Number(d.n) || 0);
    next.last = event;
    next.at = Math.max(chat.at, event.ts);
    if (typeof d.u === 'string') next.members = movedMember(chat.members, d.u, { read: event.seq, recv: event.seq });
    if (d.u === me && d.u != null) {
      // Writing is reading: nothing above one's own message counts as unread.
      const read = readUpTo(next, event.seq, Number(d.n) || 0);
      return { ...read, recv: Math.max(chat.recv, event.seq) };
    }
    // Up to `counted` the server has counted already.
    if (event.seq > chat.counted && event.seq > chat.read) next.unread = chat.unread + 1;
  } else if (event.op === 'member') {
    const status = event.d.change === 'left' ? 'left' : 'active';
    const known = chat.members.some((member) => member.u === event.d.u);
    next.members = known
      ? chat.members.map((member) => (member.u === event.d.u ? { ...member, status } : member))
      : [...chat.members, { u: String(event.d.u), first_name: event.d.first_name ?? '', last_name: event.d.last_name ?? '', hue: event.d.hue ?? null, picture: event.d.picture ?? null, read: 0, recv: 0, status }];
  } else if (event.op === 'chat') {
    if (event.d.change === 'closed') next.status = 'closed';
    if (event.d.change === 'opened') next.status = 'open';
  }
  return next;
}

/**
 * @param {readonly Member[]} members @param {string} user @param {{ read?: number, recv?: number, told?: boolean }} marks
 * @returns {readonly Member[]}
 */
function movedMember(members, user, marks) {
  let changed = false;
  const moved = members.map((member) => {
    if (member.u !== user) return member;
    // Hidden stays hidden until the server says otherwise: a message of theirs is no word about their reading.
    const read = member.read === undefined ? marks.told ? marks.read : undefined : Math.max(member.read, marks.read ?? 0);
    const recv = Math.max(member.recv, marks.recv ?? 0, read ?? 0);
    if (read === member.read && recv === member.recv) return member;
    changed = true;
    return { ...member, read, recv };
  });
  return changed ? moved : members;
}

/**
 * @param {Chat} chat @param {{ u: string, read?: number, read_n?: number, recv?: number }} d @param {string | null} me
 * @returns {Chat}
 */
function marked(chat, d, me) {
  const members = movedMember(chat.members, d.u, { ...d, told: true });
  if (d.u !== me) return members === chat.members ? chat : { ...chat, members };
  return readUpTo({ ...chat, members, recv: Math.max(chat.recv, d.recv ?? 0) }, d.read ?? 0, d.read_n ?? 0);
}

/** @param {Streams} state @param {string} id @param {(chat: Chat) => Chat} change @returns {Streams} */
function withChat(state, id, change) {
  const held = state.chats.get(id);
  if (held === undefined) return state;
  const next = change(held);
  return next === held ? state : { ...state, chats: new Map(state.chats).set(id, next) };
}

/** @param {Streams} state @param {WireEvent} event @param {Ask[]} asks @returns {Streams} */
function chatEvent(state, event, asks) {
  const id = chatOf(event.ch);
  if (id === null) return state;
  if (!state.chats.has(id)) return { ...state, strangers: [...state.strangers, event].slice(-STRANGERS_MAX) };
  return withChat(state, id, (chat) => append(chat, event, state.me, asks));
}

/** @param {Streams} state @param {WireEvent} event @param {Ask[]} asks @returns {Streams} */
function userEvent(state, event, asks) {
  // Without a socket so far there is no place to go on from; `connect` gives it.
  if (state.userSeq === null || event.seq <= state.userSeq) return state;
  if (event.seq > state.userSeq + 1) {
    asks.push({ ask: 'resync' });
    return state;
  }
  /** @type {Streams} */
  let next = { ...state, userSeq: event.seq };
  if (event.op === 'chat.opened' && event.d.chat) {
    /** @type {WireChat} */
    const wire = event.d.chat;
    const held = next.chats.get(wire.id);
    if (held === undefined || held.seq < wire.head) next = { ...next, chats: new Map(next.chats).set(wire.id, snapshot(wire)) };
    const waiting = next.strangers.filter((stranger) => stranger.ch === `chat:${wire.id}`);
    next = { ...next, strangers: next.strangers.filter((stranger) => stranger.ch !== `chat:${wire.id}`) };
    for (const stranger of waiting.sort((a, b) => a.seq - b.seq)) next = chatEvent(next, stranger, asks);
  } else if (event.op === 'verification') {
    next.verified = event.d.verified === true;
  } else if (event.op === 'block') {
    const chats = [...next.chats].map(([id, chat]) => /** @type {const} */ ([id, !chat.group && chat.members.some((member) => member.u === event.d.user) ? { ...chat, blocked: event.d.on === true } : chat]));
    next = { ...next, chats: new Map(chats) };
  }
  asks.push({ ask: 'user', event });
  return next;
}

/**
 * A page of history: older events go in front when they touch what is held, newer ones fill the hole.
 * @param {Streams} state
 * @param {{ chat: string, page: HistoryPage, before?: number, after?: number }} input
 * @param {Ask[]} asks
 * @returns {Streams}
 */
function history(state, input, asks) {
  return withChat(state, input.chat, (held) => {
    const { page } = input;
    /** @type {Chat} */
    let chat = { ...held, head: Math.max(held.head, page.head), base: Math.max(held.base, page.base) };
    if (input.before !== undefined) {
      const older = page.events.filter((event) => event.seq < chat.from);
      const last = older.at(-1);
      if (last !== undefined && last.seq !== chat.from - 1) return held;
      const first = older.at(0);
      return { ...chat, events: [...older, ...chat.events], from: first ? first.seq : chat.from, more: page.more_before };
    }
    for (const event of page.events) chat = append(chat, event, state.me, asks);
    if (page.more_after && chat.seq < chat.head && page.events.length > 0) asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
    return chat;
  });
}

/** @param {Streams} state @param {Record<string, number>} known @param {Ask[]} asks @returns {Streams} */
function heads(state, known, asks) {
  let next = state;
  for (const [channel, head] of Object.entries(known)) {
    if (channel === 'user') {
      if (next.userSeq !== null && head > next.userSeq) asks.push({ ask: 'resync' });
      continue;
    }
    const id = chatOf(channel);
    if (id === null) continue;
    next = withChat(next, id, (chat) => {
      if (head <= chat.seq) return chat;
      asks.push({ ask: 'history', chat: id, after: chat.seq });
      return head > chat.head ? { ...chat, head } : chat;
    });
  }
  return next;
}
