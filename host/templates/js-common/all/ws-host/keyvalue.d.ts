// Keys and values in a file of the host, which outlive a reload, a crash and a restart. Remove the `//` in front of
// `include wasi-keyvalue` in wit/capabilities.wit, and add `grant = ["keyvalue:FILE"]` to the resource in ws-host.toml.
//
//     import { open } from '../ws-host/keyvalue.js';
//
//     const visits = open('numbers').increment('visits');

import type { Data, Value } from './index.js';

/**
 * Opens the bucket of this name, which all instances of all resources with this file share. Without a name: the bucket
 * of this actor, for example of the room at a path. Works only during events.
 *
 * This function, and those of the bucket, throw errors with a `code`: `access-denied` (not granted), `full`,
 * `too-long`, `too-many`, `not-a-number`, `no-own-bucket` or `unavailable`.
 */
export function open(name?: string): Bucket;

/** Keys and values under a name. A key has at most 1 KiB, a value 1 MiB. */
export interface Bucket {
  /** The value of a key; `undefined` if there is none. */
  get(key: string): Data | undefined;

  /** Sets a value: bytes as they are, a string as UTF-8, anything else as JSON. It is on the disk when this returns. */
  set(key: string, value: Value): void;

  /** Removes a key. There need not be one. */
  delete(key: string): void;

  /** Whether there is a value of this key. */
  exists(key: string): boolean;

  /**
   * Adds to a value that is a number in decimal digits, and returns the sum, which is exact up to 2^53. No other instance
   * can come in between. A key without a value counts from 0. On StarlingMonkey, `by` cannot be negative (`unsupported`),
   * because componentize-js 0.23 cannot pass such a number.
   */
  increment(key: string, by?: number): number;

  /**
   * Sets a value if it is still the expected one; `undefined` if there must be none. Returns whether it was set. No other
   * instance can come in between.
   */
  compareAndSwap(key: string, expected: Value | undefined, value: Value): boolean;

  /** The values of up to 1,000 keys, in the order of the keys; `undefined` where there is none. */
  getMany(keys: Iterable<string>): (Data | undefined)[];

  /** Sets the values of up to 1,000 keys, for example those of a `Map`: all of them or none. */
  setMany(pairs: Iterable<readonly [string, Value]>): void;

  /** Removes up to 1,000 keys: all of them or none. */
  deleteMany(keys: Iterable<string>): void;

  /** All keys, in the order of their bytes. The host is asked for 1,000 at a time. */
  keys(): IterableIterator<string>;
}
