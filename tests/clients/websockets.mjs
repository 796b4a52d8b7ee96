// Node's HTTP/2 client against an echo resource (RFC 8441).
// Usage: node websockets.mjs URL all      many WebSockets beside requests on one connection
//        node websockets.mjs URL ask JSON prints the headers of the response to a request with these headers, as JSON
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';

const [url, what, headers] = process.argv.slice(2);
const session = http2.connect(url, { rejectUnauthorized: false });
const [settings] = await once(session, 'remoteSettings');
assert.equal(settings.enableConnectProtocol, true);

const websocket = {
  ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', 'sec-websocket-version': '13',
};

// Sends a request and reads the response to its end.
async function ask(request) {
  const stream = session.request(request);
  const [answer] = await once(stream, 'response');
  let body = '';
  stream.setEncoding('utf8');
  for await (const text of stream) body += text;
  return { answer, body };
}

// A minimal WebSocket client: one frame per message, masked with zeros.
class Socket {
  #bytes = Buffer.alloc(0);
  #wake = () => {};
  #ended = false;

  static async open(request = websocket) {
    const socket = new Socket();
    socket.stream = session.request(request, { endStream: false });
    const [answer] = await once(socket.stream, 'response');
    assert.equal(answer[':status'], 200);
    // There is nothing to upgrade and no key (RFC 8441 §5).
    for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) assert(!(name in answer), name);
    socket.stream.on('data', (bytes) => {
      socket.#bytes = Buffer.concat([socket.#bytes, bytes]);
      socket.#wake();
    });
    socket.stream.on('end', () => { socket.#ended = true; socket.#wake(); });
    return socket;
  }

  send(first, payload) {
    const length = payload.length;
    let head = [0x80 | length];
    if (length > 125) head = [0xfe, length >> 8, length & 0xff];
    if (length > 65535) head = [0xff, 0, 0, 0, 0, length >> 24, length >> 16, length >> 8, length];
    this.stream.write(Buffer.concat([Buffer.from([first, ...head]), Buffer.alloc(4), payload]));
  }

  async #take(count) {
    while (this.#bytes.length < count) {
      assert(!this.#ended, 'the stream ended too early');
      await new Promise((done) => { this.#wake = done; });
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async receive() {
    const [first, short] = await this.#take(2);
    let length = short;
    if (short === 126) length = (await this.#take(2)).readUInt16BE();
    if (short === 127) length = Number((await this.#take(8)).readBigUInt64BE());
    return { first, payload: await this.#take(length) };
  }

  async echoes(message) {
    const payload = Buffer.from(message);
    this.send(0x82, payload);
    const answer = await this.receive();
    assert.equal(answer.first, 0x82);
    assert(answer.payload.equals(payload));
  }

  async close() {
    this.send(0x88, Buffer.from([0x0f, 0xa1]));
    const { first, payload } = await this.receive();
    assert.deepEqual([first, payload.readUInt16BE()], [0x88, 4001]);
    // The server ends the stream first, as it would close TCP first.
    while (!this.#ended) await new Promise((done) => { this.#wake = done; });
    this.stream.end();
    if (!this.stream.closed) await once(this.stream, 'close');
    assert.equal(this.stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  }
}

if (what === 'ask') {
  const request = JSON.parse(headers);
  const stream = session.request(request, { endStream: request[':method'] !== 'CONNECT' });
  const [answer] = await once(stream, 'response');
  console.log(JSON.stringify(answer));
  stream.close();
  session.close();
} else {
  const one = await Socket.open();
  for (const length of [0, 1, 125, 126, 65535, 65536, 1 << 20]) await one.echoes(Buffer.alloc(length, 7));
  await one.close();
  console.log('messages of every length: ok');

  const all = await Promise.all(Array.from({ length: 50 }, () => Socket.open()));
  const requests = Array.from({ length: 20 }, () => ask({ ':path': '/healthz' }));
  await Promise.all(all.map(async (socket, number) => {
    for (let round = 0; round < 20; round += 1) await socket.echoes(`${number} in round ${round}`);
  }));
  for (const { answer, body } of await Promise.all(requests)) {
    assert.deepEqual([answer[':status'], body], [200, 'ok\n']);
  }
  console.log('50 WebSockets beside requests: ok');
  const page = await ask({ ':path': '/' });
  assert.deepEqual([page.answer[':status'], page.body], [200, '<p>welcome']);
  await Promise.all(all.map((socket) => socket.close()));
  console.log('close: ok');

  // Resetting one stream does not affect the others.
  const [torn, whole] = [await Socket.open(), await Socket.open()];
  torn.stream.close(http2.constants.NGHTTP2_CANCEL);
  await whole.echoes('still here');
  await whole.close();
  session.close();
  await once(session, 'close');
  console.log('reset: ok');
}
