/** Every code of the catalogue: provoked for real where that can be done, and answered by the client as its hundred says. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { DomuClient } from '../../static/js/client.js';
import { Http } from '../../static/js/core/http.js';
import { MemoryStorage } from '../../static/js/core/outbox.js';
import { Store } from '../../static/js/core/store.js';
import { Hand, Line, frame } from './line.js';
import { Server, program, sleep, until } from './server.js';
import { CHAT, FakeSocket, FakeTimers, ME, message, person, reply, settle, wireChat } from './support.js';

/** @typedef {{ code: number, name: string, retry: boolean, after_ms?: number }} Refusal */

/** The generated catalogue. @type {{ codes: Refusal[], closes: { code: number, name: string }[] }} */
const { codes: errors, closes } = JSON.parse(readFileSync(new URL('../../docs/errors.json', import.meta.url), 'utf8'));
/** Set to leave out what needs a server; otherwise a missing one is a failure. */
const alone = process.env['DOMU_NO_SERVER'] === '1';

const SETS = {
  'limits.sockets_per_user_max': 3,
  'limits.connect_timeout': 1,
  'limits.ping_interval': 2,
  'limits.pong_timeout': 1,
  'limits.socket_errors_max': 5,
  'limits.socket_ops_per_second': 20,
  'limits.socket_ops_burst': 60,
  'limits.socket_refusals_max': 30,
  'limits.requests_in_flight_max': 4,
  'limits.messages_per_minute': 1_000_000,
};

const uuid = () => globalThis.crypto.randomUUID();

/** @typedef {{ server: Server, anna: import('./server.js').Person, bram: import('./server.js').Person, chat: string }} World */

/** Opens a socket of its own for somebody, asks, and gives the refusal. @param {World} world @param {(hand: Hand) => Promise<any>} work @param {string | null} [token] */
async function byHand(world, work, token = world.anna.token) {
  const hand = new Hand(world.server.url);
  try {
    await hand.opened;
    if (token !== null) assert.ok((await hand.connect(token)).ok, 'connected');
    return (await work(hand)).err;
  } finally {
    hand.close();
  }
}

/** Several frames at once. @param {Hand} hand @param {any[]} frames */
const together = (hand, frames) => hand.line.raw(Buffer.concat(frames.map((each) => frame(1, Buffer.from(JSON.stringify(each))))));

/** @param {string} chat @param {number} id @param {Record<string, any>} [d] */
const publish = (chat, id, d = {}) => ({ id, op: 'publish', ch: `chat:${chat}`, d: { cid: uuid(), text: 'hoi', ...d } });

