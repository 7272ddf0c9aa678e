import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, chatsByActivity, emptyStreams, fate, resumeOf, unreadOf } from '../../static/js/core/streams.js';
import { CHAT, ME, OTHER, chance, essence, member, message, reply, wireChat } from './support.js';

/** @import { Input, Streams, WireEvent } from '../../static/js/types.js' */

/** @param {Streams} state @param {...Input} inputs */
function run(state, ...inputs) {
  /** @type {import('../../static/js/types.js').Ask[]} */
  const asks = [];
  for (const input of inputs) {
    const step = apply(state, input);
    state = step.state;
    asks.push(...step.asks);
  }
  return { state, asks, chat: state.chats.get(CHAT), wants: asks.filter((ask) => ask.ask === 'history' || ask.ask === 'resync') };
}
/** @param {WireEvent} event @returns {Input} */
const heard = (event) => ({ type: 'event', event });
const start = () => run(emptyStreams(), { type: 'connected', reply: reply([wireChat([message(1), message(2)])]) }).state;

test('the next number is applied, a known one is ignored', () => {
  const { chat, wants } = run(start(), heard(message(3)), heard(message(3)), heard(message(2)), heard(message(4)));
  assert.deepEqual(chat?.events.map((event) => event.seq), [1, 2, 3, 4]);
  assert.deepEqual(wants, []);
});

test('a hole is asked about and what lies beyond it waits', () => {
  const first = run(start(), heard(message(5)), heard(message(4)));
  assert.equal(first.chat?.seq, 2);
  assert.deepEqual(first.wants[0], { ask: 'history', chat: CHAT, after: 2 });
  const page = { events: [message(3), message(4)], head: 5, base: 0, more_before: true, more_after: true };
  const filled = run(first.state, { type: 'history', chat: CHAT, page, after: 2 });
  assert.equal(filled.chat?.seq, 5);
  assert.equal(filled.chat?.ahead.size, 0);
  assert.deepEqual(filled.wants, []);
});

test('an ack stands where its event would stand, and a repeated one moves nothing', () => {
  const ack = { mid: 'm3', seq: 3, n: 3, ts: 3000, cid: 'c1', dup: false };
  const once = run(start(), { type: 'ack', chat: CHAT, ack, text: 'mine' });
  assert.equal(once.chat?.seq, 3);
  assert.equal(once.chat?.events.at(-1)?.d.u, ME);
  assert.equal(unreadOf(/** @type {any} */ (once.chat)), 0, 'writing is reading');
  const twice = run(once.state, { type: 'ack', chat: CHAT, ack: { ...ack, dup: true }, text: 'mine' });
  assert.deepEqual(essence(twice.chat), essence(once.chat));
  assert.deepEqual(twice.wants, []);
  const old = run(start(), { type: 'ack', chat: CHAT, ack: { ...ack, seq: 2, dup: true }, text: 'mine' });
  assert.equal(old.chat?.seq, 2);
});

test('an ack beyond a hole does not hide the hole', () => {
  const ack = { mid: 'm4', seq: 4, n: 4, ts: 4000, cid: 'c1', dup: false };
  const { chat, wants } = run(start(), { type: 'ack', chat: CHAT, ack, text: 'mine' });
  assert.equal(chat?.seq, 2);
  assert.equal(wants.length, 1);
});

test('a resumed chat is continued, an initial one replaced, one of another store too', () => {
  const state = run(start(), heard(message(3))).state;
  assert.deepEqual(resumeOf(state), { epoch: 'e1', user: 0, chats: { [CHAT]: 3 } });
  const resumed = run(state, { type: 'connected', reply: reply([wireChat([message(4), message(5)], { initial: false, head: 5, n: 5 })]) });
  assert.deepEqual(resumed.chat?.events.map((event) => event.seq), [1, 2, 3, 4, 5]);
  const fresh = run(state, { type: 'connected', reply: reply([wireChat([message(8), message(9)], { limited: true })]) });
  assert.deepEqual(fresh.chat?.events.map((event) => event.seq), [8, 9]);
  assert.equal(fresh.chat?.from, 8);
  assert.equal(fresh.chat?.more, true);
  const other = run(state, { type: 'connected', reply: reply([wireChat([message(1)], { initial: true })], { epoch: 'e2' }) });
  assert.equal(other.chat?.seq, 1);
  assert.equal(other.state.epoch, 'e2');
});

