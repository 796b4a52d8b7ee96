// Where the build begins: the handler, and what the host calls.

import { requireHandler } from './events.js';
import '../out/handler.js';

requireHandler();

export {
  burstListener,
  customListener,
  drainedListener,
  expiryListener,
  handler,
  lifecycle,
  stopListener,
  timersListener,
} from './events.js';
