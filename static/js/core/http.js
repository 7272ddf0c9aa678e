/** Requests over HTTP. Everything that changes something goes through `fetchWithCSRF`. */

/** @import { Me, DeviceSession, Settings } from '../types.js' */

/** Patience with one request. Milliseconds. */
const PATIENCE_MS = 20_000;

/** A problem document of the server, or the lack of any answer (`name` is `offline`). */
export class Problem extends Error {
  /** @param {Record<string, any>} body */
  constructor(body) {
    super(String(body.detail ?? body.name ?? 'problem'));
    /** @type {string} */ this.name = String(body.name ?? 'internal');
    /** @type {number} */ this.code = Number(body.code ?? 50000);
    /** @type {number} */ this.status = Number(body.status ?? 0);
    /** @type {boolean} whether the same request can succeed later */ this.retry = body.retry === true;
    /** @type {number | undefined} */ this.after_ms = typeof body.after_ms === 'number' ? body.after_ms : undefined;
    /** @type {string | undefined} */ this.request_id = typeof body.request_id === 'string' ? body.request_id : undefined;
    /** @type {string} */ this.detail = String(body.detail ?? '');
    /** @type {{ field: string, detail: string }[]} */ this.fields = Array.isArray(body.fields) ? body.fields : [];
  }
}

export class Http {
  /**
   * @param {(path: string, init: RequestInit) => Promise<Response>} fetcher
   * @param {{ base?: string, bearer?: string | null }} [options] `base` goes before every path; `bearer` is the session of a client that is no browser
   */
  constructor(fetcher, { base = '', bearer = null } = {}) {
    this.fetcher = fetcher;
    this.base = base;
    this.bearer = bearer;
    /** The CSRF token of this session. @type {string | null} */
    this.token = null;
  }

  /** @param {string} path @returns {Promise<any>} */
  get(path) {
    return this.#send(path, { method: 'GET' });
  }

  /**
   * Asks whether something is other than the `tag` that is held of it.
   * @param {string} path @param {string | undefined} tag
   * @returns {Promise<{ tag: string | undefined, body: any } | null>} null when it is the same
   */
  async getIfChanged(path, tag) {
    const response = await this.#ask(path, { method: 'GET', headers: tag === undefined ? {} : { 'if-none-match': tag } });
    if (response.status === 304) return null;
    return { body: await this.#read(response), tag: response.headers.get('etag') ?? undefined };
  }

  /** The CSRF token of this session, fetched when it is not known. */
  async csrf() {
    return (this.token ??= String((await this.get('/api/csrf-token')).token));
  }

  /**
   * Does something with the headers that let this session change things and, when its CSRF token was refused, once more with a new one.
   * @template T @param {(headers: Record<string, string>) => Promise<T>} work @param {(token: string) => Promise<void>} [prove] looks at a token before it is used
   * @returns {Promise<T>}
   */
  async withToken(work, prove) {
    for (let again = false; ; again = true) {
      /** @type {Record<string, string>} */
      const headers = {};
      if (this.bearer === null) {
        const token = await this.csrf();
        await prove?.(token);
        headers['x-csrf-token'] = token;
      }
      try {
        return await work(headers);
      } catch (error) {
        if (again || this.bearer !== null || !(error instanceof Problem) || error.name !== 'invalid_csrf') throw error;
        this.forgetToken();
      }
    }
  }

  /**
   * The one way to change something with a JSON body.
   * @param {string} path @param {{ method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', body?: unknown, prove?: (token: string) => Promise<void> }} request
   * @returns {Promise<any>}
   */
  fetchWithCSRF(path, { method, body = {}, prove }) {
    return this.withToken((headers) => this.#send(path, { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }), prove);
  }

  /** The session changed, so the token that was bound to it is of no use. */
  forgetToken() {
    this.token = null;
  }

  /** @param {string} path @param {RequestInit} init */
  async #send(path, init) {
    return await this.#read(await this.#ask(path, init));
  }

  /** @param {string} path @param {RequestInit} init */
  async #ask(path, init) {
    const headers = { ...init.headers, ...(this.bearer === null ? {} : { authorization: `Bearer ${this.bearer}` }) };
    try {
      return await this.fetcher(this.base + path, { credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS), ...init, headers });
    } catch {
      throw new Problem({ name: 'offline', status: 0, code: 0 });
    }
  }

  /** @param {Response} response */
  async #read(response) {
    if (response.status === 204) return null;
    /** @type {any} */
    let body = null;
    try {
      body = await response.json();
    } catch {
      body = null;
    }
    if (response.ok) return body;
    const fallback = { name: response.status >= 500 ? 'unavailable' : 'internal', status: response.status, retry: response.status >= 500, request_id: response.headers.get('x-request-id') };
    throw new Problem({ ...fallback, ...(body ?? {}) });
  }

  /** @returns {Promise<Me>} */
  me() {
    return this.get('/api/me');
  }
  /** @param {{ email: string, password: string }} body @returns {Promise<{ user: Me }>} */
  async signIn(body) {
    const answer = await this.fetchWithCSRF('/api/auth/sign-in', { method: 'POST', body });
    this.forgetToken();
    return answer;
  }
  /** @param {Record<string, unknown>} body */
  signUp(body) {
    return this.fetchWithCSRF('/api/auth/sign-up', { method: 'POST', body });
  }
  /** @param {{ email: string, code: string, password: string } | { token: string, password: string }} body */
  confirm(body) {
    return this.fetchWithCSRF('/api/auth/confirm', { method: 'POST', body });
  }
  /** @param {string} email */
  resend(email) {
    return this.fetchWithCSRF('/api/auth/resend-confirmation', { method: 'POST', body: { email } });
  }
  async signOut() {
    await this.fetchWithCSRF('/api/auth/sign-out', { method: 'POST' });
    this.forgetToken();
  }
  /** @param {Partial<Settings>} body @returns {Promise<Me>} */
  settings(body) {
    return this.fetchWithCSRF('/api/me/settings', { method: 'PATCH', body });
  }
  /** @returns {Promise<DeviceSession[]>} */
  async sessions() {
    return (await this.get('/api/sessions')).sessions;
  }
  /** @param {string} id */
  revoke(id) {
    return this.fetchWithCSRF(`/api/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }
}
