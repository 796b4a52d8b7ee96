// The npm package `websocket`, with its own interface: its W3C interface loses empty messages.
import websocket from 'websocket';
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

function connect(url, protocols) {
  const socket = {};
  const connecting = new websocket.client();
  connecting.on('connectFailed', ({ message }) => socket.onerror({ message }));
  connecting.on('connect', (connection) => {
    socket.protocol = connection.protocol;
    socket.send = (message) => connection.send(typeof message === 'string' ? message : Buffer.from(message));
    socket.close = (code, reason) => connection.close(code, reason);
    connection.on('message', ({ type, utf8Data, binaryData }) => {
      socket.onmessage({ data: type === 'utf8' ? utf8Data : binaryData });
    });
    connection.on('close', (code, reason) => socket.onclose({ code, reason }));
    socket.onopen();
  });
  connecting.connect(url, protocols);
  return socket;
}

await main(versionOf('websocket'), client(connect));
