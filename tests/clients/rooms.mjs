// Three pages of a real browser paint in two rooms. Usage: node rooms.mjs URL_OF_THE_PAGE
import { launch } from './browser.mjs';

const page_url = process.argv[2];
const window = await launch();

async function enter(room, here) {
  const page = await (await window.newContext()).newPage();
  page.on('pageerror', (error) => { console.error(`${room}: ${error}`); process.exitCode = 1; });
  await page.goto(`${page_url}?room=${room}`);
  await page.getByRole('status').getByText(`${here} here`, { exact: true }).waitFor();
  return page;
}

// Clicks the middle of a pixel of the board.
async function paint(page, column, row, colour) {
  await page.getByRole('radio', { name: colour }).click();
  const { x, y, width, height } = await page.locator('#board').boundingBox();
  await page.mouse.click(x + (column + 0.5) * width / 32, y + (row + 0.5) * height / 32);
}

const pixel = (page, column, row) => page.evaluate(([column, row]) => [
  ...document.getElementById('board').getContext('2d')
    .getImageData(column * 20 + 10, row * 20 + 10, 1, 1).data.slice(0, 3),
].join(), [column, row]);

// Waits until a pixel has this colour.
const becomes = (page, column, row, colour) => page.waitForFunction(([column, row, colour]) => [
  ...document.getElementById('board').getContext('2d')
    .getImageData(column * 20 + 10, row * 20 + 10, 1, 1).data.slice(0, 3),
].join() === colour, [column, row, colour]);

const RED = '217,45,32';
const GREEN = '18,147,90';
const WHITE = '255,255,255';

try {
  const ada = await enter('lobby', 1);
  const grace = await enter('lobby', 2);
  const alone = await enter('attic', 1);
  await paint(ada, 3, 4, 'red');
  await becomes(grace, 3, 4, RED);
  await becomes(ada, 3, 4, RED);
  await paint(grace, 31, 31, 'green');
  await becomes(ada, 31, 31, GREEN);
  console.log('those in one room see the same: ok');

  await paint(alone, 0, 0, 'green');
  await becomes(alone, 0, 0, GREEN);
  if (await pixel(alone, 3, 4) !== WHITE) throw new Error('another room sees it');
  if (await pixel(ada, 0, 0) !== WHITE) throw new Error('it is seen in another room');
  console.log('another room is another board: ok');

  const late = await enter('lobby', 3);
  await becomes(late, 3, 4, RED);
  console.log('a client that comes late gets the whole board: ok');

  if (process.env.SCREENSHOT) await ada.screenshot({ path: process.env.SCREENSHOT });
  await grace.close();
  await ada.getByRole('status').getByText('2 here', { exact: true }).waitFor();
  console.log('they see who leaves: ok');
} finally {
  await window.close();
}
