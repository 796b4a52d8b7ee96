// Fails in every way that a text message asks for.

import { broadcast, client as clientWith, serve, setTimer } from '../ws-host/index.js';

let count = 0;
/** The event that throws the next time. */
let failing;

function fail(event) {
  throw new Error(`on purpose, in ${event}`);
}

function failIfAsked(event) {
  if (failing !== event) return;
  failing = undefined;
  fail(event);
}

function recurse(depth) {
  return 1 + recurse(depth + 1);
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
      case 'throw-in':
        failing = rest[0];
        client.send('noted');
        break;
      case 'expire':
        client.expire(60_000, 59_990);
        break;
      case 'fill': {
        // Bytes, because texts are slow: the host writes during an event that takes long.
        const chunk = new Uint8Array(60_000);
        while (client.send(chunk));
        break;
      }
      case 'recurse':
        recurse(0);
        break;
      case 'surrogate':
        client.send(JSON.parse('"half: \\ud800"'));
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

  disconnected() {
    failIfAsked('disconnected');
  },

  drained() {
    failIfAsked('drained');
  },

  expiring(client) {
    failIfAsked('expiring');
    client.keep();
    client.send('expiring');
  },

  stopping() {
    failIfAsked('stopping');
    broadcast('stopping');
  },

  custom(message) {
    const text = message.text();
    if (text === 'throw') fail('custom');
    const reply = `${message.kind} of ${message.sender}: ${text}`;
    if (text === 'fail') throw new Error(reply);
    return reply;
  },

  suspend() {
    failIfAsked('suspend');
    if (failing === 'resume') console.log('the state is unusable');
    return { count, isUnusable: failing === 'resume' };
  },

  resume(state) {
    const saved = state?.json();
    if (saved?.isUnusable) fail('resume');
    count = saved?.count ?? 0;
  },
});
