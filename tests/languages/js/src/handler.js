// Fails in every way that a text message asks for.

import { broadcast, client as clientWith, log, publish, serve, setTimer } from '../ws-host/index.js';
import { connecting, everything } from './everything.js';

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

// The last character is half a surrogate pair, which UTF-8 cannot express.
const INVALID = JSON.parse('"half: \\ud800"');

function useInvalidText(client, where) {
  switch (where) {
    case 'send':
      return client.send(INVALID);
    case 'options':
      return client.send(INVALID, { compression: 'never' });
    case 'broadcast':
      return broadcast(INVALID, { to: [client] });
    case 'publish':
      client.subscribe('news');
      return publish('news', INVALID);
    case 'topic':
      client.subscribe(INVALID);
      return client.send(client.topics.join());
    case 'tag':
      client.tag(INVALID);
      return client.send(client.tags.join());
    case 'log':
      log('info', INVALID, { a: 1 });
      log(INVALID, 'of an unknown level');
      return client.send('logged');
    case 'close':
      return client.close(4000, INVALID);
  }
}

// Handles failures, as long as it does not fail itself.
const failed = (isBroken) => (client, error, event) => {
  if (isBroken) fail('failed');
  client.send(`failed in ${event}: ${error.message}`);
};

function recurse(depth) {
  return 1 + recurse(depth + 1);
}

const handler = {
  connected(client, handshake) {
    connecting(handshake);
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
      case 'reject':
        return Promise.resolve().then(() => fail('text'));
      case 'handle-failures':
        handler.failed = failed(rest[0] === 'badly');
        client.send('noted');
        break;
      case 'invalid':
        useInvalidText(client, rest[0]);
        break;
      case 'everything':
        everything(client);
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

  disconnected(client, end) {
    failIfAsked('disconnected');
    console.log(`ended: ${end.cause} ${end.code} ${end.sentCode ?? 0} ${end.clean} ${end.reason}`);
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
};

serve(handler);
