// The built-in WebSocket of node, Deno or Bun.
import { main } from './report.mjs';
import { client } from './w3c.mjs';

const { node, deno, bun } = process.versions;
await main(deno ?? bun ?? node, client((url, protocols) => new WebSocket(url, protocols)));
