/** The law of the client: whatever happens on the way, in the end it holds what the server holds, and sends everything once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DomuClient, memoryPlace } from '../../static/js/client.js';
import { faultyTimers, killAfter } from '../../static/js/core/faults.js';
import { POLL_MS } from '../../static/js/core/polling.js';
import { FakeSocket, FakeTimers, ME, OTHER, chance, member, person } from './support.js';

/** @import { WireChat, WireEvent } from '../../static/js/types.js' */

const CHATS = ['00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000c2'];

/** A server by the book: streams with numbers, client ids stored once, sockets and their HTTP twins. */
class Model {
  /** @param {FakeTimers} timers */
  constructor(timers) {
    this.timers = timers;
    this.epoch = 'e1';
    /** Whether a network lets sockets through. */
    this.sockets = true;
    this.dials = 0;
    this.lists = 0;
    /** Chats that this person is no member of any more. @type {Set<string>} */
    this.left = new Set();
    /** Chats that a list leaves out because it moved while it was read. @type {Set<string>} */
    this.missed = new Set();
    /** @type {any[]} */
    this.invites = [];
    /** @type {Map<string, { events: WireEvent[], read: number, recv: number, opened: number }>} */
    this.chats = new Map(CHATS.map((id) => [id, { events: [], read: 0, recv: 0, opened: 0 }]));
    /** Chats whose read marker stands still, as with somebody blocked. @type {Set<string>} */
    this.frozen = new Set();
    this.reads = 0;
    /** @type {Set<ModelLine>} */
    this.live = new Set();
    for (const id of CHATS) this.happen(id, 'chat', { change: 'opened' });
  }

  /** @param {string} id */
  at(id) {
    const chat = this.chats.get(id);
    if (chat === undefined) throw new Error('no such chat');
    return chat;
  }

  /** @param {string} id @param {string} op @param {Record<string, any>} d @returns {WireEvent} */
  happen(id, op, d) {
    const { events } = this.at(id);
    const counts = op === 'message' || (op === 'hidden' && d.n === undefined);
    const n = this.ordinal(id, events.length) + (counts ? 1 : 0);
    const seq = events.length + 1;
    const event = { op, ch: `chat:${id}`, seq, ts: this.timers.now(), d: counts ? { mid: `m${id}${seq}`, n, kind: 'user', ...d } : d };
    events.push(event);
    for (const line of this.live) line.receive(event);
    return event;
  }

  /** Something is done to a message: its place in the stream shows it as it is from then on. @param {string} id @param {() => number} random */
  change(id, random) {
    const { events } = this.at(id);
    const messages = events.filter((event) => event.op === 'message');
    const held = messages[Math.floor(random() * messages.length)];
    if (held === undefined) return;
    const { mid, n } = held.d;
    const rev = Number(held.d.rev ?? 1) + 1;
    const at = held.seq - 1;
    const { reactions = [], ...plain } = held.d;
    const roll = random();
    if (roll < 0.4 && held.d.deleted !== true) {
      const text = held.d.u === ME ? held.d.text : `${held.d.text}!`;
      events[at] = { ...held, d: { ...held.d, text, rev, edited: this.timers.now() } };
      this.happen(id, 'message.edited', { mid, n, rev, text, edited_at: this.timers.now() });
    } else if (roll < 0.9 && held.d.deleted !== true) {
      const one = { u: random() < 0.5 ? ME : OTHER, emoji: random() < 0.5 ? '🏠' : '🔥' };
      const rest = reactions.filter((/** @type {any} */ other) => other.u !== one.u || other.emoji !== one.emoji);
      const on = rest.length === reactions.length;
      const now = on ? [...reactions, one] : rest;
      events[at] = { ...held, d: now.length > 0 ? { ...plain, reactions: now } : plain };
      this.happen(id, 'reaction', { mid, n, ...one, on });
    } else if (roll < 0.95 && held.d.u === OTHER) {
      const { edited: _edited, ...kept } = plain;
      events[at] = { ...held, d: { ...kept, text: '', rev, deleted: true } };
      this.happen(id, 'message.deleted', { mid, n, rev });
    } else if (held.d.u === OTHER) {
      events[at] = { ...held, op: 'hidden', d: { n, u: OTHER } };
      this.happen(id, 'hidden', { n, u: OTHER });
    } else this.happen(id, 'hidden', { n: 0, u: OTHER });
  }