/** How each error is brought about on a running server. @type {Record<string, (world: World) => Promise<Refusal>>} */
const PROVOKED = {
  bad_request: (world) => byHand(world, (hand) => hand.ask('history', `chat:${world.chat}`, { before: 'x' })),
  unknown_op: (world) => byHand(world, (hand) => hand.ask('dance', undefined, {})),
  not_ready: (world) => byHand(world, (hand) => hand.ask('ping', undefined, {}), null),
  already_connected: (world) => byHand(world, (hand) => hand.connect(world.anna.token)),
  duplicate_id: (world) =>
    byHand(world, (hand) => {
      together(hand, [publish(world.chat, 77), publish(world.chat, 77)]);
      return hand.hear((heard) => heard.id === 77 && heard.err !== undefined, 'the refusal of the second');
    }),
  unauthorized: async ({ server }) => (await server.ask('GET', '/api/me')).body,
  bad_credentials: async ({ server, anna }) => (await server.mint(anna.email, 'een heel andere zin')).body,
  forbidden: (world) => byHand(world, (hand) => hand.ask('refresh', undefined, { token: world.bram.token })),
  not_member: (world) => byHand(world, (hand) => hand.ask('publish', `chat:${uuid()}`, { cid: uuid(), text: 'hoi' })),
  pair_blocked: async (world) => {
    const { server, anna, bram } = world;
    await server.ask('PUT', `/api/blocks/${bram.id}`, { token: anna.token });
    try {
      return await byHand(world, (hand) => hand.ask('publish', `chat:${world.chat}`, { cid: uuid(), text: 'hoi' }));
    } finally {
      await server.ask('DELETE', `/api/blocks/${bram.id}`, { token: anna.token });
    }
  },
  privacy_off: async (world) => {
    const { server, anna } = world;
    const set = (/** @type {string} */ who_may_message) => server.ask('PATCH', '/api/me/settings', { token: anna.token, body: { who_may_message } });
    assert.equal((await set('nobody')).status, 200);
    try {
      return await byHand(world, (hand) => hand.ask('publish', `chat:${world.chat}`, { cid: uuid(), text: 'hoi' }), world.bram.token);
    } finally {
      await set('matches');
    }
  },
  suspended: async ({ server }) => {
    const eva = await server.confirmed('Eva');
    await server.operator('user', 'suspend', eva.email);
    return (await server.mint(eva.email)).body;
  },
  invalid_csrf: async ({ server }) => (await server.ask('POST', '/api/auth/sign-in', { body: { email: 'x@student.tudelft.nl', password: 'x' }, headers: { origin: server.url } })).body,
  foreign_origin: async ({ server }) => (await server.ask('POST', '/api/auth/sign-in', { body: { email: 'x@student.tudelft.nl', password: 'x' }, headers: { origin: 'https://evil.example' } })).body,
  not_found: async ({ server, anna }) => (await server.ask('GET', '/api/no-such-thing', { token: anna.token })).body,
  method_not_allowed: async ({ server, anna }) => (await server.ask('DELETE', '/api/me', { token: anna.token, body: {} })).body,
  cid_reused: (world) =>
    byHand(world, async (hand) => {
      const cid = uuid();
      await hand.ask('publish', `chat:${world.chat}`, { cid, text: 'one' });
      return await hand.ask('publish', `chat:${world.chat}`, { cid, text: 'another' });
    }),
  stale_rev: (world) =>
    byHand(world, async (hand) => {
      const sent = await hand.ask('publish', `chat:${world.chat}`, { cid: uuid(), text: 'one' });
      return await hand.ask('edit', `chat:${world.chat}`, { mid: sent.ok.mid, rev: 9, text: 'another' });
    }),
  conflict: async (world) => {
    const hands = [1, 2, 3].map(() => new Hand(world.server.url));
    try {
      for (const hand of hands) await hand.connect(world.anna.token);
      return await byHand(world, (hand) => hand.connect(world.anna.token), null);
    } finally {
      for (const hand of hands) hand.close();
    }
  },
  unrecoverable_position: (world) => byHand(world, (hand) => hand.ask('history', `chat:${world.chat}`, { after: 0, epoch: 'another' })),
  rejected_by_rule: (world) => byHand(world, (hand) => hand.ask('publish', `chat:${world.chat}`, { cid: uuid(), text: 'Bel 06 12 34 56 78' })),
  too_large: (world) => byHand(world, (hand) => hand.ask('publish', `chat:${world.chat}`, { cid: uuid(), text: 'x'.repeat(4_001) })),
  unsupported_media_type: async ({ server }) => (await server.ask('POST', '/api/auth/token', { body: '{}', headers: { 'content-type': 'text/plain' } })).body,
  misdirected: ({ server }) => foreignHost(server),
  upgrade_required: async ({ server }) => (await server.ask('GET', '/ws')).body,
  rate_limited: (world) =>
    byHand(world, (hand) => {
      together(hand, Array.from({ length: 80 }, (_, at) => ({ id: 100 + at, op: 'ping', d: {} })));
      return hand.hear((heard) => heard.err?.name === 'rate_limited', 'a refusal for pace');
    }),
  too_many_in_flight: (world) =>
    byHand(world, (hand) => {
      together(hand, Array.from({ length: 20 }, (_, at) => publish(world.chat, 100 + at)));
      return hand.hear((heard) => heard.err?.name === 'too_many_in_flight', 'a refusal for what is in flight');
    }),
};