test('a sync continues, replaces or adds what it names, leaves the rest, and never goes back', () => {
  const state = run(start(), heard(message(3))).state;
  const synced = (/** @type {any[]} */ ...chats) => run(state, { type: 'synced', chats });
  assert.deepEqual(synced(wireChat([message(2), message(3), message(4)], { initial: false })).chat?.events.map((event) => event.seq), [1, 2, 3, 4], 'what is known already is ignored');
  assert.deepEqual(synced(wireChat([message(8), message(9)], { limited: true })).chat?.events.map((event) => event.seq), [8, 9]);
  assert.equal(synced(wireChat([message(1), message(2)])).state.chats, state.chats, 'an answer that was overtaken says nothing new');
  assert.deepEqual(synced(wireChat([message(4)], { initial: false, head: 6 })).wants.at(-1), { ask: 'history', chat: CHAT, after: 4 });
  const other = '00000000-0000-7000-8000-0000000000c2';
  const more = synced(wireChat([message(1, {}, other)], { id: other })).state;
  assert.deepEqual([...more.chats.keys()], [CHAT, other]);
  assert.equal(more.chats.get(CHAT), state.chats.get(CHAT));
});

test('a resume that leaves a hole asks for the rest', () => {
  const { wants } = run(start(), { type: 'connected', reply: reply([wireChat([message(3)], { initial: false, head: 6, n: 6 })]) });
  assert.deepEqual(wants, [{ ask: 'history', chat: CHAT, after: 3 }]);
});

test('chats outside the window know their head and hold nothing', () => {
  const { chat } = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([], { head: 40, n: 38, limited: true, read_n: 30, unread: 7, last: message(40) })]) });
  assert.equal(chat?.seq, 40);
  assert.equal(chat?.from, 41);
  assert.equal(chat?.more, true);
  assert.equal(unreadOf(/** @type {any} */ (chat)), 7, 'as the server counts, which knows what is withheld');
  const page = { events: [message(39), message(40)], head: 40, base: 0, more_before: true, more_after: false };
  const older = run(run(emptyStreams(), { type: 'connected', reply: reply([wireChat([], { head: 40, n: 40, limited: true })]) }).state, { type: 'history', chat: CHAT, page, before: 41 });
  assert.deepEqual(older.chat?.events.map((event) => event.seq), [39, 40]);
});

test('older history that does not touch what is held is not taken', () => {
  const state = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([message(9)], { limited: true })]) }).state;
  const page = { events: [message(5), message(6)], head: 9, base: 0, more_before: true, more_after: true };
  assert.equal(run(state, { type: 'history', chat: CHAT, page, before: 9 }).chat?.from, 9);
});

test('a silent hole shows with the next heartbeat', () => {
  assert.deepEqual(run(start(), { type: 'heads', heads: { [`chat:${CHAT}`]: 2, user: 0 } }).wants, []);
  assert.deepEqual(run(start(), { type: 'heads', heads: { [`chat:${CHAT}`]: 3 } }).wants, [{ ask: 'history', chat: CHAT, after: 2 }]);
  assert.deepEqual(run(start(), { type: 'heads', heads: { user: 1 } }).wants, [{ ask: 'resync' }]);
});

test('a chat that opens brings what arrived before it was known', () => {
  const empty = run(emptyStreams(), { type: 'connected', reply: reply([]) }).state;
  const opened = { op: 'chat.opened', ch: 'user', seq: 1, ts: 1, d: { chat: wireChat([message(1)]) } };
  const { state, chat } = run(empty, heard(message(2)), heard(opened));
  assert.equal(chat?.seq, 2);
  assert.equal(state.strangers.length, 0);
  assert.equal(state.userSeq, 1);
  assert.equal(run(state, heard(opened)).chat?.seq, 2, 'the same news twice is one');
});

test('a hole in the own stream is healed by a resume', () => {
  assert.deepEqual(run(start(), heard({ op: 'session', ch: 'user', seq: 2, ts: 1, d: {} })).wants, [{ ask: 'resync' }]);
});

test('markers only move forward and tell the fate of a message', () => {
  const state = run(start(), { type: 'ack', chat: CHAT, ack: { mid: 'm3', seq: 3, n: 3, ts: 3, cid: 'c', dup: false }, text: 'x' }).state;
  const at = (/** @type {Input[]} */ ...inputs) => fate(/** @type {any} */ (run(state, ...inputs).chat), ME, 3).state;
  const mark = (/** @type {number} */ read, /** @type {number} */ recv) => /** @type {Input} */ ({ type: 'marker', chat: CHAT, d: { u: OTHER, read, recv } });
  assert.equal(at(), 'sent');
  assert.equal(at(mark(0, 3)), 'delivered');
  assert.equal(at(mark(3, 3)), 'read');
  assert.equal(at(mark(3, 3), mark(1, 1)), 'read');
  const group = { ...wireChat([message(1, { u: ME })]), group: true, members: [member(ME), member(OTHER, { read: 1 }), member('x'), member('y', { status: 'left' })] };
  const chat = run(emptyStreams(), { type: 'connected', reply: reply([group]) }).chat;
  assert.deepEqual(fate(/** @type {any} */ (chat), ME, 1), { state: 'delivered', readers: 1, others: 2 });
});

