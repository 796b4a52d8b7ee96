// Launches the installed Chromium, headless.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

function path() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'];
  for (const name of names.filter(Boolean)) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // Try the next name.
    }
  }
  throw new Error('there is no Chromium: run tests/clients/install');
}

export const launch = () => chromium.launch({
  executablePath: path(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
