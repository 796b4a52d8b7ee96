// Written without the SDK, and built without any option of the tool: it then imports wasi:http, and exports a handler of
// HTTP requests that ws-host never calls.

import { sendBinary, sendText } from 'ws-host:socket/clients@0.1.0';

export const handler = {
  connected: () => true,
  receivedText: (client, message) => sendText(client, message),
  receivedBinary: (client, message) => sendBinary(client, message),
  receivedPong: () => {},
  disconnected: () => {},
};
