// WebSockets that the handler opens: it is the client of other servers.

import { ConnectOptions, connect as hostConnect, connections as hostConnections } from 'ws-host:socket/outgoing@0.1.0';
import { clientOf } from './client.js';
import { toData } from './data.js';
import { result, text } from './engine.js';

/** Begins to open a WebSocket. Returns its connection, which is used like a client. */
export function connect(url, { subprotocols = [], headers = [] } = {}) {
  const options = new ConnectOptions();
  try {
    for (const name of subprotocols) result(() => options.addSubprotocol(text(name)));
    const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
    for (const [name, value] of pairs) result(() => options.addHeader(text(name), toData(value)));
    return clientOf(result(() => hostConnect(text(url), options)));
  } finally {
    options[Symbol.dispose]?.();
  }
}

/** Returns the connections that this instance has opened, or is opening. */
export const connections = () => Array.from(hostConnections(), clientOf);
