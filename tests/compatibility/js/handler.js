// A handler that uses every part of the contract. There is an equivalent one in each language.

import {
  SendOptions, broadcast, close, connectedClients, send, sendBinary, sendText,
} from 'ws-host:socket/clients@0.1.0';
import { next } from 'ws-host:socket/burst@0.1.0';
import * as custom from 'ws-host:socket/custom@0.1.0';
import * as disconnection from 'ws-host:socket/disconnection@0.1.0';
import * as handshake from 'ws-host:socket/handshake@0.1.0';
import * as requests from 'ws-host:socket/requests@0.1.0';
import * as tags from 'ws-host:socket/tags@0.1.0';
import * as timers from 'ws-host:socket/timers@0.1.0';
import * as topics from 'ws-host:socket/topics@0.1.0';

let count = 0;
let lastCause = '';

const text = (val) => ({ tag: 'text', val });
const bytes = (string) => Uint8Array.from(string, (letter) => letter.charCodeAt(0));
const string = (bytes) => String.fromCharCode(...bytes);
// Returns the word of a thrown error. Some tools throw the word itself, others an error that contains it.
const word = (error) => error.payload ?? error;

export const handler = {
  connected(client) {
    if (requests.query(client) === 'refused') {
      handshake.setStatus(client, 401);
      handshake.addHeader(client, 'www-authenticate', 'Test');
      handshake.setBody(client, 'text/plain; charset=utf-8', bytes('who are you?\n'));
      return false;
    }
    if (requests.offeredSubprotocols(client).includes('second')) {
      handshake.chooseSubprotocol(client, 'second');
    }
    handshake.addHeader(client, 'x-written-in', 'js');
    topics.subscribe(client, 'all');
    return true;
  },

  receivedText(client, message) {
    count += 1;
    const space = message.indexOf(' ');
    const command = space < 0 ? message : message.slice(0, space);
    const rest = space < 0 ? '' : message.slice(space + 1);
    switch (command) {
      case 'fragments': {
        const options = new SendOptions();
        options.setCompression('never');
        options.setMaxFrame(4);
        send(client, text(rest), options);
        break;
      }
      case 'others': {
        const options = new SendOptions();
        options.setExcept([client]);
        const missed = broadcast(connectedClients(), text(rest), options);
        sendText(client, `missed: ${missed.length}`);
        break;
      }
      case 'publish':
        topics.publish('all', { tag: 'binary', val: bytes(rest) }, undefined);
        break;
      case 'timer':
        timers.set(client, 1);
        break;
      case 'tag':
        tags.tag(client, rest);
        sendText(client, `tags: ${tags.tagsOf(client).join(',')}`);
        break;
      case 'close':
        try {
          close(client, Number(rest), 'as you like');
        } catch (error) {
          sendText(client, `not closed: ${word(error)}`);
        }
        break;
      case 'about':
        sendText(client, `${requests.path(client)} ${requests.header(client, 'x-test') ?? ''}`);
        break;
      case 'cause':
        sendText(client, lastCause);
        break;
      case 'count':
        sendText(client, String(count));
        break;
      default:
        sendText(client, message);
    }
  },

  receivedBinary(client, message) {
    sendBinary(client, message);
  },

  receivedPong(client) {
    sendText(client, 'pong');
  },

  disconnected(client) {
    lastCause = `${disconnection.cause(client)} ${disconnection.code(client)}`;
  },
};

export const lifecycle = {
  suspend() {
    return bytes(String(count));
  },

  resume(state) {
    if (state == null) return;
    count = Number(string(state));
    if (Number.isNaN(count)) throw 'the state is no number';
  },
};

export const timersListener = {
  fired(timer) {
    sendText(timer, 'fired');
  },
};

export const customListener = {
  receivedCustom(message) {
    if (message.length === 0) throw 'nothing was said';
    return bytes(`${custom.kind() ?? ''}: ${string(message)}`);
  },
};

export const burstListener = {
  receivedBurst(client) {
    for (let message = next(); message != null; message = next()) {
      const receive = message.tag === 'text' ? handler.receivedText : handler.receivedBinary;
      receive(client, message.val);
    }
  },
};

export const drainedListener = {
  drained(client) {
    sendText(client, 'drained');
  },
};

export const expiryListener = {
  expiring(client) {
    sendText(client, 'expiring');
  },
};

export const stopListener = {
  stopping() {
    broadcast(connectedClients(), text('stopping'), undefined);
  },
};
