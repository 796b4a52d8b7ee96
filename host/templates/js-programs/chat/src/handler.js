// A chat room with names and reminders. Every message is a line of text.

import { broadcast, client, clients, serve, setTimer } from '../ws-host/index.js';
import { checkName } from './names.js';

/** The name of each client, in order of arrival. */
const people = new Map();

/** The reminders that are still to come, by the numbers of their timers. */
const reminders = new Map();

let arrivals = 0;
let lastReminder = 0;

serve({
  connected(client, handshake) {
    let name = client.request.query('name')?.trim();
    if (name === undefined) {
      name = guestName();
    } else {
      const problem = checkName(name, people.values());
      if (problem) return handshake.reject(problem.isTaken ? 409 : 400, `${problem.text}\n`);
      arrivals += 1;
    }
    client.send(`* you are ${name}`);
    if (people.size > 0) client.send(`* here: ${[...people.values()].join(', ')}`);
    people.set(client, name);
    broadcast(`* ${name} joined`, { except: client });
  },

  text(client, message) {
    const line = message.trim();
    const [command] = line.split(' ', 1);
    if (command === '/name') rename(client, line.slice(command.length).trim());
    else if (command === '/remind') remind(client, line);
    else if (line !== '') broadcast(`${people.get(client)}: ${line}`);
  },

  binary(client) {
    client.close(1003, 'this is a chat: text only');
  },

  disconnected(client) {
    const name = people.get(client);
    people.delete(client);
    broadcast(`* ${name} left`);
  },

  timer(timer) {
    const reminder = reminders.get(timer);
    reminders.delete(timer);
    reminder?.client.send(`* reminder: ${reminder.text}`);
  },

  // A reload replaces this code while the clients stay connected. In JSON, a client is its number.
  suspend() {
    return { arrivals, lastReminder, people: [...people], reminders: [...reminders] };
  },

  resume(state) {
    if (state === undefined) {
      // There was a fault, and nothing was saved.
      for (const client of clients()) people.set(client, guestName());
      return;
    }
    const saved = state.json();
    ({ arrivals, lastReminder } = saved);
    for (const [id, name] of saved.people) people.set(client(id), name);
    for (const [timer, { client: id, text }] of saved.reminders) reminders.set(timer, { client: client(id), text });
  },
});

function guestName() {
  arrivals += 1;
  let number = arrivals;
  while (checkName(`guest-${number}`, people.values())) number += 1;
  return `guest-${number}`;
}

function rename(client, name) {
  const old = people.get(client);
  const problem = checkName(name, [...people.values()].filter((other) => other !== old));
  if (problem) {
    client.send(`! ${problem.text}`);
    return;
  }
  people.set(client, name);
  broadcast(`* ${old} is now ${name}`);
}

function remind(client, line) {
  const [, seconds, text] = /^\/remind +(\d+(?:\.\d+)?) +(.+)$/.exec(line) ?? [];
  if (text === undefined || Number(seconds) > 3600) {
    client.send('! use /remind SECONDS TEXT');
    return;
  }
  lastReminder += 1;
  reminders.set(lastReminder, { client, text });
  setTimer(lastReminder, Number(seconds) * 1000);
  client.send(`* in ${seconds} s: ${text}`);
}
