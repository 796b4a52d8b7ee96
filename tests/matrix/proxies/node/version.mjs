// Prints the installed version of http-proxy, and fails if there is none.
import { createRequire } from 'node:module';

console.log(createRequire(import.meta.url)('http-proxy/package.json').version);
