/** Requests of the account, profile and people pages, and the bounds the server holds them to. */

/** @import { BlockedPerson, ChatPage, Found, Me, Person } from '../types.js' */
import { signal } from '../core/signals.js';
import { Problem } from '../core/http.js';
import { http } from './context.js';

/** An upload may take this long on a slow line. Milliseconds. */
const UPLOAD_PATIENCE_MS = 180_000;

/**
 * @typedef {object} Limits
 * @property {number} [password_chars_min]
 * @property {number} [password_bytes_max]
 * @property {number} [picture_bytes_max]
 * @property {number} [age_years_min]
 * @property {number} [name_chars_max]
 * @property {number} [pronouns_chars_max]
 * @property {number} [program_chars_max]
 * @property {number} [about_chars_max]
 * @property {number} [languages_max]
 * @property {number} [study_year_max]
 * @property {number} [email_change_cooldown] seconds
 */

/** What the server allows, as far as it has said so. */
export const limits = signal(/** @type {Limits} */ ({}));

/** Asks for the bounds; without an answer no bound is claimed, and the server has the last word anyway. */
export async function loadLimits() {
  try {
    limits.value = await http.get('/api/limits');
  } catch {
    // Asked again with the next page load.
  }
}

const change = (/** @type {string} */ path, /** @type {'POST' | 'PATCH' | 'PUT' | 'DELETE'} */ method, /** @type {unknown} */ body) => http.fetchWithCSRF(path, { method, body });

export const api = {
  /** @param {string} email */
  forgotPassword: (email) => change('/api/auth/forgot-password', 'POST', { email }),
  /** @param {{ token: string, password: string } | { email: string, code: string, password: string }} body */
  resetPassword: (body) => change('/api/auth/reset-password', 'POST', body),
  /** @param {{ current_password: string, new_password: string, end_others: boolean }} body @returns {Promise<Me>} */
  changePassword: (body) => change('/api/me/password', 'POST', body),
  /** @param {{ email: string, password: string }} body @returns {Promise<{ email: string }>} */
  changeEmail: (body) => change('/api/me/email', 'POST', body),
  /** @param {{ code: string } | { token: string }} body @returns {Promise<Me>} */
  confirmEmail: (body) => change('/api/me/email/confirm', 'POST', body),
  /** @returns {Promise<Me>} */
  withdrawEmail: () => change('/api/me/email', 'DELETE', {}),
  /** @param {Record<string, unknown>} body @returns {Promise<Me>} */
  profile: (body) => change('/api/me/profile', 'PATCH', body),
  /** @returns {Promise<Me>} */
  removePicture: () => change('/api/me/picture', 'DELETE', {}),
  endOthers: () => change('/api/sessions', 'DELETE', {}),
  /** @param {string} id @returns {Promise<Person>} */
  person: (id) => http.get(`/api/people/${encodeURIComponent(id)}`),
  /** @returns {Promise<BlockedPerson[]>} */
  blocks: async () => (await http.get('/api/blocks')).blocks,
  /** @param {string} id @param {boolean} on */
  block: (id, on) => change(`/api/blocks/${encodeURIComponent(id)}`, on ? 'PUT' : 'DELETE', {}),
  /** @param {string} cid @param {string} title @param {string[]} members @returns {Promise<{ chat_id: string }>} */
  makeGroup: (cid, title, members) => change('/api/groups', 'POST', { cid, title, members }),
  /** @param {string} id @param {'invite' | 'revoke' | 'remove' | 'transfer' | 'rename' | 'leave'} what @param {Record<string, unknown>} [body] */
  group: (id, what, body = {}) => change(`/api/groups/${encodeURIComponent(id)}/${what}`, 'POST', body),
  /** @param {string} id @param {'accept' | 'decline'} what */
  answerInvite: (id, what) => change(`/api/invites/${encodeURIComponent(id)}/${what}`, 'POST', {}),
  /** @returns {Promise<import('../wire.d.ts').Notifications>} */
  notifications: () => http.get('/api/notifications?limit=100'),
  /** @param {{ seq: number } | { upto: number }} seen @returns {Promise<{ upto: number, also: number[] }>} */
  noticed: (seen) => change('/api/notifications/read', 'POST', seen),
  /** @param {string} id @param {boolean} on @param {number | null} until @returns {Promise<{ muted?: number }>} */
  mute: (id, on, until) => change(`/api/chats/${encodeURIComponent(id)}/mute`, 'POST', until === null ? { on } : { on, until }),
  /** @param {string} words @returns {Promise<ChatPage>} */
  searchChats: (words) => http.get(`/api/chats?q=${encodeURIComponent(words)}`),
  /** @param {string} words @param {string | null} before @returns {Promise<Found>} */
  searchMessages: (words, before) => http.get(`/api/search?q=${encodeURIComponent(words)}${before === null ? '' : `&before=${before}`}`),
};

/**
 * Sends a picture and tells how far it is, which `fetch` cannot.
 * @param {Blob} file @param {(part: number) => void} progress @param {AbortSignal} stop
 * @returns {Promise<Me>}
 */
export const uploadPicture = (file, progress, stop) => http.withToken((headers) => put(file, headers, progress, stop));

/** @param {Blob} file @param {Record<string, string>} headers @param {(part: number) => void} progress @param {AbortSignal} stop @returns {Promise<Me>} */
function put(file, headers, progress, stop) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', '/api/me/picture');
    request.responseType = 'json';
    request.timeout = UPLOAD_PATIENCE_MS;
    for (const [name, value] of Object.entries({ ...headers, 'content-type': file.type })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    const lost = () => reject(new Problem({ name: 'offline', status: 0, code: 0 }));
    request.onerror = lost;
    request.ontimeout = lost;
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.response);
      const fallback = { name: request.status === 413 ? 'too_large' : request.status >= 500 ? 'unavailable' : 'internal', status: request.status, request_id: request.getResponseHeader('x-request-id') };
      return reject(new Problem({ ...fallback, ...(request.response ?? {}) }));
    };
    stop.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
