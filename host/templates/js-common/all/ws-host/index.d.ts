/** What the handler does with its events. Every function is optional. Events arrive one at a time. */
export interface Handler {
  /**
   * A client asks to connect. Messages that are sent to it here follow right after the handshake. To refuse it, return
   * `false` (403), or `handshake.reject(401, 'who are you?\n')`. After an exception the client gets 500.
   */
  connected?(client: Client, handshake: Handshake): boolean | void | Promise<boolean | void>;

  /** A text message. Without this function, a client that sends text is closed with 1003. */
  text?(client: Client, message: string): unknown;

  /** A binary message. Without this function, a client that sends one is closed with 1003. */
  binary?(client: Client, message: Uint8Array): unknown;

  /** A pong, whether it answers `client.ping` or not. Answers to the host's own pings do not arrive here. */
  pong?(client: Client, payload: Uint8Array): unknown;

  /** The last event of a client. Nothing can be sent to it any more; its `request` and `attachment` still work. */
  disconnected?(client: Client, end: Disconnection): unknown;

  /** A timer that `setTimer` set is due. */
  timer?(timer: number): unknown;

  /**
   * A message from the operator of the server, or from the program that embeds the host. The result is the reply. An
   * exception is answered with its message.
   */
  custom?(message: CustomMessage): Value | void | Promise<Value | void>;

  /** There is room again for a client after `send` returned `false` because its buffer was full. */
  drained?(client: Client): unknown;

  /** The client expires soon, as `client.expire` announced. It is closed unless it gets more time. */
  expiring?(client: Client): unknown;

  /** The server stops. The clients are still open; they are closed when this function returns. */
  stopping?(): unknown;

  /**
   * Returns the state for the instance that takes over: the new code after a reload, or this code after hibernation.
   * With checkpoints it is also called in between, and the same instance continues. Without a state, a reload starts
   * over and the instance never hibernates.
   */
  suspend?(reason: Reason): Value | undefined | Promise<Value | undefined>;

  /**
   * Takes over from an earlier instance: the first event of any instance but the very first. The state is `undefined`
   * if there is none, for example after a fault without a checkpoint. After an exception the state counts as unusable,
   * and the code that produced it continues with it.
   */
  resume?(state: SavedState | undefined, reason: Reason): unknown;

  /**
   * An event of this client threw an error. Without this function, the error goes to the log with its stack, and the
   * client is closed with 1011. In `connected` and `disconnected`, errors only go to the log.
   */
  failed?(client: Client, error: unknown, event: string): unknown;
}

/** Makes an object the handler of this component. Call it once. */
export function serve(handler: Handler): void;

/** A message: a string is sent as text, bytes are sent as a binary message. */
export type Message = string | Uint8Array | ArrayBuffer | ArrayBufferView;

/** Data for the host: bytes as they are, a string as UTF-8, anything else as JSON. */
export type Value = string | Uint8Array | ArrayBuffer | object | number | boolean | null;

/** Why `suspend` or `resume` is called. */
export type Reason = 'reload' | 'hibernation' | 'checkpoint' | 'fault' | 'rollback' | (string & {}) | undefined;

/** One WebSocket connection. It is the same object in all events of an instance, so it can be a key of a `Map`. */
export interface Client {
  /** A number that no other client of this host has. JSON contains this number in place of the client. */
  readonly id: number;

  /** The URL, if this is a connection that `connect` opened; `undefined` for a client. */
  readonly url: string | undefined;

  /** The request with which the client connected. */
  readonly request: Request;

  /** Whether something can be sent to the client. */
  readonly open: boolean;

  /** How many bytes wait in the host to be written to the client; `undefined` if it is not open. */
  readonly buffered: number | undefined;

  /**
   * Sends a message. Never waits. Returns whether the host accepted it: `false` if the client has gone, or if it is
   * `open` but has not yet read earlier messages (`drained` is called when there is room again).
   *
   * Throws if the message is longer than the client's whole outbound buffer (`max-outbound`).
   */
  send(message: Message, options?: SendOptions): boolean;

  /** Sends a ping with a payload of at most 125 bytes; `pong` is called with the answer. Returns as `send` does. */
  ping(payload?: string | Uint8Array): boolean;

  /** Sends a pong that the client does not answer. Returns as `send` does. */
  pong(payload?: string | Uint8Array): boolean;

  /**
   * Closes the client after the messages that were sent before. Returns `false` if it was already closing or closed.
   *
   * Throws if the code is not one of 1000 to 1003, 1007 to 1014 and 3000 to 4999, or if the reason has more than 123
   * bytes.
   */
  close(code?: number, reason?: string): boolean;

  /** Drops the connection immediately. Returns whether there was one. */
  abort(): boolean;

