// Bun's own server: sends a text message back, and a binary message to every connection. Usage: bun
// bun.mjs echo|megaphone [deflate]
const EVERYBODY = 'everybody';
const [role, channel] = process.argv.slice(2);
const perMessageDeflate = channel === 'deflate';

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, server) {
    if (!server.upgrade(request)) return new Response('a WebSocket is expected', { status: 426 });
  },
  websocket: {
    perMessageDeflate,
    // The longest message of any workload must fit while its client is not reading.
    backpressureLimit: 16 * 1024 * 1024,
    open(socket) {
      if (role === 'megaphone') socket.subscribe(EVERYBODY);
    },
    message(socket, message) {
      if (typeof message === 'string') socket.send(message, perMessageDeflate);
      else server.publish(EVERYBODY, message);
    },
  },
});
console.log(`serving ws://127.0.0.1:${server.port}/`);
