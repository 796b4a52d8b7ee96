// Two pages of a real browser talk to each other. Usage: node chat.mjs URL_OF_THE_PAGE
import { launch } from './browser.mjs';

const page_url = process.argv[2];
const window = await launch();

async function open(name) {
  const page = await (await window.newContext()).newPage();
  page.on('pageerror', (error) => { console.error(`${name}: ${error}`); process.exitCode = 1; });
  await page.goto(page_url);
  await page.getByRole('status').getByText('connected', { exact: true }).waitFor();
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Change' }).click();
  await page.getByText(`${name} (you)`).waitFor();
  return page;
}

async function say(page, text) {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const heard = (page, who, text) =>
  page.locator('#log .message').filter({ hasText: `${who} ${text}` }).waitFor();

try {
  const ada = await open('Ada');
  const grace = await open('Grace');
  await ada.getByText('is now Grace').waitFor();
  await ada.locator('#people').getByText('Grace').waitFor();
  await grace.locator('#people').getByText('Ada', { exact: true }).waitFor();
  console.log('they see each other: ok');

  await say(ada, 'hello <b>Grace</b> 🦀');
  await heard(grace, 'Ada', 'hello <b>Grace</b> 🦀');
  await heard(ada, 'Ada', 'hello <b>Grace</b> 🦀');
  await say(grace, 'hello Ada');
  await heard(ada, 'Grace', 'hello Ada');
  console.log('they talk, and text stays text: ok');

  if (process.env.SCREENSHOT) await ada.screenshot({ path: process.env.SCREENSHOT });
  await grace.close();
  await ada.getByText('Grace left').waitFor();
  console.log('one leaves: ok');
} finally {
  await window.close();
}
