import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKOFF_CAP_MS, Socket, WireError, backoff } from '../../static/js/core/socket.js';
import { FakeSocket, FakeTimers, reply, settle } from './support.js';

/** @import { Link } from '../../static/js/types.js' */

/** @param {{ random?: () => number }} [options] */
function make({ random = () => 0.5 } = {}) {
  const timers = new FakeTimers();
  /** @type {FakeSocket[]} */
  const lines = [];
  /** @type {Link[]} */
  const links = [];
  /** @type {any[]} */
  const frames = [];
  let suspects = 0;
  const socket = new Socket({
    open: () => {
      const line = new FakeSocket();
      lines.push(line);
      return line;
    },
    timers,
    random,
    hello: () => ({ v: 1 }),
    onConnected: () => {},
    onFrame: (frame) => frames.push(frame),
    onLink: (link) => links.push(link),
    onSuspect: () => (suspects += 1),
  });
  const line = () => /** @type {FakeSocket} */ (lines.at(-1));
  const connect = () => {
    line().open();
    line().receive({ id: line().asked('connect').id, ok: reply([]) });
  };
  return { socket, timers, lines, links, frames, line, connect, suspects: () => suspects };
}

test('the first frame is connect, and requests wait for its answer', async () => {
  const { socket, line, connect } = make();
  socket.start();
  await assert.rejects(socket.request('history', 'chat:x', {}), (/** @type {any} */ error) => error.kind === 'closed');
  connect();
  assert.deepEqual(line().sent[0].d, { v: 1 });
  const asked = socket.request('history', 'chat:x', { before: 3 });
  const frame = line().asked('history');
  assert.equal(frame.ch, 'chat:x');
  line().receive({ id: frame.id, ok: { head: 1 } });
  assert.deepEqual(await asked, { head: 1 });
});

test('a refusal, a silence and a cut are three different outcomes', async () => {
  const { socket, timers, line, connect } = make();
  socket.start();
  connect();
  const refused = socket.request('publish', 'chat:x', {}).catch((error) => error);
  line().receive({ id: line().asked('publish').id, err: { code: 42900, name: 'rate_limited', retry: true, after_ms: 800 } });
  assert.equal((await refused).kind, 'refused');
  assert.equal((await refused).refusal.after_ms, 800);
  const silent = socket.request('publish', 'chat:x', {}).catch((error) => error);
  await timers.advance(10_000);
  assert.equal((await silent).kind, 'timeout');
  const cut = socket.request('publish', 'chat:x', {}).catch((error) => error);
  line().end(1006);
  assert.equal((await cut).kind, 'closed');
});

test('no more than a few requests are on their way at once', async () => {
  const { socket, line, connect } = make();
  socket.start();
  connect();
  const asked = Array.from({ length: 40 }, () => socket.request('ack', 'chat:x', { seq: 1 }));
  assert.equal(line().sent.filter((frame) => frame.op === 'ack').length, 24);
  for (let i = 0; i < 40; i += 1) {
    await settle();
    const frame = line().sent.filter((sent) => sent.op === 'ack')[i];
    line().receive({ id: frame.id, ok: {} });
  }
  await Promise.all(asked);
});

test('a ping is answered at once and its heads are passed on', () => {
  const { socket, line, connect, frames } = make();
  socket.start();
  connect();
  line().receive({ op: 'ping', h: { user: 4 } });
  assert.deepEqual(line().sent.at(-1), { op: 'pong' });
  assert.deepEqual(frames.at(-1).h, { user: 4 });
});

test('forty seconds of silence is death, any frame is life', async () => {
  const { socket, timers, line, lines, connect } = make();
  socket.start();
  connect();
  await timers.advance(39_000);
  line().receive({ op: 'ping', h: {} });
  await timers.advance(39_000);
  assert.equal(lines.length, 1);
  await timers.advance(2_000);
  assert.equal(lines.length, 2, 'reconnects at once');
});

test('on waking a dead line is found within three seconds', async () => {
  const { socket, timers, line, lines, connect } = make();
  socket.start();
  connect();
  await timers.advance(20_000);
  socket.wake();
  line().receive({ id: line().asked('ping').id, ok: { time: 1 } });
  await timers.advance(5_000);
  assert.equal(lines.length, 1, 'a living line is kept');
  socket.wake();
  await timers.advance(2_900);
  assert.equal(lines.length, 1);
  await timers.advance(200);
  assert.equal(lines.length, 2);
});

test('the back-off is random over its whole length, grows, and has a cap', () => {
  assert.equal(backoff(0, () => 0), 0);
  assert.equal(backoff(0, () => 0.999), 300);
  assert.equal(backoff(3, () => 0.5), 1200);
  assert.equal(backoff(50, () => 0.5), BACKOFF_CAP_MS / 2);
});

