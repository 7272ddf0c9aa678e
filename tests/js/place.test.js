import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draftKey, place } from '../../static/js/ui/place.js';
import { CHAT, ME, OTHER } from './support.js';

/** The browser's storage, as a map. */
class Shelf {
  /** @param {string} key */
  getItem(key) {
    return /** @type {any} */ (this)[key] ?? null;
  }
  /** @param {string} key @param {string} value */
  setItem(key, value) {
    Object.assign(this, { [key]: value });
  }
  /** @param {string} key */
  removeItem(key) {
    delete (/** @type {any} */ (this)[key]);
  }
}

/** @param {string} cid @param {string} text @param {number} order @returns {import('../../static/js/types.js').OutboxItem} */
const item = (cid, text, order) => ({ cid, user: ME, chat: CHAT, text, order, created: order, state: 'queued', attempts: 0 });

test('a text that was written down as a message is no draft any more, at whatever moment the page ended', () => {
  const shelf = new Shelf();
  Object.defineProperty(globalThis, 'localStorage', { value: shelf, configurable: true });
  shelf.setItem(draftKey(ME, CHAT), 'hoi ');
  place.journal.keep(item('c1', 'hoi', 1));
  assert.deepEqual(place.journal.all(ME).map(({ cid }) => cid), ['c1']);
  assert.equal(shelf.getItem(draftKey(ME, CHAT)), null);
  shelf.setItem(draftKey(ME, CHAT), 'what was typed next');
  place.journal.keep(item('c0', 'earlier', 0));
  assert.deepEqual(place.journal.all(ME).map(({ cid }) => cid), ['c0', 'c1'], 'in the order they were written');
  assert.equal(shelf.getItem(draftKey(ME, CHAT)), 'what was typed next');
  assert.deepEqual(place.journal.all(OTHER), []);
  place.journal.drop('c1');
  assert.deepEqual(place.journal.all(ME).map(({ cid }) => cid), ['c0']);
});
