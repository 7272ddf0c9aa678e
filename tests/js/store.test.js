import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http } from '../../static/js/core/http.js';
import { MemoryStorage } from '../../static/js/core/outbox.js';
import { Store } from '../../static/js/core/store.js';
import { CHAT, FakeSocket, FakeTimers, ME, OTHER, message, person, reply, settle, wireChat } from './support.js';

function make() {
  const timers = new FakeTimers();
  /** @type {FakeSocket[]} */
  const lines = [];
  let strangers = 0;
  const storage = new MemoryStorage();
  const store = new Store({
    me: person(),
    http: new Http(async () => new Response('', { status: 502 })),
    learn: (ask) => ask(),
    open: () => {
      const line = new FakeSocket();
      lines.push(line);
      return line;
    },
    timers,
    random: () => 0.5,
    newId: () => 'cid-1',
    storage,
    journal: { keep: () => {}, drop: () => {}, all: () => [] },
    lock: (work) => work(),
    channel: { post: () => {}, onMessage: null, close: () => {} },
    onSuspect: () => {},
    onStranger: () => (strangers += 1),
  });
  const line = () => /** @type {FakeSocket} */ (lines.at(-1));
  const connect = async (/** @type {any} */ answer) => {
    line().open();
    line().receive({ id: line().asked('connect').id, ok: answer });
    await settle();
  };
  const chat = () => store.streams.peek().chats.get(CHAT);
  return { store, timers, lines, line, connect, chat, storage, strangers: () => strangers };
}

test('a message whose answer was lost is recognised in the resumed stream and not sent again', async () => {
  const { store, timers, line, lines, connect, chat } = make();
  await store.start();
  await connect(reply([wireChat([message(1)])]));
  await store.send(CHAT, 'hoi');
  await settle();
  assert.equal(line().asked('publish').d.cid, 'cid-1');
  line().end(1006);
  await settle();
  assert.equal(store.pending.peek()[0]?.state, 'unconfirmed');
  await timers.advance(1_000);
  assert.equal(lines.length, 2);
  const { d } = line().sent[0] ?? (line().open(), line().sent[0]);
  assert.deepEqual(d.resume, { epoch: 'e1', user: 0, chats: { [CHAT]: 1 } });
  line().receive({ id: line().asked('connect').id, ok: reply([wireChat([message(2, { u: ME, cid: 'cid-1', text: 'hoi' })], { initial: false })]) });
  await settle();
  assert.equal(store.pending.peek().length, 0);
  assert.equal(chat()?.seq, 2);
  await timers.advance(5_000);
  assert.equal(line().asked('publish'), undefined);
});

test('a hole that stays is healed by a resume', async () => {
  const { store, timers, line, lines, connect } = make();
  await store.start();
  await connect(reply([wireChat([message(1)])]));
  line().receive(message(4));
  assert.equal(line().asked('history').d.after, 1);
  await timers.advance(2_100);
  assert.equal(lines.length, 2, 'nobody answered in two seconds');
});

test('receipts and read marks are cumulative and at most one a second', async () => {
  const { store, timers, line, connect } = make();
  await store.start();
  await connect(reply([wireChat([message(1)])]));
  const marks = (/** @type {string} */ op) => line().sent.filter((frame) => frame.op === op).map((frame) => frame.d.seq);
  assert.deepEqual(marks('ack'), [1]);
  for (const seq of [2, 3, 4]) line().receive(message(seq));
  store.markRead(CHAT, 2);
  store.markRead(CHAT, 4);
  assert.deepEqual(marks('ack'), [1]);
  await timers.advance(1_100);
  assert.deepEqual(marks('ack'), [1, 4]);
  assert.deepEqual(marks('read'), [2, 4]);
  store.markRead(CHAT, 3);
  assert.deepEqual(marks('read'), [2, 4]);
});

test('a line that belongs to somebody else is not used', async () => {
  const { store, line, connect, strangers } = make();
  await store.start();
  await store.send(CHAT, 'mine');
  await connect(reply([], { user: { id: OTHER, seq: 0, recovered: 'none', events: [] } }));
  assert.equal(strangers(), 1);
  assert.equal(line().asked('publish'), undefined);
});

test('older history is asked for once at a time', async () => {
  const { store, line, connect, chat } = make();
  await store.start();
  await connect(reply([wireChat([message(9)], { limited: true })]));
  const both = [store.loadOlder(CHAT), store.loadOlder(CHAT)];
  const asked = line().sent.filter((frame) => frame.op === 'history');
  assert.equal(asked.length, 1);
  line().receive({ id: asked[0].id, ok: { events: [message(8)], head: 9, base: 0, more_before: false, more_after: true } });
  await Promise.all(both);
  assert.equal(chat()?.from, 8);
  assert.equal(chat()?.more, false);
});

test('what is on screen and who looks is told with every connection, and nothing is known without one', async () => {
  const { store, timers, line, connect } = make();
  store.live.look(true);
  store.live.focus([CHAT]);
  await store.start();
  line().open();
  assert.equal(line().asked('connect').d.visible, true);
  await connect(reply([wireChat([message(1)])]));
  await timers.advance(200);
  const asked = line().asked('focus');
  assert.deepEqual(asked.d, { chats: [CHAT] });
  line().receive({ id: asked.id, ok: { chats: [{ id: CHAT, presence: [{ u: OTHER, state: 'online', seen: null }], typing: [OTHER] }] } });
  await settle();
  assert.deepEqual(store.live.typing.peek().get(CHAT), [OTHER]);
  line().receive(message(2));
  assert.equal(store.live.typing.peek().size, 0, 'a message ends the typing');
  line().receive({ op: 'presence', ch: `chat:${CHAT}`, d: { u: OTHER, state: 'offline', seen: 'today' } });
  assert.equal(store.live.presence.peek().get(OTHER)?.seen, 'today');
  // Who hides is asked about anew: the answer is empty then.
  line().receive({ op: 'settings', ch: 'user', seq: 1, ts: 1, d: { visibility: 'ghost' } });
  await timers.advance(200);
  const again = line().asked('focus');
  assert.notEqual(again.id, asked.id);
  line().receive({ id: again.id, ok: { chats: [{ id: CHAT, presence: [], typing: [] }] } });
  await settle();
  assert.equal(store.live.presence.peek().size, 0);
  line().receive({ op: 'presence', ch: `chat:${CHAT}`, d: { u: OTHER, state: 'online', seen: null } });
  line().end(1006);
  await settle();
  assert.equal(store.live.presence.peek().size, 0);
});

test('another session of the same person is taken on the line that is there', async () => {
  const { store, line, connect } = make();
  await store.start();
  await connect(reply([wireChat([message(1)])]));
  const taken = store.refresh('another');
  const asked = line().asked('refresh');
  assert.deepEqual(asked.d, { token: 'another' });
  line().receive({ id: asked.id, ok: { session: 's2', expires_at: 9 } });
  await taken;
  assert.equal(store.options.http.bearer, 'another');
  const synced = store.sync({ chats: [CHAT] });
  const sync = line().asked('sync');
  assert.deepEqual(sync.d, { chats: { [CHAT]: 1 } });
  line().receive({ id: sync.id, ok: { chats: [wireChat([message(2)], { initial: false })], not_member: [], total: 1 } });
  await synced;
  assert.equal(store.streams.peek().chats.get(CHAT)?.seq, 2);
});
