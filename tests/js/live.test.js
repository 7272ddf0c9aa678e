/** Typing and presence as this client says and shows them, on a clock that the tests turn. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Live } from '../../static/js/core/live.js';
import { WireError } from '../../static/js/core/socket.js';
import { CHAT, FakeTimers, OTHER, settle } from './support.js';

const SECOND = '00000000-0000-7000-8000-0000000000c2';
const LIMITS = { focus: 2, typing_ms: 6_000, visible_ms: 60_000 };

function make() {
  const timers = new FakeTimers();
  /** @type {{ op: string, ch: string | undefined, d: any, at: number }[]} */
  const said = [];
  /** @type {(d: any) => Promise<any>} */
  let answer = async (d) => ({ chats: d.chats.map((/** @type {string} */ id) => ({ id, presence: [{ u: OTHER, state: 'away', seen: null }], typing: [] })) });
  const live = new Live({
    timers,
    ask: (op, ch, d) => {
      said.push({ op, ch, d, at: timers.time });
      return op === 'focus' ? answer(d) : Promise.resolve({});
    },
  });
  const words = (/** @type {string} */ op) => said.filter((one) => one.op === op).map((one) => one.d.on ?? one.d.chats);
  const typing = () => live.typing.peek().get(CHAT) ?? [];
  const here = () => live.presence.peek().get(OTHER)?.state;
  return { timers, live, said, words, typing, here, answers: (/** @type {typeof answer} */ next) => (answer = next) };
}

test('what is on screen is told once, again after a new connection, and no more than is allowed', async () => {
  const { timers, live, words, here } = make();
  live.focus([CHAT]);
  await timers.advance(1_000);
  assert.deepEqual(words('focus'), [], 'nobody is there to hear it');
  live.begin(LIMITS);
  live.focus([CHAT]);
  await timers.advance(1_000);
  assert.deepEqual(words('focus'), [[CHAT]]);
  assert.equal(here(), 'away');
  live.focus([SECOND, CHAT, OTHER]);
  live.focus([SECOND, CHAT]);
  await timers.advance(1_000);
  assert.deepEqual(words('focus').slice(1), [[SECOND, CHAT]]);
  live.end();
  assert.equal(here(), undefined, 'without a connection nothing is known');
  live.begin(LIMITS);
  await timers.advance(1_000);
  assert.deepEqual(words('focus').slice(2), [[SECOND, CHAT]]);
});

test('a refused change of what is on screen is tried again when that can help', async () => {
  const { timers, live, words, answers, here } = make();
  answers(() => Promise.reject(new WireError('refused', { code: 42900, name: 'rate_limited', retry: true, after_ms: 5_000 })));
  live.begin(LIMITS);
  live.focus([CHAT]);
  await timers.advance(4_000);
  assert.equal(words('focus').length, 1);
  answers(async () => ({ chats: [{ id: CHAT, presence: [{ u: OTHER, state: 'online', seen: null }], typing: [OTHER] }] }));
  await timers.advance(2_000);
  assert.equal(here(), 'online');
  answers(() => Promise.reject(new WireError('refused', { code: 40301, name: 'not_member', retry: false })));
  live.focus([SECOND]);
  await timers.advance(60_000);
  assert.equal(words('focus').length, 3);
});

test('an answer to an older question is not heard', async () => {
  const { timers, live, answers, here } = make();
  /** @type {(reply: any) => void} */
  let late = () => {};
  answers(() => new Promise((resolve) => (late = resolve)));
  live.begin(LIMITS);
  live.focus([CHAT]);
  await timers.advance(200);
  const first = late;
  live.focus([SECOND]);
  await timers.advance(200);
  late({ chats: [] });
  first({ chats: [{ id: CHAT, presence: [{ u: OTHER, state: 'online', seen: null }], typing: [OTHER] }] });
  await settle();
  assert.equal(here(), undefined);
});

test('typing of others ends by a word, a message, or silence', async () => {
  const { timers, live, typing } = make();
  live.begin(LIMITS);
  live.focus([CHAT]);
  await timers.advance(1_000);
  const say = (/** @type {boolean} */ on, chat = CHAT) => live.heard({ op: 'typing', ch: `chat:${chat}`, d: { u: OTHER, on } });
  say(true);
  assert.deepEqual(typing(), [OTHER]);
  say(false);
  assert.deepEqual(typing(), []);
  say(true);
  live.spoke(CHAT, OTHER);
  assert.deepEqual(typing(), []);
  say(true);
  await timers.advance(5_000);
  say(true);
  await timers.advance(6_500);
  assert.deepEqual(typing(), [OTHER]);
  await timers.advance(1_000);
  assert.deepEqual(typing(), []);
  say(true, SECOND);
  assert.equal(live.typing.peek().size, 0, 'nothing of what is not on screen');
  say(true);
  live.end();
  assert.deepEqual(typing(), []);
  assert.equal(timers.due.size, 0, 'no timer is left');
});

test('my typing is said at most every three seconds, and ends with a pause, a message or another chat', async () => {
  const { timers, live, said, words } = make();
  live.begin(LIMITS);
  for (let key = 0; key < 100; key += 1) {
    live.typed(CHAT);
    await timers.advance(100);
  }
  assert.deepEqual(words('typing'), [true, true, true, true]);
  await timers.advance(4_000);
  assert.equal(words('typing').length, 4);
  await timers.advance(1_000);
  assert.deepEqual(words('typing').slice(4), [false]);
  live.typed(CHAT);
  live.stopped({ sent: true });
  await timers.advance(60_000);
  assert.deepEqual(words('typing').slice(5), [true], 'the message says it');
  live.typed(CHAT);
  live.typed(SECOND);
  assert.deepEqual(
    said.filter((one) => one.op === 'typing').slice(-3).map((one) => [one.ch, one.d.on]),
    [[`chat:${CHAT}`, true], [`chat:${CHAT}`, false], [`chat:${SECOND}`, true]],
  );
  live.end();
  live.typed(CHAT);
  await timers.advance(60_000);
  assert.equal(words('typing').length, 9);
});

test('looking is a lease that is renewed in time', async () => {
  const { timers, live, words } = make();
  live.look(true);
  assert.deepEqual(words('visible'), []);
  live.begin(LIMITS);
  await timers.advance(29_000);
  assert.deepEqual(words('visible'), [], 'connect has said it');
  await timers.advance(62_000);
  assert.deepEqual(words('visible'), [true, true, true]);
  live.look(false);
  await timers.advance(120_000);
  assert.deepEqual(words('visible').slice(3), [false]);
  live.look(true);
  live.look(true);
  assert.deepEqual(words('visible').slice(4), [true]);
});
