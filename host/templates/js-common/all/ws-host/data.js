// Data that the host keeps or passes on: states, attachments, custom messages and their replies.

import './utf8.js';

/** Returns data as bytes: bytes as they are, a string as UTF-8, anything else as JSON. */
export function toData(value) {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  if (json === undefined) throw new TypeError(`${typeof value} cannot be written as JSON`);
  return new TextEncoder().encode(json);
}

/** Bytes that can be read as text or JSON. */
export class Data {
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  bytes() {
    return this.#bytes;
  }

  text() {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes);
  }

  json() {
    return JSON.parse(this.text());
  }
}
