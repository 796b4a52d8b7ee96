// A headless browser with a page that runs the scenarios: `node browser.mjs PLAN KIND PROGRAM`. It
// is controlled only by the address of the page, so it needs no driver that matches its version.
import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [text, kind, program] = process.argv.slice(2);
const plan = JSON.parse(text);
const print = (line) => console.log(JSON.stringify(line));

// In TMPDIR, which the matrix removes.
const home = mkdtempSync(join(tmpdir(), 'ws-host-matrix-'));
const version = execFileSync(program, ['--version'], { encoding: 'utf8', env: { ...process.env, HOME: home } });
print({ version: version.match(/\d+(\.\d+)+/)[0] });

// Creates a certificate database, as browsers on Linux use it, that trusts the authority of the plan.
function trust(folder) {
  mkdirSync(folder, { recursive: true });
  const certutil = (...words) => execFileSync('certutil', ['-d', `sql:${folder}`, ...words], { stdio: 'inherit' });
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'matrix', '-t', 'C,,', '-i', plan.authority);
}

function chromium() {
  trust(join(home, '.pki/nssdb'));
  return ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-dev-shm-usage', `--user-data-dir=${join(home, 'profile')}`];
}

function firefox() {
  const profile = join(home, 'profile');
  trust(profile);
  writeFileSync(join(profile, 'user.js'), [
    'user_pref("app.normandy.enabled", false);',
    'user_pref("browser.shell.checkDefaultBrowser", false);',
    'user_pref("datareporting.policy.dataSubmissionEnabled", false);',
    'user_pref("network.captive-portal-service.enabled", false);',
    'user_pref("network.connectivity-service.enabled", false);',
    'user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);',
  ].join('\n'));
  return ['--headless', '--no-remote', '--profile', profile];
}

const types = { html: 'text/html', mjs: 'text/javascript' };

async function answer(request, response) {
  const name = request.url.slice(1);
  let body = '';
  for await (const bytes of request) body += bytes;
  if (request.method === 'POST') {
    response.end();
    if (name === 'outcome') print(JSON.parse(body));
    else end();
  } else if (name === 'plan') {
    response.setHeader('Content-Type', 'application/json').end(text);
  } else if (['page.html', 'scenarios.mjs', 'w3c.mjs'].includes(name)) {
    response.setHeader('Content-Type', types[name.split('.')[1]]);
    response.end(readFileSync(new URL(name, import.meta.url)));
  } else {
    response.writeHead(404).end();
  }
}

const server = createServer(answer).listen(0, '127.0.0.1', () => {
  const page = `http://127.0.0.1:${server.address().port}/page.html`;
  const flags = kind === 'chromium' ? chromium() : firefox();
  browser = spawn(program, [...flags, page], {
    env: { ...process.env, HOME: home }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  browser.on('exit', (code) => {
    console.error(`${program} ended with ${code}`);
    process.exit(1);
  });
});
let browser;

function end() {
  browser.removeAllListeners('exit');
  browser.on('exit', () => process.exit(0));
  browser.kill();
}
