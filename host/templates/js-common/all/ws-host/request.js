// The request with which a client connected, how the handshake is answered, and how the connection ended.

import * as disconnection from 'ws-host:socket/disconnection@0.1.0';
import * as handshake from 'ws-host:socket/handshake@0.1.0';
import * as requests from 'ws-host:socket/requests@0.1.0';
import { toData } from './data.js';
import { attempt, text, toU64, whole } from './engine.js';

/** The request of a client. The host is asked when a property is read. */
export class Request {
  #client;

  constructor(id) {
    this.#client = toU64(id);
  }

  get resourceName() {
    return requests.resourceName(this.#client) ?? undefined;
  }
  get path() {
    return requests.path(this.#client) ?? undefined;
  }
  get rawQuery() {
    return requests.query(this.#client) ?? undefined;
  }
  query(name) {
    const pairs = (this.rawQuery ?? '').split('&').filter(Boolean).map(decodePair);
    return name === undefined ? pairs : pairs.find(([key]) => key === name)?.[1];
  }
  param(name) {
    return requests.parameter(this.#client, text(name)) ?? undefined;
  }
  get params() {
    return Object.fromEntries(requests.parameters(this.#client));
  }
  header(name) {
    return requests.header(this.#client, text(name)) ?? undefined;
  }
  get headers() {
    return requests.headers(this.#client).map(([name, value]) => [name, Uint8Array.from(value)]);
  }
  get offeredSubprotocols() {
    return requests.offeredSubprotocols(this.#client);
  }
  get subprotocol() {
    return requests.subprotocol(this.#client) ?? undefined;
  }
  get origin() {
    return requests.origin(this.#client) ?? undefined;
  }
  get protocolVersion() {
    return requests.protocolVersion(this.#client) ?? undefined;
  }
  get httpVersion() {
    return requests.httpVersion(this.#client) ?? undefined;
  }
  get address() {
    return requests.clientAddress(this.#client) ?? undefined;
  }
  get peerAddress() {
    return requests.peerAddress(this.#client) ?? undefined;
  }
  get peerPort() {
    return requests.peerPort(this.#client) ?? undefined;
  }
  get localAddress() {
    return requests.localAddress(this.#client) ?? undefined;
  }
  get localPort() {
    return requests.localPort(this.#client) ?? undefined;
  }
  get secure() {
    return requests.secure(this.#client);
  }
  get serverName() {
    return requests.serverName(this.#client) ?? undefined;
  }
  get certificate() {
    return requests.certificate(this.#client) ?? undefined;
  }
  get certificateFingerprint() {
    return requests.certificateFingerprint(this.#client) ?? undefined;
  }
  get certificateSubject() {
    return requests.certificateSubject(this.#client) ?? undefined;
  }
  get certificateNames() {
    return requests.certificateNames(this.#client);
  }
}

function decodePair(pair) {
  const [name, ...value] = pair.split('=');
  return [decode(name), decode(value.join('='))];
}

function decode(text) {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced; // Not valid percent-encoding: as the client wrote it.
  }
}

/** The response to a client that connects. */
export class Handshake {
  #client;

  constructor(id) {
    this.#client = toU64(id);
  }

  chooseSubprotocol(name) {
    attempt([], () => handshake.chooseSubprotocol(this.#client, text(name)));
  }

  addHeader(name, value) {
    attempt([], () => handshake.addHeader(this.#client, text(name), text(value)));
  }

  reject(status = 403, body = '', contentType = 'text/plain; charset=utf-8') {
    attempt([], () => handshake.setStatus(this.#client, whole(status, 599)));
    attempt([], () => handshake.setBody(this.#client, text(contentType), toData(body)));
    return false;
  }
}

/** How a connection ended. */
export class Disconnection {
  constructor(id) {
    const client = toU64(id);
    this.cause = disconnection.cause(client) ?? undefined;
    this.code = disconnection.code(client) ?? undefined;
    this.reason = disconnection.reason(client) ?? undefined;
    this.clean = disconnection.clean(client);
    this.sentCode = disconnection.sentCode(client) ?? undefined;
  }
}
