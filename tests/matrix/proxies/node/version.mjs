// Tells which version of http-proxy is installed, and fails if there is none.
import { createRequire } from 'node:module';

console.log(createRequire(import.meta.url)('http-proxy/package.json').version);
