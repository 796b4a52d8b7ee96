// Socket.IO with its Redis adapter: sends what one client publishes to all clients in the room, on every node that is
// connected to the same Redis. Usage: node socket-io.mjs redis://127.0.0.1:PORT
import { createAdapter } from '@socket.io/redis-adapter';
import { createServer } from 'node:http';
import { createClient } from 'redis';
import { Server } from 'socket.io';

// With the client's default, a command that has waited for 5 seconds is dropped, and subscribers miss messages on a busy
// machine.
const publishing = createClient({ url: process.argv[2], commandOptions: { timeout: undefined } });
const subscribing = publishing.duplicate();
await Promise.all([publishing.connect(), subscribing.connect()]);

const server = createServer();
const io = new Server(server, {
  adapter: createAdapter(publishing, subscribing),
  serveClient: false,
  transports: ['websocket'],
  // The load generator compares bytes, and answers no pings.
  pingInterval: 3600_000,
});
io.on('connection', (socket) => {
  socket.on('subscribe', (room, done) => {
    socket.join(room);
    done();
  });
  socket.on('publish', (room, text) => io.to(room).emit('news', text));
});
server.listen(0, '127.0.0.1', () => {
  console.log(`serving ws://127.0.0.1:${server.address().port}/socket.io/?EIO=4&transport=websocket`);
});
