// Messages and options as the contract has them.

import { SendOptions } from 'ws-host:socket/clients@0.1.0';
import { attempt, text, toU64List, whole } from './engine.js';

/** Returns bytes of any kind as a Uint8Array. */
export function toBytes(data) {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError(`a message is a string or bytes, not ${data === null ? 'null' : typeof data}: use JSON.stringify`);
}

/** Returns a message of the contract. */
export const toMessage = (data) =>
  typeof data === 'string' ? { tag: 'text', val: text(data) } : { tag: 'binary', val: toBytes(data) };

/** Calls `use` with the options of the contract, or with undefined if there are none. */
export function withOptions(options, use) {
  const { compression, maxFrame, except } = options ?? {};
  if (compression === undefined && maxFrame === undefined && except === undefined) return use(undefined);
  const made = new SendOptions();
  try {
    if (compression !== undefined) attempt([], () => made.setCompression(text(compression)));
    if (maxFrame !== undefined) attempt([], () => made.setMaxFrame(whole(maxFrame, 2 ** 32 - 1)));
    if (except !== undefined) attempt([], () => made.setExcept(idsOf(except)));
    return use(made);
  } finally {
    made[Symbol.dispose]?.();
  }
}

/** Returns the numbers of a client, or of several. */
export function idsOf(clients) {
  const list = Symbol.iterator in clients ? Array.from(clients) : [clients];
  return toU64List(list.map((client) => whole(client?.id)));
}
