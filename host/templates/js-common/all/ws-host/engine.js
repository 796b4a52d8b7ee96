// What differs between the two engines: StarlingMonkey (componentize-js) and QuickJS (componentize-qjs).

// StarlingMonkey has the APIs of a web page, QuickJS has only the language.
export const isQuickJs = typeof globalThis.setTimeout === 'undefined';

/** Converts a number for a `u64` of the contract: StarlingMonkey takes a BigInt there, QuickJS a Number. */
export const toU64 = isQuickJs ? (number) => number : BigInt;

/** Returns a whole number from 0 to `max`. The engines would take another number as well, and make something of it. */
export function whole(number, max = Number.MAX_SAFE_INTEGER) {
  if (Number.isSafeInteger(number) && number >= 0 && number <= max) return number;
  throw new RangeError(`a whole number from 0 to ${max} is needed here, not ${number}`);
}

/** Returns a text that can be written as UTF-8: half a surrogate pair, which JSON can contain, ends a QuickJS instance. */
export function text(value) {
  if (typeof value !== 'string') throw new TypeError(`a string is needed here, not ${value}`);
  return isQuickJs ? value.toWellFormed() : value;
}

/** Converts several numbers. The engines return a BigUint64Array or an Array; both take an Array. */
export const toU64List = (numbers) => Array.from(numbers, toU64);

/** Returns the word of an error that a function of the contract threw: `closed`, `full`, … */
export const word = (error) => error?.payload ?? error;

/** Calls a function of the contract. Returns whether it worked; false for one of the `expected` words. */
export function attempt(expected, call) {
  try {
    call();
    return true;
  } catch (error) {
    if (expected.includes(word(error))) return false;
    throw explained(error);
  }
}

/** Calls a function of the contract. Returns its result, or throws an Error that says what is wrong. */
export function result(call) {
  try {
    return call();
  } catch (error) {
    throw explained(error);
  }
}

function explained(error) {
  const problem = word(error);
  return typeof problem === 'string' ? coded(problem, EXPLANATIONS[problem] ?? problem) : error;
}

/** Returns an Error with a word of the host as its `code`. */
export const coded = (code, message) => Object.assign(new Error(message), { code });

// What a handler did wrong, for the log.
const EXPLANATIONS = {
  invalid: 'maxFrame must be at least 1',
  'invalid-code': 'the close code must not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 are allowed',
  'invalid-header': 'the name or the value is not valid in a header',
  'invalid-status': 'a refusal must have a status from 300 to 599',
  'invalid-subprotocol': 'the name of a subprotocol is not valid',
  'invalid-tag': 'a tag must have 1 to 255 bytes',
  'invalid-topic': 'the name of a topic must have 1 to 255 bytes',
  'invalid-url': 'the URL is not a WebSocket URL: it must begin with wss:// or ws://',
  'not-connecting': 'the handshake has already been answered',
  'not-granted': 'the configuration does not grant it: the log says what to add to `grant`',
  'not-offered': 'the client did not offer this subprotocol',
  'reason-too-long': 'a close reason must have at most 123 bytes',
  'reserved-header': 'this header is reserved for the handshake',
  'too-long': 'too long: see the limits in wit/',
  'too-many': 'too many: see the limits in wit/',
  'too-many-options': 'too many options at the same time',
  closed: 'the client is closing or closed',
  full: 'the file of durable timers is full',
  stopping: 'the resource is no longer served',
  unavailable: 'the file of durable timers cannot be written',
  unknown: 'compression must be by-length, always or never',
};
