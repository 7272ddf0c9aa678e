/** The outbox's place on the device: IndexedDB. */

/** @import { OutboxItem, OutboxStorage } from '../types.js' */

const NAME = 'domu';
const VERSION = 1;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
const done = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });

/** @param {IDBFactory} factory @returns {Promise<OutboxStorage>} */
export async function openStorage(factory) {
  const opening = factory.open(NAME, VERSION);
  opening.onupgradeneeded = () => {
    const store = opening.result.createObjectStore('outbox', { keyPath: 'cid' });
    store.createIndex('by_user', ['user', 'order']);
  };
  const database = await answer(opening);
  // A newer version of this page in another tab must not wait for us.
  database.onversionchange = () => database.close();
  /** @param {(store: IDBObjectStore) => void} work */
  const write = (work) => {
    const transaction = database.transaction('outbox', 'readwrite', { durability: 'strict' });
    work(transaction.objectStore('outbox'));
    return done(transaction);
  };
  return {
    all(user) {
      const index = database.transaction('outbox').objectStore('outbox').index('by_user');
      return /** @type {Promise<OutboxItem[]>} */ (answer(index.getAll(IDBKeyRange.bound([user, -Infinity], [user, Infinity]))));
    },
    put: (item) => write((store) => store.put(item)),
    remove: (cid) => write((store) => store.delete(cid)),
  };
}