test('unread follows the own marker from another tab', () => {
  const { chat } = run(start(), { type: 'marker', chat: CHAT, d: { u: ME, read: 2, read_n: 2, recv: 2 } });
  assert.equal(unreadOf(/** @type {any} */ (chat)), 0);
});

test('the newest activity comes first', () => {
  const a = wireChat([message(1)], { at: 5 });
  const b = { ...wireChat([], { at: 9 }), id: 'b' };
  assert.deepEqual(chatsByActivity(run(emptyStreams(), { type: 'connected', reply: reply([a, b]) }).state).map((chat) => chat.id), ['b', CHAT]);
});

test('law: snapshot and events, however they are cut, repeated, lost or swapped, equal a fresh snapshot', () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = chance(seed);
    const pick = (/** @type {number} */ below) => Math.floor(random() * below);
    /** @type {WireEvent[]} */
    const log = [];
    let n = 0;
    const grow = () => {
      const seq = log.length + 1;
      const kind = random();
      const author = random() < 0.4 ? ME : OTHER;
      if (kind < 0.85) log.push(message(seq, { n: (n += 1), u: author, ...(author === ME ? { cid: `c${seq}` } : {}) }));
      else if (kind < 0.93) log.push({ op: 'member', ch: `chat:${CHAT}`, seq, ts: seq * 1000, d: { u: OTHER, change: random() < 0.5 ? 'left' : 'joined' } });
      else log.push({ op: 'chat', ch: `chat:${CHAT}`, seq, ts: seq * 1000, d: { change: random() < 0.5 ? 'closed' : 'opened' } });
    };
    /** The server's own account: everything in order from the start. */
    const truth = () => {
      let state = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([], { limited: false })]) }).state;
      for (const event of log) state = apply(state, heard(event)).state;
      return state;
    };
    const wire = (/** @type {number} */ from, /** @type {boolean} */ initial) => {
      const whole = /** @type {any} */ (truth().chats.get(CHAT));
      return wireChat(log.slice(from), { initial, limited: initial && from > 0, head: log.length, n, members: [...whole.members], read: whole.read, read_n: whole.read_n, recv: whole.recv, status: whole.status, last: whole.last, at: whole.at });
    };
    for (let i = pick(5); i > 0; i -= 1) grow();
    let state = run(emptyStreams(), { type: 'connected', reply: reply([wire(pick(log.length + 1), true)]) }).state;
    for (let round = 0; round < 12; round += 1) {
      const before = log.length;
      for (let i = pick(4); i > 0; i -= 1) grow();
      /** @type {Input[]} */
      const inputs = log.slice(before).map((event) =>
        event.d.u === ME && event.op === 'message'
          ? { type: 'ack', chat: CHAT, ack: { mid: event.d.mid, seq: event.seq, n: event.d.n, ts: event.ts, cid: event.d.cid, dup: false }, text: event.d.text }
          : heard(event),
      );
      if (inputs.length > 1 && random() < 0.3) inputs.reverse();
      for (const input of inputs) {
        if (random() < 0.2) continue;
        state = apply(state, input).state;
        if (random() < 0.2) state = apply(state, input).state;
      }
      const held = /** @type {any} */ (state.chats.get(CHAT));
      const luck = random();
      if (luck < 0.3) state = apply(state, { type: 'connected', reply: reply([wire(held.seq, false)]) }).state;
      else if (luck < 0.4) state = apply(state, { type: 'connected', reply: reply([wire(pick(log.length + 1), true)]) }).state;
      else if (luck < 0.7) {
        const after = held.seq;
        const events = log.slice(after, after + 2);
        state = apply(state, { type: 'history', chat: CHAT, after, page: { events, head: log.length, base: 0, more_before: after > 0, more_after: after + 2 < log.length } }).state;
      } else if (luck < 0.85 && held.more) {
        const before = held.from;
        const events = log.slice(Math.max(0, before - 4), before - 1);
        state = apply(state, { type: 'history', chat: CHAT, before, page: { events, head: log.length, base: 0, more_before: before - 4 > 0, more_after: true } }).state;
      }
      const now = /** @type {any} */ (state.chats.get(CHAT));
      assert.deepEqual(now.events.map((/** @type {WireEvent} */ event) => event.seq), Array.from({ length: now.seq - now.from + 1 }, (_, i) => now.from + i), `seed ${seed}: gapless`);
    }
    // In the end the line is whole again.
    const held = /** @type {any} */ (state.chats.get(CHAT));
    state = apply(state, { type: 'history', chat: CHAT, after: held.seq, page: { events: log.slice(held.seq), head: log.length, base: 0, more_before: true, more_after: false } }).state;
    const end = /** @type {any} */ (state.chats.get(CHAT));
    if (end.from > 1) state = apply(state, { type: 'history', chat: CHAT, before: end.from, page: { events: log.slice(0, end.from - 1), head: log.length, base: 0, more_before: false, more_after: true } }).state;
    const expected = essence(truth().chats.get(CHAT));
    const got = essence(state.chats.get(CHAT));
    assert.deepEqual({ ...got, more: false }, { ...expected, more: false }, `seed ${seed}`);
  }
});

