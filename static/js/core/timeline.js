/** From the events of a chat and what is still on its way to the rows of a conversation. */

/** @import { Chat, OutboxItem, WireEvent } from '../types.js' */
import { fate } from './streams.js';

/** Messages of one author further apart than this start a new group. Milliseconds. */
export const GROUP_MS = 5 * 60_000;

/** @typedef {'sending' | 'unconfirmed' | 'failed' | 'sent' | 'delivered' | 'read'} MessageState */

/**
 * @typedef {object} MessageRow
 * @property {'message'} type
 * @property {string} key the same before and after the server's confirmation
 * @property {string | null} mid
 * @property {string | null} cid
 * @property {number | null} seq
 * @property {string | null} author
 * @property {boolean} own
 * @property {string} text
 * @property {boolean} edited
 * @property {boolean} deleted
 * @property {number} ts
 * @property {boolean} first first of its group
 * @property {boolean} last last of its group
 * @property {MessageState | null} state null for messages of others
 * @property {number} readers
 * @property {number} others
 * @property {OutboxItem | null} item
 * @property {number} rev the revision shown
 * @property {Quote | null} quote what it answers
 * @property {Reactions[]} reactions
 *
 * @typedef {object} Quote
 * @property {number} seq
 * @property {'asked' | 'shown' | 'deleted' | 'unseen'} state `asked`: not known yet
 * @property {string | null} author
 * @property {string} text
 *
 * @typedef {{ emoji: import('../types.js').Emoji, people: string[], mine: boolean }} Reactions
 * @typedef {{ type: 'day', key: string, ts: number }} DayRow
 * @typedef {{ type: 'unread', key: string }} UnreadRow
 * @typedef {{ type: 'system', key: string, event: WireEvent }} SystemRow
 * @typedef {MessageRow | DayRow | UnreadRow | SystemRow} Row
 */

/**
 * @param {Chat} chat
 * @param {readonly OutboxItem[]} pending items of any chat, in order
 * @param {string | null} me
 * @param {number | null} divider sequence after which the unread messages begin, or null for none
 * @param {(ts: number) => string} dayOf names the local day
 * @returns {Row[]}
 */
export function rowsOf(chat, pending, me, divider, dayOf) {
  /** @type {Row[]} */
  const rows = [];
  let day = '';
  /** @type {MessageRow | null} */
  let previous = null;
  let divided = divider === null;
  const seen = new Set();

  /** @param {number} ts */
  const dayBefore = (ts) => {
    const name = dayOf(ts);
    if (name === day) return;
    day = name;
    previous = null;
    rows.push({ type: 'day', key: `day:${name}`, ts });
  };
  /** @param {MessageRow} row */
  const push = (row) => {
    if (previous !== null && previous.author === row.author && row.ts - previous.ts < GROUP_MS) {
      previous.last = false;
      row.first = false;
    }
    rows.push(row);
    previous = row;
  };

  for (const event of chat.events) {
    const isMessage = event.op === 'message' && event.d.kind !== 'system';
    if (!isMessage && !isShown(event)) continue;
    dayBefore(event.ts);
    const own = isMessage && event.d.u === me && me !== null;
    if (!divided && event.op === 'message' && event.seq > (divider ?? 0) && !own) {
      divided = true;
      previous = null;
      rows.push({ type: 'unread', key: 'unread' });
    }
    if (!isMessage) {
      previous = null;
      rows.push({ type: 'system', key: `e:${event.seq}`, event });
      continue;
    }
    const cid = typeof event.d.cid === 'string' ? event.d.cid : null;
    if (own && cid !== null) seen.add(cid);
    const end = own ? fate(chat, me, event.seq) : null;
    push({
      type: 'message',
      key: own && cid !== null ? `c:${cid}` : `e:${event.seq}`,
      mid: String(event.d.mid),
      cid: own ? cid : null,
      seq: event.seq,
      author: event.d.u ?? null,
      own,
      text: String(event.d.text ?? ''),
      edited: event.d.edited !== undefined,
      deleted: event.d.deleted === true,
      ts: event.ts,
      first: true,
      last: true,
      state: end?.state ?? null,
      readers: end?.readers ?? 0,
      others: end?.others ?? 0,
      item: null,
      rev: Number(event.d.rev ?? 1),
      quote: typeof event.d.reply_seq === 'number' ? quoteOf(chat, event.d.reply_seq) : null,
      reactions: reactionsOf(event, me),
    });
  }
  for (const item of pending) {
    if (item.chat !== chat.id || item.user !== me || seen.has(item.cid)) continue;
    dayBefore(item.created);
    push({
      type: 'message',
      key: `c:${item.cid}`,
      mid: null,
      cid: item.cid,
      seq: null,
      author: me,
      own: true,
      text: item.text,
      edited: false,
      deleted: false,
      ts: item.created,
      first: true,
      last: true,
      state: item.state === 'queued' ? 'sending' : item.state,
      readers: 0,
      others: 0,
      item,
      rev: 1,
      quote: item.reply === undefined ? null : quoteOf(chat, item.reply.seq),
      reactions: [],
    });
  }
  return rows;
}

/** What is known of the message at a number. @param {Chat} chat @param {number} seq @returns {Quote} */
export function quoteOf(chat, seq) {
  const held = chat.events[seq - chat.from];
  const event = held?.seq === seq ? held : chat.quoted.get(seq);
  const nothing = { seq, author: null, text: '' };
  if (event === undefined) return { ...nothing, state: seq <= chat.base ? 'unseen' : 'asked' };
  if (event === null || event.op !== 'message') return { ...nothing, state: 'unseen' };
  const author = event.d.u ?? null;
  return event.d.deleted === true ? { ...nothing, author, state: 'deleted' } : { seq, author, text: String(event.d.text ?? ''), state: 'shown' };
}

/** The reactions to a message, each kind once, in the order they came. @param {WireEvent} event @param {string | null} me @returns {Reactions[]} */
function reactionsOf(event, me) {
  /** @type {Map<string, Reactions>} */
  const kinds = new Map();
  for (const { u, emoji } of event.d.reactions ?? []) {
    const kind = kinds.get(emoji) ?? { emoji, people: [], mine: false };
    kinds.set(emoji, { emoji, people: [...kind.people, u], mine: kind.mine || u === me });
  }
  return [...kinds.values()];
}

/** Whether an event that is no person's message has a line of its own. @param {WireEvent} event */
function isShown(event) {
  if (event.op === 'message') return true;
  if (event.op === 'chat') return ['opened', 'renamed', 'closed'].includes(event.d.change);
  return event.op === 'member';
}

/** The newest message of a chat for its line in the list. @param {Chat} chat @param {readonly OutboxItem[]} pending @param {string | null} me */
export function previewOf(chat, pending, me) {
  const item = pending.findLast((candidate) => candidate.chat === chat.id && candidate.user === me);
  if (item !== undefined) return { text: item.text, own: true, author: me, ts: item.created, item, event: null };
  // The newest may be one that this person sees no more.
  const event = chat.last?.op === 'message' ? chat.last : chat.events.findLast((held) => held.op === 'message');
  if (event === undefined) return null;
  return { text: String(event.d.text ?? ''), own: event.d.u === me && me !== null, author: event.d.u ?? null, ts: event.ts, item: null, event };
}
