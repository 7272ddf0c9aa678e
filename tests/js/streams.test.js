import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, chatsByActivity, countsOf, emptyStreams, fate, isMuted, resumeOf, unreadOf } from '../../static/js/core/streams.js';
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

/** Somebody comes, goes or is given a role. @param {number} kind @param {number} seq */
const belonging = (kind, seq) =>
  kind === 0
    ? { u: OTHER, change: 'left' }
    : kind === 1
      ? { u: 'x', change: 'removed', by: ME }
      : kind === 2
        ? { u: OTHER, change: 'role', role: 'owner', by: ME }
        : { u: kind === 3 ? OTHER : 'x', change: 'joined', role: 'member', first_name: 'Xandra', last_name: 'Vos', hue: 9, picture: null, recv: seq - 1, read: seq - 1, read_n: 0 };

test('who left a group knows nothing of it, and who comes back sees what comes from then on', () => {
  const told = (/** @type {number} */ seq, /** @type {string} */ op, /** @type {Record<string, any>} */ d) => ({ op, ch: 'user', seq, ts: seq, d });
  const invite = { chat_id: 'g', title: 'Huis', u: ME, name: 'Sanne', by: OTHER, by_name: 'Daan', at: 1, expires_at: 2 };
  let state = run(emptyStreams(), { type: 'connected', reply: reply([], { invites: [invite] }) }).state;
  assert.deepEqual([...state.invites.values()], [invite]);
  const hear = (/** @type {WireEvent} */ event) => (state = apply(state, { type: 'event', event }).state);
  hear(told(1, 'invite', { chat_id: 'g', u: ME, change: 'accepted' }));
  assert.equal(state.invites.size, 0);
  const opened = (/** @type {number} */ at) => ({ ...wireChat([], { group: true, base: at, head: at }), id: 'g' });
  hear(told(2, 'chat.opened', { chat_id: 'g', chat: opened(4) }));
  hear({ ...message(5), ch: 'chat:g' });
  hear(told(3, 'chat.left', { chat_id: 'g', change: 'removed' }));
  assert.equal(state.chats.size, 0);
  hear(told(4, 'chat.opened', { chat_id: 'g', chat: opened(9) }));
  assert.deepEqual([state.chats.get('g')?.seq, state.chats.get('g')?.events.length, state.chats.get('g')?.more], [9, 0, false]);
  // A replay tells of moments past: what the answer says holds.
  const replayed = reply([{ ...opened(9), initial: false }], { user: { id: ME, seq: 6, recovered: 'full', events: [told(5, 'chat.left', { chat_id: 'g', change: 'left' }), told(6, 'invite', { chat_id: 'g', u: ME, change: 'opened', invite })] } });
  state = run(state, { type: 'connected', reply: replayed }).state;
  assert.deepEqual([state.chats.size, state.invites.size, state.userSeq], [1, 0, 6]);
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
      else if (kind < 0.93) log.push({ op: 'member', ch: `chat:${CHAT}`, seq, ts: seq * 1000, d: belonging(pick(5), seq) });
      else log.push({ op: 'chat', ch: `chat:${CHAT}`, seq, ts: seq * 1000, d: random() < 0.3 ? { change: 'renamed', title: `name ${seq}` } : { change: random() < 0.5 ? 'closed' : 'opened' } });
    };
    /** The server's own account: everything in order from the start. */
    const truth = () => {
      let state = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([], { limited: false })]) }).state;
      for (const event of log) state = apply(state, heard(event)).state;
      return state;
    };
    const wire = (/** @type {number} */ from, /** @type {boolean} */ initial) => {
      const whole = /** @type {any} */ (truth().chats.get(CHAT));
      return wireChat(log.slice(from), { initial, limited: initial && from > 0, head: log.length, n, members: [...whole.members], read: whole.read, read_n: whole.read_n, recv: whole.recv, status: whole.status, name: whole.name, unread: whole.unread, last: whole.last, at: whole.at });
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

test('who joined later has not read what was before', () => {
  const chat = (/** @type {number} */ joined) => ({ ...run(start()).chat, members: [member(ME), member(OTHER, { joined, read: 9, recv: 9 })] });
  assert.deepEqual([fate(/** @type {any} */ (chat(5)), ME, 5), fate(/** @type {any} */ (chat(4)), ME, 5).state], [{ state: 'sent', readers: 0, others: 0 }, 'read']);
});

test('blocking somebody shows on the chat of two, on every device', () => {
  const blocked = run(start(), { type: 'event', event: { op: 'block', ch: 'user', seq: 1, ts: 1, d: { user: OTHER, on: true } } });
  assert.equal(blocked.chat?.blocked, true);
  assert.equal(run(blocked.state, { type: 'event', event: { op: 'block', ch: 'user', seq: 2, ts: 1, d: { user: OTHER, on: false } } }).chat?.blocked, false);
});

test('what happens to a message changes it where it stands, once, and an older page comes as it is now', () => {
  const change = (/** @type {number} */ seq, /** @type {string} */ op, /** @type {Record<string, any>} */ d) => heard({ op, ch: `chat:${CHAT}`, seq, ts: seq * 1000, d });
  const texts = (/** @type {any} */ chat) => chat.events.filter((/** @type {WireEvent} */ event) => event.op === 'message').map((/** @type {WireEvent} */ event) => event.d.text);
  const [one, two] = [message(1), message(2)];
  const edited = change(3, 'message.edited', { mid: one.d.mid, n: 1, rev: 3, text: 'better', edited_at: 3000 });
  const late = change(4, 'message.edited', { mid: one.d.mid, n: 1, rev: 2, text: 'worse', edited_at: 2500 });
  const gone = change(5, 'message.deleted', { mid: two.d.mid, n: 2, rev: 2 });
  const held = run(start(), edited, late, gone);
  assert.deepEqual(texts(held.chat), ['better', '']);
  assert.equal(held.chat?.events[0]?.d.rev, 3);
  assert.deepEqual([held.chat?.last?.d.deleted, held.chat?.last?.d.text], [true, '']);
  assert.deepEqual([held.chat?.seq, held.chat?.n], [5, 2], 'changes are events and no messages');
  const hidden = run(held.state, change(6, 'hidden', { n: 1, u: OTHER }));
  assert.deepEqual(texts(hidden.chat), ['']);
  assert.deepEqual([hidden.chat?.n, hidden.chat?.unread], [2, held.chat?.unread], 'a stand-in for a change counts nowhere');
  // A page that was read before the change arrived is older than what is held.
  const short = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([two], { limited: true, head: 2 })]) }, edited).state;
  const page = { events: [one], head: 2, base: 0, more_before: false, more_after: true };
  const whole = run(short, { type: 'history', chat: CHAT, page, before: 2 });
  assert.deepEqual(texts(whole.chat), ['better', two.d.text]);
  // And one that was read after it has it already.
  const after = { ...page, head: 3, events: [{ ...one, d: { ...one.d, text: 'best', rev: 4 } }] };
  assert.deepEqual(texts(run(short, { type: 'history', chat: CHAT, page: after, before: 2 }).chat), ['best', two.d.text]);
});

