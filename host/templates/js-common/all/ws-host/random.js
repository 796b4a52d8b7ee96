// Random numbers for QuickJS: it has no `crypto`, and its own Math.random would give every instance the same numbers,
// because its seed is stored in the component.

import { getRandomBytes } from 'wasi:random/random@0.2.0';
import { isQuickJs, toU64 } from './engine.js';

const randomBytes = (length) => getRandomBytes(toU64(length));

if (isQuickJs) {
  // The 53 bits that fit into a number.
  Math.random = () => randomBytes(7).reduce((number, byte, at) => number + (at < 6 ? byte : byte >> 3) * 256 ** at, 0) / 2 ** 53;

  globalThis.crypto = {
    getRandomValues(array) {
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(randomBytes(array.byteLength));
      return array;
    },
    randomUUID() {
      const bytes = randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40; // Version 4, RFC 9562 §5.4.
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
}
