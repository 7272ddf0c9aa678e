/** A real server in a process and a directory of its own, and people on it. */

import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PASSWORD = 'een lange zin over sleutels';

/** The program under test: named by `DOMU_BIN`, else what was built last in this workspace; null when there is none. */
export function program() {
  const named = process.env['DOMU_BIN'];
  if (named) return named;
  try {
    const metadata = execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline'], { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'ignore'] });
    const target = JSON.parse(metadata).target_directory;
    const found = ['debug', 'release'].map((profile) => join(target, profile, 'domu')).filter(existsSync);
    return found.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] ?? null;
  } catch {
    return null;
  }
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` finds something. @template T @param {() => T | Promise<T>} look @param {string} what @param {number} [patience] milliseconds @returns {Promise<NonNullable<T>>} */
export async function until(look, what, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return /** @type {NonNullable<T>} */ (found);
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(10);
  }
}

/** @returns {Promise<number>} a port that is free now */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });

/** @typedef {{ id: string, email: string, token: string, session: string }} Person */

export class Server {
  /** @param {string} binary @param {Record<string, string | number>} sets */
  constructor(binary, sets) {
    this.binary = binary;
    this.sets = sets;
    this.directory = mkdtempSync(join(tmpdir(), 'domu-conformance-'));
    this.port = 0;
    this.log = '';
    /** @type {import('node:child_process').ChildProcess | null} */
    this.child = null;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  #arguments() {
    const sets = Object.entries(this.sets).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    return ['--data-dir', this.directory, '--environment', 'development', ...sets];
  }

  async start() {
    this.port ||= await freePort();
    const child = spawn(this.binary, [...this.#arguments(), '--listen', `127.0.0.1:${this.port}`, '--public-url', this.url, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '' }, cwd: this.directory });
    const keep = (/** @type {Buffer} */ chunk) => (this.log = (this.log + chunk).slice(-20_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`the server ended: ${this.log}`);
        return (await fetch(`${this.url}/api/health/ready`).catch(() => null))?.ok;
      },
      'the server',
    );
  }

  /** Asks it to stop, as a supervisor does, and waits. */
  async stop() {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async remove() {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** An operator's command. @param {...string} words @returns {Promise<any>} */
  operator(...words) {
    return new Promise((resolve, reject) =>
      execFile(this.binary, [...this.#arguments(), '--json', ...words], { cwd: this.directory, env: { PATH: process.env['PATH'] ?? '' } }, (error, out, err) => (error ? reject(new Error(`${words.join(' ')}: ${out} ${err}`)) : resolve(out ? JSON.parse(out) : null))),
    );
  }

  /** @param {string} method @param {string} path @param {{ token?: string, body?: any, headers?: Record<string, string> }} [options] */
  async ask(method, path, { token, body, headers = {} } = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
  }

  /** A request by the form of the site, with a cookie jar of one cookie. @param {string} path @param {any} body */
  async form(path, body) {
    const csrf = await fetch(`${this.url}/api/csrf-token`);
    const cookie = csrf.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
    const { token } = /** @type {any} */ (await csrf.json());
    return await this.ask('POST', path, { body, headers: { cookie, 'x-csrf-token': token, origin: this.url } });
  }

  /** Somebody who signed up and has not confirmed. @param {string} name */
  async signUp(name) {
    const email = `${name.toLowerCase()}@student.tudelft.nl`;
    const answer = await this.form('/api/auth/sign-up', { email, password: PASSWORD, first_name: name, last_name: 'de Tester', date_of_birth: '2003-04-05', accept_terms: true, locale: 'nl' });
    if (answer.status !== 200) throw new Error(`sign-up: ${JSON.stringify(answer.body)}`);
    return email;
  }

  /** Somebody with a confirmed address. @param {string} name @returns {Promise<Person>} */
  async confirmed(name) {
    const email = await this.signUp(name);
    const code = await until(() => this.#code(email), `the mail to ${email}`);
    const answer = await this.form('/api/auth/confirm', { email, code, password: PASSWORD });
    if (answer.status !== 200) throw new Error(`confirm: ${JSON.stringify(answer.body)}`);
    return await this.signIn(email);
  }

  /** A bearer session. @param {string} email @returns {Promise<Person>} */
  async signIn(email) {
    const minted = await this.mint(email);
    if (minted.status !== 200) throw new Error(`token: ${JSON.stringify(minted.body)}`);
    const { token } = minted.body;
    const me = (await this.ask('GET', '/api/me', { token })).body;
    return { id: me.id, email, token, session: me.session };
  }

  /** @param {string} email @param {string} [password] */
  mint(email, password = PASSWORD) {
    return this.ask('POST', '/api/auth/token', { body: { email, password, device: 'conformance' } });
  }

  /** Somebody who may send. @param {string} name */
  async person(name) {
    const person = await this.confirmed(name);
    await this.operator('user', 'verify', person.email);
    return person;
  }

  /** @param {Person} one @param {Person} other @returns {Promise<string>} the chat's id */
  async chat(one, other) {
    const answer = await this.operator('chat', 'open', one.email, other.email);
    const found = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(JSON.stringify(answer));
    if (found === null) throw new Error(`no chat in ${JSON.stringify(answer)}`);
    return found[0];
  }

  /** The newest six digits mailed to this address. @param {string} email */
  #code(email) {
    const folder = join(this.directory, 'mail');
    if (!existsSync(folder)) return null;
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eml')).map((name) => join(folder, name));
    files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    for (const file of files) {
      const [head = '', ...body] = readFileSync(file, 'utf8').split(/\r?\n\r?\n/);
      if (head.includes(email)) return /(?<![0-9a-zA-Z])[0-9]{6}(?![0-9a-zA-Z])/.exec(body.join('\n'))?.[0] ?? null;
    }
    return null;
  }
}
