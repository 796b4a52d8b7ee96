// A room for each path: /room/kitchen and /room/garden have an instance of this code each.

import { broadcast, clients, serve } from '../ws-host/index.js';

/** How many lines a room keeps for those who come later. */
const KEPT = 20;

let lines: string[] = [];

serve({
  connected(client) {
    client.send(`* room ${client.request.param('id')}, ${clients().length} here`);
    for (const line of lines) client.send(line);
  },

  text(client, line) {
    lines = [...lines, line].slice(-KEPT);
    broadcast(line);
  },

  binary(client) {
    client.close(1003, 'this is a chat: text only');
  },

  // A room without events is reduced to this state, and wakes for the next event.
  suspend() {
    return lines;
  },

  resume(state) {
    lines = state?.json<string[]>() ?? [];
  },
});
