// The board of a room. ../src/lib.rs describes the messages.
'use strict';

const SIDE = 32;
const CELL = 20;
const COLOURS = [
  ['empty', '#ffffff'], ['black', '#20242c'], ['red', '#d92d20'], ['orange', '#f79009'],
  ['green', '#12935a'], ['blue', '#1d5fd1'], ['violet', '#7a3fd0'], ['pink', '#e6539b'],
];
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15000;

const element = (id) => document.getElementById(id);
const [state, board, colours, roomInput] = ['state', 'board', 'colours', 'room'].map(element);
const canvas = board.getContext('2d');
const room = new URLSearchParams(location.search).get('room') ?? 'lobby';
const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/room/${encodeURIComponent(room)}`;

const pixels = new Uint8Array(SIDE * SIDE);
let socket;
let delay = FIRST_DELAY;
let colour = 5;
let cursor = null;

function connect() {
  socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => { delay = FIRST_DELAY; };
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') state.textContent = data;
    else receive(new Uint8Array(data));
  };
  socket.onclose = () => {
    // Backoff with jitter: after a restart of the server, its clients should not all reconnect at once.
    const wait = delay * (0.5 + Math.random());
    delay = Math.min(delay * 2, LONGEST_DELAY);
    state.textContent = `disconnected; trying again in ${Math.ceil(wait / 1000)} s`;
    setTimeout(connect, wait);
  };
}

function receive(bytes) {
  if (bytes.length === pixels.length) pixels.set(bytes);
  else pixels[bytes[1] * SIDE + bytes[0]] = bytes[2];
  draw();
}

function draw() {
  pixels.forEach((pixel, at) => {
    canvas.fillStyle = COLOURS[pixel]?.[1] ?? COLOURS[0][1];
    canvas.fillRect((at % SIDE) * CELL, Math.floor(at / SIDE) * CELL, CELL, CELL);
  });
  if (cursor) {
    canvas.strokeStyle = '#667085';
    canvas.lineWidth = 2;
    canvas.strokeRect(cursor[0] * CELL + 1, cursor[1] * CELL + 1, CELL - 2, CELL - 2);
  }
}

function paint(column, row) {
  const at = row * SIDE + column;
  if (socket.readyState !== WebSocket.OPEN || pixels[at] === colour) return;
  // The pixel is drawn when it comes back from the server, so that everybody sees the same board in the same order.
  socket.send(Uint8Array.of(column, row, colour));
}

function place(event) {
  const { left, top, width, height } = board.getBoundingClientRect();
  const along = (offset, length) => Math.min(SIDE - 1, Math.max(0, Math.floor(offset / length * SIDE)));
  return [along(event.clientX - left, width), along(event.clientY - top, height)];
}

board.onpointerdown = (event) => { board.setPointerCapture(event.pointerId); cursor = null; paint(...place(event)); };
board.onpointermove = (event) => { if (event.buttons) paint(...place(event)); };
board.onkeydown = (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], ' ': [0, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const [column, row] = cursor ?? [SIDE / 2, SIDE / 2];
  cursor = [(column + step[0] + SIDE) % SIDE, (row + step[1] + SIDE) % SIDE];
  if (event.key === ' ') paint(...cursor);
  draw();
};

COLOURS.forEach(([name, value], number) => {
  const button = document.createElement('button');
  button.style.background = value;
  button.setAttribute('role', 'radio');
  button.setAttribute('aria-label', name);
  button.onclick = () => choose(number);
  colours.append(button);
});

function choose(number) {
  colour = number;
  [...colours.children].forEach((button, at) => button.setAttribute('aria-checked', at === number));
}

element('go').onsubmit = (event) => {
  event.preventDefault();
  location.search = new URLSearchParams({ room: roomInput.value });
};

roomInput.value = room;
choose(colour);
draw();
connect();