/** @param {number} seq @returns {WireEvent} */
const hidden = (seq) => ({ op: 'hidden', ch: `chat:${CHAT}`, seq, ts: seq * 1000, d: { n: seq, u: OTHER } });

test('a withheld message takes its place and nothing else', () => {
  const before = run(start(), { type: 'marker', chat: CHAT, d: { u: ME, read: 2, read_n: 2 } }).state;
  const { chat, wants } = run(before, heard(hidden(3)), heard(message(4)));
  assert.deepEqual(wants, []);
  assert.equal(chat?.seq, 4);
  assert.equal(chat?.n, 4);
  assert.equal(unreadOf(/** @type {any} */ (chat)), 1);
  assert.equal(chat?.last?.seq, 4);
  const alone = run(before, heard(hidden(3))).chat;
  assert.equal(unreadOf(/** @type {any} */ (alone)), 0);
  assert.equal(alone?.last?.seq, 2, 'the list keeps the last visible one');
});

test('unread is counted once: by the server up to its head, here beyond it', () => {
  const resumed = run(start(), { type: 'connected', reply: reply([wireChat([message(3), hidden(4), message(5)], { initial: false, head: 5, n: 5, unread: 4 })]) });
  assert.equal(unreadOf(/** @type {any} */ (resumed.chat)), 4);
  assert.equal(unreadOf(/** @type {any} */ (run(resumed.state, heard(message(6))).chat)), 5);
  const listed = run(start(), { type: 'list', me: ME, epoch: 'e1', chats: [wireChat([], { head: 4, n: 4, unread: 4 })] });
  assert.deepEqual(listed.wants, [{ ask: 'history', chat: CHAT, after: 2 }]);
  const filled = run(listed.state, { type: 'history', chat: CHAT, after: 2, page: { events: [message(3), message(4)], head: 4, base: 0, more_before: true, more_after: false } });
  assert.equal(unreadOf(/** @type {any} */ (filled.chat)), 4);
  assert.equal(unreadOf(/** @type {any} */ (run(filled.state, { type: 'marker', chat: CHAT, d: { u: ME, read: 3, read_n: 3 } }).chat)), 1);
});

test('a list of another store replaces what is held, and tells no place in the own stream', () => {
  const { state, chat } = run(start(), { type: 'list', me: ME, epoch: 'e2', chats: [wireChat([], { head: 1, n: 1, limited: true })] });
  assert.equal(chat?.seq, 1);
  assert.equal(chat?.events.length, 0);
  assert.deepEqual(resumeOf(state), { epoch: 'e2', chats: { [CHAT]: 1 } });
});

test('who hides what they read has received it, until they show it', () => {
  const { read: _read, ...silent } = member(OTHER);
  const state = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([message(1, { u: ME })], { members: [member(ME), { ...silent, recv: 1 }] })]) }).state;
  const fateOf = (/** @type {Streams} */ now) => fate(/** @type {any} */ (now.chats.get(CHAT)), ME, 1).state;
  assert.equal(fateOf(state), 'delivered');
  const spoken = run(state, heard(message(2))).state;
  assert.equal(fateOf(spoken), 'delivered', 'a message is no word about reading');
  assert.equal(fateOf(run(spoken, { type: 'marker', chat: CHAT, d: { u: OTHER, recv: 2 } }).state), 'delivered');
  assert.equal(fateOf(run(spoken, { type: 'marker', chat: CHAT, d: { u: OTHER, read: 2, recv: 2 } }).state), 'read');
});

test('blocking somebody shows on the chat of two, on every device', () => {
  const blocked = run(start(), { type: 'event', event: { op: 'block', ch: 'user', seq: 1, ts: 1, d: { user: OTHER, on: true } } });
  assert.equal(blocked.chat?.blocked, true);
  assert.equal(run(blocked.state, { type: 'event', event: { op: 'block', ch: 'user', seq: 2, ts: 1, d: { user: OTHER, on: false } } }).chat?.blocked, false);
});
