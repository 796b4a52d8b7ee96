// A real browser negotiates compression with an echo resource. Usage: node extension.mjs ADDRESS
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';

const address = process.argv[2];
const window = await launch();

// Runs in the page: sends texts and bytes. Returns the negotiated extensions and the echoes.
async function echoes({ url, texts, lengths }) {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
  const next = () => new Promise((done, failed) => {
    socket.onmessage = ({ data }) => done(data);
    socket.onclose = ({ code }) => failed(new Error(`closed with ${code}`));
  });
  const came = [];
  for (const message of [...texts, ...lengths.map((length) => new Uint8Array(length).fill(7))]) {
    const answer = next();
    socket.send(message);
    const data = await answer;
    came.push(typeof data === 'string' ? data : new Uint8Array(data).filter((byte) => byte === 7).length);
  }
  const closed = new Promise((done) => { socket.onclose = ({ code }) => done(code); });
  socket.close(4001, 'enough');
  return { extensions: socket.extensions, came, code: await closed };
}

try {
  const page = await (await window.newContext()).newPage();
  await page.goto(`http://${address}/healthz`);
  const text = 'grüße, 世界, 🦀 '.repeat(500);
  const texts = ['', 'hello', text, text, text];
  const lengths = [0, 1, 65536, 1 << 20];
  const { extensions, came, code } = await page.evaluate(echoes, { url: `ws://${address}/`, texts, lengths });
  assert.match(extensions, /^permessage-deflate/);
  assert.deepEqual(came, [...texts, ...lengths]);
  assert.equal(code, 4001);
  console.log(`${extensions}: ok`);
} finally {
  await window.close();
}