/** Errors that no test can bring about at will, and why; the client meets the exact frame all the same. @type {Record<string, string>} */
const STAGED = {
  token_expired: 'a session lives for a minute at least',
  chat_locked: 'no operator closes chats yet',
  muted: 'only admins mute people',
  not_verified: 'only verified people have chats',
  step_up_required: 'only admins have a second factor',
  admin_secret_required: 'this server asks for no admin secret',
  admin_secret_invalid: 'this server asks for no admin secret',
  internal: 'a fault of ours',
  unavailable: 'a store that cannot be reached',
  overloaded: 'more than a test should send',
};

/** A request that names another host. @param {Server} server @returns {Promise<Refusal>} */
async function foreignHost(server) {
  const { request } = await import('node:http');
  return await new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path: '/api/me', headers: { host: 'evil.example' } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(JSON.parse(text)));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** A client on a clock of its own, whose server is the test. */
async function staged() {
  const timers = new FakeTimers();
  /** @type {{ line: FakeSocket, at: number }[]} */
  const dials = [];
  let cids = 0;
  const store = new Store({
    me: person(),
    http: new Http(async () => new Response('', { status: 502 })),
    open: () => {
      const line = new FakeSocket();
      dials.push({ line, at: timers.now() });
      return line;
    },
    timers,
    random: () => 0.5,
    newId: () => `cid-${(cids += 1)}`,
    storage: new MemoryStorage(),
    journal: { keep: () => {}, drop: () => {}, all: () => [] },
    lock: (work) => work(),
    channel: { post: () => {}, onMessage: null, close: () => {} },
    onSuspect: () => {},
    onStranger: () => {},
    learn: (ask) => ask(),
  });
  await store.start();
  const line = () => /** @type {FakeSocket} */ (dials.at(-1)?.line);
  const connect = async (/** @type {any} */ answer) => {
    line().open();
    line().receive({ id: line().asked('connect').id, ok: answer });
    await settle();
  };
  await connect(reply([wireChat([message(1)])]));
  return { store, timers, dials, line };
}

/** The client meets this refusal of a message. @param {Refusal} refusal */
async function meets(refusal) {
  const { store, timers, line } = await staged();
  const sent = () => line().sent.filter((each) => each.op === 'publish');
  await store.send(CHAT, 'first');
  await store.send(CHAT, 'second');
  await settle();
  const wait = refusal.after_ms ?? 0;
  let second = 2;
  line().receive({ id: sent()[0].id, err: refusal });
  await settle();
  if (refusal.retry || Math.floor(refusal.code / 100) === 401 || refusal.name === 'not_ready') {
    assert.equal(sent().length, 1, 'nothing overtakes and nothing is repeated at once');
    await timers.advance(Math.max(400, wait - 1));
    assert.equal(sent().length, 1, 'it waits as long as it was told');
    await timers.advance(2_000);
    assert.equal(sent()[1].d.cid, 'cid-1', 'the same message again');
    second = 3;
    line().receive({ id: sent()[1].id, ok: { mid: 'm2', seq: 2, n: 2, ts: 1, cid: 'cid-1', dup: false } });
  } else {
    assert.equal(store.pending.peek()[0]?.state, 'failed', 'told to its author');
    assert.equal(store.pending.peek()[0]?.text, 'first', 'with its text');
    assert.equal(store.pending.peek()[0]?.error?.name, refusal.name);
  }
  await settle();
  assert.equal(sent().at(-1).d.cid, 'cid-2', 'the next one goes on');
  line().receive({ id: sent().at(-1).id, ok: { mid: 'm3', seq: second, n: second, ts: 1, cid: 'cid-2', dup: false } });
  await timers.advance(20_000);
  assert.equal(sent().filter((each) => each.d.cid === 'cid-2').length, 1);
  store.stop();
}

