// What the host calls. Each event goes to the function of this name in the handler that `serve` was given. An exception
// ends only its event: it is logged, and the event's client is closed.

import { next } from 'ws-host:socket/burst@0.1.0';
import * as custom from 'ws-host:socket/custom@0.1.0';
import * as state from 'ws-host:socket/state@0.1.0';
import { clientOf, forget, whileResuming } from './client.js';
import { Data, toData } from './data.js';
import { isQuickJs, text } from './engine.js';
import { describe, env, warn } from './log.js';
import { Disconnection, Handshake } from './request.js';
import './random.js';

// The longest reason of a close frame, in bytes.
const LONGEST_REASON = 123;

let events;

const EVENTS = ['connected', 'text', 'binary', 'pong', 'disconnected', 'timer', 'custom', 'drained', 'expiring', 'stopping'];
const OTHERS = ['suspend', 'resume', 'failed'];

/** Makes an object the handler of this component. */
export function serve(object) {
  const all = [...EVENTS, ...OTHERS];
  const isUnknown = (name) => typeof object[name] === 'function' && !all.includes(name);
  // An object of a class may have functions of its own.
  const unknown = Object.getPrototypeOf(object) === Object.prototype ? Object.keys(object).filter(isUnknown) : [];
  if (unknown.length > 0) throw new Error(`serve: no event is called ${unknown}: the events are ${all.join(', ')}`);
  if (events !== undefined) throw new Error('serve was called twice');
  events = object;
}

/** Fails the build if there is no handler. */
export function requireHandler() {
  if (events === undefined) throw new Error('the handler does not call serve({ … })');
}

// Calls an event's function. `failed` gets an exception. Returns the result, or a promise of it.
function call(name, values, failed) {
  try {
    const result = events[name]?.(...values);
    if (typeof result?.then !== 'function') return result;
    if (!isQuickJs) return result.then(undefined, failed);
    throw new Error(`${name} returned a promise: componentize-qjs does not support async events, but componentize-js does`);
  } catch (error) {
    return failed(error);
  }
}

// Continues now, or when the promise is fulfilled.
const then = (result, use) => (typeof result?.then === 'function' ? result.then(use) : use(result));

// Calls an event's function for a client, which is closed if that fails.
function callFor(client, name, ...values) {
  return then(call(name, [client, ...values], (error) => fail(name, client, error)), () => undefined);
}

function fail(name, client, error) {
  if (typeof events.failed === 'function' && name !== 'failed') return callFor(client, 'failed', error, name);
  report(name, error, client);
  client.close(1011, reasonFor(error));
}

function report(name, error, client) {
  warn(`${client === undefined ? '' : `${client}, `}${name}: ${describe(error)}`);
}

// Only a host that was started for development shows clients what went wrong.
function reasonFor(error) {
  if (env('WS_HOST_DEV') === undefined) return 'the handler failed';
  const bytes = new TextEncoder().encode(String(error)).slice(0, LONGEST_REASON);
  return new TextDecoder().decode(bytes).replace(/\ufffd+$/, '');
}

function received(client, message) {
  const name = message.tag;
  if (events[name] !== undefined) return callFor(client, name, message.val);
  client.close(1003, `this resource takes no ${name === 'text' ? 'text' : 'binary messages'}`);
}

export const handler = {
  connected(id) {
    const client = clientOf(id);
    const handshake = new Handshake(client.id);
    const refuse = (error) => {
      report('connected', error, client);
      return handshake.reject(500, env('WS_HOST_DEV') === undefined ? 'The handler failed.\n' : `${error}\n`);
    };
    return then(call('connected', [client, handshake], refuse), (accepted) => {
      if (accepted === false) forget(client);
      return accepted !== false;
    });
  },
  receivedText: (id, message) => received(clientOf(id), { tag: 'text', val: message }),
  receivedBinary: (id, message) => received(clientOf(id), { tag: 'binary', val: message }),
  receivedPong: (id, payload) => callFor(clientOf(id), 'pong', payload),
  disconnected(id) {
    const client = clientOf(id);
    const failed = (error) => report('disconnected', error, client);
    const end = events.disconnected && new Disconnection(client.id);
    return then(call('disconnected', [client, end], failed), () => void forget(client));
  },
};

export const burstListener = {
  receivedBurst(id) {
    const client = clientOf(id);
    for (let message = next(); message != null; message = next()) {
      const result = received(client, message);
      if (typeof result?.then === 'function') return result.then(() => burstListener.receivedBurst(id));
    }
  },
};

export const lifecycle = {
  suspend() {
    const failed = (error) => report('suspend', error);
    return then(call('suspend', [state.reason() ?? undefined], failed), (value) => (value === undefined ? undefined : toData(value)));
  },
  resume(bytes) {
    const failed = (error) => {
      report('resume', error);
      throw text(String(error));
    };
    const values = [bytes == null ? undefined : new SavedState(bytes), state.reason() ?? undefined];
    return then(whileResuming(() => call('resume', values, failed)), () => undefined);
  },
};

class SavedState extends Data {
  constructor(bytes) {
    super(bytes);
    const age = state.age();
    this.age = age == null ? undefined : Number(age);
  }
}

export const timersListener = {
  fired: (timer) => then(call('timer', [Number(timer)], (error) => report('timer', error)), () => undefined),
};

export const customListener = {
  receivedCustom(bytes) {
    if (events.custom === undefined) throw 'this handler takes no custom messages';
    const failed = (error) => {
      report('custom', error);
      throw text(error instanceof Error ? error.message : String(error));
    };
    const message = Object.assign(new Data(bytes), { kind: custom.kind() ?? undefined, sender: custom.sender() ?? undefined });
    return then(call('custom', [message], failed), (reply) => toData(reply ?? ''));
  },
};

export const drainedListener = { drained: (id) => callFor(clientOf(id), 'drained') };

export const expiryListener = { expiring: (id) => callFor(clientOf(id), 'expiring') };

export const stopListener = { stopping: () => then(call('stopping', [], (error) => report('stopping', error)), () => undefined) };
