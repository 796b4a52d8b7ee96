// The npm package `ws`, in the named major version: `node ws.mjs PLAN [ws-0 | ws-1]`.
import { main, versionOf } from './report.mjs';
import { client } from './w3c.mjs';

const name = process.argv[3] ?? 'ws';
const { default: WebSocket } = await import(name);

const open = client((url, protocols) => new WebSocket(url, protocols), { knowsClean: name === 'ws' });
await main(versionOf(name), open);
