/** What happens to messages after they were sent, as pure functions. */

/** @import { Chat, WireEvent } from '../types.js' */

/** @param {WireEvent} event */
export const isMessage = (event) => event.op === 'message';

/** Whether an event is about a message that came before it. @param {WireEvent} event */
export const isChange = (event) => ['message.edited', 'message.deleted', 'reaction', 'hidden'].includes(event.op);

/**
 * A message after what happened to it: its newest text, its empty place, or nothing of it. What is older than what is held
 * changes nothing.
 * @template {WireEvent | null} T @param {T} message @param {WireEvent} change @returns {T | WireEvent}
 */
export function changedMessage(message, change) {
  if (message === null || !isMessage(message)) return message;
  const { d } = change;
  if (change.op === 'hidden') return message.d.n === d.n ? hidden(message) : message;
  if (message.d.mid !== d.mid) return message;
  if (change.op === 'reaction') return message.d.deleted === true ? message : reacted(message, d);
  if (Number(message.d.rev ?? 1) >= Number(d.rev)) return message;
  const { edited: _edited, params: _params, reactions: _reactions, ...kept } = message.d;
  return { ...message, d: change.op === 'message.deleted' ? { ...kept, text: '', rev: d.rev, deleted: true } : { ...message.d, text: d.text, rev: d.rev, edited: d.edited_at } };
}

/** What stands in the place of a message that this person sees no more. @param {WireEvent} message @returns {WireEvent} */
export const hidden = (message) => ({ ...message, op: 'hidden', d: { n: message.d.n, u: message.d.u } });

/** A message with a reaction more or less. @param {WireEvent} message @param {Record<string, any>} d @returns {WireEvent} */
function reacted(message, { u, emoji, on }) {
  /** @type {{ u: string, emoji: string }[]} */
  const held = message.d.reactions ?? [];
  const there = held.some((reaction) => reaction.u === u && reaction.emoji === emoji);
  if (there === on) return message;
  const reactions = on ? [...held, { u, emoji }] : held.filter((reaction) => reaction.u !== u || reaction.emoji !== emoji);
  const { reactions: _reactions, ...kept } = message.d;
  return { ...message, d: reactions.length > 0 ? { ...kept, reactions } : kept };
}

/**
 * The messages of a chat after something was done to each of them.
 * @param {Chat} chat @param {<T extends WireEvent | null>(message: T) => T | WireEvent} change
 * @returns {Pick<Chat, 'events' | 'last' | 'quoted'>}
 */
export function changedMessages({ events, last, quoted }, change) {
  const shown = quoted.size === 0 ? quoted : new Map([...quoted].map(([seq, message]) => [seq, change(message)]));
  return { events: events.map((event) => change(event)), last: change(last), quoted: shown };
}