/** The client meets this close. @param {number} code */
async function endures(code) {
  const { store, timers, dials, line } = await staged();
  await store.send(CHAT, 'under way');
  await settle();
  const closedAt = timers.now();
  line().end(code, '');
  await settle();
  await store.send(CHAT, 'kept');
  if (code >= 4000 && code < 4100) {
    await timers.advance(600_000);
    assert.equal(dials.length, 1, 'stays away');
    assert.equal(store.link.peek().state, 'stopped');
    assert.equal(store.pending.peek().length, 2, 'nothing is thrown away');
    store.socket.retryNow();
  } else if (code >= 4100 && code < 4200) {
    await timers.advance(999);
    assert.equal(dials.length, 1, 'not within a second');
    await timers.advance(30_000);
  } else if (code >= 4200) {
    await timers.advance(0);
    assert.equal(dials.length, 2, 'at once');
  } else await timers.advance(30_000);
  assert.ok(dials.length >= 2 && (dials[1]?.at ?? 0) >= closedAt);
  line().open();
  assert.deepEqual(line().asked('connect').d.resume.chats, { [CHAT]: 1 }, 'goes on from where it was');
  line().receive({ id: line().asked('connect').id, ok: reply([wireChat([message(2, { u: ME, cid: 'cid-1', text: 'under way' })], { initial: false, head: 2, n: 2, unread: 0 })]) });
  await settle();
  assert.deepEqual(line().sent.filter((each) => each.op === 'publish').map((each) => each.d.cid), ['cid-2'], 'what had arrived is not sent again');
  store.stop();
}

describe('conformance: what the client does', () => {
  test('every error has one case', () => {
    assert.ok(errors.length > 20);
    for (const { name } of errors) assert.equal(Number(name in PROVOKED) + Number(name in STAGED), 1, `the code ${name} has a case, and one only`);
    for (const name of [...Object.keys(PROVOKED), ...Object.keys(STAGED)]) assert.ok(errors.some((row) => row.name === name), `${name} is in the catalogue`);
  });
  for (const row of errors) test(`error ${row.code} ${row.name}`, () => meets({ ...row, ...(row.retry ? { after_ms: 1_500 } : {}) }));
  test('every close has one case', () => {
    assert.ok(closes.length > 15);
    for (const { name } of closes) assert.equal(Number(name in LIVE) + Number(name in UNSEEN), 1, `the close ${name} has a case, and one only`);
    for (const name of [...Object.keys(LIVE), ...Object.keys(UNSEEN)]) assert.ok(closes.some((row) => row.name === name), `${name} is in the catalogue`);
  });
  for (const { code, name } of closes) test(`close ${code} ${name}`, () => endures(code));
});

/** A line of the browser's kind whose client can be made to misbehave. */
class Unruly extends Line {
  /** @type {Unruly[]} */
  static all = [];
  /** What becomes of a frame on its way out; null swallows it. @type {(frame: any) => any} */
  static change = (each) => each;
  /** @param {string | URL} url @param {string} protocol */
  constructor(url, protocol) {
    super(url, protocol);
    this.at = Date.now();
    Unruly.all.push(this);
  }
  /** @param {string} text */
  send(text) {
    const changed = Unruly.change(JSON.parse(text));
    if (changed !== null) super.send(JSON.stringify(changed));
  }
}

/**
 * @typedef {object} Scene
 * @property {World} world
 * @property {DomuClient} client Anna's
 * @property {import('./server.js').Person} session the session it uses
 * @property {Unruly} line its socket
 */

const none = async () => {};

