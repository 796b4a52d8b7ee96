// Where the build with StarlingMonkey begins: the component, and two improvements of the functions that componentize-js
// 0.23 generates for the contract. They have a global object of their own, and each of them leads to it.

import { sendText } from 'ws-host:socket/clients@0.1.0';

export * from './component.js';

const runBesideContract = (code) => sendText.constructor(code)();

// Each text that is sent is written into the memory of the component. The generated function first counts the bytes of
// the text in a loop, which takes much longer than to write them. A text has at least one byte for each unit of its
// length, and at most three.
runBesideContract(`
  if (typeof _utf8AllocateAndEncode !== 'function') return;

  globalThis._utf8AllocateAndEncode = (text, realloc, memory) => {
    if (typeof text !== 'string') throw new TypeError('a string is needed here, not ' + typeof text);
    const units = text.length;
    if (units === 0) return { ptr: 1, len: 0 };
    let ptr = realloc(0, 0, 1, units);
    let { read, written: len } = TEXT_ENCODER_UTF8.encodeInto(text, new Uint8Array(memory.buffer, ptr, units));
    if (read < units) {
      const size = len + 3 * (units - read);
      ptr = realloc(ptr, units, 1, size);
      const rest = new Uint8Array(memory.buffer, ptr + len, size - len);
      len += TEXT_ENCODER_UTF8.encodeInto(text.slice(read), rest).written;
    }
    return { ptr, len };
  };

  _utf8AllocateAndEncode('é', $realloc, $memory);
`);

// All instances share the memory as it is after the build, until they write to it. So what the engine creates on first
// use is created here. Classes such as String and Promise are created when their names are first read. The class of
// stacks has no name.
runBesideContract(`
  Object.getOwnPropertyNames(globalThis).forEach((name) => globalThis[name]);
  new Error().stack;
`);
