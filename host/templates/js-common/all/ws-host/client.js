// Clients: one object for each connection, the same in all events.

import * as host from 'ws-host:socket/clients@0.1.0';
import * as expiry from 'ws-host:socket/expiry@0.1.0';
import * as outgoing from 'ws-host:socket/outgoing@0.1.0';
import * as tags from 'ws-host:socket/tags@0.1.0';
import * as topics from 'ws-host:socket/topics@0.1.0';
import { Data, toData } from './data.js';
import { attempt, text, toU64, whole } from './engine.js';
import { toBytes, toMessage, withOptions } from './message.js';
import { Request } from './request.js';
import { milliseconds } from './timers.js';

// A client that has gone, or has no room, or speaks a draft that cannot: the message is not sent, and nothing is wrong.
const MISSED = ['closed', 'full', 'unsupported'];

// The highest close code that there is.
const MAX_CODE = 4999;

const known = new Map();

/** Returns a client of this instance, always the same object until its last event. */
export function clientOf(id) {
  const number = Number(id);
  let client = known.get(number);
  if (client === undefined) known.set(number, (client = new Client(number)));
  return client;
}

/** Returns the client with any number. One that does not exist is not kept. */
export function anyClient(id) {
  const number = whole(id);
  const client = known.get(number) ?? new Client(number);
  if (client.open || isResuming) known.set(number, client);
  return client;
}

let isResuming = false;

/** Keeps all clients that the handler asks for in `resume`: some may be closed, but without their last event. */
export function whileResuming(resume) {
  isResuming = true;
  try {
    return resume();
  } finally {
    isResuming = false;
  }
}

/** Forgets a client after its last event. */
export const forget = (client) => known.delete(client.id);

/** One WebSocket connection. */
export class Client {
  #id;
  #request;

  constructor(id) {
    this.id = id;
    this.#id = toU64(id);
  }

  get url() {
    return outgoing.url(this.#id) ?? undefined;
  }

  get request() {
    return (this.#request ??= new Request(this.id));
  }

  send(message, options) {
    return attempt(MISSED, () => {
      if (options !== undefined) withOptions(options, (made) => host.send(this.#id, toMessage(message), made));
      else if (typeof message === 'string') host.sendText(this.#id, text(message));
      else host.sendBinary(this.#id, toBytes(message));
    });
  }

  ping(payload = '') {
    return attempt(MISSED, () => host.ping(this.#id, toData(payload)));
  }

  pong(payload = '') {
    return attempt(MISSED, () => host.pong(this.#id, toData(payload)));
  }

  close(code = 1000, reason = '') {
    return attempt(['closed'], () => host.close(this.#id, whole(code, MAX_CODE), text(reason)));
  }

  abort() {
    return host.abort(this.#id);
  }

  get open() {
    return this.buffered !== undefined;
  }

  get buffered() {
    const bytes = host.buffered(this.#id);
    return bytes == null ? undefined : Number(bytes);
  }

  attach(value) {
    return attempt(['closed'], () => host.attach(this.#id, toData(value)));
  }

  get attachment() {
    const bytes = host.attachment(this.#id);
    return bytes == null ? undefined : new Data(bytes);
  }

  subscribe(topic) {
    return attempt(['closed'], () => topics.subscribe(this.#id, text(topic)));
  }

  unsubscribe(topic) {
    return topics.unsubscribe(this.#id, text(topic));
  }

  unsubscribeAll() {
    return topics.unsubscribeAll(this.#id);
  }

  get topics() {
    return topics.topicsOf(this.#id);
  }

  tag(tag) {
    return attempt(['closed'], () => tags.tag(this.#id, text(tag)));
  }

  untag(tag) {
    return tags.untag(this.#id, text(tag));
  }

  get tags() {
    return tags.tagsOf(this.#id);
  }

  expire(after, notice = 0) {
    return attempt(['closed'], () => expiry.expire(this.#id, milliseconds(after), milliseconds(notice)));
  }

  keep() {
    return expiry.keep(this.#id);
  }

  get remaining() {
    const milliseconds = expiry.remaining(this.#id);
    return milliseconds == null ? undefined : Number(milliseconds);
  }

  toJSON() {
    return this.id;
  }

  toString() {
    return `client ${this.id}`;
  }
}