/** How each close is brought about: `live` on a connected socket, or `dialling` before the first or next connection. @type {Record<string, { live?: (scene: Scene) => void | Promise<void>, dialling?: (scene: Omit<Scene, 'line'>) => void | Promise<void>, repair?: (scene: Omit<Scene, 'line'>) => void | Promise<void> }>} */
const LIVE = {
  protocol_error: { live: ({ line }) => line.raw(frame(1, Buffer.from('{}'), { rsv: true })) },
  invalid_payload: { live: ({ line }) => line.raw(frame(1, Buffer.from([0x22, 0xff, 0xfe, 0x22]))) },
  message_too_big: { live: ({ line }) => line.raw(frame(1, Buffer.alloc(70_000, 0x20))) },
  bad_frame: { live: ({ line }) => line.raw(frame(2, Buffer.from('{}'))) },
  unauthorized: {
    dialling: ({ client }) => void (client.http.bearer = 'no-such-session'),
    repair: ({ client, session }) => void (client.http.bearer = session.token),
  },
  session_revoked: {
    live: async ({ world, session }) => void (await world.server.operator('session', 'revoke', session.session)),
    repair: async ({ world, client }) => void (client.http.bearer = (await world.server.signIn(world.anna.email)).token),
  },
  suspended: {
    live: async ({ world }) => void (await world.server.operator('user', 'suspend', world.anna.email)),
    repair: async ({ world, client }) => {
      await world.server.operator('user', 'activate', world.anna.email);
      world.anna = await world.server.signIn(world.anna.email);
      client.http.bearer = world.anna.token;
    },
  },
  version: {
    dialling: () => void (Unruly.change = (each) => (each.op === 'connect' ? { ...each, d: { ...each.d, v: 2 } } : each)),
  },
  too_many_sessions: {
    dialling: async ({ world }) => {
      crowd = [1, 2, 3].map(() => new Hand(world.server.url));
      for (const hand of crowd) await hand.connect(world.anna.token);
    },
    repair: async () => {
      for (const hand of crowd) hand.close();
      await sleep(200);
    },
  },
  connect_timeout: { dialling: () => void (Unruly.change = (each) => (each.op === 'connect' ? null : each)) },
  too_many_errors: { live: ({ line }) => line.raw(Buffer.concat(Array.from({ length: 5 }, () => frame(1, Buffer.from('nonsense'))))) },
  rate_limited: { live: ({ line }) => line.raw(Buffer.concat(Array.from({ length: 120 }, () => frame(1, Buffer.from('{"op":"pong"}'))))) },
  going_away: {
    live: async ({ world }) => {
      await world.server.stop();
      await world.server.start();
    },
  },
  no_pong: { live: () => void (Unruly.change = (each) => (each.op === 'pong' ? null : each)) },
};

/** @type {Hand[]} */
let crowd = [];

/** Closes that are shown elsewhere or cannot be brought about from outside, and why. @type {Record<string, string>} */
const UNSEEN = {
  over_capacity: 'told to browsers that come while too many others do: tests/it/wire/admission.rs',
  internal: 'a fault of ours',
  maintenance: 'a store that cannot be reached',
  slow_consumer: 'needs megabytes in the buffers of the system; provoked in the tests of the socket',
  position_lost: 'a stream ahead of its numbers',
  token_expired: 'a session lives for a minute at least',
};

