/** Who is signed in, in this tab and the others of this browser. */

/** @import { Me, OutboxStorage, SocketLike } from '../types.js' */
import { Problem } from '../core/http.js';
import { openStorage } from '../core/idb.js';
import { MemoryStorage } from '../core/outbox.js';
import { isPrivate } from '../core/router.js';
import { effect } from '../core/signals.js';
import { Store } from '../core/store.js';
import { newId } from '../core/text.js';
import { chooseLocale, go, http, known, me, obstacle, query, recall, recallKeys, remember, route, store } from './context.js';

/** Pause between two looks for the server while the page cannot start. Milliseconds. */
const KNOCK_MS = 3_000;
/** A timer that comes this late means that the device slept. Milliseconds. */
const SLEPT_MS = 15_000;

const timers = {
  setTimeout: (/** @type {() => void} */ work, /** @type {number} */ ms) => setTimeout(work, ms),
  clearTimeout: (/** @type {any} */ handle) => clearTimeout(handle),
  now: () => Date.now(),
};

/** @type {Promise<OutboxStorage> | null} */
let storage = null;
const openedStorage = () => (storage ??= openStorage(indexedDB).catch(() => new MemoryStorage()));

const JOURNAL = 'domu:leaving:';

/** @type {import('../core/outbox.js').Journal} */
const journal = {
  keep: (item) => remember(JOURNAL + item.cid, JSON.stringify(item)),
  drop: (cid) => remember(JOURNAL + cid, null),
  all(user) {
    /** @type {import('../types.js').OutboxItem[]} */
    const found = [];
    for (const key of recallKeys(JOURNAL)) {
      try {
        const item = JSON.parse(recall(key) ?? 'null');
        if (item?.user === user) found.push(item);
      } catch {
        remember(key, null);
      }
    }
    return found.sort((a, b) => a.order - b.order);
  },
};

const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('domu:session') : null;

/** Tells the other tabs who is signed in from now on. @param {string | null} user */
export const tellTabs = (user) => tabs?.postMessage({ user });

/** @param {string} user */
function channelOf(user) {
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(`domu:outbox:${user}`) : null;
  /** @type {import('../core/store.js').Channel} */
  const wrapped = { post: (message) => channel?.postMessage(message), onMessage: null, close: () => channel?.close() };
  if (channel) channel.onmessage = (event) => wrapped.onMessage?.(event.data);
  return wrapped;
}

/** @returns {SocketLike} */
function open() {
  const url = new URL('/ws', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return /** @type {SocketLike} */ (/** @type {unknown} */ (new WebSocket(url, 'domu.v1.json')));
}

/** @type {() => void} */
let endWatch = () => {};

/** @param {Me} person */
async function begin(person) {
  store.peek()?.stop();
  endWatch();
  const made = new Store({
    me: person,
    open,
    timers,
    random: Math.random,
    newId: () => newId(crypto),
    storage: await openedStorage(),
    journal,
    lock: (work) => (navigator.locks ? /** @type {any} */ (navigator.locks.request(`domu:outbox:${person.id}`, work)) : work()),
    channel: channelOf(person.id),
    onSuspect: () => void suspect(),
    onStranger: () => switched(),
  });
  me.value = person;
  obstacle.value = null;
  known.value = true;
  chooseLocale(person);
  store.value = made;
  endWatch = effect(() => {
    const link = made.link.value;
    if (link.state !== 'stopped') return;
    if (link.code === 4003) obstacle.value = 'suspended';
    else if (link.code === 4001 || link.code === 4002) void suspect();
  });
  await made.start();
}

/** Somebody has signed in here. @param {Me} person */
export async function entered(person) {
  await begin(person);
  tellTabs(person.id);
}

/** Nobody is signed in any more. @param {'ended' | 'out'} why */
export function left(why) {
  endWatch();
  store.peek()?.stop();
  store.value = null;
  me.value = null;
  http.forgetToken();
  known.value = true;
  obstacle.value = null;
  const next = why === 'ended' && isPrivate(route.peek()) ? `&next=${encodeURIComponent(location.pathname)}` : '';
  go(`/sign-in?note=${why}${next}`, { replace: true });
}

function switched() {
  endWatch();
  store.peek()?.stop();
  obstacle.value = 'switched';
}

/** The connection was refused: ask over HTTP what became of the session. */
async function suspect() {
  try {
    const person = await http.me();
    const held = me.peek();
    if (held && person.id !== held.id) switched();
    else if (store.peek()?.link.peek().state === 'stopped') setTimeout(() => store.peek()?.socket.retryNow(), KNOCK_MS);
  } catch (error) {
    if (!(error instanceof Problem)) return;
    if (error.name === 'suspended') obstacle.value = 'suspended';
    else if (error.status === 401) left('ended');
  }
}

/** Finds out who is signed in and starts. */
export async function boot() {
  chooseLocale(null);
  tabs?.addEventListener('message', (event) => {
    const user = event.data?.user ?? null;
    const held = me.peek()?.id ?? null;
    if (user === held) return;
    if (held === null) location.reload();
    else if (user === null) left('out');
    else switched();
  });
  watchDevice();
  await knock();
}

/** @returns {Promise<void>} */
export async function knock() {
  try {
    const person = await http.me();
    await begin(person);
    if (!isPrivate(route.peek()) && route.peek().screen !== 'not-found' && !query.peek().has('token')) go('/chats', { replace: true });
  } catch (error) {
    const name = error instanceof Problem ? error.name : 'internal';
    if (error instanceof Problem && error.status === 401) {
      obstacle.value = null;
      known.value = true;
      if (isPrivate(route.peek())) {
        const path = location.pathname;
        go(path === '/' || path === '/chats' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`, { replace: true });
      }
    } else if (name === 'suspended') {
      known.value = true;
      obstacle.value = 'suspended';
    } else {
      if (!(error instanceof Problem)) console.error(error);
      obstacle.value = name === 'offline' || name === 'unavailable' ? 'offline' : 'failed';
      if (obstacle.peek() === 'offline') setTimeout(() => obstacle.peek() === 'offline' && void knock(), KNOCK_MS);
    }
  }
}

/** Sleep, network changes and coming back to the front: look at once whether the line is alive. */
function watchDevice() {
  const wake = () => store.peek()?.socket.wake();
  window.addEventListener('online', wake);
  window.addEventListener('offline', wake);
  window.addEventListener('pageshow', (event) => event.persisted && wake());
  document.addEventListener('resume', wake);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake());
  let last = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - last > SLEPT_MS) wake();
    last = now;
  }, 5_000);
}

export async function signOut() {
  try {
    await http.signOut();
  } catch (error) {
    // A session that is over already, or may do nothing, is left all the same.
    if (!(error instanceof Problem && ['unauthorized', 'token_expired', 'suspended'].includes(error.name))) throw error;
    http.forgetToken();
  }
  tellTabs(null);
  left('out');
}
