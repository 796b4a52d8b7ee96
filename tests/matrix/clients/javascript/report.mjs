// The main program of the clients for node: takes the plan as an argument, and prints a line of JSON for each scenario.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { run } from './scenarios.mjs';

const print = (line) => console.log(JSON.stringify(line));

/** Returns the version of an installed package. */
export function versionOf(name) {
  const path = createRequire(import.meta.url).resolve.paths(name)[0];
  return JSON.parse(readFileSync(`${path}/${name}/package.json`, 'utf8')).version;
}

/** Runs the plan and exits, even if a client has left timers running. */
export async function main(version, open) {
  print({ version });
  await run(open, JSON.parse(process.argv[2]), print);
  process.exit(0);
}
