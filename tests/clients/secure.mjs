// An https page and its WebSockets, in a real browser, with a resource that reports the request.
// Usage: node secure.mjs PORT
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';

const host = `localhost:${process.argv[2]}`;
const window = await launch();

// Runs in the page: opens `count` WebSockets and asks each for the request that opened it.
async function requests({ url, count }) {
  const sockets = Array.from({ length: count }, () => new WebSocket(url));
  const next = (socket) => new Promise((done, failed) => {
    socket.onmessage = ({ data }) => done(data);
    socket.onclose = ({ code }) => failed(new Error(`closed with ${code}`));
  });
  await Promise.all(sockets.map((socket) => new Promise((done, failed) => {
    socket.onopen = done;
    socket.onerror = failed;
  })));
const seen = await Promise.all(sockets.map((socket) => {
    const answer = next(socket);
    socket.send('request');
    return answer;
  }));
  const long = 'long'.repeat(100000);
  const echo = next(sockets[0]);
  sockets[0].send(long);
  const isWhole = await echo === long;
  const codes = await Promise.all(sockets.map((socket) => new Promise((done) => {
    socket.onclose = ({ code }) => done(code);
    socket.close(4001);
  })));
return { seen, isWhole, codes };
}

try {
  const page = await (await window.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(`https://${host}/`);
  assert.equal(await page.textContent('p'), 'welcome');
  const spoken = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  assert.equal(spoken, 'h2');
const { seen, isWhole, codes } = await page.evaluate(requests, { url: `wss://${host}/`, count: 5 });
for (const request of seen) {
    assert.match(request, /secure: true/);
    assert.match(request, /https:\/\/localhost/);
    // Over HTTP/2 there is no key (RFC 8441 §5).
    assert.doesNotMatch(request, /sec-websocket-key/i);
    assert.match(request, /sec-websocket-version/i);
  }
  assert(isWhole);
  assert.deepEqual(codes, [4001, 4001, 4001, 4001, 4001]);
  console.log('5 WebSockets over the connection of their page: ok');
} finally {
  await window.close();
}
