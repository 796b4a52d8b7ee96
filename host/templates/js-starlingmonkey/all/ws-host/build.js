// Builds the component: `node ws-host/build.js build/NAME.wasm`.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { componentize } from '@bytecodealliance/componentize-js';

const [output] = process.argv.slice(2);

async function build() {
  const { component } = await componentize({
    sourcePath: 'ws-host/starlingmonkey.js',
    witPath: 'wit',
    worldName: 'javascript-handler',
    disableFeatures: ['fetch-event'],
  });
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, component);
}

// The message of an error names the line of the handler, so only the message is printed. The stack names only lines of
// the compiler. With `DEBUG=1`, the stack is printed as well.
await build().catch((error) => {
  console.error(process.env.DEBUG ? error : error.message);
  process.exitCode = 1;
});