test('reactions come and go, each once, and end with the message', () => {
  const react = (/** @type {number} */ seq, /** @type {string} */ u, /** @type {string} */ emoji, /** @type {boolean} */ on) => heard({ op: 'reaction', ch: `chat:${CHAT}`, seq, ts: seq, d: { mid: message(1).d.mid, n: 1, u, emoji, on } });
  const shown = (/** @type {any} */ run) => run.chat.events[0].d.reactions;
  const held = run(start(), react(3, OTHER, '🏠', true), react(4, ME, '🏠', true), react(5, OTHER, '🔥', true), react(6, OTHER, '🏠', false));
  assert.deepEqual(shown(held), [{ u: ME, emoji: '🏠' }, { u: OTHER, emoji: '🔥' }]);
  assert.deepEqual([held.chat?.n, held.chat?.unread, held.chat?.seq], [2, run(start()).chat?.unread, 6], 'a reaction is no message');
  // What a replay repeats changes nothing, and a stand-in for somebody's reaction nothing either.
  const again = run(held.state, react(7, ME, '🏠', true), heard({ op: 'hidden', ch: `chat:${CHAT}`, seq: 8, ts: 8, d: { n: 0, u: OTHER } }));
  assert.deepEqual(shown(again), shown(held));
  assert.equal(again.chat?.n, 2);
  const none = run(again.state, react(9, ME, '🏠', false), react(10, OTHER, '🔥', false));
  assert.equal('reactions' in (none.chat?.events[0]?.d ?? {}), false);
  const gone = run(again.state, heard({ op: 'message.deleted', ch: `chat:${CHAT}`, seq: 9, ts: 9, d: { mid: message(1).d.mid, n: 1, rev: 2 } }), react(10, OTHER, '🏠', true));
  assert.equal(shown(gone), undefined);
});

