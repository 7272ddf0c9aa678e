/**
 * What the client knows of its streams, as a pure function of what the server said.
 *
 * Every stream is a gapless run of numbered events. `apply` takes one input and returns the next state and what the
 * shell must ask for; it never looks at a clock, a socket or the page.
 */

/** @import { Streams, Chat, WireChat, WireEvent, Input, Ask, Member, ConnectReply, HistoryPage, Notice, Notices } from '../types.js' */

import { changedMessage, changedMessages, hidden, isChange, isMessage } from './changes.js';

/** Events kept beyond a hole, per chat. More than this and a resume is cheaper. */
const AHEAD_MAX = 256;
/** Events kept for chats that were not announced yet. */
const STRANGERS_MAX = 256;

/** The end of a mute that has none, in milliseconds since the epoch. */
export const FOR_EVER = 253_402_300_799_000;

/** @returns {Streams} */
export function emptyStreams() {
  return { me: null, epoch: null, verified: false, userSeq: null, chats: new Map(), invites: new Map(), notices: null, strangers: [], erased: new Set() };
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
      if (input.reply !== undefined) Object.assign(d, { reply_to: input.reply.mid, reply_seq: input.reply.seq });
      const event = { op: 'message', ch: `chat:${input.chat}`, seq: ack.seq, ts: ack.ts, d };
      return { state: chatEvent(state, event, asks), asks };
    }
    case 'marker':
      return { state: withChat(state, input.chat, (chat) => marked(chat, input.d, state.me)), asks };
    case 'noticed':
      return { state: state.notices === null ? state : { ...state, notices: { ...state.notices, noticed: seenWith(state.notices.noticed, input.noticed) } }, asks };
    case 'muted':
      return { state: mutedUntil(state, input.chat, input.until), asks };
    case 'history':
      return { state: history(state, input, asks), asks };
    case 'heads':
      return { state: heads(state, input.heads, asks), asks };
    case 'synced':
      return { state: synced(state, input.chats, asks), asks };
    case 'erased':
      return { state: erased(state, input), asks };
    case 'quoted':
      return { state: quoted(state, input), asks };
    case 'invites':
      return { state: { ...state, invites: invitesOf(input.invites) }, asks };
    case 'gone':
      return { state: without(state, input.chat), asks };
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

/** Whether this person does not want to be told of a chat at a moment. @param {Chat} chat @param {number} now */
export const isMuted = (chat, now) => chat.muted > now;

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
    // Who came later does not see it.
    if (member.u === me || member.status !== 'active' || member.joined >= seq) continue;
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
    invites: new Map(),
    notices: null,
    strangers: [],
    erased: same ? state.erased : new Set(),
  };
  if (same) for (const event of reply.user.events) next = userEvent(next, event, asks);
  // What was replayed tells of moments past; who is in what, and what is news, is said by the answer itself.
  const left = [...chats].filter(([id]) => !next.chats.has(id));
  next = { ...next, notices: reply.notices ?? null, chats: left.length > 0 ? new Map([...next.chats, ...left]) : next.chats, invites: invitesOf(reply.invites ?? []) };
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
    // What the person's own stream has told goes on from there; the answer may be older.
    const own = held === undefined ? {} : { muted: held.muted, blocked: held.blocked };
    next = { ...next, chats: new Map(next.chats).set(chat.id, { ...withoutErased(chat, state.erased), ...own }) };
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
    chats.set(wire.id, same ? withoutErased(chat, state.erased) : chat);
    if (chat.seq < chat.head) asks.push({ ask: 'history', chat: chat.id, after: chat.seq });
  }
  return same ? { ...state, chats } : { ...emptyStreams(), me, epoch, chats };
}

/** The parts of a chat that the server's latest word replaces. @param {WireChat} wire */
function facts(wire) {
  const { group, name, status, blocked, base, members, read, read_n, recv, unread } = wire;
  return { group, name, status, blocked, base, members, read, read_n, recv, unread, counted: wire.head, muted: wire.muted ?? 0 };
}

/**
 * A held chat with the server's latest word on it; a word older than what is held says nothing new.
 * @param {Chat} held @param {WireChat} wire @returns {Chat}
 */
function renewed(held, wire) {
  if (wire.head < held.seq) return { ...held, muted: wire.muted ?? 0 };
  return { ...held, ...facts(wire), head: Math.max(held.head, wire.head), n: Math.max(held.n, wire.n), last: wire.last ?? held.last, at: Math.max(held.at, wire.at) };
}

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
    quoted: new Map(),
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
    if (next.n === chat.n) Object.assign(next, changedMessages(next, (message) => changedMessage(message, event)));
    // Whoever wrote it has read what stands before.
    else if (typeof event.d.u === 'string') next.members = movedMember(chat.members, event.d.u, { read: event.seq, recv: event.seq });
  } else if (isChange(event)) {
    Object.assign(next, changedMessages(next, (message) => changedMessage(message, event)));
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
    next.members = changedMembers(chat.members, event.d);
  } else if (event.op === 'chat') {
    if (event.d.change === 'closed') next.status = 'closed';
    if (event.d.change === 'opened') next.status = 'open';
    if (event.d.change === 'renamed') next.name = event.d.title ?? null;
  }
  return next;
}