  /** Stores up to 16 KiB with the client, also across a reload, a fault and hibernation. `false` if it has gone. */
  attach(value: Value): boolean;

  /** What `attach` stored. */
  readonly attachment: Data | undefined;

  /** Subscribes the client to a topic (1 to 255 bytes). Returns `false` if it has gone. */
  subscribe(topic: string): boolean;

  /** Unsubscribes the client. Returns whether it was subscribed. */
  unsubscribe(topic: string): boolean;

  /** Unsubscribes the client from all topics. Returns from how many. */
  unsubscribeAll(): number;

  /** The topics of the client, in alphabetical order. */
  readonly topics: string[];

  /** Gives the client a tag (1 to 255 bytes) by which it can be found, such as `user:42`. `false` if it has gone. */
  tag(tag: string): boolean;

  /** Removes a tag. Returns whether the client had it. */
  untag(tag: string): boolean;

  /** The tags of the client, in alphabetical order. */
  readonly tags: string[];

  /**
   * Closes the client with 1008 after so many milliseconds, and calls `expiring` once, `notice` milliseconds before
   * that. A second call replaces the first. Returns `false` if it has gone.
   */
  expire(after: number, notice?: number): boolean;

  /** Removes the time limit. Returns whether there was one. */
  keep(): boolean;

  /** How many milliseconds are left until the client expires; `undefined` if it does not. */
  readonly remaining: number | undefined;

  /** Returns `id`. */
  toJSON(): number;
}

/** The request of a client. It can be read until the end of `disconnected`. */
export interface Request {
  /** The name of the resource in the configuration. */
  readonly resourceName: string | undefined;
  /** The path, with normalized percent-encoding. */
  readonly path: string | undefined;
  /** The part after the `?`, as the client wrote it. */
  readonly rawQuery: string | undefined;
  /** The first parameter of this name in the query, decoded. */
  query(name: string): string | undefined;
  /** All parameters of the query, decoded. */
  query(): [name: string, value: string][];
  /** A parameter of the path pattern: `param('id')` for `/room/{id}`. */
  param(name: string): string | undefined;
  /** All parameters of the path pattern. */
  readonly params: Record<string, string>;
  /** The first header of this name, in any case, if its value is text. */
  header(name: string): string | undefined;
  /** All headers with names in lower case. A value need not be text. */
  readonly headers: [name: string, value: Uint8Array][];
  /** The subprotocols that the client offered, in its order of preference. */
  readonly offeredSubprotocols: string[];
  /** The subprotocol that was agreed on; `undefined` in `connected`. */
  readonly subprotocol: string | undefined;
  /** The origin of the web page that connects, if a browser sends it. */
  readonly origin: string | undefined;
  /** 13, or the version of an old draft: 8, 7 or 0. */
  readonly protocolVersion: number | undefined;
  /** `1.1` or `2`. */
  readonly httpVersion: string | undefined;
  /** The IP address of the client, as a trusted proxy states it. */
  readonly address: string | undefined;
  /** The other end of the connection. */
  readonly peerAddress: string | undefined;
  readonly peerPort: number | undefined;
  /** The host's end of the connection. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** The server name that the client asked for in TLS. */
  readonly serverName: string | undefined;
  /** The client's verified certificate, in DER. */
  readonly certificate: Uint8Array | undefined;
  /** The SHA-256 of the certificate, in hexadecimal digits. */
  readonly certificateFingerprint: string | undefined;
  /** The subject of the certificate: `CN=alice,O=Example`. */
  readonly certificateSubject: string | undefined;
  /** The alternative names of the certificate: `dns:example.com`, `email:…`, `uri:…`, `ip:…`. */
  readonly certificateNames: string[];
}

/** The response to a client that connects. Works only during `connected`. */
export interface Handshake {
  /** Chooses one of the subprotocols that the client offered. */
  chooseSubprotocol(name: string): void;
  /** Adds a header to the response, whether the client is accepted or refused. */
  addHeader(name: string, value: string): void;
  /** Sets the response to a refused client, and returns `false`: `return handshake.reject(404, 'no such room\n')`. */
  reject(status?: number, body?: Value, contentType?: string): false;
}

/** How a connection ended. */
export interface Disconnection {
  /**
   * What ended it: `client`, `handler`, `operator`, `lost`, `silent`, `slow`, `protocol-error`, `too-long`,
   * `handler-failed`, `no-room`, `expired`, `moved`, `stopping`, or `not-opened` for a connection of `connect`. More may be
   * added.
   */
  readonly cause: string | undefined;
  /** The code of the client's close frame; 1005 if it has none, 1006 if no close frame came. */
  readonly code: number | undefined;
  /** The client's reason, or the host's description of what happened, for people. */
  readonly reason: string | undefined;
  /** Whether a close frame went each way. */
  readonly clean: boolean;
  /** The code of the close frame that was sent to the client. */
  readonly sentCode: number | undefined;
}

