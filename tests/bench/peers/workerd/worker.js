// A Durable Object with hibernating WebSockets: sends a text message back, and a binary message to
// every connection.
import { DurableObject } from 'cloudflare:workers';

export class Hub extends DurableObject {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    if (typeof message === 'string') {
      socket.send(message);
      return;
    }
    for (const other of this.ctx.getWebSockets()) other.send(message);
  }

  // The runtime does not answer the close frame of a hibernating WebSocket by itself.
  webSocketClose(socket, code, reason, wasClean) {
    if (wasClean) socket.close(code, reason);
  }
}

export default {
  fetch(request, env) {
    return env.HUB.get(env.HUB.idFromName('hub')).fetch(request);
  },
};