describe('conformance: what the server does', { skip: alone ? 'DOMU_NO_SERVER is set' : false }, () => {
  /** @type {World} */
  let world;
  /** @type {Server} */
  let server;
  /** @type {DomuClient} */
  let other;
  before(async () => {
    const binary = program();
    assert.ok(binary !== null, 'there is no server to ask: build it with cargo, name it in DOMU_BIN, or leave this half out with DOMU_NO_SERVER=1');
    server = new Server(binary, SETS);
    await server.start();
    const [anna, bram] = await Promise.all([server.person('Anna'), server.person('Bram')]);
    world = { server, anna, bram, chat: await server.chat(anna, bram) };
    other = new DomuClient({ url: server.url, token: bram.token, WebSocket: Line });
    await other.start();
  });
  after(async () => {
    other?.stop();
    await server?.remove();
  });

  for (const { code, name, retry } of errors) {
    const provoke = PROVOKED[name];
    if (provoke === undefined) continue;
    test(`error ${code} ${name}`, { timeout: 30_000 }, async () => {
      const refusal = await provoke(world);
      assert.deepEqual({ code: refusal?.code, name: refusal?.name, retry: refusal?.retry }, { code, name, retry });
    });
  }

  test('where no socket can be opened everything comes and goes over HTTP', { timeout: 60_000 }, async () => {
    let blocked = true;
    const { token } = await world.server.signIn(world.anna.email);
    const client = new DomuClient({ url: world.server.url, token, WebSocket: Line, hooks: { upgrade: () => (blocked ? 'fail' : undefined) } });
    const store = await client.start();
    try {
      await until(() => store.link.peek().state === 'polling', 'polling');
      await client.send(world.chat, 'slowly there');
      const asked = Date.now();
      await other.send(world.chat, 'slowly back');
      await until(() => texts(store, world.chat).includes('slowly back'), 'the answer');
      assert.ok(Date.now() - asked <= 6_000);
      await until(() => store.pending.peek().length === 0, 'everything to be sent');
      blocked = false;
      store.socket.wake();
      await until(() => store.link.peek().state === 'connected', 'the socket');
      const truth = (await byTruth(world)).filter((text) => text.startsWith('slowly'));
      assert.deepEqual([...truth].sort(), ['slowly back', 'slowly there']);
      assert.deepEqual(texts(store, world.chat).filter((text) => text.startsWith('slowly')), truth);
    } finally {
      client.stop();
    }
  });

  for (const { code, name } of closes) {
    const scene = LIVE[name];
    if (scene === undefined) continue;
    test(`close ${code} ${name}`, { timeout: 25_000 }, async () => {
      Unruly.all = [];
      Unruly.change = (each) => each;
      const session = await world.server.signIn(world.anna.email);
      const me = (await world.server.ask('GET', '/api/me', { token: session.token })).body;
      const client = new DomuClient({ url: world.server.url, token: session.token, WebSocket: Unruly });
      const stage = { world, client, session };
      await (scene.dialling ?? none)(stage);
      const store = await client.start(me);
      try {
        if (scene.live) {
          await until(() => store.link.peek().state === 'connected', 'the connection');
          await client.send(world.chat, `before ${name}`);
          const line = /** @type {Unruly} */ (Unruly.all.at(-1));
          await scene.live({ ...stage, line });
        }
        const first = /** @type {Unruly} */ (Unruly.all[0]);
        await until(() => first.readyState === 3, 'the close');
        const closedAt = Date.now();
        assert.deepEqual([first.code, first.reason.split(' ')[0]], [code, name]);
        Unruly.change = (each) => each;
        await client.send(world.chat, `away ${name}`);
        await other.send(world.chat, `meanwhile ${name}`);
        if (code >= 4000 && code < 4100) {
          await sleep(1_500);
          assert.equal(Unruly.all.length, 1, 'stays away');
          assert.deepEqual([store.link.peek().state, /** @type {any} */ (store.link.peek()).code], ['stopped', code]);
          await (scene.repair ?? none)(stage);
          store.socket.retryNow();
        }
        const second = await until(() => Unruly.all[1], 'the next try');
        if (code >= 4100 && code < 4200) assert.ok(second.at - closedAt >= 950, `after ${second.at - closedAt} ms`);
        // At once, or at the client's own moment within the five seconds of an announced stop.
        if (code >= 4200) assert.ok(second.at - closedAt <= (name === 'going_away' ? 5_500 : 500), `after ${second.at - closedAt} ms`);
        await until(() => store.link.peek().state === 'connected' && store.pending.peek().length === 0 && other.store.peek()?.pending.peek().length === 0, 'everything to be sent');
        await until(() => texts(store, world.chat).includes(`meanwhile ${name}`), 'what came meanwhile');
        const truth = (await byTruth(world)).filter((text) => text.endsWith(` ${name}`));
        const wanted = [...(scene.live ? [`before ${name}`] : []), `away ${name}`, `meanwhile ${name}`];
        assert.deepEqual([...truth].sort(), wanted.sort(), 'stored once each');
        await until(() => texts(store, world.chat).filter((text) => text.endsWith(` ${name}`)).length >= truth.length, 'all of it');
        assert.deepEqual(texts(store, world.chat).filter((text) => text.endsWith(` ${name}`)), truth, 'shown once each, in the order of the server');
      } finally {
        client.stop();
        await (scene.repair ?? none)(stage);
      }
    });
  }
});

/** @param {Store} store @param {string} chat @returns {string[]} */
const texts = (store, chat) => (store.streams.peek().chats.get(chat)?.events ?? []).flatMap((event) => (event.op === 'message' ? [String(event.d.text)] : []));

/** The newest messages as the server has them. @param {World} world @returns {Promise<string[]>} */
async function byTruth(world) {
  const hand = new Hand(world.server.url);
  try {
    const { ok: connected } = await hand.connect(world.bram.token);
    const { head } = connected.chats.find((/** @type {any} */ chat) => chat.id === world.chat);
    const { ok } = await hand.ask('history', `chat:${world.chat}`, { before: head + 1, limit: 50 });
    return ok.events.flatMap((/** @type {any} */ event) => (event.op === 'message' ? [event.d.text] : []));
  } finally {
    hand.close();
  }
}