test('a message deleted for oneself is gone here, also from a page that was read before', () => {
  const [one, two] = [message(1), message(2)];
  const erase = (/** @type {WireEvent} */ what, /** @type {number} */ seq) => heard({ op: 'erased', ch: 'user', seq, ts: 1, d: { chat_id: CHAT, mid: what.d.mid, n: what.d.n } });
  const held = run(start(), erase(two, 1));
  assert.deepEqual(held.chat?.events.map((event) => event.op), ['message', 'hidden']);
  assert.equal(held.chat?.last?.op, 'hidden');
  assert.deepEqual(held.chat?.events[1]?.d, { n: 2, u: two.d.u });
  const short = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([two], { limited: true, head: 2 })]) }, erase(one, 1)).state;
  const late = run(short, { type: 'history', chat: CHAT, page: { events: [one], head: 2, base: 0, more_before: false, more_after: true }, before: 2 });
  assert.deepEqual(late.chat?.events.map((event) => event.op), ['hidden', 'message']);
});

test('what is answered is shown as it is now, also when it is older than what is held', () => {
  const [one, two] = [message(1), message(2)];
  const short = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([two], { limited: true, head: 2 })]) }).state;
  const page = { events: [one], head: 2, base: 0, more_before: false, more_after: true };
  const edited = heard({ op: 'message.edited', ch: `chat:${CHAT}`, seq: 3, ts: 3, d: { mid: one.d.mid, n: 1, rev: 2, text: 'better', edited_at: 3 } });
  const quote = (/** @type {any} */ run) => run.chat.quoted.get(1);
  const before = run(short, { type: 'quoted', chat: CHAT, seq: 1, page }, edited);
  const after = run(short, edited, { type: 'quoted', chat: CHAT, seq: 1, page });
  assert.equal(quote(before).d.text, 'better');
  assert.deepEqual(quote(after), quote(before), 'whichever came first');
  assert.equal(quote(run(before.state, heard({ op: 'erased', ch: 'user', seq: 1, ts: 1, d: { chat_id: CHAT, mid: one.d.mid, n: 1 } }))).op, 'hidden');
  assert.equal(quote(run(short, { type: 'quoted', chat: CHAT, seq: 1, page: null })), null);
});

test('law: mutes told one by one are what a fresh look tells, and end by the clock', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = chance(seed);
    const until = () => (random() < 0.4 ? undefined : 1_000 + Math.round(random() * 9_000));
    /** @type {(number | undefined)[]} */
    const words = Array.from({ length: 1 + Math.round(random() * 6) }, until);
    const mute = (/** @type {number} */ seq, /** @type {number | undefined} */ muted) => heard({ op: 'mute', ch: 'user', seq, ts: seq, d: { chat_id: CHAT, ...(muted === undefined ? {} : { muted }) } });
    const told = run(start(), ...words.map((muted, at) => mute(at + 1, muted)), mute(1, 99_999)).chat;
    const last = words.at(-1);
    const fresh = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([message(1), message(2)], last === undefined ? {} : { muted: last })]) }).chat;
    assert.deepEqual(essence(told), essence(fresh), `seed ${seed}`);
    assert.equal(told?.muted, last ?? 0);
    if (told) assert.deepEqual([isMuted(told, 0), isMuted(told, last ?? 0)], [last !== undefined, false]);
  }
});

test('what the own stream told of a mute is not taken back by an older answer to sync', () => {
  const muted = run(start(), heard({ op: 'mute', ch: 'user', seq: 1, ts: 1, d: { chat_id: CHAT, muted: 5_000 } })).state;
  const { chat } = run(muted, { type: 'synced', chats: [wireChat([message(1), message(2)])] });
  assert.equal(chat?.muted, 5_000);
});

test('a message deleted for oneself stays away from a hole, an answer and a list that were read before', () => {
  const [one, two, three] = [message(1), message(2), message(3)];
  const erase = heard({ op: 'erased', ch: 'user', seq: 1, ts: 1, d: { chat_id: CHAT, mid: three.d.mid, n: 3 } });
  const ops = (/** @type {any} */ run) => run.chat.events.map((/** @type {WireEvent} */ event) => event.op);
  const waiting = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([one], { head: 3 })]) }, heard(three), erase).state;
  assert.deepEqual(ops(run(waiting, heard(two))), ['message', 'message', 'hidden']);
  const whole = run(emptyStreams(), { type: 'connected', reply: reply([wireChat([one, two, three])]) }, erase).state;
  const synced = run(whole, { type: 'synced', chats: [wireChat([one, two, three])] });
  assert.deepEqual(ops(synced), ['message', 'message', 'hidden']);
  const listed = run(whole, { type: 'list', me: ME, epoch: whole.epoch ?? '', chats: [wireChat([one, two, three], { events: [] })] });
  assert.equal(listed.chat?.last?.op, 'hidden');
});

test('who wrote what is withheld has read what stands before', () => {
  const held = run(start(), heard({ op: 'hidden', ch: `chat:${CHAT}`, seq: 3, ts: 3, d: { n: 3, u: OTHER } }));
  assert.deepEqual(held.chat?.members.find((member) => member.u === OTHER), member(OTHER, { read: 3, recv: 3 }));
  assert.equal(run(held.state, heard({ op: 'hidden', ch: `chat:${CHAT}`, seq: 4, ts: 4, d: { n: 0, u: OTHER } })).chat?.n, 3);
});