/** The key of an invitation. @param {string} chat @param {string} user */
const inviteKey = (chat, user) => `${chat}:${user}`;

/** Who is in a chat after one of them came, went or was given a role. @param {readonly Member[]} members @param {Record<string, any>} d @returns {readonly Member[]} */
function changedMembers(members, d) {
  const u = String(d.u);
  if (d.change === 'joined') {
    /** @type {Member} */
    const joined = { u, first_name: d.first_name ?? '', last_name: d.last_name ?? '', hue: d.hue ?? 0, picture: d.picture ?? null, role: d.role ?? 'member', joined: d.joined ?? 0, recv: d.recv ?? 0, status: 'active', ...(d.read === undefined ? {} : { read: d.read, read_n: d.read_n }) };
    return members.some((member) => member.u === u) ? members.map((member) => (member.u === u ? joined : member)) : [...members, joined];
  }
  return members.map((member) => {
    if (member.u !== u) return member;
    return d.change === 'role' ? { ...member, role: d.role ?? member.role } : { ...member, status: 'left', role: 'member' };
  });
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

/** What an event of a person's stream is as news, or null. @param {WireEvent} event @param {string | null} me @returns {Notice | null} */
function noticeOf({ op, seq, ts, d }, me) {
  const about = d.chat_id === undefined ? {} : { chat_id: String(d.chat_id) };
  if (op === 'chat.opened') return { seq, ts, kind: 'chats', ...about };
  if (op === 'invite' && d.u === me && d.change === 'opened' && d.invite) return { seq, ts, kind: 'invites', ...about, title: d.invite.title, by_name: d.invite.by_name };
  if (op === 'match' && d.change !== 'ended') return { seq, ts, kind: 'matches', ...about, change: String(d.change) };
  if (op === 'verification') return { seq, ts, kind: 'account', change: d.verified === true ? 'verified' : 'unverified' };
  if (op === 'sanction') return { seq, ts, kind: 'account', change: String(d.change) };
  return null;
}

/** What kind of news about a chat is over with an event: the invitation that ended, the chat that one is no longer in. @param {WireEvent} event @param {string | null} me @returns {Notice['kind'] | null} */
const overBy = ({ op, d }, me) => (op === 'chat.left' ? 'chats' : op === 'invite' && d.u === me ? 'invites' : null);

/** The news after one more event: what it is, what it says was seen, and what it pushes out. @param {Notices} notices @param {WireEvent} event @param {string | null} me @returns {Notices} */
function withNews(notices, event, me) {
  const item = noticeOf(event, me);
  const held = notices.items.filter(({ seq, kind, chat_id }) => seq > event.seq - notices.window && !(chat_id === event.d.chat_id && kind === overBy(event, me)));
  const items = item === null ? held : [...held, item];
  return { ...notices, items, noticed: event.op === 'notify.read' ? { upto: Number(event.d.upto), also: event.d.also } : notices.noticed };
}

/** Seeing is never undone: what either of two words says was seen. @param {Notices['noticed']} held @param {Notices['noticed']} told @returns {Notices['noticed']} */
function seenWith(held, told) {
  const upto = Math.max(held.upto, told.upto);
  return { upto, also: [...new Set([...held.also, ...told.also])].filter((seq) => seq > upto).sort((a, b) => a - b) };
}

/** Whether a person has not seen some news. @param {Notices} notices @param {Notice} item */
export const isNews = ({ noticed }, { seq }) => seq > noticed.upto && !noticed.also.includes(seq);

/** How much news there is of each kind. @param {Notices | null} notices @returns {Record<Notice['kind'], { total: number, unread: number }>} */
export function countsOf(notices) {
  const counts = { chats: { total: 0, unread: 0 }, invites: { total: 0, unread: 0 }, matches: { total: 0, unread: 0 }, account: { total: 0, unread: 0 } };
  for (const item of notices?.items ?? []) {
    counts[item.kind].total += 1;
    if (notices !== null && isNews(notices, item)) counts[item.kind].unread += 1;
  }
  return counts;
}

/** @param {Streams} state @param {string} id @param {number} until @returns {Streams} */
const mutedUntil = (state, id, until) => withChat(state, id, (chat) => (chat.muted === until ? chat : { ...chat, muted: until }));

/** @param {Streams} state @param {WireEvent} event @param {Ask[]} asks @returns {Streams} */
function chatEvent(state, event, asks) {
  const id = chatOf(event.ch);
  if (id === null) return state;
  if (!state.chats.has(id)) return { ...state, strangers: [...state.strangers, event].slice(-STRANGERS_MAX) };
  return withChat(state, id, (chat) => append(chat, event, state.me, asks));
}

/** Without a chat that is this person's no more. @param {Streams} state @param {string} id @returns {Streams} */
function without(state, id) {
  const chats = new Map(state.chats);
  chats.delete(id);
  return { ...state, chats, strangers: state.strangers.filter((stranger) => stranger.ch !== `chat:${id}`) };
}

/** @param {readonly import('../wire.d.ts').Invite[]} invites @returns {Streams['invites']} */
const invitesOf = (invites) => new Map(invites.map((invite) => [inviteKey(invite.chat_id, invite.u), invite]));

/** @param {Streams} state @param {WireEvent} event @param {Ask[]} asks @returns {Streams} */
function userEvent(state, event, asks) {
  // Without a socket so far there is no place to go on from; `connect` gives it.
  if (state.userSeq === null || event.seq <= state.userSeq) return state;
  if (event.seq > state.userSeq + 1) {
    asks.push({ ask: 'resync' });
    return state;
  }
  /** @type {Streams} */
  let next = { ...state, userSeq: event.seq, notices: state.notices && withNews(state.notices, event, state.me) };
  if (event.op === 'chat.opened' && event.d.chat) {
    /** @type {WireChat} */
    const wire = event.d.chat;
    const held = next.chats.get(wire.id);
    if (held === undefined || held.seq < wire.head) next = { ...next, chats: new Map(next.chats).set(wire.id, snapshot(wire)) };
    const waiting = next.strangers.filter((stranger) => stranger.ch === `chat:${wire.id}`);
    next = { ...next, strangers: next.strangers.filter((stranger) => stranger.ch !== `chat:${wire.id}`) };
    for (const stranger of waiting.sort((a, b) => a.seq - b.seq)) next = chatEvent(next, stranger, asks);
  } else if (event.op === 'chat.left') {
    next = without(next, String(event.d.chat_id));
  } else if (event.op === 'invite') {
    const invites = new Map(next.invites);
    const key = inviteKey(String(event.d.chat_id), String(event.d.u));
    if (event.d.invite) invites.set(key, event.d.invite);
    else invites.delete(key);
    next = { ...next, invites };
  } else if (event.op === 'erased') {
    next = erased(next, { chat: String(event.d.chat_id), mid: String(event.d.mid) });
  } else if (event.op === 'mute') {
    next = mutedUntil(next, String(event.d.chat_id), Number(event.d.muted ?? 0));
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
 * This person sees a message no more, whatever comes of it from before.
 * @param {Streams} state @param {{ chat: string, mid: string }} what @returns {Streams}
 */
function erased(state, { chat, mid }) {
  const all = new Set(state.erased).add(mid);
  return { ...withChat(state, chat, (held) => ({ ...held, ...withoutErased(held, all) })), erased: all };
}

/** A chat without what this person has deleted for themself, also of what waits beyond a hole. @param {Chat} chat @param {ReadonlySet<string>} all @returns {Chat} */
function withoutErased(chat, all) {
  if (all.size === 0) return chat;
  return { ...chat, ...changedMessages(chat, (message) => unerased(message, all)), ahead: new Map([...chat.ahead].map(([seq, event]) => [seq, unerased(event, all)])) };
}

/** @template {WireEvent | null} T @param {T} event @param {ReadonlySet<string>} all @returns {T | WireEvent} */
const unerased = (event, all) => (event !== null && isMessage(event) && all.has(String(event.d.mid)) ? hidden(event) : event);

/**
 * What the server says of a message that another one answers, or that there is none to see.
 * @param {Streams} state @param {{ chat: string, seq: number, page: HistoryPage | null }} input @returns {Streams}
 */
function quoted(state, { chat: id, seq, page }) {
  return withChat(state, id, (chat) => {
    const found = page?.events.find((event) => event.seq === seq) ?? null;
    return { ...chat, quoted: new Map(chat.quoted).set(seq, caughtUp(state, chat, page?.head ?? 0, found)) };
  });
}

/** A message as read when the chat's head was there, after all that is held. @template {WireEvent | null} T @param {Streams} state @param {Chat} chat @param {number} head @param {T} message @returns {T | WireEvent} */
function caughtUp(state, chat, head, message) {
  const since = chat.events.filter((event) => event.seq > head && isChange(event));
  return unerased(since.reduce((/** @type {T | WireEvent} */ held, change) => changedMessage(held, change), message), state.erased);
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
      // The page is as old as its head; what happened after that is held already.
      const now = older.map((event) => caughtUp(state, held, page.head, event));
      return { ...chat, events: [...now, ...chat.events], from: first ? first.seq : chat.from, more: page.more_before };
    }
    for (const event of page.events) chat = append(chat, unerased(event, state.erased), state.me, asks);
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
