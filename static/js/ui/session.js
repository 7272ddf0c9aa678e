/** Who is signed in, in this tab and the others of this browser. */

/** @import { Me } from '../types.js' */
import { Problem } from '../core/http.js';
import { isPrivate } from '../core/router.js';
import { effect } from '../core/signals.js';
import { chooseLocale, client, go, http, known, me, obstacle, query, route, store } from './context.js';

/** Pause between two looks for the server while the page cannot start. Milliseconds. */
const KNOCK_MS = 3_000;
/** A timer that comes this late means that the device slept. Milliseconds. */
const SLEPT_MS = 15_000;

const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('domu:session') : null;

/** Tells the other tabs who is signed in from now on. @param {string | null} user */
export const tellTabs = (user) => tabs?.postMessage({ user });

/** @type {() => void} */
let endWatch = () => {};

/** @param {Me} person */
async function begin(person) {
  endWatch();
  me.value = person;
  obstacle.value = null;
  known.value = true;
  chooseLocale(person);
  client.onSuspect = () => void suspect();
  client.onStranger = () => switched();
  client.onMe = (changed) => {
    const held = me.peek();
    if (held !== null && held.id === changed.id) me.value = changed;
  };
  endWatch = effect(() => {
    const link = store.value?.link.value;
    if (link?.state !== 'stopped') return;
    if (link.code === 4003) obstacle.value = 'suspended';
    else if (link.code === 4001 || link.code === 4002) void suspect();
  });
  await client.start(person).catch((error) => {
    if (error?.name !== 'AbortError') throw error;
  });
}

/** Somebody has signed in here. @param {Me} person */
export async function entered(person) {
  await begin(person);
  tellTabs(person.id);
}

/** Nobody is signed in any more. @param {'ended' | 'out'} why */
export function left(why) {
  endWatch();
  client.stop();
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
