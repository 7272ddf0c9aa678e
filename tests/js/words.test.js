import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fill, pick } from '../../static/js/core/i18n.js';
import { Http, Problem } from '../../static/js/core/http.js';
import { match, safeNext } from '../../static/js/core/router.js';
import { deviceName, fits, hueStep, initials, newId, scalars } from '../../static/js/core/text.js';
import { ago, dayName, dayOf, duration, listTime } from '../../static/js/core/time.js';
import { en } from '../../static/i18n/en.js';
import { nl } from '../../static/i18n/nl.js';

const root = new URL('../../static/', import.meta.url);

test('both languages say everything, with the same gaps and forms, calmly', () => {
  assert.deepEqual(Object.keys(nl), Object.keys(en));
  const gaps = (/** @type {string} */ text) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
  for (const [key, english] of Object.entries(en)) {
    const dutch = nl[/** @type {keyof typeof en} */ (key)];
    assert.equal(typeof dutch, typeof english, key);
    const pairs = typeof english === 'string' ? [[english, dutch]] : [[english.one, /** @type {any} */ (dutch).one], [english.other, /** @type {any} */ (dutch).other]];
    for (const [a, b] of pairs) {
      assert.deepEqual(gaps(String(a)), gaps(String(b)), key);
      for (const text of [a, b]) {
        assert.ok(String(text).length > 0, key);
        assert.ok(!String(text).includes('!'), `${key} shouts`);
      }
    }
  }
});

