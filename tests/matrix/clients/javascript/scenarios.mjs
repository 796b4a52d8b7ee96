// The scenarios of every client in JavaScript, in node, Deno, Bun and browsers.
//
// A client is a function `open(url, { protocols })` that resolves to a socket once the handshake is done:
// `send(text or Uint8Array)`, `receive()`, `close(code, reason)`, `closed` (resolves to code, reason,
// wasClean), `protocol`, `extensions`. A property that the client does not report is undefined.

/** By design, the client cannot do this. */
export class NotApplicable extends Error {}

function check(holds, why) {
  if (!holds) throw new Error(why);
}

const utf8 = new TextEncoder();
const phrase = 'grüße, 世界, 🦀 ';

// Returns a text of `size` bytes, not only ASCII.
function textOf(size) {
  const { length } = utf8.encode(phrase);
  return phrase.repeat(Math.floor(size / length)) + 'x'.repeat(size % length);
}

const bytesOf = (size) => Uint8Array.from({ length: size }, (_, index) => (index * 31) & 0xff);

async function echoes(socket, message) {
  socket.send(message);
  const answer = await socket.receive();
  const what = `the echo of ${message.length} ${typeof message === 'string' ? 'characters' : 'bytes'}`;
  check(typeof answer === typeof message, `${what} is of another type`);
  check(answer.length === message.length, `${what} has ${answer.length}`);
  const isSame = typeof message === 'string'
    ? answer === message : message.every((byte, index) => byte === answer[index]);
  check(isSame, `${what} differs`);
}

// Closes normally, at the end of other scenarios.
async function leave(socket) {
  socket.close(1000, '');
  await socket.closed;
}

async function compresses(open, url) {
  const socket = await open(url, {});
  socket.send('request');
  const request = await socket.receive();
  const { extensions } = socket;
  for (let round = 0; round < 20; round += 1) await echoes(socket, `${round} ${textOf(300 * round)}`);
  await echoes(socket, textOf(200000));
  await echoes(socket, 'short');
  await leave(socket);
  if (!request.includes('sec-websocket-extensions')) throw new NotApplicable('offers no compression and is served uncompressed');
  check(extensions === undefined || extensions.includes('permessage-deflate'), `agreed on "${extensions}"`);
}

const scenarios = {
  async text(open, url, { sizes }) {
    const socket = await open(url, {});
    for (const size of sizes) await echoes(socket, textOf(size));
    await leave(socket);
  },

  async binary(open, url, { sizes }) {
    const socket = await open(url, {});
    for (const size of sizes) await echoes(socket, bytesOf(size));
    await leave(socket);
  },

  async 'in flight'(open, url) {
    const socket = await open(url, {});
    const sent = Array.from({ length: 500 }, (_, number) => `${number} ${textOf((number * 7) % 300)}`);
    for (const message of sent) socket.send(message);
    for (const message of sent) check(await socket.receive() === message, `"${message}" did not come in its turn`);
    await leave(socket);
  },

  async subprotocol(open, url) {
    const socket = await open(url, { protocols: ['first.v1', 'second.v2'] });
    check(socket.protocol === 'second.v2', `chosen is "${socket.protocol}"`);
    check(await socket.receive() === 'welcome', 'no welcome');
    await leave(socket);
  },

  async ping(open, url) {
    const socket = await open(url, {});
    socket.send('are you there?');
    const report = await socket.receive();
    check(report === 'pong are you there?', `the handler says "${report}"`);
    await leave(socket);
  },

  async 'client closes'(open, url) {
    const socket = await open(url, {});
    socket.close(4001, 'enough 🦀');
    const { code, wasClean } = await socket.closed;
    check(code === undefined || code === 4001, `the answer is ${code}`);
    check(wasClean !== false, 'not clean');
  },

  async 'server closes'(open, url) {
    const socket = await open(url, {});
    socket.send('close 4002 not today 🦀');
    const { code, reason, wasClean } = await socket.closed;
    check(code === 4002, `the code is ${code}`);
    check(reason === 'not today 🦀', `the reason is "${reason}"`);
    check(wasClean !== false, 'not clean');
  },

  async refused(open, url) {
    const socket = await open(url, {}).catch(() => null);
    check(socket === null, 'opened although the server refuses it');
  },

  async compressed(open, url) {
    await compresses(open, url);
  },

  async 'compressed with context'(open, url) {
    await compresses(open, url);
  },

  async wss(open, url) {
    const socket = await open(url, {});
    for (const size of [1, 126, 65536, 300000]) {
      await echoes(socket, textOf(size));
      await echoes(socket, bytesOf(size));
    }
    await leave(socket);
  },
};

/** Runs the scenarios of the plan and calls `report` with the outcome of each. */
export async function run(open, plan, report) {
  for (const scenario of plan.scenarios) {
    let outcome = 'passed';
    let why = '';
    try {
      await scenarios[scenario](open, plan.urls[scenario], plan);
    } catch (error) {
      outcome = error instanceof NotApplicable ? 'not applicable' : 'failed';
      why = error.message || String(error);
    }
    await report({ scenario, outcome, why });
  }
}
