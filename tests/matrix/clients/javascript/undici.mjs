// The npm package `undici`: the WebSocket of node itself, newer or older than that of its release.
import { WebSocket } from 'undici';
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

await main(versionOf('undici'), client((url, protocols) => new WebSocket(url, protocols)));
