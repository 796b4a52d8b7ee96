// Where the build with StarlingMonkey begins: the component, and two improvements of the bindings that componentize-js
// 0.23 generates. The bindings have a global object of their own. The constructor of their functions is the `Function`
// of this object, so the code that it compiles sees the variables of the bindings.

import { sendText } from 'ws-host:socket/clients@0.1.0';

export * from './component.js';

const runInBindings = (code) => sendText.constructor(code)();

// The bindings write each text that is sent into the memory of the component. The generated function first counts the
// bytes in a loop, which takes much longer than writing them. In UTF-8, a text takes one to three bytes for each unit
// of its `length`.
runInBindings(`
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
      const rest = TEXT_ENCODER_UTF8.encodeInto(text.slice(read), new Uint8Array(memory.buffer, ptr + len, size - len));
      read += rest.read;
      len += rest.written;
    }
    if (read !== units) throw new Error('the text was not written as a whole');
    return { ptr, len };
  };

  // If another version of componentize-js has other names, this fails the build, and not an event.
  _utf8AllocateAndEncode('é', $realloc, $memory);
`);

// All instances share the memory as it is after the build, until they write to it. So this creates what the engine
// would otherwise create in each instance: classes such as String and Promise, when their names are first read, and the
// class of stacks, when the first stack is read. The global object of the handler has its classes from the beginning.
runInBindings(`
  Object.getOwnPropertyNames(globalThis).forEach((name) => globalThis[name]);
  return new Error().stack;
`);
