import type { Client, Handshake, SendOptions } from '../ws-host/index.js';
import {
  broadcast,
  cancelTimer,
  client as clientWith,
  clients,
  closeTagged,
  env,
  isLogged,
  log,
  publish,
  sendTagged,
  setTimer,
  subscribers,
  tagged,
} from '../ws-host/index.js';

let last: Handshake | undefined;

/** Responds to a client, and keeps the response to try it too late. */
export function connecting(handshake: Handshake): void {
  handshake.addHeader('x-handler', 'faults');
  last = handshake;
}

/** Returns what a function that can fail has done, as the Go handler prints its error. */
function outcome(call: () => unknown): string {
  try {
    return call() === false ? 'closed' : '<nil>';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Calls each function of the SDK, and sends what they return. The other languages send the same lines. */
export function everything(client: Client): void {
  const say = (name: string, ...values: unknown[]): unknown => client.send(`${name}: ${values.join(' ')}`);
  const gone = clientWith(client.id + 1_000_000);
  aboutRequest(client, say);
  log('warn', 'from everything');
  say('log', isLogged('info'), isLogged('trace'), env('GREETING'));
  aboutGroups(client, say);

  const send = (message: string | Uint8Array, options: SendOptions): string =>
    outcome(() => client.send(message, options));
  say('options', send('x', { compression: 'sometimes' } as unknown as SendOptions));
  send(new TextEncoder().encode('sent'), { compression: 'never' });
  const missed = broadcast('to many', { to: [client, gone] });
  say('missed', missed.length, missed[0]?.id === gone.id);
  say('buffered', client.open && client.buffered !== undefined, gone.buffered !== undefined, clients().length);
  const tooLong = outcome(() => client.ping(new Uint8Array(126)));
  const pong = outcome(() => client.pong('p'));
  const ping = outcome(() => client.ping('p'));
  say('pings', tooLong, pong, ping);

  const before = client.remaining;
  client.expire(3_600_000, 60_000);
  const left = client.remaining ?? 0;
  say('expiry', before !== undefined, left > 3_540_000 && left <= 3_600_000, client.keep(), client.keep());
  say('timers', outcome(() => setTimer(9, 3_600_000)), cancelTimer(9), cancelTimer(9));
  say('too late', outcome(() => last?.addHeader('x', 'y')));
  const code = outcome(() => client.close(1));
  const reason = outcome(() => client.close(1000, 'x'.repeat(124)));
  say('not closed', code, reason);
  say('gone', gone.abort(), outcome(() => gone.close()));
}

type Say = (name: string, ...values: unknown[]) => unknown;

function aboutRequest(client: Client, say: Say): void {
  const r = client.request;
  say(
    'request',
    r.resourceName,
    r.path,
    r.rawQuery,
    JSON.stringify(r.query('name')),
    r.header('X-Test'),
    r.header('x-missing') !== undefined,
    r.query('none') !== undefined,
  );
  const bytes = r.headers.find(([name]) => name === 'x-bytes')?.[1] ?? [];
  const hexadecimal = Array.from(bytes, (byte) => byte.toString(16)).join('');
  const params = Object.entries(r.params).map(([name, value]) => `${name}=${value};`);
  say('lists', hexadecimal, params.join(''), r.param('id'), r.offeredSubprotocols);
  say(
    'connection',
    `[${r.subprotocol ?? ''}]`,
    `[${r.origin ?? ''}]`,
    r.protocolVersion,
    r.httpVersion,
    r.address,
    r.localAddress,
    r.peerAddress === '127.0.0.1',
    (r.peerPort ?? 0) > 0,
    (r.localPort ?? 0) > 0,
    `[${r.serverName ?? ''}]`,
  );
  say(
    'certificate',
    r.secure,
    r.certificate !== undefined,
    `[${r.certificateFingerprint ?? ''}]`,
    `[${r.certificateSubject ?? ''}]`,
    r.certificateNames.length,
  );
}

function aboutGroups(client: Client, say: Say): void {
  const before = client.attachment !== undefined;
  client.attach('a\0b');
  const size = client.attachment?.bytes().length;
  const tooLong = outcome(() => client.attach(new Uint8Array(20_000)));
  say('attachment', before, size, tooLong);

  client.tag('b');
  client.tag('a');
  const tags = client.tags.join();
  const found = tagged('a').length;
  const untagged = [client.untag('a'), client.untag('a')];
  say('tags', tags, found, ...untagged, outcome(() => client.tag('')));
  sendTagged('b', 'tagged');
  say('closed tagged', outcome(() => closeTagged('nobody')), outcome(() => closeTagged('b', 1)));

  client.subscribe('news');
  client.subscribe('more');
  const topics = client.topics.join();
  const count = subscribers('news');
  const unsubscribed = [client.unsubscribe('more'), client.unsubscribe('more')];
  say('topics', topics, count, ...unsubscribed, subscribers('more'));
  publish('news', new TextEncoder().encode('published'), { maxFrame: 4 });
  publish('news', 'not for you', { except: client });
  say('left', client.unsubscribeAll());
}