  /** @param {string} id @param {{ cid: string, text: string }} d */
  publish(id, d) {
    const known = this.at(id).events.find((event) => event.d.cid === d.cid);
    const event = known ?? this.happen(id, 'message', { u: ME, cid: d.cid, text: d.text });
    if (known === undefined) this.read(id, event.seq);
    return { mid: event.d.mid, seq: event.seq, n: event.d.n, ts: event.ts, cid: d.cid, dup: known !== undefined };
  }

  /** @param {string} id @param {number} seq */
  read(id, seq) {
    const chat = this.at(id);
    this.reads += 1;
    if (!this.frozen.has(id)) chat.read = Math.max(chat.read, Math.min(seq, chat.events.length));
    return { read: chat.read, read_n: this.ordinal(id, chat.read), recv: chat.recv };
  }

  /** @param {string} id @param {number} seq */
  ordinal(id, seq) {
    const { events } = this.at(id);
    return events.filter((event) => event.seq <= seq).reduce((most, event) => (event.op === 'message' || event.op === 'hidden' ? Math.max(most, Number(event.d.n)) : most), 0);
  }

  /** @param {string} id @param {Record<string, any>} d */
  page(id, { before, after, limit = 50 }) {
    const { events } = this.at(id);
    const found = before === undefined ? events.filter((event) => event.seq > Number(after)).slice(0, Number(limit)) : events.filter((event) => event.seq < Number(before)).slice(-Number(limit));
    const [first, last] = [found.at(0), found.at(-1)];
    return { events: found, head: events.length, base: 0, more_before: (first?.seq ?? 1) > 1, more_after: (last?.seq ?? events.length) < events.length };
  }

  /** @param {string} id @param {number | undefined} held @param {boolean} [bare] @returns {WireChat} */
  state(id, held, bare = false) {
    const { events, read, recv } = this.at(id);
    const resumed = held !== undefined && held <= events.length && events.length - held <= 6;
    const shown = bare ? [] : resumed ? events.slice(held) : events.slice(-3);
    const messages = events.filter((event) => event.op === 'message');
    return {
      id, group: false, name: null, status: 'open', blocked: this.frozen.has(id), head: events.length, n: this.ordinal(id, events.length), base: 0, initial: !resumed, limited: bare || (!resumed && events.length > 3),
      recovered: resumed ? 'full' : 'none', events: shown, members: [member(ME, { read, recv }), member(OTHER)], read, read_n: this.ordinal(id, read), recv,
      unread: this.unread(id), last: messages.at(-1) ?? null, at: messages.at(-1)?.ts ?? 0,
    };
  }

  /** @param {string} id */
  unread(id) {
    const { events, read } = this.at(id);
    return events.filter((event) => event.op === 'message' && event.seq > read && event.d.u !== ME).length;
  }

