/** Requests of the account, profile and people pages, and the bounds the server holds them to. */

/** @import { BlockedPerson, Me, Person, Settings, WireChat } from '../types.js' */
import { signal } from '../core/signals.js';
import { Problem } from '../core/http.js';
import { http } from './context.js';

/** An upload may take this long on a slow line. Milliseconds. */
const UPLOAD_PATIENCE_MS = 180_000;

/** What the server allows. Until it has said so, what it allows by default. */
export const limits = signal({ password_chars_min: 10, password_bytes_max: 1024, picture_bytes_max: 8 * 1024 * 1024, picture_pixels_max: 25_000_000 });

/** Asks for the bounds; without an answer the defaults stay, and the server has the last word anyway. */
export async function loadLimits() {
  try {
    limits.value = { ...limits.peek(), ...(await http.get('/api/limits')) };
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
  /** @param {{ email: string, password: string }} body */
  changeEmail: (body) => change('/api/me/email', 'POST', body),
  /** @param {{ code: string } | { token: string }} body @returns {Promise<Me>} */
  confirmEmail: (body) => change('/api/me/email/confirm', 'POST', body),
  /** @returns {Promise<Me>} */
  withdrawEmail: () => change('/api/me/email', 'DELETE', {}),
  /** @param {Record<string, unknown>} body @returns {Promise<Me>} */
  profile: (body) => change('/api/me/profile', 'PATCH', body),
  /** @param {Partial<Settings>} body @returns {Promise<Me>} */
  settings: (body) => change('/api/me/settings', 'PATCH', body),
  /** @returns {Promise<Me>} */
  removePicture: () => change('/api/me/picture', 'DELETE', {}),
  endOthers: () => change('/api/sessions', 'DELETE', {}),
  /** @param {string} id @returns {Promise<Person>} */
  person: (id) => http.get(`/api/people/${encodeURIComponent(id)}`),
  /** @returns {Promise<BlockedPerson[]>} */
  blocks: async () => (await http.get('/api/blocks')).blocks,
  /** @param {string} id @param {boolean} on */
  block: (id, on) => change(`/api/blocks/${encodeURIComponent(id)}`, on ? 'PUT' : 'DELETE', {}),
  /** @param {string} words @returns {Promise<WireChat[]>} */
  searchChats: async (words) => (await http.get(`/api/chats?first=0&limit=20&q=${encodeURIComponent(words)}`)).chats,
};

/**
 * Sends a picture and tells how far it is, which `fetch` cannot.
 * @param {Blob} file @param {(part: number) => void} progress @param {AbortSignal} stop
 * @returns {Promise<Me>}
 */
export async function uploadPicture(file, progress, stop) {
  for (let again = false; ; again = true) {
    http.token ??= String((await http.get('/api/csrf-token')).token);
    try {
      return await put(file, http.token, progress, stop);
    } catch (error) {
      if (again || !(error instanceof Problem) || error.name !== 'invalid_csrf') throw error;
      http.forgetToken();
    }
  }
}

/** @param {Blob} file @param {string} token @param {(part: number) => void} progress @param {AbortSignal} stop @returns {Promise<Me>} */
function put(file, token, progress, stop) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', '/api/me/picture');
    request.responseType = 'json';
    request.timeout = UPLOAD_PATIENCE_MS;
    request.setRequestHeader('x-csrf-token', token);
    request.setRequestHeader('content-type', file.type);
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
