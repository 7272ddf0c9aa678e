import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { before, test } from 'node:test';

/** @import { AdminSelf } from '../../static/js/wire.d.ts' */

const root = new URL('../../static/', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, root), 'utf8');
const scripts = readdirSync(new URL('admin/', root), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js')).map((name) => `admin/${name}`);

/** @type {typeof import('../../static/admin/registry.js')} */ let registry;
/** @type {typeof import('../../static/admin/place.js')} */ let place;
/** @type {typeof import('../../static/admin/book.js')} */ let book;
/** @type {typeof import('../../static/admin/self.js')} */ let self;
/** @type {typeof import('../../static/js/core/http.js')} */ let http;
/** @type {typeof import('../../static/js/ui/context.js')} */ let context;

before(async () => {
  // As much of a browser as the modules touch when they are taken in.
  const page = { pathname: '/admin', search: '', hash: '', href: 'https://domu.example/admin', origin: 'https://domu.example' };
  Reflect.deleteProperty(globalThis, 'BroadcastChannel');
  Object.assign(globalThis, { HTMLElement: class {}, customElements: { define() {} }, location: page, window: globalThis });
  registry = await import('../../static/admin/registry.js');
  place = await import('../../static/admin/place.js');
  book = await import('../../static/admin/book.js');
  self = await import('../../static/admin/self.js');
  http = await import('../../static/js/core/http.js');
  context = await import('../../static/js/ui/context.js');
});

/** An admin of a role with these permissions. @param {AdminSelf['role']} role @param {any[]} permissions @returns {AdminSelf} */
const admin = (role, permissions) => ({ user: 'u', role, permissions, university: null, second_factor: true, stepped_up: false, locked: false });

test('every page needs a permission of the server, and nobody else sees it', () => {
  const known = new Set([.../** @type {any} */ (JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'))).components.schemas.Permission.enum ?? []]);
  assert.ok(known.size > 10, 'the permissions of the server');
  assert.equal(new Set(registry.pages.map((page) => page.name)).size, registry.pages.length);
  assert.equal(new Set(registry.pages.map((page) => page.element)).size, registry.pages.length);
  for (const page of registry.pages) {
    assert.ok(known.has(page.needs), `${page.name} needs ${page.needs}`);
    assert.ok(page.name === '' || place.read(`/admin/${page.name}`)?.name === page.name, page.name);
    assert.equal(place.may(null, page), false);
    assert.equal(place.may(admin('super_admin', []), page), false, page.name);
    assert.equal(place.may(admin('super_admin', [...known].filter((one) => one !== page.needs)), page), false, page.name);
    assert.equal(place.may(admin('super_admin', [page.needs]), page), true, page.name);
    assert.equal(place.may(admin('university_admin', [page.needs]), page), page.everywhere !== true, page.name);
    assert.equal(place.may(admin('super_admin', [page.needs]), { ...page, needs: /** @type {any} */ (undefined) }), false);
  }
});

test('the order is that of the pages, whoever lists them', () => {
  const orders = registry.pages.map((page) => page.order);
  assert.deepEqual(orders, [...orders].sort((one, other) => one - other));
  assert.equal(new Set(orders).size, orders.length);
});

test('addresses are read as they are written, and nothing else is one', () => {
  const id = '0198c0de-0000-7000-8000-0000000000c1';
  assert.deepEqual(place.read('/admin'), { name: '', id: null });
  assert.deepEqual(place.read(`/admin/reports/${id.toUpperCase()}`), { name: 'reports', id });
  assert.equal(place.address('audit', { action: 'run_job', entity_id: '', q: 'a&b' }), '/admin/audit?action=run_job&q=a%26b');
  assert.equal(place.address('reports', {}, id), `/admin/reports/${id}`);
  for (const foreign of ['/', '/chats', '/administer', '/admin/', '/admin/A', '/admin/a/b', `/admin//${id}`, `/admin/a/${id}/c`, '//admin', '/admin/../me']) assert.equal(place.read(foreign), null, foreign);
});

test('an address shows its page, or one thing on it, to whoever may see that', () => {
  const page = { name: 'users', order: 1, needs: /** @type {const} */ ('view_users'), icon: 'people', title: () => '', element: 'list' };
  const may = admin('moderator', ['view_users']);
  assert.equal(place.shownAt(may, page, null), 'list');
  assert.equal(place.shownAt(may, page, 'x'), 'missing');
  assert.equal(place.shownAt(may, { ...page, thing: 'one' }, 'x'), 'one');
  assert.equal(place.shownAt(admin('moderator', []), { ...page, thing: 'one' }, 'x'), 'refused');
  assert.equal(place.shownAt(null, page, null), 'refused');
  assert.equal(place.shownAt(may, null, null), 'missing');
});

test('what is owed comes before anything else', () => {
  assert.equal(place.owed({ ...admin('super_admin', []), locked: true, second_factor: false }), 'secret');
  assert.equal(place.owed({ ...admin('super_admin', []), second_factor: false }), 'enrol');
  assert.equal(place.owed({ ...admin('moderator', []), second_factor: false }), null);
});

test('a reason is words of the length that the server takes', async () => {
  const { reasonTrouble } = await import('../../static/admin/dialogs.js');
  assert.equal(reasonTrouble('  too short  '), 'short');
  assert.equal(reasonTrouble('👍'.repeat(10)), null);
  assert.equal(reasonTrouble('x'.repeat(500)), null);
  assert.equal(reasonTrouble('x'.repeat(501)), 'long');
});

test('the log is asked only what the server knows, with moments in UTC', async () => {
  const { question } = await import('../../static/admin/pages/audit.js');
  const asked = question(new URLSearchParams('action=+run_job+&entity_type=&from=2026-11-24T04:00Z&to=never&limit=9&x=1&before=7'));
  assert.equal(asked.toString(), new URLSearchParams({ action: 'run_job', from: '2026-11-24T04:00:00.000Z', before: '7' }).toString());
});

test('a job needs somebody when its newest run that ended did not go well', async () => {
  const { isBad } = await import('../../static/admin/pages/overview.js');
  const job = (/** @type {string[]} */ ...outcomes) => /** @type {any} */ ({ runs: outcomes.map((outcome) => ({ outcome })) });
  assert.deepEqual([job(), job('ok', 'failed'), job('running', 'ok')].map(isBad), [false, false, false]);
  assert.deepEqual([job('failed', 'ok'), job('running', 'timed_out'), job('interrupted')].map(isBad), [true, true, true]);
});

test('a university goes with every role but the one that is everywhere', async () => {
  const { universityTrouble } = await import('../../static/admin/pages/admins.js');
  assert.deepEqual([universityTrouble('super_admin', ''), universityTrouble('super_admin', 'uva'), universityTrouble('moderator', ''), universityTrouble('moderator', 'uva')], [null, 'unneeded', 'needed', null]);
});

test('days and connections are said as the server takes them', async () => {
  const { daysOf } = await import('../../static/admin/pages/users.js');
  const { whose } = await import('../../static/admin/pages/connections.js');
  assert.deepEqual([daysOf('', false), daysOf('', true).fine, daysOf(' 7 ', true), daysOf('8', true).fine], [{ days: null, fine: true }, false, { days: 7, fine: true }, false]);
  for (const wrong of ['0', '-1', '1.5', 'x', '3651']) assert.equal(daysOf(wrong, false).fine, false, wrong);
  const id = '0198c0de-0000-7000-8000-0000000000c1';
  assert.deepEqual([whose('all', ' '), whose('user', ` ${id} `), whose('all', id), whose('chat', ''), whose('chat', 'x')], [{ scope: 'all' }, { scope: 'user', id }, null, null, null]);
});

test('what asks for the second factor is asked again once it was shown, and only then', async () => {
  const refusal = () => new http.Problem({ name: 'step_up_required', status: 403, code: 40311 });
  let asked = 0;
  const ask = self.stepUp.ask;
  const attempt = async (/** @type {boolean} */ shown, /** @type {number} */ refusals) => {
    let calls = 0;
    self.stepUp.ask = async () => ((asked += 1), shown);
    const work = () => self.proven(async () => {
      calls += 1;
      if (calls <= refusals) throw refusal();
      return 'done';
    });
    return { ended: await work().catch((error) => error.name), calls };
  };
  assert.deepEqual(await attempt(true, 1), { ended: 'done', calls: 2 });
  assert.deepEqual(await attempt(false, 1), { ended: 'step_up_required', calls: 1 });
  assert.deepEqual(await attempt(true, 5), { ended: 'step_up_required', calls: 2 }, 'once');
  assert.equal(asked, 3);
  self.stepUp.ask = ask;
});

test('a session that is over shuts the door', async () => {
  context.http.fetcher = async () => Response.json({ name: 'unauthorized', code: 40100, status: 401 }, { status: 401 });
  self.door.value = 'open';
  await assert.rejects(self.look('/api/admin/jobs'), { name: 'unauthorized' });
  assert.equal(self.door.peek(), 'out');
  context.http.fetcher = async () => Response.json({ name: 'admin_secret_required', code: 40312, status: 403 }, { status: 403 });
  await assert.rejects(self.look('/api/admin/jobs'), { name: 'admin_secret_required' });
  assert.equal(self.door.peek(), 'secret');
});

test('whoever is refused is asked again what their role includes, and leaves when they are no admin any more', async () => {
  self.door.value = 'open';
  self.self.value = admin('university_admin', ['view_admins', 'read_audit']);
  const now = admin('moderator', ['read_audit']);
  context.http.fetcher = async (path) => (path === '/api/admin/me' ? Response.json(now) : Response.json({ name: 'forbidden', code: 40301, status: 403 }, { status: 403 }));
  await assert.rejects(self.look('/api/admin/admins'), { name: 'forbidden' });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([self.self.peek(), self.door.peek()], [now, 'open']);
  context.http.fetcher = async () => Response.json({ name: 'forbidden', code: 40301, status: 403 }, { status: 403 });
  await assert.rejects(self.look('/api/admin/audit-log'), { name: 'forbidden' });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(self.door.peek(), 'stranger');
});

test('books say everything in both languages, with the same gaps and forms, calmly, and nothing unused', async () => {
  await import('../../static/admin/door.js');
  const gaps = (/** @type {unknown} */ text) => [...String(text).matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
  const code = scripts.map(read).join('\n');
  const openers = scripts.filter((name) => /= open\(\{/.test(read(name)));
  // The frame draws as soon as it is taken in, so its book is read here only as text.
  assert.equal(book.books.length, openers.length - 1);
  for (const { en, nl } of book.books) {
    assert.deepEqual(Object.keys(nl), Object.keys(en));
    for (const [key, english] of Object.entries(en)) {
      const dutch = /** @type {any} */ (nl)[key];
      assert.equal(typeof dutch, typeof english, key);
      const pairs = typeof english === 'string' ? [[english, dutch]] : [[english.one, dutch.one], [english.other, dutch.other]];
      for (const [one, other] of pairs) {
        assert.deepEqual(gaps(one), gaps(other), key);
        for (const text of [one, other]) assert.ok(text.length > 0 && !text.includes('!'), key);
      }
      assert.ok(new RegExp(`['"]${key}['"]`).test(code) || ['super_admin', 'university_admin', 'moderator'].includes(key) || /_(ask|text)$/.test(key), `${key} is said`);
    }
  }
});

test('a key is drawn as other makers of QR codes draw it', async () => {
  const { squares } = await import('../../static/admin/qr.js');
  const drawn = (/** @type {string} */ text) => squares(text)?.map((row) => row.map((dark) => (dark ? '1' : '0')).join('')).join('\n') ?? '';
  const hash = (/** @type {string} */ text) => createHash('sha256').update(drawn(text)).digest('hex');
  // Versions 1 and 7 as the Python package qrcode draws them, with masks 3 and 1.
  assert.equal(hash('a'.repeat(17)), '4916d7ed23be015157bd5c9da184759c4afbfed369324c6c453689a70dafa092');
  assert.equal(hash('a'.repeat(140)), 'd59b75feeb3425cd569c71ae65b6758daaf383e7a585652e8c2cbd4233958fde');
  assert.equal(squares('a'.repeat(230))?.length, 53);
  assert.equal(squares('a'.repeat(231)), null);
});

test('the page carries no inline script or style, and fetches early all that it needs and nothing else', () => {
  const html = read('admin/index.html');
  assert.ok(!/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/.test(html));
  for (const [, path] of html.matchAll(/(?:src|href)="\/static\/([^"]+)"/g)) read(path ?? '');
  /** @type {Set<string>} */
  const needed = new Set();
  const follow = (/** @type {string} */ name) => {
    if (needed.has(name)) return;
    needed.add(name);
    const source = read(name).replaceAll(/\/\*\*.*?\*\//gs, '');
    for (const [, from, bare] of source.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|^import '([^']+)'/gm)) follow(posix.join(posix.dirname(name), from ?? bare ?? ''));
  };
  follow('admin/app.js');
  needed.delete('admin/app.js');
  const early = [...html.matchAll(/modulepreload" href="\/static\/([^"]+)"/g)].map((found) => found[1] ?? '');
  assert.deepEqual(early.sort(), [...needed].sort());
  for (const name of scripts) assert.ok(name === 'admin/app.js' || needed.has(name), `${name} is part of the console`);
});

test('scripts of the console write no markup, and every drawing exists', () => {
  const icons = read('icons.svg');
  for (const name of scripts) {
    const source = read(name);
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser|\.style\b/.test(source), name);
    for (const [, drawn] of source.matchAll(/icon(?:\(|: )'([a-z-]+)'/g)) assert.ok(icons.includes(`id="${drawn}"`), `${name}: ${drawn}`);
  }
});
