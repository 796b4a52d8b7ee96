// The npm package `undici`, which node's built-in WebSocket comes from, in a newer or older version.
import { WebSocket } from 'undici';
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

await main(versionOf('undici'), client((url, protocols) => new WebSocket(url, protocols)));
