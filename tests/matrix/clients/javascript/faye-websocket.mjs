// The npm package `faye-websocket`, with compression from its author's package `permessage-deflate`.
import faye from 'faye-websocket';
import deflate from 'permessage-deflate';
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

const connect = (url, protocols) => {
  const socket = new faye.Client(url, protocols, { extensions: [deflate] });
  const send = socket.send.bind(socket);
  // Any array other than a Buffer would be converted to text.
  socket.send = (message) => send(typeof message === 'string' ? message : Buffer.from(message));
  return socket;
};
await main(versionOf('faye-websocket'), client(connect));
