// A server in Node: WebSockets over HTTP/2 with the frames of the npm package `ws`. It echoes each message.
// Usage: node http2.mjs. Prints its port, and exits at the end of its input.
import http2 from 'node:http2';
import WebSocket from 'ws';

const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream, headers) => {
  const isRight = headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket' &&
    headers[':path'] === '/chat?x=1' && headers['sec-websocket-version'] === '13';
  if (!isRight) {
    stream.respond({ ':status': 400 });
    stream.end('this is no WebSocket');
    return;
  }
  const answer = { ':status': 200 };
  if (headers['sec-websocket-protocol']) answer['sec-websocket-protocol'] = 'chat';
  stream.respond(answer);
  const socket = new WebSocket(null, undefined, {});
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 64 << 20 });
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