/** Bytes that the host kept or passed on. */
export interface Data {
  bytes(): Uint8Array;
  /** The bytes as UTF-8. Throws if they are not. */
  text(): string;
  /** The bytes as JSON. Throws if they are not. */
  json<T = any>(): T;
}

/** What `suspend` returned. */
export interface SavedState extends Data {
  /** How many milliseconds ago the state was saved, if it lacks events that happened since. */
  readonly age: number | undefined;
}

/** A message that does not come from a client. */
export interface CustomMessage extends Data {
  /** The kind of the message: for a request at the admin address, its `Content-Type`. */
  readonly kind: string | undefined;
  /** The sender: `admin` for a request at the admin address. */
  readonly sender: string | undefined;
}

/** How a message is sent. */
export interface SendOptions {
  /** When to compress, if the client agreed to compression: by default from a configured length. */
  compression?: 'by-length' | 'always' | 'never';
  /** The longest payload of a frame, in bytes. Longer messages are sent in fragments. */
  maxFrame?: number;
}

/** How a message is sent to several clients. */
export interface BroadcastOptions extends SendOptions {
  /** Clients that do not get the message: at most 1,000. */
  except?: Client | Iterable<Client>;
}

/** The clients that are connected to this instance, in the order in which they connected. */
export function clients(): Client[];

/** The client with this id, for example from a saved state. It may have gone: then `open` is `false`. */
export function client(id: number): Client;

/** What a WebSocket is opened with. */
export interface ConnectOptions {
  /** The subprotocols to offer. The server chooses at most one of them, which `request.subprotocol` returns. */
  subprotocols?: Iterable<string>;
  /** Headers of the request, such as `authorization`, `cookie` or `origin`. */
  headers?: Record<string, string | Uint8Array> | Iterable<[name: string, value: string | Uint8Array]>;
}

/**
 * Begins to open a WebSocket to a server that `grant` in the configuration names (`wss://` or `ws://`), and returns the
 * connection at once. It is used like a client: what is sent waits until it is open, what the server sends arrives in
 * `text` and `binary`, and `disconnected` is its last event. `connected` is not called for it. If it cannot be opened,
 * `disconnected` is called with the cause `not-opened`, and the reason says why.
 *
 * Throws if the connection may not be opened. The error has the `code` `not-granted`, `invalid-url`,
 * `invalid-subprotocol`, `invalid-header`, `too-long`, `too-many` (the instance has 16 connections, or the resource
 * 1,024) or `stopping`.
 */
export function connect(url: string, options?: ConnectOptions): Client;

/** The connections that this instance has opened, or is opening. `clients` does not return them. */
export function connections(): Client[];

/** Sends to all clients of this instance, or to those in `to`. Returns the clients that missed the message. */
export function broadcast(message: Message, options?: BroadcastOptions & { to?: Iterable<Client> }): Client[];

/** Sends to all subscribers of a topic, in all instances of the resource. */
export function publish(topic: string, message: Message, options?: BroadcastOptions): void;

/** How many clients of the resource are subscribed to a topic. */
export function subscribers(topic: string): number;

/** The clients of this instance that have a tag. */
export function tagged(tag: string): Client[];

/** Sends to all clients that have a tag, in all instances of the resource. */
export function sendTagged(tag: string, message: Message, options?: BroadcastOptions): void;

/** Closes all clients that have a tag, in all instances of the resource. */
export function closeTagged(tag: string, code?: number, reason?: string): void;

/**
 * Sets a timer of this number (0 to 2^53 - 1): the event `timer` comes once, after so many milliseconds. A timer of the
 * same number is replaced. Timers belong to the host: they outlive a reload, a fault and hibernation.
 */
export function setTimer(timer: number, milliseconds: number): void;

/**
 * Sets a timer as `setTimer` does, and keeps it in a file, so that a restart of the host does not lose it. Returns when
 * the timer is on the disk. The configuration must grant the file (`grant = ["timers:FILE"]`).
 */
export function setDurableTimer(timer: number, milliseconds: number): void;

/** Cancels a timer. Returns whether it was set. */
export function cancelTimer(timer: number): boolean;

/** A variable of `environment` in the configuration. Works only during events. */
export function env(name: string): string | undefined;

/** A level of the host's log. */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/**
 * Writes to the host's log at a level. `console.log` writes at `info`, `console.warn` and `console.error` at `warn`.
 * Works only during events.
 */
export function log(level: Level, ...values: unknown[]): void;

/** Whether the log shows lines of this level, to save the work of writing them. Works only during events. */
export function isLogged(level: Level): boolean;
