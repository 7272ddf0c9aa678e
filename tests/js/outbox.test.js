import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, Outbox } from '../../static/js/core/outbox.js';
import { WireError } from '../../static/js/core/socket.js';
import { CHAT, FakeTimers, ME, OTHER, chance } from './support.js';

/** @import { Ack, OutboxItem, OutboxStorage } from '../../static/js/types.js' */

/** A server that stores each client id once, and can be cut off before or after it has stored. */
class FakeServer {
  /** @type {{ cid: string, user: string, chat: string, text: string }[]} */
  log = [];
  /** @type {(item: OutboxItem) => 'ok' | 'lost' | 'unanswered' | WireError} */
  mood = () => 'ok';
  /** @param {OutboxItem} item @returns {Promise<Ack>} */
  async publish(item) {
    await Promise.resolve();
    const mood = this.mood(item);
    if (mood instanceof WireError) throw mood;
    if (mood === 'lost') throw new WireError('closed');
    const at = this.log.findIndex((stored) => stored.cid === item.cid);
    if (at < 0) this.log.push({ cid: item.cid, user: item.user, chat: item.chat, text: item.text });
    if (mood === 'unanswered') throw new WireError('timeout');
    const seq = (at < 0 ? this.log.length : at + 1);
    return { mid: `m${seq}`, seq, n: seq, ts: 1, cid: item.cid, dup: at >= 0 };
  }
}

/** One lock for all tabs. */
class FakeLock {
  /** @type {Promise<unknown>} */
  tail = Promise.resolve();
  inside = 0;
  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  run = (work) => {
    const next = this.tail.then(async () => {
      assert.equal(this.inside, 0, 'one tab at a time');
      this.inside += 1;
      try {
        return await work();
      } finally {
        this.inside -= 1;
      }
    });
    this.tail = next.catch(() => {});
    return next;
  };
}

/** What a page writes down at once. */
class FakeJournal {
  /** @type {Map<string, OutboxItem>} */
  items = new Map();
  /** @param {OutboxItem} item */
  keep = (item) => void this.items.set(item.cid, item);
  /** @param {string} cid */
  drop = (cid) => void this.items.delete(cid);
  /** @param {string} user */
  all = (user) => [...this.items.values()].filter((item) => item.user === user);
}

let ids = 0;

/** @param {{ server: FakeServer, storage: OutboxStorage, lock: FakeLock, journal: FakeJournal, timers: FakeTimers, user?: string, tabs?: Outbox[], random?: () => number }} world */
function tab({ server, storage, lock, journal, timers, user = ME, tabs = [], random = () => 0.5 }) {
  const state = { ready: true, acks: /** @type {Ack[]} */ ([]), history: /** @type {string[][]} */ ([]) };
  /** @type {Outbox} */
  const outbox = new Outbox({
    user,
    storage,
    journal,
    publish: (item) => server.publish(item),
    ready: () => state.ready,
    lock: lock.run,
    tell: (notice) => {
      for (const other of tabs) if (other !== outbox && !other.closed) other.heard(structuredClone(notice));
    },
    onChange: (items) => state.history.push(items.map((item) => `${item.text}:${item.state}`)),
    onAck: (_item, ack) => state.acks.push(ack),
    newId: () => `cid-${(ids += 1)}`,
    timers,
    random,
  });
  tabs.push(outbox);
  return { outbox, state };
}
const world = () => ({ server: new FakeServer(), storage: new MemoryStorage(), lock: new FakeLock(), journal: new FakeJournal(), timers: new FakeTimers(), tabs: /** @type {Outbox[]} */ ([]) });

test('a message is stored before it is shown, and gone once it is confirmed', async () => {
  const w = world();
  const { outbox, state } = tab(w);
  const put = w.storage.put.bind(w.storage);
  let stored = false;
  w.storage.put = async (item) => {
    assert.ok(stored || state.history.length === 0, 'nothing is shown before it is stored');
    await put(item);
    stored = true;
  };
  await outbox.add(CHAT, 'hoi');
  await w.timers.advance(0);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['hoi']);
  assert.deepEqual(state.history.at(-1), []);
  assert.equal((await w.storage.all(ME)).length, 0);
  assert.ok(state.history.some((items) => items[0] === 'hoi:sending'));
});