test('every sentence is used, and every used one exists', () => {
  const scripts = readdirSync(new URL('js/', root), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  const code = scripts.map((name) => readFileSync(new URL(`js/${name}`, root), 'utf8')).join('\n');
  const named = new Set([...code.matchAll(/['"`]([a-z]+(?:_[a-z]+)+)['"`]/g)].map((found) => found[1]));
  const made = (/** @type {string} */ key) => /^(problem|refused)_/.test(key);
  const unused = Object.keys(en).filter((key) => !named.has(key) && !made(key) && !new RegExp(`['"]${key}['"]`).test(code));
  assert.deepEqual(unused, []);
});

test('plurals and numbers follow the language', () => {
  assert.equal(fill('nl', 'chat_unread', { count: 1 }), '1 ongelezen bericht');
  assert.equal(fill('nl', 'chat_unread', { count: 1200 }), '1.200 ongelezen berichten');
  assert.equal(fill('en', 'chat_unread', { count: 0 }), '0 unread messages');
  assert.equal(pick(['de-DE', 'nl-BE']), 'nl');
  assert.equal(pick([]), 'en');
});

test('days and times as people say them', () => {
  const now = new Date(2026, 10, 22, 12, 0).getTime();
  const at = (/** @type {number} */ days) => new Date(2026, 10, 22 - days, 23, 59).getTime();
  assert.equal(dayName(at(0), now, 'nl'), 'Vandaag');
  assert.equal(dayName(at(1), now, 'en'), 'Yesterday');
  assert.equal(dayName(at(3), now, 'nl'), 'Donderdag');
  assert.match(dayName(at(40), now, 'nl'), /13 oktober$/);
  assert.match(dayName(at(400), now, 'en'), /2025$/);
  assert.equal(listTime(at(0), now, 'nl'), '23:59');
  assert.equal(dayOf(at(0)), '2026-11-22');
  assert.equal(ago(now - 3 * 3600e3, now, 'nl'), '3 uur geleden');
});

test('spans are said in the largest unit that fits them', () => {
  assert.equal(duration(86_400, 'nl'), '1 dag');
  assert.equal(duration(172_800, 'en'), '2 days');
  assert.equal(duration(5_400, 'en'), '90 minutes');
  assert.equal(duration(45, 'en'), '45 seconds');
});

test('names are found by the words the server would find them by', () => {
  const name = 'Noëlle van ’t Hof-Ångström';
  for (const typed of ["van 't", 'van ’t h', 'noe', 'ANG hof', 'hof-ang', "'"]) assert.ok(fits(name, typed), typed);
  for (const typed of ['oelle', "van 'x", 'hofang']) assert.ok(!fits(name, typed), typed);
});

test('a refused token is asked for anew once, and no request of a bearer carries one', async () => {
  /** @type {string[]} */
  const seen = [];
  let tokens = 0;
  const http = new Http(async (path, init) => {
    if (path === '/api/csrf-token') return Response.json({ token: `t${(tokens += 1)}` });
    seen.push(new Headers(init.headers).get('x-csrf-token') ?? 'none');
    return Response.json({ name: 'invalid_csrf', code: 40310, status: 403 }, { status: 403 });
  });
  await assert.rejects(http.settings({ locale: 'nl' }), { name: 'invalid_csrf' });
  assert.deepEqual(seen, ['t1', 't2']);
  http.bearer = 'b';
  await assert.rejects(http.settings({ locale: 'nl' }));
  assert.deepEqual(seen.slice(2), ['none']);
});

test('lengths count characters as the server does', () => {
  assert.equal(scalars('👍🏽é'), 3);
  assert.equal(initials(' sanne', 'öz'), 'SÖ');
  assert.equal(hueStep(355, 'x'), 0);
  assert.equal(hueStep(null, 'same'), hueStep(undefined, 'same'));
  assert.match(newId(/** @type {any} */ ({ getRandomValues: (/** @type {Uint8Array} */ bytes) => bytes.fill(255) })), /^ffffffff-ffff-4fff-bfff-ffffffffffff$/);
  assert.equal(deviceName('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36'), 'Chrome · Linux');
  assert.equal(deviceName('curl/8'), '');
});

test('only own addresses are gone to after signing in', () => {
  assert.deepEqual(match('/chats/00000000-0000-7000-8000-0000000000C1'), { screen: 'chat', chat: '00000000-0000-7000-8000-0000000000c1' });
  assert.equal(match('/chats/').screen, 'chats');
  assert.equal(match('/nothing').screen, 'not-found');
  assert.equal(safeNext('/me'), '/me');
  for (const foreign of ['//evil.example', 'https://evil.example', '/\\evil.example', '/sign-in', null]) assert.equal(safeNext(foreign), '/chats');
});

test('a refused token is fetched anew and the request tried once more', async () => {
  /** @type {string[]} */
  const calls = [];
  let tokens = 0;
  const fetcher = /** @type {typeof fetch} */ (
    async (/** @type {any} */ path, /** @type {any} */ init) => {
      calls.push(`${init.method} ${path} ${init.headers?.['x-csrf-token'] ?? ''}`.trim());
      if (path === '/api/csrf-token') return Response.json({ token: `t${(tokens += 1)}` });
      if (init.headers['x-csrf-token'] === 't1') return Response.json({ name: 'invalid_csrf', code: 40309, error: 'Invalid CSRF token' }, { status: 403 });
      return Response.json({ status: 'ok' });
    }
  );
  assert.deepEqual(await new Http(fetcher).fetchWithCSRF('/api/x', { method: 'POST' }), { status: 'ok' });
  assert.deepEqual(calls, ['GET /api/csrf-token', 'POST /api/x t1', 'GET /api/csrf-token', 'POST /api/x t2']);
});

test('a problem keeps its name, its wait and its reference', async () => {
  const http = new Http(/** @type {any} */ (async () => Response.json({ name: 'rate_limited', code: 42900, status: 429, after_ms: 800, request_id: 'r1' }, { status: 429 })));
  await assert.rejects(http.get('/api/x'), (/** @type {any} */ error) => error instanceof Problem && error.name === 'rate_limited' && error.after_ms === 800 && error.request_id === 'r1');
  const dead = new Http(/** @type {any} */ (async () => { throw new TypeError('failed'); }));
  await assert.rejects(dead.get('/api/x'), (/** @type {any} */ error) => error.name === 'offline');
  const html = new Http(/** @type {any} */ (async () => new Response('<h1>bad gateway</h1>', { status: 502 })));
  await assert.rejects(html.get('/api/x'), (/** @type {any} */ error) => error.name === 'unavailable');
});

test('pages carry no inline script or style and load only what is there', () => {
  for (const page of ['index.html', 'demo.html']) {
    const html = readFileSync(new URL(page, root), 'utf8');
    assert.ok(!/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/.test(html), page);
    for (const [, path] of html.matchAll(/(?:src|href)="\/static\/([^"]+)"/g)) readFileSync(new URL(path ?? '', root));
  }
  const index = readFileSync(new URL('index.html', root), 'utf8');
  const needed = ['core', 'ui'].flatMap((folder) => readdirSync(new URL(`js/${folder}/`, root)).map((name) => `js/${folder}/${name}`));
  for (const name of needed) assert.ok(index.includes(`/static/${name}"`), `${name} is fetched early`);
});

test('scripts write no markup', () => {
  for (const name of readdirSync(new URL('js/', root), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser/.test(readFileSync(new URL(`js/${name}`, root), 'utf8')), name);
  }
});

test('every drawing that is used exists', () => {
  const icons = readFileSync(new URL('icons.svg', root), 'utf8');
  for (const name of readdirSync(new URL('js/', root), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    for (const [, drawn] of readFileSync(new URL(`js/${name}`, root), 'utf8').matchAll(/icon\('([a-z-]+)'/g)) assert.ok(icons.includes(`id="${drawn}"`), `${name}: ${drawn}`);
  }
});
