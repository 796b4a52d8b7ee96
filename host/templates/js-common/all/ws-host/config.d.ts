// Values of the configuration: the table `config` of the resource. Remove the `//` in front of `include wasi-config` in
// wit/capabilities.wit, and add `grant = ["config"]` to the resource in ws-host.toml. Without the grant, both functions
// throw an error with the `code` `upstream`. They work only during events.
//
//     import * as config from '../ws-host/config.js';
//
//     client.send(config.get('greeting') ?? 'Hello');

/** The value of a key; `undefined` if the table does not have it. */
export function get(key: string): string | undefined;

/** All values, by their keys. */
export function getAll(): Record<string, string>;
