// The npm package `faye-websocket`, with the compression that its author keeps in a package beside it.
import faye from 'faye-websocket';
import deflate from 'permessage-deflate';
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

const connect = (url, protocols) => {
  const socket = new faye.Client(url, protocols, { extensions: [deflate] });
  const send = socket.send.bind(socket);
  // Any other array would be made a text.
  socket.send = (message) => send(typeof message === 'string' ? message : Buffer.from(message));
  return socket;
};
await main(versionOf('faye-websocket'), client(connect));
