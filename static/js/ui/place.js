/** What the browser keeps for the client: messages on their way, and the line to the other tabs. */

/** @import { OutboxItem, OutboxStorage } from '../types.js' */
import { openStorage } from '../core/idb.js';
import { MemoryStorage } from '../core/outbox.js';

/** Reads from the device; browsers may refuse. @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Names on the device that begin so. @param {string} start */
export function recallKeys(start) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(start));
  } catch {
    return [];
  }
}

/** @param {string} key @param {string | null} value */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** @type {Promise<OutboxStorage> | null} */
let storage = null;

const JOURNAL = 'domu:leaving:';

/** @param {string} user @param {string} chat */
export const draftKey = (user, chat) => `domu:draft:${user}:${chat}`;

/** @type {import('../core/outbox.js').Journal} */
const journal = {
  keep: (item) => remember(JOURNAL + item.cid, JSON.stringify(item)),
  drop: (cid) => remember(JOURNAL + cid, null),
  all(user) {
    /** @type {OutboxItem[]} */
    const found = [];
    for (const key of recallKeys(JOURNAL)) {
      try {
        const item = JSON.parse(recall(key) ?? 'null');
        if (item?.user !== user) continue;
        // The page ended between writing the message down and emptying the draft: it is a message, not both.
        const draft = draftKey(user, item.chat);
        if (recall(draft)?.trim() === item.text) remember(draft, null);
        found.push(item);
      } catch {
        remember(key, null);
      }
    }
    return found.sort((a, b) => a.order - b.order);
  },
};

/** @type {import('../client.js').Place} */
export const place = {
  open: () => (storage ??= openStorage(indexedDB).catch(() => new MemoryStorage())),
  journal,
  lock: (user, work) => (navigator.locks ? /** @type {any} */ (navigator.locks.request(`domu:outbox:${user}`, work)) : work()),
  channel(user) {
    const channel = 'BroadcastChannel' in window ? new BroadcastChannel(`domu:outbox:${user}`) : null;
    /** @type {import('../core/store.js').Channel} */
    const wrapped = { post: (message) => channel?.postMessage(message), onMessage: null, close: () => channel?.close() };
    if (channel) channel.onmessage = (event) => wrapped.onMessage?.(event.data);
    return wrapped;
  },
};
