import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, emptyStreams } from '../../static/js/core/streams.js';
import { previewOf, rowsOf } from '../../static/js/core/timeline.js';
import { CHAT, ME, OTHER, message, reply, wireChat } from './support.js';

/** @import { Chat, OutboxItem, WireEvent } from '../../static/js/types.js' */

const MINUTE = 60_000;
/** @param {WireEvent[]} events @returns {Chat} */
const chatOf = (events) => /** @type {Chat} */ (apply(emptyStreams(), { type: 'connected', reply: reply([wireChat(events)]) }).state.chats.get(CHAT));
/** @param {string} cid @param {Partial<OutboxItem>} [rest] @returns {OutboxItem} */
const item = (cid, rest = {}) => ({ cid, user: ME, chat: CHAT, text: `draft ${cid}`, order: 1, created: 3 * MINUTE, state: 'queued', attempts: 0, ...rest });
const day = (/** @type {number} */ ts) => String(Math.floor(ts / 86_400_000));
/** @param {number} seq @param {number} ts @param {Record<string, any>} [d] */
const at = (seq, ts, d) => ({ ...message(seq, d), ts });

test('messages are grouped by author and nearness, and parted by days', () => {
  const rows = rowsOf(chatOf([at(1, 0), at(2, MINUTE), at(3, 20 * MINUTE), at(4, 21 * MINUTE, { u: ME, cid: 'c4' }), at(5, 90_000_000)]), [], ME, null, day);
  assert.deepEqual(
    rows.map((row) => (row.type === 'message' ? `${row.own ? 'own' : 'other'}${row.first ? ' first' : ''}${row.last ? ' last' : ''}` : row.type)),
    ['day', 'other first', 'other last', 'other first last', 'own first last', 'day', 'other first last'],
  );
});

test('a message on its way keeps its place and key when it is confirmed', () => {
  const before = rowsOf(chatOf([at(1, 0)]), [item('c1')], ME, null, day).at(-1);
  const after = rowsOf(chatOf([at(1, 0), at(2, 3 * MINUTE, { u: ME, cid: 'c1', text: 'draft c1' })]), [item('c1')], ME, null, day);
  assert.equal(after.length, 3, 'shown once even while both know it');
  assert.equal(before?.key, after.at(-1)?.key);
  assert.equal(before?.type === 'message' && before.state, 'sending');
});

test('the six states are told apart', () => {
  const states = (/** @type {OutboxItem['state'][]} */ ...list) => rowsOf(chatOf([]), list.map((state, i) => item(`c${i}`, { state })), ME, null, day).flatMap((row) => (row.type === 'message' ? [row.state] : []));
  assert.deepEqual(states('queued', 'sending', 'unconfirmed', 'failed'), ['sending', 'sending', 'unconfirmed', 'failed']);
  assert.deepEqual(rowsOf(chatOf([]), [item('x', { user: OTHER }), item('y', { chat: 'else' })], ME, null, day), []);
});

test('the divider stands before the first unread message of somebody else', () => {
  const events = [at(1, 0), at(2, 1, { u: ME, cid: 'c2' }), at(3, 2), at(4, 3)];
  const kinds = (/** @type {number | null} */ divider) => rowsOf(chatOf(events), [], ME, divider, day).map((row) => row.key);
  assert.deepEqual(kinds(1), ['day:0', 'e:1', 'c:c2', 'unread', 'e:3', 'e:4']);
  assert.ok(!kinds(4).includes('unread'));
  assert.ok(!kinds(null).includes('unread'));
});

test('the list shows what is newest, also when it is still on its way', () => {
  const chat = chatOf([at(1, 0)]);
  assert.equal(previewOf(chat, [], ME)?.text, 'text 1');
  assert.equal(previewOf(chat, [item('c1')], ME)?.own, true);
});

test('a row tells what it answers and how people react', () => {
  const reactions = [{ u: ME, emoji: '🏠' }, { u: OTHER, emoji: '🔥' }, { u: OTHER, emoji: '🏠' }];
  const events = [at(1, 0, { text: 'question' }), at(2, 1, { deleted: true, text: '' }), at(3, 2, { reply_seq: 1, reply_to: 'm1', reactions }), at(4, 3, { reply_seq: 2 }), { ...at(5, 4), op: 'hidden' }, at(6, 5, { reply_seq: 5 })];
  const rows = rowsOf(chatOf(events), [item('c1', { reply: { mid: 'm1', seq: 1 } })], ME, null, day).filter((row) => row.type === 'message');
  assert.deepEqual(rows.map((row) => row.type === 'message' && row.quote?.state), [undefined, undefined, 'shown', 'deleted', 'unseen', 'shown']);
  const third = rows[2];
  assert.ok(third?.type === 'message');
  assert.equal(third.quote?.text, 'question');
  assert.deepEqual(third.reactions, [{ emoji: '🏠', people: [ME, OTHER], mine: true }, { emoji: '🔥', people: [OTHER], mine: false }]);
  const later = /** @type {Chat} */ (apply(emptyStreams(), { type: 'connected', reply: reply([wireChat([at(9, 0, { reply_seq: 3 }), at(10, 1, { reply_seq: 1 })], { limited: true, head: 10, base: 2 })]) }).state.chats.get(CHAT));
  assert.deepEqual(rowsOf(later, [], ME, null, day).flatMap((row) => (row.type === 'message' ? [row.quote?.state] : [])), ['asked', 'unseen'], 'what came before one joined is not asked about');
});

test('the list falls back on what is still to be seen', () => {
  const chat = chatOf([at(1, 0), { ...at(2, 1), op: 'hidden', d: { n: 2, u: ME } }]);
  assert.equal(previewOf({ ...chat, last: { ...at(2, 1), op: 'hidden' } }, [], ME)?.text, 'text 1');
  assert.equal(previewOf({ ...chat, events: [], last: { ...at(2, 1), op: 'hidden' } }, [], ME), null);
});
