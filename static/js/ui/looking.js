/** Tells the server what is on screen, and whether somebody looks. */

import { effect, signal } from '../core/signals.js';
import { chatsByActivity } from '../core/streams.js';
import { route, store } from './context.js';

/** Chats of the list that are looked after besides the open one; the server may allow fewer. */
const LISTED = 4;

const shown = signal(document.visibilityState === 'visible');
const wide = matchMedia('(min-width: 900px)');
const list = signal(wide.matches);

document.addEventListener('visibilitychange', () => (shown.value = document.visibilityState === 'visible'));
wide.addEventListener('change', () => (list.value = wide.matches));

effect(() => {
  const held = store.value;
  if (held === null) return;
  held.live.look(shown.value);
  const { screen, chat } = route.value;
  const streams = held.streams.value;
  const open = chat !== undefined && streams.chats.has(chat) ? [chat] : [];
  // On a narrow screen the open chat covers the list.
  const listed = screen === 'chats' || (screen === 'chat' && list.value) ? chatsByActivity(streams).slice(0, LISTED) : [];
  const rest = listed.filter((one) => one.id !== chat && !one.blocked).map((one) => one.id);
  held.live.focus(shown.value ? [...open, ...rest.slice(0, LISTED - open.length).sort()] : []);
});