test('waking while waiting connects now', async () => {
  const { socket, lines, line, connect, links } = make();
  socket.start();
  connect();
  line().end(1006);
  assert.equal(links.at(-1)?.state, 'waiting');
  socket.wake();
  assert.equal(lines.length, 2);
});

for (const code of [4000, 4001, 4003, 4005, 4099])
  test(`close ${code}: stays away`, async () => {
    const { socket, timers, line, lines, connect, links } = make();
    socket.start();
    connect();
    line().end(code, 'why');
    await timers.advance(600_000);
    assert.equal(lines.length, 1);
    assert.deepEqual(links.at(-1), { state: 'stopped', code, reason: 'why' });
    socket.retryNow();
    assert.equal(lines.length, 2, 'unless the person asks');
  });

test('close 41xx: at least a second, and as long as the server says', async () => {
  const { socket, timers, line, lines, connect } = make({ random: () => 0 });
  socket.start();
  connect();
  line().end(4102);
  await timers.advance(999);
  assert.equal(lines.length, 1);
  await timers.advance(1);
  assert.equal(lines.length, 2);
  connect();
  line().end(4101, '7');
  await timers.advance(6_999);
  assert.equal(lines.length, 2);
  await timers.advance(1);
  assert.equal(lines.length, 3);
});

test('close 4101: the moment that was told, whatever went before', async () => {
  const { socket, timers, line, lines, connect } = make({ random: () => 0.5 });
  socket.start();
  for (let tries = 1; tries <= 8; tries += 1) {
    line().end(1006);
    while (lines.length === tries) await timers.advance(50);
  }
  line().end(4101, '3');
  await timers.advance(3_499);
  assert.equal(lines.length, 9, 'spread over the second that was told');
  await timers.advance(1);
  assert.equal(lines.length, 10, 'and not later, however often it failed before');
  connect();
  line().end(4101, '-5');
  await timers.advance(999);
  assert.equal(lines.length, 10, 'never within a second');
  await timers.advance(600);
  assert.equal(lines.length, 11);
});

test('an announced restart: everybody leaves at a moment of their own', async () => {
  const moments = [];
  for (const random of [0, 0.25, 0.5, 0.99]) {
    const { socket, timers, line, lines, connect } = make({ random: () => random });
    socket.start();
    connect();
    await timers.advance(10_000);
    const told = timers.now();
    line().receive({ op: 'reconnect', d: { within_ms: 4000 } });
    while (lines.length === 1) await timers.advance(10);
    moments.push(timers.now() - told);
  }
  assert.deepEqual(moments.map((ms) => Math.round(ms / 100) * 100), [0, 1000, 2000, 4000]);
});

test('close 42xx: at once, but not again and again', async () => {
  const { socket, timers, line, lines, connect } = make();
  socket.start();
  connect();
  line().end(4202);
  await timers.advance(0);
  assert.equal(lines.length, 2);
  connect();
  line().end(4202);
  await timers.advance(0);
  assert.equal(lines.length, 2, 'the second time waits');
  await timers.advance(1_000);
  assert.equal(lines.length, 3);
  connect();
  await timers.advance(6_000);
  line().end(4202);
  await timers.advance(0);
  assert.equal(lines.length, 4, 'a good while later it is at once again');
});

test('an announced restart is spread over its time', async () => {
  const { socket, timers, line, lines, connect } = make({ random: () => 0.5 });
  socket.start();
  connect();
  line().receive({ op: 'reconnect', d: { within_ms: 4000 } });
  await timers.advance(1_000);
  line().end(4200);
  socket.wake();
  await timers.advance(999);
  assert.equal(lines.length, 1, 'not before its own moment');
  await timers.advance(1);
  assert.equal(lines.length, 2);
});

test('a line that cannot even be opened raises a suspicion', async () => {
  const { socket, timers, line, suspects } = make();
  socket.start();
  line().end(1006);
  await timers.advance(400);
  line().end(1006);
  assert.equal(suspects(), 1);
});

test('what an old line says is not heard', async () => {
  const { socket, line, lines, connect, frames } = make();
  socket.start();
  connect();
  const old = line();
  socket.reconnect();
  socket.wake();
  old.receive({ op: 'message', ch: 'chat:x', seq: 1 });
  assert.equal(frames.length, 0);
  assert.ok(old.closed);
  assert.ok(lines.length >= 1);
});

test('a refused connect follows its code', () => {
  for (const [code, state] of /** @type {const} */ ([[40100, 'stopped'], [40307, 'stopped'], [50300, 'waiting']])) {
    const { socket, line, links } = make();
    socket.start();
    line().open();
    line().receive({ id: line().asked('connect').id, err: { code, name: 'x', retry: code >= 42900, after_ms: 100 } });
    assert.equal(links.at(-1)?.state, state);
  }
  assert.ok(new WireError('timeout') instanceof Error);
});
