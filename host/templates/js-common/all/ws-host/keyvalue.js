// Keys and values in a file of the host. The world of the handler must include `wasi-keyvalue`: see
// wit/capabilities.wit.

import * as atomics from 'wasi:keyvalue/atomics@0.2.0-draft2';
import * as batch from 'wasi:keyvalue/batch@0.2.0-draft2';
import * as store from 'wasi:keyvalue/store@0.2.0-draft2';
import { Data, toData } from './data.js';
import { coded, isQuickJs, text, word } from './engine.js';

const NOT_GRANTED = 'not granted: add "keyvalue:FILE" to the `grant` of the resource';

// componentize-js 0.23 ends the instance for a negative `s64`.
function toS64(number) {
  if (isQuickJs) return number;
  if (number < 0) throw coded('unsupported', 'componentize-js cannot pass a negative number: use get and set');
  return BigInt(number);
}

/** Opens a bucket. */
export function open(name = '') {
  const bucket = new Bucket(text(name));
  bucket.check();
  return bucket;
}

/** Keys and values under a name. */
class Bucket {
  #name;

  constructor(name) {
    this.#name = name;
  }

  // The host's bucket is open only during a call: an instance may have a limited number of them.
  #with(use) {
    try {
      const bucket = store.open(this.#name);
      try {
        return use(bucket);
      } finally {
        bucket[Symbol.dispose]?.();
      }
    } catch (error) {
      throw explained(error);
    }
  }

  check() {
    this.#with(() => undefined);
  }

  get(key) {
    const bytes = this.#with((bucket) => bucket.get(text(key)));
    return bytes == null ? undefined : new Data(bytes);
  }

  set(key, value) {
    this.#with((bucket) => bucket.set(text(key), toData(value)));
  }

  delete(key) {
    this.#with((bucket) => bucket.delete(text(key)));
  }

  exists(key) {
    return this.#with((bucket) => bucket.exists(text(key)));
  }

  increment(key, by = 1) {
    if (!Number.isSafeInteger(by)) throw new RangeError(`a whole number is needed here, not ${by}`);
    const delta = toS64(by);
    return Number(this.#with((bucket) => atomics.increment(bucket, text(key), delta)));
  }

  compareAndSwap(key, expected, value) {
    const [old, fresh] = [expected === undefined ? undefined : toData(expected), toData(value)];
    return this.#with((bucket) => {
      const cas = atomics.Cas.new(bucket, text(key));
      if (!isSame(cas.current(), old)) {
        cas[Symbol.dispose]?.();
        return false;
      }
      return swapped(cas, fresh);
    });
  }

  getMany(keys) {
    const names = Array.from(keys, text);
    const found = this.#with((bucket) => batch.getMany(bucket, names));
    return Array.from(found, (pair) => (pair == null ? undefined : new Data(pair[1])));
  }

  setMany(pairs) {
    const values = Array.from(pairs, ([key, value]) => [text(key), toData(value)]);
    this.#with((bucket) => batch.setMany(bucket, values));
  }

  deleteMany(keys) {
    const names = Array.from(keys, text);
    this.#with((bucket) => batch.deleteMany(bucket, names));
  }

  *keys() {
    let cursor;
    do {
      const page = this.#with((bucket) => bucket.listKeys(cursor));
      yield* page.keys;
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }
}

// The host sets the value only if it is the one that `current` has returned.
function swapped(cas, value) {
  try {
    atomics.swap(cas, value);
    return true;
  } catch (error) {
    const problem = word(error);
    if (problem?.tag === 'store-error') throw problem.val;
    if (problem?.tag !== 'cas-failed') throw error;
    problem.val?.[Symbol.dispose]?.();
    return false;
  }
}

function isSame(bytes, others) {
  if (bytes == null || others === undefined) return bytes == null && others === undefined;
  return bytes.length === others.length && others.every((byte, index) => byte === bytes[index]);
}

function explained(error) {
  const problem = word(error);
  if (problem?.tag === 'access-denied') return coded('access-denied', NOT_GRANTED);
  if (problem?.tag !== 'other') return error;
  return coded(problem.val.split(':')[0], problem.val);
}