test('what is written without a connection leaves in order when there is one', async () => {
  const w = world();
  const { outbox, state } = tab(w);
  state.ready = false;
  for (const text of ['a', 'b', 'c']) await outbox.add(CHAT, text);
  await w.timers.advance(60_000);
  assert.equal(w.server.log.length, 0);
  state.ready = true;
  outbox.pump();
  await w.timers.advance(0);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['a', 'b', 'c']);
});

test('no answer is not a failure: the same id is asked about again, and nothing overtakes', async () => {
  const w = world();
  const { outbox, state } = tab(w);
  let silent = 3;
  w.server.mood = () => (silent-- > 0 ? 'unanswered' : 'ok');
  await outbox.add(CHAT, 'first');
  await outbox.add(CHAT, 'second');
  await w.timers.advance(10);
  assert.equal(outbox.list()[0]?.state, 'unconfirmed');
  await w.timers.advance(60_000);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['first', 'second']);
  assert.equal(state.acks[0]?.dup, true);
  assert.equal(outbox.list().length, 0);
});

test('a reload in the middle keeps the message and knows that its outcome is open', async () => {
  const w = world();
  const first = tab(w);
  w.server.publish = () => new Promise(() => {});
  await first.outbox.add(CHAT, 'half way');
  await w.timers.advance(0);
  first.outbox.close();
  // The tab is gone, and its lock with it.
  const server = new FakeServer();
  const second = tab({ ...w, server, lock: new FakeLock() });
  second.state.ready = false;
  await second.outbox.load();
  assert.equal(second.outbox.list()[0]?.state, 'unconfirmed');
  second.state.ready = true;
  second.outbox.pump();
  await w.timers.advance(0);
  assert.deepEqual(server.log.map((sent) => sent.text), ['half way']);
});

test('a page that ends before the message is stored still has it the next time', async () => {
  const w = world();
  const first = tab({ ...w, storage: { ...w.storage, all: async () => [], remove: async () => {}, put: () => new Promise(() => {}) } });
  void first.outbox.add(CHAT, 'at the last moment');
  first.outbox.close();
  assert.equal(first.outbox.list().length, 0, 'not shown as being under way');
  const second = tab({ ...w, tabs: [] });
  await second.outbox.load();
  second.outbox.pump();
  await w.timers.advance(0);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['at the last moment']);
  assert.equal(w.journal.items.size, 0);
});

test('a message that cannot be stored is given back, not half kept', async () => {
  const w = world();
  const { outbox } = tab({ ...w, storage: { ...w.storage, all: async () => [], remove: async () => {}, put: () => Promise.reject(new Error('full')) } });
  await assert.rejects(outbox.add(CHAT, 'no room'));
  assert.equal(w.journal.items.size, 0);
  assert.equal(outbox.list().length, 0);
});

test('a refusal keeps the text and its reason, and later messages go on', async () => {
  const w = world();
  const { outbox } = tab(w);
  w.server.mood = (item) => (item.text === 'bad' ? new WireError('refused', { code: 41300, name: 'too_large', retry: false }) : 'ok');
  await outbox.add(CHAT, 'bad');
  await outbox.add(CHAT, 'good');
  await w.timers.advance(0);
  const [bad] = outbox.list();
  assert.equal(bad?.state, 'failed');
  assert.equal(bad?.error?.name, 'too_large');
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['good']);
  const cid = bad?.cid ?? '';
  w.server.mood = () => 'ok';
  await outbox.retry(cid);
  await w.timers.advance(0);
  assert.equal(w.server.log.at(-1)?.cid, cid, 'the same message has the same id');
});

test('a refused message can be taken back to be changed', async () => {
  const w = world();
  const { outbox } = tab(w);
  w.server.mood = () => new WireError('refused', { code: 40304, name: 'chat_locked', retry: false });
  const item = await outbox.add(CHAT, 'my words');
  await w.timers.advance(0);
  assert.equal(await outbox.discard(item.cid), 'my words');
  assert.equal(outbox.list().length, 0);
  assert.equal((await w.storage.all(ME)).length, 0);
});

