// Timers of the host, which outlive a reload, a fault and hibernation.

import { cancel, set, setDurable } from 'ws-host:socket/timers@0.1.0';
import { attempt, toU64, whole } from './engine.js';

/** Sets the timer with this number: the event `timer` comes once, after so many milliseconds. */
export function setTimer(timer, after) {
  attempt([], () => set(toU64(whole(timer)), milliseconds(after)));
}

/** Sets a timer that a restart of the host does not lose. Returns when it is on the disk. */
export function setDurableTimer(timer, after) {
  attempt([], () => setDurable(toU64(whole(timer)), milliseconds(after)));
}

/** Cancels a timer. Returns whether it was set. */
export const cancelTimer = (timer) => cancel(toU64(whole(timer)));

/** Returns a time for the host. */
export function milliseconds(time) {
  if (typeof time !== 'number' || !(time >= 0)) throw new RangeError(`milliseconds are needed here, not ${time}`);
  return toU64(Math.min(Math.ceil(time), Number.MAX_SAFE_INTEGER));
}