test('law: news told event by event, and what was seen of it, is what a fresh look tells, counts included', () => {
  const kinds = /** @type {const} */ (['chats', 'invites', 'matches', 'account']);
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = chance(seed);
    const window = 1 + Math.round(random() * 12);
    /** What a server by the book would tell. @type {{ seq: number, ts: number, kind: string, [field: string]: unknown }[]} */
    const items = [];
    const noticed = { upto: 0, also: /** @type {number[]} */ ([]) };
    let state = run(emptyStreams(), { type: 'connected', reply: reply([], { notices: { window, items: [], noticed: { upto: 0, also: [] } } }) }).state;
    for (let seq = 1; seq <= 40; seq += 1) {
      const roll = random();
      /** @type {[string, Record<string, unknown>, Record<string, unknown> | null]} */
      const [op, d, item] =
        roll < 0.2
          ? ['chat.opened', { chat_id: CHAT }, { kind: 'chats', chat_id: CHAT }]
          : roll < 0.4
            ? ['invite', { chat_id: CHAT, u: ME, change: 'opened', invite: { chat_id: CHAT, u: ME, title: 'Huis', by_name: 'Daan' } }, { kind: 'invites', chat_id: CHAT, title: 'Huis', by_name: 'Daan' }]
            : roll < 0.5
              ? ['verification', { verified: roll < 0.45 }, { kind: 'account', change: roll < 0.45 ? 'verified' : 'unverified' }]
              : roll < 0.6
                ? ['sanction', { change: 'activated' }, { kind: 'account', change: 'activated' }]
                : roll < 0.7
                  ? ['invite', { chat_id: CHAT, u: OTHER, change: 'opened', invite: {} }, null]
                  : roll < 0.74
                    ? ['invite', { chat_id: CHAT, u: ME, change: 'withdrawn' }, null]
                    : roll < 0.76
                    ? ['match', { suggestion_id: CHAT, change: 'interested' }, { kind: 'matches', change: 'interested' }]
                    : roll < 0.77
                    ? ['match', { suggestion_id: CHAT, change: 'confirmed', chat_id: CHAT }, { kind: 'matches', chat_id: CHAT, change: 'confirmed' }]
                    : roll < 0.775
                    ? ['match', { suggestion_id: CHAT, change: 'ended', chat_id: CHAT }, null]
                    : roll < 0.79
                    ? ['chat.left', { chat_id: CHAT, change: 'left' }, null]
                    : roll < 0.8
                    ? ['settings', {}, null]
                    : ['notify.read', noticed, null];
      if (op === 'notify.read') {
        const one = Math.ceil(random() * seq);
        if (random() < 0.5) noticed.upto = Math.max(noticed.upto, one);
        else if (one > noticed.upto) noticed.also = [...new Set([...noticed.also, one])];
        noticed.also = noticed.also.filter((also) => also > noticed.upto).sort((a, b) => a - b);
      }
      // An invitation that ended is news no more, nor a chat that was left; asked again, only the new invitation is.
      const over = op === 'chat.left' ? 'chats' : op === 'invite' && d['u'] === ME ? 'invites' : '';
      for (let at = items.length - 1; at >= 0; at -= 1) if (items[at]?.kind === over && items[at]?.['chat_id'] === d['chat_id']) items.splice(at, 1);
      if (item !== null) items.push(/** @type {any} */ ({ seq, ts: seq, ...item }));
      state = run(state, heard({ op, ch: 'user', seq, ts: seq, d: structuredClone(d) })).state;
      const held = items.filter((known) => known.seq > seq - window);
      const fresh = run(emptyStreams(), { type: 'connected', reply: reply([], { user: { id: ME, seq, recovered: 'none', events: [] }, notices: /** @type {any} */ ({ window, items: held, noticed: structuredClone(noticed) }) }) }).state;
      assert.deepEqual(state.notices, fresh.notices, `seed ${seed}, ${op} ${seq}`);
      for (const kind of kinds) {
        const own = held.filter((known) => known.kind === kind);
        const unread = own.filter((known) => known.seq > noticed.upto && !noticed.also.includes(known.seq));
        assert.deepEqual(countsOf(state.notices)[kind], { total: own.length, unread: unread.length });
      }
    }
    const early = run(state, { type: 'noticed', noticed: { upto: 0, also: [39, 40] } }).state;
    assert.ok((early.notices?.noticed.upto ?? 0) >= noticed.upto, 'an answer that comes late takes nothing back');
  }
});
