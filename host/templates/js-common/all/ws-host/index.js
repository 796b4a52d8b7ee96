// The SDK: what a handler imports. index.d.ts documents it.

export { anyClient as client } from './client.js';
export { serve } from './events.js';
export { env, isLogged, log } from './log.js';
export { connect, connections } from './outgoing.js';
export { broadcast, clients, closeTagged, publish, sendTagged, subscribers, tagged } from './send.js';
export { cancelTimer, setDurableTimer, setTimer } from './timers.js';
