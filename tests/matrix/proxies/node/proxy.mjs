// The npm package http-proxy: proxy.mjs PORT UPSTREAM CERTIFICATE KEY.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import httpProxy from 'http-proxy';

const [port, target, certificate, key] = process.argv.slice(2);
// Without an agent, http-proxy closes both connections after each request.
const agent = new http.Agent({ keepAlive: true });
const proxy = httpProxy.createProxyServer({ target, agent, xfwd: true });
proxy.on('error', (error, request, response) => {
  console.error(`${request.url}: ${error}`);
  response.destroy?.();
});

// With xfwd, http-proxy appends to these headers and trusts a client's X-Forwarded-Host.
const forget = (request) => {
  for (const header of ['for', 'host', 'port', 'proto']) delete request.headers[`x-forwarded-${header}`];
};

const server = https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  forget(request);
  proxy.web(request, response);
});
server.on('upgrade', (request, socket, head) => {
  forget(request);
  proxy.ws(request, socket, head);
});
server.listen(Number(port), '127.0.0.1');
