// Values of the configuration. The world of the handler must include `wasi-config`: see wit/capabilities.wit.

import * as host from 'wasi:config/store@0.2.0-rc.1';
import { coded, text, word } from './engine.js';

/** Returns a value, or undefined. */
export const get = (key) => checked(() => host.get(text(key))) ?? undefined;

/** Returns all values. */
export const getAll = () => Object.fromEntries(checked(() => host.getAll()));

function checked(call) {
  try {
    return call();
  } catch (error) {
    const problem = word(error);
    throw typeof problem?.tag === 'string' ? coded(problem.tag, problem.val) : error;
  }
}