  /** The HTTP side. @param {string} path @param {RequestInit} init @returns {Promise<Response>} */
  fetch = async (path, init) => {
    const url = new URL(path, 'http://domu.test');
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : null;
    const [, chat, what] = /^\/api\/chats\/([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
    if (url.pathname === '/api/csrf-token') return Response.json({ token: 't' });
    if (url.pathname === '/api/me') return Response.json(person());
    if (url.pathname === '/api/invites') return Response.json({ invites: this.invites });
    if (chat && this.left.has(chat)) return Response.json({ name: 'not_member', code: 40301, status: 403, retry: false, detail: '' }, { status: 403 });
    if (url.pathname === '/api/chats') {
      this.lists += 1;
      const own = CHATS.filter((id) => !this.left.has(id) && !this.missed.has(id));
      const answer = { chats: own.map((id) => this.state(id, undefined, true)), total: own.length, epoch: this.epoch };
      const tag = `"${JSON.stringify(answer).length}-${CHATS.map((id) => `${this.at(id).events.length}.${this.at(id).read}`)}"`;
      if (new Headers(init.headers).get('if-none-match') === tag) return new Response(null, { status: 304 });
      return Response.json(answer, { headers: { etag: tag } });
    }
    if (url.pathname === '/api/chat/send') return Response.json(this.publish(body.chat_id, body));
    if (chat && what === 'messages') return Response.json(this.page(chat, Object.fromEntries(url.searchParams)));
    if (chat && what === 'read') return Response.json(this.read(chat, body.seq));
    return Response.json({ name: 'not_found', code: 40400, status: 404, retry: false }, { status: 404 });
  };
}

/** The server's end of a socket, inside the client's. */
class ModelLine extends FakeSocket {
  /** @param {Model} model */
  constructor(model) {
    super();
    this.model = model;
    model.dials += 1;
    model.timers.setTimeout(() => (model.sockets ? this.open() : this.end(1006)), 5);
  }
  /** @param {string} text */
  send(text) {
    const { model } = this;
    const { id, op, ch, d } = JSON.parse(text);
    const chat = String(ch).slice(5);
    model.timers.setTimeout(() => {
      if (this.closed !== null) return;
      if (op === 'connect') {
        const same = d.resume?.epoch === model.epoch;
        this.receive({ id, ok: { session: 's', user: { id: ME, seq: 0, recovered: 'none', events: [] }, epoch: model.epoch, time: 0, ping_ms: 25_000, limits: { message_chars: 4000, in_flight: 32, history: 4 }, recovered: 'none', me: { id: ME, first_name: 'Sanne', verified: true }, chats: CHATS.map((each) => model.state(each, same ? d.resume.chats[each] : undefined)) } });
        model.live.add(this);
        this.beat();
      } else if (op === 'publish') this.receive({ id, ok: model.publish(chat, d) });
      else if (op === 'history') this.receive({ id, ok: model.page(chat, d) });
      else if (op === 'read') this.receive({ id, ok: model.read(chat, d.seq) });
      else if (op === 'ack') {
        const held = model.at(chat);
        held.recv = Math.max(held.recv, d.seq);
        this.receive({ id, ok: { recv: held.recv } });
      } else if (id !== undefined) this.receive({ id, ok: {} });
    }, 3);
  }
  beat() {
    if (this.closed !== null || !this.model.live.has(this)) return;
    this.receive({ op: 'ping', h: Object.fromEntries(CHATS.map((id) => [`chat:${id}`, this.model.at(id).events.length])) });
    this.model.timers.setTimeout(() => this.beat(), 10_000);
  }
  /** @param {number} [code] */
  close(code) {
    super.close(code);
    this.model.live.delete(this);
  }
}

/** @param {import('../../static/js/core/faults.js').Hooks} hooks @param {() => number} random */
function make(hooks, random) {
  const timers = new FakeTimers();
  const model = new Model(timers);
  const client = new DomuClient({
    url: 'http://domu.test',
    fetch: /** @type {any} */ (model.fetch),
    WebSocket: /** @type {any} */ (class { constructor() { return new ModelLine(model); } }),
    storage: memoryPlace(),
    clock: timers,
    random,
    hooks,
  });
  return { timers, model, client };
}

/** What the client shows is what the server has. @param {Model} model @param {DomuClient} client @param {string[]} sent @param {string} story */
function agrees(model, client, sent, story) {
  const store = client.store.peek();
  assert.equal(store?.pending.peek().length, 0, `${story}: everything was sent`);
  for (const id of CHATS) {
    const chat = store?.streams.peek().chats.get(id);
    const { events } = model.at(id);
    assert.equal(chat?.seq, events.length, `${story}: the position`);
    const told = (/** @type {readonly WireEvent[]} */ list) => list.map((event) => [event.seq, event.op, event.d.n, event.d.text, event.d.rev, event.d.deleted, event.d.edited, event.d.reactions]);
    assert.deepEqual(told(chat?.events ?? []), told(events.slice((chat?.from ?? 1) - 1)), `${story}: the events`);
    assert.deepEqual([chat?.last?.op, chat?.last?.d.text], [events[(chat?.last?.seq ?? 0) - 1]?.op, events[(chat?.last?.seq ?? 0) - 1]?.d.text], `${story}: the last`);
    assert.equal(chat?.unread, model.unread(id), `${story}: unread`);
    assert.equal(chat?.n, model.ordinal(id, events.length), `${story}: the number of messages`);
  }
  const mine = CHATS.flatMap((id) => model.at(id).events.filter((event) => event.d.u === ME && event.op === 'message').map((event) => event.d.text));
  assert.deepEqual([...mine].sort(), [...sent].sort(), `${story}: every message once`);
  for (const id of CHATS) {
    const here = model.at(id).events.filter((event) => event.d.u === ME && event.op === 'message').map((event) => Number(event.d.text));
    assert.deepEqual(here, [...here].sort((a, b) => a - b), `${story}: in order`);
  }
}

test('law: through dropped, doubled, late and swapped frames, dead sockets, blocked upgrades and lost answers the client ends where the server is', async () => {
  const rounds = Number(process.env['DOMU_TEST_FULL'] ? 400 : 60);
  for (let seed = 1; seed <= rounds; seed += 1) {
    const random = chance(seed);
    let calm = false;
    const { timers, model, client } = make(
      {
        frame: () => {
          const roll = calm ? 1 : random();
          return roll < 0.03 ? 'drop' : roll < 0.06 ? 'twice' : roll < 0.09 ? 'swap' : roll < 0.11 ? 'kill' : roll < 0.16 ? Math.round(random() * 3_000) : undefined;
        },
        upgrade: () => (!calm && random() < 0.2 ? 'fail' : undefined),
        fetch: () => {
          const roll = calm ? 1 : random();
          return roll < 0.1 ? 'fail' : roll < 0.2 ? 'lose' : undefined;
        },
      },
      random,
    );
    await client.start(person());
    /** @type {string[]} */
    const sent = [];
    for (let step = 0; step < 40; step += 1) {
      const chat = CHATS[random() < 0.5 ? 0 : 1] ?? '';
      const roll = random();
      if (roll < 0.3) {
        sent.push(String(sent.length + 1));
        await client.send(chat, String(sent.length));
      } else if (roll < 0.6) model.happen(chat, 'message', { u: OTHER, text: `other ${step}` });
      else if (roll < 0.68) model.happen(chat, 'hidden', { u: OTHER });
      else if (roll < 0.75) client.store.peek()?.markRead(chat, client.store.peek()?.streams.peek().chats.get(chat)?.seq ?? 0);
      else if (roll < 0.8) model.sockets = !model.sockets;
      else if (roll < 0.92) model.change(chat, random);
      else void client.store.peek()?.loadOlder(chat, 3).catch(() => {});
      await timers.advance(Math.round(random() ** 3 * 8_000));
    }
    calm = true;
    model.sockets = random() < 0.5;
    await timers.advance(120_000);
    agrees(model, client, sent, `seed ${seed}, ${model.sockets ? 'by socket' : 'by polling'}`);
    model.sockets = true;
    await timers.advance(60_000);
    assert.equal(client.store.peek()?.link.peek().state, 'connected', `seed ${seed}`);
    agrees(model, client, sent, `seed ${seed}, at the end`);
    client.stop();
  }
});

test('where sockets are blocked messages come and go within six seconds, and the way back loses nothing', async () => {
  const { timers, model, client } = make({}, chance(7));
  model.sockets = false;
  const [chat = ''] = CHATS;
  const store = await client.start(person());
  await timers.advance(3_000);
  assert.deepEqual(store.link.peek(), { state: 'polling' }, 'and it says so');
  /** @type {number[]} */
  const waits = [];
  client.onMessage((_chat, event) => event.d.u === OTHER && waits.push(timers.now() - event.ts));
  for (let at = 0; at < 5; at += 1) {
    model.happen(chat, 'message', { u: OTHER, text: `other ${at}` });
    await timers.advance(7_300);
  }
  assert.equal(waits.length, 5);
  assert.ok(Math.max(...waits) <= 6_000, String(waits));
  await client.send(chat, '1');
  await timers.advance(100);
  assert.equal(store.pending.peek().length, 0, 'sent at once');
  store.markRead(chat, store.streams.peek().chats.get(chat)?.seq ?? 0);
  await timers.advance(6_000);
  assert.equal(model.unread(chat), 0);
  const lists = model.lists;
  model.sockets = true;
  await timers.advance(25_000);
  assert.equal(store.link.peek().state, 'connected');
  const after = model.lists;
  assert.ok(after - lists <= 25_000 / POLL_MS);
  await timers.advance(30_000);
  assert.equal(model.lists, after, 'it asks no more');
  agrees(model, client, ['1'], 'back on the socket');
  client.stop();
});

test('by polling one sees within a minute that a chat is gone and that one is invited, and a list that moved takes nothing away', async () => {
  const { timers, model, client } = make({}, chance(11));
  model.sockets = false;
  const [left = '', missed = ''] = CHATS;
  const store = await client.start(person());
  await timers.advance(3_000);
  const held = () => [...store.streams.peek().chats.keys()].sort();
  assert.deepEqual(held(), [...CHATS].sort());
  model.left.add(left);
  model.missed.add(missed);
  model.invites = [{ chat_id: left, u: ME, by: OTHER, name: 'Sanne', by_name: 'Daan', title: 'Huis', expires_at: 9e15 }];
  await timers.advance(12 * POLL_MS + 3_000);
  assert.deepEqual(held(), [missed], 'only who is asked and says so is gone');
  assert.deepEqual([...store.streams.peek().invites.values()].map((invite) => invite.title), ['Huis']);
  model.invites = [];
  await timers.advance(12 * POLL_MS + 3_000);
  assert.equal(store.streams.peek().invites.size, 0);
  client.stop();
});

test('a session that became somebody else’s sends nothing by polling', async () => {
  const { timers, model, client } = make({}, chance(3));
  model.sockets = false;
  let strangers = 0;
  client.onStranger = () => (strangers += 1);
  await client.start(person());
  await timers.advance(3_000);
  const { fetch } = model;
  client.http.fetcher = async (path, init) => (path.endsWith('/api/me') ? Response.json({ ...person(), id: OTHER }) : fetch(path, init));
  await client.send(CHATS[0] ?? '', 'mine');
  await timers.advance(30_000);
  assert.ok(strangers >= 1);
  assert.equal(model.at(CHATS[0] ?? '').events.filter((event) => event.op === 'message').length, 0);
});

test('listeners hear what continues a chat, from one start to the next, and no snapshot', async () => {
  const { timers, model, client } = make({}, chance(11));
  const [chat = ''] = CHATS;
  /** @type {string[]} */
  const heard = [];
  const end = client.onMessage((_chat, event) => heard.push(String(event.d.text)));
  await assert.rejects(client.send(chat, 'too early'));
  model.happen(chat, 'message', { u: OTHER, text: 'before' });
  await client.start(person());
  await timers.advance(300);
  assert.deepEqual(heard, [], 'a snapshot is no news');
  model.happen(chat, 'message', { u: OTHER, text: 'one' });
  await timers.advance(30_000);
  await client.start(person());
  await timers.advance(300);
  model.happen(chat, 'message', { u: OTHER, text: 'two' });
  await timers.advance(30_000);
  assert.deepEqual(heard, ['one', 'two']);
  end();
  model.happen(chat, 'message', { u: OTHER, text: 'three' });
  await timers.advance(30_000);
  assert.deepEqual(heard, ['one', 'two']);
  client.stop();
});

test('a client that polls leaves the marker of a blocked chat alone', async () => {
  const { timers, model, client } = make({}, chance(13));
  model.sockets = false;
  const [chat = ''] = CHATS;
  model.happen(chat, 'message', { u: OTHER, text: 'unwanted' });
  model.frozen.add(chat);
  const store = await client.start(person());
  await timers.advance(3_000);
  assert.equal(store.unread(), 0, 'nor is it counted');
  store.markRead(chat, 2);
  await timers.advance(60_000);
  assert.equal(model.reads, 1, 'told once, when it was shown');
  client.stop();
});

test('hooks do what they say', async () => {
  const frozen = faultyTimers(new FakeTimers(), { now: () => 42 });
  assert.equal(frozen.now(), 42);
  const { timers, model, client } = make(killAfter(4), chance(5));
  const store = await client.start(person());
  await timers.advance(300);
  model.happen(CHATS[0] ?? '', 'message', { u: OTHER, text: 'hoi' });
  model.happen(CHATS[0] ?? '', 'message', { u: OTHER, text: 'daar' });
  await timers.advance(60_000);
  assert.ok(model.dials > 2, 'the socket dies again and again');
  assert.equal(store.streams.peek().chats.get(CHATS[0] ?? '')?.seq, 3, 'and still everything arrives');
  client.stop();
});
