// Runs a script in a page of a server's own origin, in a real browser, and prints what the script logs, until it is killed.
// Usage: node script.mjs ADDRESS SCRIPT
import { launch } from './browser.mjs';

const [address, script] = process.argv.slice(2);
const browser = await launch();
const page = await (await browser.newContext()).newPage();
// As lines, whatever the script logs.
page.on('console', (message) => console.log(message.text()));
page.on('pageerror', (error) => console.log(error.stack));
await page.goto(`http://${address}/`);
await page.addScriptTag({ content: script });
