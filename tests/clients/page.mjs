// The live page of the admin address in a real browser. Usage: node page.mjs ADMIN SERVER TOKEN [FOLDER]
// ADMIN and SERVER are addresses. TOKEN may be empty. With FOLDER, pictures of the page are written there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { launch } from './browser.mjs';

const [admin, server, token, folder] = process.argv.slice(2);
const browser = await launch();

async function connect(path) {
  const socket = new WebSocket(`ws://${server}${path}`);
  await once(socket, 'open');
  return socket;
}

const markup = '<img src="/page.js" onerror="window.isBroken = true"><b>bold</b>';

// Puts markup into everything of an answer that clients and handlers may choose.
async function withMarkup(route) {
  const response = await route.fetch();
  const status = await response.json();
  for (const client of status.clients) client.path += markup;
  for (const client of status.clients) client.address += markup;
  for (const instance of status.instances) instance.name += markup;
  for (const occurrence of status.occurrences) occurrence.instance = markup;
  for (const resource of status.resources) resource.path += markup;
  await route.fulfill({ response, json: status });
}

async function picture(page, name) {
  if (!folder) return;
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png`, fullPage: true });
  }
}

try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // A browser logs each answer with an error status, such as that of a handler that fails. Other errors are the page's.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) problems.push(message.text());
  });
  const [one, two] = [await connect('/room/one'), await connect('/room/two')];

  await page.goto(`http://${admin}/`);
  if (token) {
    for (const text of ['wrong', token]) {
      await page.locator('#token-text').fill(text);
      await page.getByRole('button', { name: 'Continue' }).click();
      if (text === 'wrong') await page.getByText('This is not the token.').waitFor();
    }
  }
  await page.getByRole('status').getByText('live', { exact: true }).waitFor();
  const row = (path) => page.locator('#clients tr', { hasText: path });
  await row('/room/one').waitFor();
  assert.equal(await page.locator('#clients tr').count(), 2);
  assert.equal(await page.locator('#tiles dd.value').first().textContent(), '2');
  assert.match(await page.locator('#instances').textContent(), /\/room\/two/);
  // The memory of an instance is not known while the instance is called.
  await page.locator('#instances td', { hasText: /^1\.\d MiB$/ }).first().waitFor();

  // Text on the background of the browser's colour scheme.
  const brightness = () =>
    page.evaluate(() => {
      const style = getComputedStyle(document.body);
      return [style.color, style.backgroundColor].map((colour) => Number(colour.match(/\d+/)[0]));
    });
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    const [text, background] = await brightness();
    assert.equal(text > background, colorScheme === 'dark', `${colorScheme}: ${text} on ${background}`);
  }

  // Messages are counted from one answer to the next.
  const sending = setInterval(() => one.send('hello'), 20);
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelectorAll('#tiles dd.value')[1].textContent));
  await page.waitForFunction(() => /[µm]s$/.test(document.querySelectorAll('#tiles dd.value')[3].textContent));
  // Of the instances, only the one that gets messages has calls and a time.
  const instanceOf = (path) => page.locator('#instances tr', { hasText: path });
  await instanceOf('/room/one').locator('td:nth-child(7)', { hasText: /^[\d.]+ [µm]s$/ }).waitFor();
  assert.match(await instanceOf('/room/one').locator('td:nth-child(6)').textContent(), /^[1-9]\d*$/);
  await instanceOf('/room/two').locator('td:nth-child(6)', { hasText: /^0$/ }).waitFor();

  // A message reaches the handler of this client, whose answer is shown.
  const received = new Promise((done) => two.on('message', (data) => done(data.toString())));
  await row('/room/two').getByRole('button', { name: /^Message/ }).click();
  const dialog = page.locator('#message');
  await dialog.getByRole('textbox').fill('good morning');
  await dialog.getByRole('button', { name: 'Send' }).click();
  await dialog.getByText('sent to 1 clients').waitFor();
  assert.equal(await received, 'outside: good morning');

  // A handler that fails, and a reload, are shown as they happen.
  await dialog.getByRole('textbox').fill('panic');
  await dialog.getByRole('button', { name: 'Send' }).click();
  await dialog.getByText('The handler failed.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.locator('#events .fault', { hasText: '/room/two: trap in received-custom' }).waitFor();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  assert.equal((await fetch(`http://${admin}/reload`, { method: 'POST', headers })).status, 200);
  await page.locator('#events .reload', { hasText: 'replaced' }).waitFor();
  await picture(page, 'page');
  if (folder) {
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, 'phone');
  }
  // A phone is wide enough: only tables scroll sideways.
  await page.setViewportSize({ width: 360, height: 740 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
  await page.setViewportSize({ width: 1280, height: 900 });

  // Only those that are searched for are listed.
  await page.getByLabel('Find').fill('/room/tw');
  await row('/room/one').waitFor({ state: 'detached' });
  assert.equal(await page.locator('#clients tr').count(), 1);

  // A client is closed only after a confirmation.
  await row('/room/two').getByRole('button', { name: /^Close/ }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(two.readyState, WebSocket.OPEN);
  await row('/room/two').getByRole('button', { name: /^Close/ }).click();
  const closed = once(two, 'close');
  await page.getByRole('button', { name: 'Close the client' }).click();
  assert.equal((await closed)[0], 1001);
  await page.getByText(/^closed client \d+$/).waitFor();
  await row('/room/two').waitFor({ state: 'detached' });

  // What others have chosen is text.
  assert.deepEqual(problems, []);
  clearInterval(sending);
  await page.getByLabel('Find').fill('');
  await page.route('**/status?*', withMarkup);
  await page.reload();
  for (const place of ['#clients', '#instances', '#resources', '#events']) {
    await page.locator(place, { hasText: markup }).first().waitFor();
  }
  assert.equal(await page.locator('img, td b, #events span b').count(), 0);
  assert.equal(await page.evaluate(() => window.isBroken), undefined);
  assert.deepEqual(problems, []);
  one.close();
} finally {
  await browser.close();
}
