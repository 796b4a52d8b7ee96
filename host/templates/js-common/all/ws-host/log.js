// The host's log, and the environment that the configuration gives to the handler.

import { getEnvironment } from 'wasi:cli/environment@0.2.0';
import { getStderr } from 'wasi:cli/stderr@0.2.0';
import { getStdout } from 'wasi:cli/stdout@0.2.0';
import { enabled, write as writeAt } from 'ws-host:socket/log@0.1.0';
import { isQuickJs, text } from './engine.js';
import './utf8.js';

// WASI takes no more bytes in one call.
const LONGEST_WRITE = 4096;

// How many lines of a stack appear in the log.
const MAX_FRAMES = 30;

/** Returns a variable of the environment, or undefined. */
export function env(name) {
  return getEnvironment().find(([key]) => key === name)?.[1];
}

/** Describes an error as it appears in the log: its message, stack and causes. */
export function describe(error) {
  if (!(error instanceof Error)) return `${format(error)} was thrown; throw an Error to see the stack here`;
  const title = String(error);
  const stack = String(error.stack ?? '').replace(title, '').split('\n').map(frame).filter(Boolean);
  const left = stack.splice(MAX_FRAMES).length;
  if (left > 0) stack.push(`    … and ${left} more`);
  const cause = error.cause === undefined ? [] : [`caused by: ${describe(error.cause)}`];
  return [title, ...stack, ...cause].join('\n');
}

// Returns a line of a stack in the same form for all engines, or nothing for code that is not the handler's.
function frame(line) {
  const [, name, place] = /^(?:\s*at )?(.*?) ?[@(](.*?)\)?$/.exec(line) ?? [];
  if (!place || /initializer\.js|\bws-host\/(events|component|starlingmonkey)\.js/.test(place)) return '';
  return `    at ${name || '<anonymous>'} (${place.replace(/^\//, '')})`;
}

function format(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return describe(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function write(stream, line) {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let at = 0; at < bytes.length; at += LONGEST_WRITE) {
    stream.blockingWriteAndFlush(bytes.slice(at, at + LONGEST_WRITE));
  }
  stream[Symbol.dispose]?.();
}

/** Writes to the host's log at level WARN. */
export const warn = (...values) => write(getStderr(), values.map(format).join(' '));

const info = (...values) => write(getStdout(), values.map(format).join(' '));

/** Writes to the host's log at this level. */
export const log = (level, ...values) => writeAt(text(level), text(values.map(format).join(' ')));

/** Returns whether the log shows lines of this level. */
export const isLogged = (level) => enabled(text(level));

globalThis.console ??= { debug: info, error: warn, info, log: info, trace: info, warn };

if (!isQuickJs) {
  // StarlingMonkey's console shows an error without its stack.
  for (const level of ['debug', 'error', 'info', 'log', 'warn']) {
    const write = console[level].bind(console);
    console[level] = (...values) => write(...values.map((value) => (value instanceof Error ? describe(value) : value)));
  }
}
