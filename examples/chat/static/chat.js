// The chat page: receives and sends lines of text. ../README.md explains the lines.
'use strict';

const path = new URLSearchParams(location.search).get('path') ?? '/';
const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
const element = (id) => document.getElementById(id);
const [state, log, people, text, name] = ['state', 'log', 'people', 'text', 'name'].map(element);

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15000;

let socket;
let delay = FIRST_DELAY;
let here = new Set();
let me = '';
let requested = '';

function connect() {
  socket = new WebSocket(url);
  socket.onopen = () => { delay = FIRST_DELAY; show('connected', true); };
  socket.onmessage = (event) => receive(event.data);
  socket.onclose = () => {
    // Backoff with jitter: after a restart of the server, its clients should not all reconnect at once.
    const wait = delay * (0.5 + Math.random());
    delay = Math.min(delay * 2, LONGEST_DELAY);
    here.clear();
    draw();
    show(`disconnected; trying again in ${Math.ceil(wait / 1000)} s`, false);
    setTimeout(connect, wait);
  };
}

function show(words, connected) {
  state.textContent = words;
  document.querySelectorAll('input, button').forEach((field) => { field.disabled = !connected; });
  if (connected) text.focus();
}

function receive(line) {
  const notice = /^\* (?:(you are) (.*)|(here): (.*)|(.*) (joined|left)|(.*) is now (.*))$/.exec(line);
  if (!notice) return say(line);
  const [, isMe, own, isHere, list, who, did, before, after] = notice;
  if (isMe) arrive(own);
  else if (isHere) list.split(', ').filter(Boolean).forEach((other) => here.add(other));
  else if (did === 'joined') here.add(who);
  else if (did === 'left') here.delete(who);
  else if (before) rename(before, after);
  draw();
  if (!isHere) add('notice', line.slice(2));
}

function arrive(given) {
  me = given;
  here.add(me);
  name.value = requested || me;
  // After a reconnect this is a new client for the server: ask for the previous name again.
  if (requested && requested !== me) socket.send(`/name ${requested}`);
}

function rename(before, after) {
  here.delete(before);
  here.add(after);
  if (before === me) me = name.value = after;
}

function say(line) {
  if (line.startsWith('! ')) return add('problem', line.slice(2));
  const end = line.indexOf(': ');
  const who = document.createElement('b');
  who.textContent = line.slice(0, end);
  add('message', who, ` ${line.slice(end + 2)}`);
}

// Adds text only as text nodes, so that nothing that other people write can become markup.
function add(kind, ...parts) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 50;
  const item = document.createElement('li');
  item.className = kind;
  item.append(...parts);
  log.append(item);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function draw() {
  people.replaceChildren(...[...here].sort().map((who) => {
    const item = document.createElement('li');
    item.textContent = who === me ? `${who} (you)` : who;
    item.className = who === me ? 'me' : '';
    return item;
  }));
}

element('say').onsubmit = (event) => {
  event.preventDefault();
  socket.send(text.value);
  text.value = '';
};

element('rename').onsubmit = (event) => {
  event.preventDefault();
  requested = name.value.trim();
  socket.send(`/name ${requested}`);
};

connect();
