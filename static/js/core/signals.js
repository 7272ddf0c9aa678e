/**
 * Values that tell who reads them when they change. Effects run once per microtask, however many values changed.
 */

/** @typedef {{ run: () => void, deps: Set<Set<Reader>>, dead: boolean }} Reader */

/** @type {Reader | null} */
let current = null;
/** @type {Set<Reader>} */
let due = new Set();
let scheduled = false;

function flush() {
  scheduled = false;
  const readers = due;
  due = new Set();
  for (const reader of readers) if (!reader.dead) reader.run();
}

/**
 * A value with readers.
 * @template T
 */
export class Signal {
  /** @param {T} value */
  constructor(value) {
    this.held = value;
    /** @type {Set<Reader>} */
    this.readers = new Set();
  }

  /** Reads the value and makes the running effect depend on it. @returns {T} */
  get value() {
    if (current) {
      this.readers.add(current);
      current.deps.add(this.readers);
    }
    return this.held;
  }

  /** @param {T} next */
  set value(next) {
    if (Object.is(next, this.held)) return;
    this.held = next;
    for (const reader of this.readers) due.add(reader);
    if (due.size > 0 && !scheduled) {
      scheduled = true;
      queueMicrotask(flush);
    }
  }

  /** Reads without depending. @returns {T} */
  peek() {
    return this.held;
  }
}

/**
 * @template T
 * @param {T} value
 * @returns {Signal<T>}
 */
export const signal = (value) => new Signal(value);

/**
 * Runs `work` now and again whenever a signal it read has changed.
 * @param {() => void} work
 * @returns {() => void} ends it
 */
export function effect(work) {
  /** @type {Reader} */
  const reader = {
    dead: false,
    deps: new Set(),
    run() {
      for (const dep of reader.deps) dep.delete(reader);
      reader.deps.clear();
      const outer = current;
      current = reader;
      try {
        work();
      } finally {
        current = outer;
      }
    },
  };
  reader.run();
  return () => {
    reader.dead = true;
    for (const dep of reader.deps) dep.delete(reader);
    reader.deps.clear();
  };
}
