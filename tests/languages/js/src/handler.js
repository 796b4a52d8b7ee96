// Fails in every way that a text message asks for.

import { client as clientWith, serve, setTimer } from '../ws-host/index.js';

let count = 0;
const throwsOnLeave = new Set();

function fail(event) {
  throw new Error(`on purpose, in ${event}`);
}

serve({
  connected(client) {
    if (client.request.rawQuery === 'throw') fail('connected');
  },

  text(client, message) {
    count += 1;
    const [command, ...rest] = message.split(' ');
    switch (command) {
      case 'throw':
        return fail('text');
      case '/throw-on-leave':
        throwsOnLeave.add(client);
        break;
      case 'timer':
        setTimer(1, 0);
        break;
      case 'loop':
        for (;;);
      case 'memory': {
        const kept = [];
        for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
      }
      case 'close':
        client.close(Number(rest[0]), rest.slice(1).join(' '));
        break;
      case 'gone':
        client.send(String(clientWith(client.id + 1000).send('are you there?')));
        break;
      case 'id':
        client.send(String(client.id));
        break;
      case 'count':
        client.send(String(count));
        break;
      default:
        client.send(message);
    }
  },

  binary() {
    fail('binary');
  },

  pong(client, payload) {
    if (new TextDecoder().decode(payload) === 'throw') fail('pong');
  },

  timer() {
    fail('timer');
  },

  disconnected(client) {
    if (throwsOnLeave.delete(client)) fail('disconnected');
  },
});
