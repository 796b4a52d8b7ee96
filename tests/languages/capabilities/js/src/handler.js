// Uses each capability when a text message asks for it. Whatever fails is answered with the code of the error.

import { broadcast, cancelTimer, clients, connect, connections, serve, setDurableTimer } from '../ws-host/index.js';
import * as config from '../ws-host/config.js';
import { open } from '../ws-host/keyvalue.js';

function answer(command, key, value) {
  switch (command) {
    case 'config':
      return config.get(key) ?? 'nothing';
    case 'config-all':
      return JSON.stringify(config.getAll());
    case 'count':
      return String(open('numbers').increment(key));
    case 'add':
      return String(open('numbers').increment(key, Number(value)));
    case 'set':
      return void open('texts').set(key, value);
    case 'get':
      return open('texts').get(key)?.text() ?? 'nothing';
    case 'has':
      return String(open('texts').exists(key));
    case 'delete':
      return void open('texts').delete(key);
    case 'keys':
      return [...open('texts').keys()].join() || 'nothing';
    case 'get-many':
      return open('texts').getMany(key.split(',')).map((value) => value?.text() ?? 'nothing').join();
    case 'set-many':
      return void open('texts').setMany(key.split(',').map((name) => [name, value]));
    case 'delete-many':
      return void open('texts').deleteMany(key.split(','));
    case 'swap':
      return swap(key, ...value.split(','));
    case 'wrong':
      return String(open('texts').increment(key));
    case 'connect':
      return void connect(key, { subprotocols: ['relay'], headers: { 'x-test': 'of the handler' } });
    case 'remind':
      return void setDurableTimer(Number(key), Number(value));
    case 'fetch':
      return fetch(key).then((response) => response.text());
    case 'forget':
      return String(cancelTimer(Number(key)));
    case 'url':
      return connections().map((server) => server.url).join() || 'nothing';
    case 'say':
      for (const server of connections()) server.send(key);
      return 'said';
    case 'leave':
      for (const server of connections()) server.close();
      return 'left';
    default:
      return command;
  }
}

// `nothing` is the expected value of a key without one.
function swap(key, expected, value) {
  return String(open('texts').compareAndSwap(key, expected === 'nothing' ? undefined : expected, value));
}

serve({
  connected(client, handshake) {
    if (!client.request.offeredSubprotocols.includes('relay')) return;
    handshake.chooseSubprotocol('relay');
    client.send(`x-test: ${client.request.header('x-test')}`);
  },

  text(client, message) {
    if (client.url !== undefined) {
      broadcast(`${client.request.subprotocol}: ${message}`);
      return;
    }
    const fail = (error) => client.send(`error: ${error.code ?? error}`);
    try {
      const answered = answer(...message.split(' '));
      if (answered instanceof Promise) return answered.then((text) => client.send(text)).catch(fail);
      client.send(answered ?? 'done');
    } catch (error) {
      fail(error);
    }
  },

  timer(number) {
    broadcast(`timer ${number}`);
  },

  disconnected(client, end) {
    if (client.url === undefined) return;
    for (const each of clients()) each.send(`${end.cause}: ${client.url}`);
  },
});
