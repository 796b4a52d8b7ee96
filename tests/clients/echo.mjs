// The npm package `ws` against an echo resource. Usage: node echo.mjs URL [compressed]
// For wss, NODE_EXTRA_CA_CERTS names the file of the authority that signed the server's certificate.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

const [url, compression] = process.argv.slice(2);
const isCompressed = compression === 'compressed';
const socket = new WebSocket(url, { perMessageDeflate: isCompressed && { threshold: 0 } });
await once(socket, 'open');
assert.equal(socket.protocol, '');
assert.equal(socket.extensions, isCompressed ? 'permessage-deflate' : '');

async function echoes(message) {
  const answer = once(socket, 'message');
  socket.send(message);
  const [data, isBinary] = await answer;
  assert.equal(isBinary, typeof message !== 'string');
  assert.deepEqual(data, Buffer.from(message));
}

for (const text of ['', 'hello', 'grüße, 世界, 🦀', 'a'.repeat(125), 'b'.repeat(126)]) {
  await echoes(text);
}
for (const length of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
  await echoes(Buffer.alloc(length, length % 251));
}
console.log('messages of every length: ok');

const whole = once(socket, 'message');
socket.send('frag', { fin: false });
socket.ping('between fragments');
socket.send('men', { fin: false });
socket.send('ted', { fin: true });
assert.equal(String((await whole)[0]), 'fragmented');
console.log('fragments: ok');

const pong = once(socket, 'pong');
socket.ping('are you there?');
assert.equal(String((await pong)[0]), 'are you there?');
console.log('ping: ok');

const received = [];
const all = new Promise((done) => {
  socket.on('message', (data) => { if (received.push(String(data)) === 500) done(); });
});
const sent = Array.from({ length: 500 }, (_, number) => `message ${number}`);
sent.forEach((message) => socket.send(message));
await all;
assert.deepEqual(received, sent);
console.log('500 in flight come back in order: ok');

const closed = once(socket, 'close');
socket.close(4001, 'enough');
const [code, reason] = await closed;
assert.equal(code, 4001);
assert.equal(String(reason), 'enough');
console.log('close: ok');
