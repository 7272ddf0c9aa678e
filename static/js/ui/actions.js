/** What one can do with a message: a menu beside it, by pointer, finger or key. */

/** @import { Emoji } from '../types.js' */
/** @import { MessageRow } from '../core/timeline.js' */
import { t } from '../core/i18n.js';
import { h, icon } from './dom.js';

/** What people can react with, in the order it is offered, and its name. @type {readonly (readonly [Emoji, import('../core/i18n.js').Key])[]} */
export const EMOJIS = [
  ['👍', 'emoji_thumb'],
  ['❤️', 'emoji_heart'],
  ['😂', 'emoji_laugh'],
  ['😮', 'emoji_surprise'],
  ['😢', 'emoji_sad'],
  ['🔥', 'emoji_fire'],
  ['🏠', 'emoji_house'],
  ['💡', 'emoji_idea'],
];

/** How far a message is drawn to be answered. Pixels. */
const SWIPE = 64;
/** Room between the menu and what it belongs to, and the edges of the window. Pixels. */
const GAP = 8;

/**
 * What can be done with one message; what is missing cannot.
 * @typedef {object} Can
 * @property {((emoji: Emoji, on: boolean) => void)} [react]
 * @property {() => void} [reply]
 * @property {() => void} [quoted] shows what it answers
 * @property {() => void} [edit]
 * @property {() => void} [copy]
 * @property {() => void} [erase] deletes it for oneself
 * @property {() => void} [revoke] deletes it for all
 */

/**
 * Opens the menu of a message. The focus goes back to the message when it closes.
 * @param {HTMLElement} host @param {HTMLElement} message @param {MessageRow} row @param {Can} can
 */
export function showActions(host, message, row, can) {
  const menu = h('div', { class: 'menu', popover: 'auto', role: 'dialog', 'aria-label': t('actions_label'), 'data-testid': 'message-menu' });
  let chosen = false;
  const choose = (/** @type {() => void} */ run) => () => {
    chosen = true;
    menu.hidePopover();
    run();
  };
  const { react } = can;
  if (react) {
    const button = ([emoji, name] = /** @type {readonly [Emoji, import('../core/i18n.js').Key]} */ (EMOJIS[0])) => {
      const mine = row.reactions.some((kind) => kind.emoji === emoji && kind.mine);
      return h('button', { type: 'button', class: 'emoji', 'aria-pressed': String(mine), 'aria-label': t(name), title: t(name), 'data-emoji': emoji, onclick: choose(() => { react(emoji, !mine); message.focus(); }) }, emoji);
    };
    menu.append(h('div', { class: 'emojis', role: 'group', 'aria-label': t('actions_react') }, ...EMOJIS.map((one) => button(one))));
  }
  const entry = (/** @type {string} */ sign, /** @type {import('../core/i18n.js').Key} */ words, /** @type {(() => void) | undefined} */ run, danger = false) => run && menu.append(h('button', { type: 'button', class: danger ? 'entry danger' : 'entry', 'data-testid': words.replace('_', '-'), onclick: choose(run) }, icon(sign), t(words)));
  entry('reply', 'action_reply', can.reply);
  entry('onward', 'action_quoted', can.quoted);
  entry('edit', 'action_edit', can.edit);
  entry('copy', 'action_copy', can.copy);
  entry('bin', 'action_erase', can.erase);
  entry('bin', 'action_revoke', can.revoke, true);
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
    menu.remove();
    if (!chosen) message.focus({ preventScroll: true });
  });
  menu.addEventListener('keydown', (event) => {
    const all = [...menu.querySelectorAll('button')];
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = event.key === 'ArrowDown' || event.key === 'ArrowRight' ? 1 : event.key === 'ArrowUp' || event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    all[(at + step + all.length) % all.length]?.focus();
  });
  host.append(menu);
  menu.showPopover();
  place(menu, message.querySelector('.bubble') ?? message);
  menu.querySelector('button')?.focus();
}

/** Beside what it belongs to, inside the window; on a phone the style sheet puts it at the bottom. @param {HTMLElement} menu @param {Element} beside */
function place(menu, beside) {
  const box = beside.getBoundingClientRect();
  const own = menu.getBoundingClientRect();
  const below = box.bottom + GAP + own.height <= innerHeight;
  const end = box.left + box.width / 2 > innerWidth / 2;
  const left = end ? box.right - own.width : box.left;
  menu.style.left = `${Math.max(GAP, Math.min(left, innerWidth - own.width - GAP))}px`;
  menu.style.top = `${Math.max(GAP, below ? box.bottom + GAP : box.top - GAP - own.height)}px`;
}

/**
 * Lets a finger draw a message aside to answer it.
 * @param {HTMLElement} list @param {(message: HTMLElement) => void} answer
 * @returns {() => void} ends it
 */
export function swipes(list, answer) {
  /** @type {{ message: HTMLElement, x: number, y: number, by: number, id: number } | null} */
  let held = null;
  const rest = () => {
    held?.message.style.removeProperty('translate');
    held = null;
  };
  const down = (/** @type {PointerEvent} */ event) => {
    const message = event.target instanceof Element ? event.target.closest('.message') : null;
    if (event.pointerType === 'touch' && event.isPrimary && message instanceof HTMLElement && message.dataset.mid) held = { message, x: event.clientX, y: event.clientY, by: 0, id: event.pointerId };
  };
  const move = (/** @type {PointerEvent} */ event) => {
    if (held === null || event.pointerId !== held.id) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (held.by === 0 && Math.abs(y) > Math.abs(x)) return rest();
    held.by = Math.max(0, Math.min(SWIPE * 1.25, x));
    held.message.style.translate = `${held.by}px`;
  };
  const up = () => {
    const done = held !== null && held.by >= SWIPE ? held.message : null;
    rest();
    if (done) answer(done);
  };
  const heard = /** @type {const} */ ([['pointerdown', down], ['pointermove', move], ['pointerup', up], ['pointercancel', rest]]);
  for (const [type, work] of heard) list.addEventListener(type, /** @type {any} */ (work));
  return () => heard.forEach(([type, work]) => list.removeEventListener(type, /** @type {any} */ (work)));
}
