// Sending to several clients, and finding them.

import { broadcast as hostBroadcast, connectedClients } from 'ws-host:socket/clients@0.1.0';
import { clientsOf, closeTagged as hostCloseTagged, sendTagged as hostSendTagged } from 'ws-host:socket/tags@0.1.0';
import { publish as hostPublish, subscribers as hostSubscribers } from 'ws-host:socket/topics@0.1.0';
import { clientOf } from './client.js';
import { attempt, text, whole } from './engine.js';
import { idsOf, toMessage, withOptions } from './message.js';

/** Returns the clients that are connected to this instance. */
export const clients = () => Array.from(connectedClients(), clientOf);

/** Sends to all clients of this instance, or to those in `options.to`. Returns the clients that missed the message. */
export function broadcast(message, options) {
  const to = options?.to === undefined ? connectedClients() : idsOf(options.to);
  return withOptions(options, (made) => Array.from(hostBroadcast(to, toMessage(message), made), clientOf));
}

/** Sends to all subscribers of a topic, in all instances of the resource. */
export function publish(topic, message, options) {
  withOptions(options, (made) => attempt([], () => hostPublish(text(topic), toMessage(message), made)));
}

/** Returns how many clients are subscribed to a topic. */
export const subscribers = (topic) => hostSubscribers(text(topic));

/** Returns the clients of this instance that have a tag. */
export const tagged = (tag) => Array.from(clientsOf(text(tag)), clientOf);

/** Sends to all clients that have a tag, in all instances of the resource. */
export function sendTagged(tag, message, options) {
  withOptions(options, (made) => attempt([], () => hostSendTagged(text(tag), toMessage(message), made)));
}

/** Closes all clients that have a tag, in all instances of the resource. */
export function closeTagged(tag, code = 1000, reason = '') {
  attempt([], () => hostCloseTagged(text(tag), whole(code, 4999), text(reason)));
}
