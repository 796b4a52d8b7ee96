// A Durable Object with hibernating WebSockets: a text goes back, a binary message to all.
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

  // Hibernating WebSockets are not answered by themselves.
  webSocketClose(socket, code, reason, wasClean) {
    if (wasClean) socket.close(code, reason);
  }
}

export default {
  fetch(request, env) {
    return env.HUB.get(env.HUB.idFromName('hub')).fetch(request);
  },
};