test('"later" is obeyed', async () => {
  const w = world();
  const { outbox } = tab(w);
  let tries = 0;
  w.server.mood = () => ((tries += 1) === 1 ? new WireError('refused', { code: 42900, name: 'rate_limited', retry: true, after_ms: 5000 }) : 'ok');
  await outbox.add(CHAT, 'patience');
  await w.timers.advance(4_999);
  assert.equal(tries, 1);
  assert.equal(outbox.list()[0]?.state, 'queued', 'a known refusal is no doubt');
  await w.timers.advance(1);
  assert.equal(w.server.log.length, 1);
});

test('a chat that waits holds no other chat up, even one that begins later', async () => {
  const w = world();
  const { outbox } = tab(w);
  w.server.mood = (item) => (item.chat === CHAT ? new WireError('refused', { code: 50300, name: 'unavailable', retry: true, after_ms: 60_000 }) : 'ok');
  await outbox.add(CHAT, 'stuck');
  await w.timers.advance(10);
  await outbox.add('other-chat', 'free');
  await w.timers.advance(10);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['free']);
});

test('nothing is ever sent as somebody else', async () => {
  const w = world();
  const mine = tab(w);
  mine.state.ready = false;
  await mine.outbox.add(CHAT, 'from me');
  mine.outbox.close();
  const theirs = tab({ ...w, user: OTHER, tabs: [] });
  await theirs.outbox.load();
  theirs.outbox.pump();
  await w.timers.advance(60_000);
  assert.equal(w.server.log.length, 0);
  assert.equal(theirs.outbox.list().length, 0);
  const again = tab({ ...w, tabs: [] });
  await again.outbox.load();
  again.outbox.pump();
  await w.timers.advance(0);
  assert.deepEqual(w.server.log.map((sent) => [sent.user, sent.text]), [[ME, 'from me']]);
});

test('a tab without a connection is helped by one that has it', async () => {
  const w = world();
  const a = tab(w);
  const b = tab(w);
  a.state.ready = false;
  await a.outbox.add(CHAT, 'help');
  await w.timers.advance(2_000);
  assert.deepEqual(w.server.log.map((sent) => sent.text), ['help']);
  assert.equal(a.outbox.list().length, 0);
  assert.equal(a.state.acks.length, 1, 'and learns of it');
  assert.equal(b.outbox.list().length, 0);
});

test('law: through cuts, silences, reloads and several tabs every message arrives once and in order', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = chance(seed);
    const w = world();
    let tabs = [tab({ ...w, random }), tab({ ...w, random })];
    w.server.mood = () => {
      const luck = random();
      return luck < 0.55 ? 'ok' : luck < 0.7 ? 'lost' : luck < 0.85 ? 'unanswered' : new WireError('refused', { code: 50300, name: 'unavailable', retry: true, after_ms: 200 });
    };
    /** @type {Record<string, string[]>} */
    const written = { [CHAT]: [], b: [] };
    for (let i = 0; i < 25; i += 1) {
      const chat = random() < 0.7 ? CHAT : 'b';
      const at = Math.floor(random() * tabs.length);
      const chosen = /** @type {(typeof tabs)[number]} */ (tabs[at]);
      await chosen.outbox.add(chat, `${i}`);
      written[chat]?.push(`${i}`);
      if (random() < 0.3) await w.timers.advance(Math.floor(random() * 3000));
      if (random() < 0.2) {
        chosen.state.ready = !chosen.state.ready;
        if (chosen.state.ready) chosen.outbox.pump();
        else chosen.outbox.disconnected();
      }
      if (random() < 0.15) {
        // This tab is reloaded: what it was doing ends, what it kept stays.
        chosen.outbox.close();
        w.tabs.splice(w.tabs.indexOf(chosen.outbox), 1);
        const fresh = tab({ ...w, random });
        await fresh.outbox.load();
        fresh.outbox.pump();
        tabs[at] = fresh;
      }
      await w.timers.advance(1);
    }
    w.server.mood = () => 'ok';
    for (const { state, outbox } of tabs) {
      state.ready = true;
      outbox.pump();
    }
    await w.timers.advance(120_000);
    for (const [chat, texts] of Object.entries(written)) {
      assert.deepEqual(w.server.log.filter((sent) => sent.chat === chat).map((sent) => sent.text), texts, `seed ${seed}`);
    }
    assert.equal((await w.storage.all(ME)).length, 0);
    for (const { outbox } of tabs) assert.equal(outbox.list().length, 0, `seed ${seed}: no tab shows a message as under way`);
    tabs = [];
  }
});
