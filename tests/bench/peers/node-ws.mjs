// The npm package `ws` on node: a text goes back, a binary message to all.
// Usage: node node-ws.mjs echo|megaphone [deflate]
import WebSocket, { WebSocketServer } from 'ws';

const perMessageDeflate = process.argv[3] === 'deflate';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
server.on('connection', (socket) => {
  // A client that breaks off has said all there is to say.
  socket.on('error', () => {});
  socket.on('message', (message, isBinary) => {
    if (!isBinary) {
      socket.send(message, { binary: false });
      return;
    }
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(message, { binary: true });
    }
  });
});
server.on('listening', () => console.log(`serving ws://127.0.0.1:${server.address().port}/`));
