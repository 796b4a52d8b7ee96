// WebSockets that the handler opens: it is the client of other servers.

import { connect as hostConnect, connections as hostConnections } from 'ws-host:socket/outgoing@0.1.0';
import { clientOf } from './client.js';
import { toData } from './data.js';
import { result, text } from './engine.js';

/** Begins to open a WebSocket. Returns its connection, which is used like a client. */
export function connect(url, { subprotocols = [], headers = [] } = {}) {
  const offered = Array.from(subprotocols, text);
  const pairs = Symbol.iterator in headers ? Array.from(headers) : Object.entries(headers);
  const added = pairs.map(([name, value]) => [text(name), toData(value)]);
  return clientOf(result(() => hostConnect(text(url), offered, added)));
}

/** Returns the connections that this instance has opened, or is opening. */
export const connections = () => Array.from(hostConnections(), clientOf);
