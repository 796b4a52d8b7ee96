// The npm package `ws` on node: sends a text message back, and a binary message to every
// connection. Usage: node node-ws.mjs echo|megaphone [deflate]
import WebSocket, { WebSocketServer } from 'ws';

const perMessageDeflate = process.argv[3] === 'deflate';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
server.on('connection', (socket) => {
  // The load generator drops its connections without a closing handshake.
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
