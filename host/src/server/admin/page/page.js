// The live page: asks for /status every second and shows it. Values that clients or handlers have chosen (paths,
// addresses, replies) are set as text, never as markup.

const PERIOD = 1000; // Milliseconds between two requests.
const HISTORY = 90; // Points of a curve.
const KEPT = 100; // Reloads and faults in the list.
const TOKEN = 'ws-host admin token';

const $ = (id) => document.getElementById(id);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

// Figures

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (value) => (value < 10_000 ? whole.format(Math.round(value)) : short.format(value));

function scaled(value, units, step) {
  let index = 0;
  while (value >= step && index < units.length - 1) {
    value /= step;
    index += 1;
  }
  return `${value < 10 && index > 0 ? value.toFixed(1) : Math.round(value)} ${units[index]}`;
}
const bytes = (value) => scaled(value, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], 1024);
const time = (nanoseconds) => scaled(nanoseconds, ['ns', 'µs', 'ms', 's'], 1000);
const percent = (part) => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;

function age(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
}

// Requests

async function request(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  const signal = AbortSignal.timeout(15_000);
  return fetch(path, { ...options, headers, signal, cache: 'no-store' });
}

function askForToken() {
  setText($('token-problem'), sessionStorage.getItem(TOKEN) ? 'This is not the token.' : '');
  $('token').showModal();
}
// Without a token there is nothing to see, so Escape does not close this dialog.
$('token').addEventListener('cancel', (event) => event.preventDefault());
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $('token-text').value.trim());
  $('token-text').value = '';
  $('token').close();
  poll();
});

// Rates: differences between two responses

// Messages per second come from the last two responses. Times of frequent calls are samples, so they are taken over the
// last ten responses.
const WINDOW = 10;
let responses = [];

// What tells an instance from others.
const instanceKey = (one) => JSON.stringify([one.resource, one.name]);

function rates(status, now) {
  if (responses.at(-1)?.started !== status.started) responses = [];
  const [old, oldest] = [responses.at(-1), responses[0]];
  const since = (one) => (one ? Math.max(0.001, (now - one.at) / 1000) : 1);
  const seconds = since(old);
  const resources = new Map();
  for (const resource of status.resources) {
    const [last, first] = [old, oldest].map((one) => one?.resources.get(resource.name));
    // Counters of a resource that was removed and added again begin at zero.
    const grown = (key, from = last) => (from ? Math.max(0, resource[key] - from[key]) : 0);
    const buckets = resource.buckets.map((value, index) => (first ? Math.max(0, value - first.buckets[index]) : 0));
    resources.set(resource.name, {
      in: grown('received_messages') / seconds,
      out: grown('sent_messages') / seconds,
      inBytes: grown('received_bytes') / seconds,
      outBytes: grown('sent_bytes') / seconds,
      cpu: grown('cpu_nanoseconds', first) / since(oldest) / 1e9,
      calls: grown('calls', first),
      spent: grown('call_nanoseconds', first),
      buckets,
    });
  }
  // The calls of an instance are not known in the middle of a call, and begin at zero when it is replaced.
  const instances = new Map();
  const [known, before] = [old, oldest].map((one) => one?.instances);
  for (const one of status.instances) {
    const key = instanceKey(one);
    const last = known?.get(key);
    const { calls, call_nanoseconds: spent } = one.calls === null && last ? last : one;
    instances.set(key, { calls, call_nanoseconds: spent });
    const first = before?.get(key);
    const isKnown = typeof calls === 'number' && typeof first?.calls === 'number';
    const grown = isKnown ? Math.max(0, calls - first.calls) : 0;
    one.rate = grown / since(oldest);
    one.mean = grown ? (spent - first.call_nanoseconds) / grown : null;
  }
  const busy = old ? (status.busy_nanoseconds - old.busy) / seconds / 1e9 / Math.max(1, status.workers) : 0;
  responses.push({
    started: status.started, at: now, busy: status.busy_nanoseconds,
    resources: new Map(status.resources.map((resource) => [resource.name, resource])), instances,
  });
  if (responses.length > WINDOW) responses.shift();
  return { resources, busy: Math.min(1, Math.max(0, busy)) };
}

// The bound within which 99 % of the calls ended. A histogram knows no more than that.
function within(buckets, bounds) {
  const all = buckets.reduce((sum, value) => sum + value, 0);
  if (all === 0) return '–';
  let sum = 0;
  const index = buckets.findIndex((value) => (sum += value) >= all * 0.99);
  return index < bounds.length ? time(bounds[index]) : `> ${time(bounds.at(-1))}`;
}

// Tiles

const tiles = new Map();

function curve(values) {
  const top = Math.max(...values, 1e-9) * 1.1;
  const points = values.map((value, index) => `${index + HISTORY - values.length},${(30 - (28 * value) / top).toFixed(2)}`);
  const line = `M${points.join('L')}`;
  return { line, area: `${line}L${HISTORY - 1},32L${HISTORY - values.length},32Z` };
}

// A point that is not known yet is null.
function tile(name, value, more, point) {
  let parts = tiles.get(name);
  if (!parts) {
    const box = element('div');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', `0 0 ${HISTORY - 1} 32`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const paths = ['fill', 'stroke'].map((kind) => {
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('class', kind);
      svg.append(path);
      return path;
    });
    parts = { value: element('dd', 'value'), more: element('dd', 'more'), paths, history: [], svg };
    const drawing = element('dd');
    drawing.append(svg);
    box.append(element('dt', '', name), parts.value, parts.more, drawing);
    $('tiles').append(box);
    tiles.set(name, parts);
  }
  setText(parts.value, value);
  setText(parts.more, more);
  if (point === null) return;
  parts.history.push(point);
  if (parts.history.length > HISTORY) parts.history.shift();
  const { line, area } = curve(parts.history);
  parts.paths[0].setAttribute('d', area);
  parts.paths[1].setAttribute('d', line);
}

// Tables: rows are kept by key, so that focus and selection survive an update

function rows(body, items, key, make, update) {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, index) => {
    const id = key(item);
    let row = old.get(id);
    old.delete(id);
    if (!row) {
      row = make(item);
      row.dataset.key = id;
    }
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    update(row, item);
  });
  for (const row of old.values()) row.remove();
}

function plainRow(classes) {
  const row = element('tr');
  for (const name of classes) row.append(element('td', name));
  return row;
}

function fill(row, texts) {
  texts.forEach((text, index) => {
    const cell = row.children[index];
    setText(cell, text);
    if (cell.className === 'text') cell.title = text;
  });
}

function showResources(status, rate) {
  const n = 'number';
  const classes = ['text', 'text', n, n, n, n, n, n, n, n, n, ''];
  rows($('resources'), status.resources, (one) => one.name, () => plainRow(classes), (row, one) => {
    const now = rate.resources.get(one.name);
    const hibernated = one.instances_hibernated ? ` + ${count(one.instances_hibernated)} hibernated` : '';
    const trial = { settled: '', running: ' on trial', 'rolled-back': ' rolled back' }[one.trial] ?? '';
    fill(row, [
      one.name, one.path, count(one.clients), count(one.instances_live) + hibernated, count(now.in), count(now.out),
      now.calls ? time(now.spent / now.calls) : '–', within(now.buckets, status.bounds_nanoseconds),
      percent(now.cpu), bytes(one.memory_bytes), count(one.faults), one.hash + trial,
    ]);
    row.children[10].classList.toggle('faulty', one.faults > 0);
  });
}

function showInstances(status) {
  const n = 'number';
  rows($('instances'), status.instances, instanceKey, () => plainRow(['text', 'text', '', n, n, n, n, n]), (row, one) => {
    fill(row, [
      one.name || '(one for all)', one.resource, one.state, count(one.clients), count(one.timers), count(one.rate),
      one.mean === null ? '–' : time(one.mean), one.memory_bytes === null ? '–' : bytes(one.memory_bytes),
    ]);
  });
}

function clientRow(client) {
  const row = plainRow(['', 'text', 'text', '', 'number', '']);
  const message = element('button', '', 'Message');
  const close = element('button', 'danger', 'Close');
  message.setAttribute('aria-label', `Message to the handler of client ${client.id}`);
  close.setAttribute('aria-label', `Close client ${client.id}`);
  message.addEventListener('click', () => openMessage(client));
  close.addEventListener('click', () => openClose(client));
  row.lastChild.append(message, close);
  return row;
}

function showClients(status, all) {
  rows($('clients'), status.clients, (one) => String(one.id), clientRow, (row, one) => {
    fill(row, [one.id, one.path, one.resource, one.address, one.buffered ? bytes(one.buffered) : '–']);
  });
  const shown = status.clients.length;
  setText($('clients-note'), shown < all
    ? `The newest ${shown}${find ? ' matches' : ''}, of ${whole.format(all)} clients.` : `All ${shown}.`);
}

// Reloads and faults

let since = 0;
let started = null;

function showOccurrences(status) {
  const list = $('events');
  for (const one of status.occurrences.toReversed()) {
    if (one.number <= since) continue;
    since = one.number;
    const at = new Date(one.at);
    const item = element('li', one.what);
    const when = element('time', '', at.toLocaleTimeString('en-GB'));
    when.dateTime = at.toISOString();
    const where = one.instance ? ` ${one.instance}` : '';
    const event = one.event ? ` in ${one.event}` : '';
    item.append(when, element('b', '', one.what), element('span', '', `${one.resource}${where}: ${one.kind}${event}`));
    list.prepend(item);
  }
  while (list.children.length > KEPT) list.lastChild.remove();
  $('no-events').hidden = list.children.length > 0;
}

// Buttons

let hideReport;

function report(text) {
  $('report').hidden = false;
  setText($('report'), text);
  clearTimeout(hideReport);
  hideReport = setTimeout(() => { $('report').hidden = true; }, 6000);
}

const named = (client) => `Client ${client.id} of ${client.resource}, ${client.path}, from ${client.address}`;

async function responseText(path, options) {
  try {
    const response = await request(path, options);
    return (await response.text()).trim() || `The host answered ${response.status}, without a body.`;
  } catch (error) {
    return `The host cannot be reached: ${error.message}`;
  }
}

function openClose(client) {
  const dialog = $('close');
  setText($('close-what'), named(client));
  dialog.returnValue = '';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'yes') return;
    report(await responseText(`/clients/${client.id}`, { method: 'DELETE' }));
  };
  dialog.showModal();
}

let addressee = null;

function openMessage(client) {
  addressee = client;
  setText($('message-what'), named(client));
  setText($('message-reply'), '');
  $('message').showModal();
}

$('message-cancel').addEventListener('click', () => $('message').close());
$('message-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const to = addressee;
  setText($('message-reply'), 'Waiting for the handler …');
  const path = `/resources/${encodeURIComponent(to.resource)}/messages?client=${to.id}`;
  const text = await responseText(path, { method: 'POST', body: $('message-text').value });
  if (addressee === to) setText($('message-reply'), text);
});

let find = '';
$('find').addEventListener('input', () => {
  find = $('find').value.trim();
  poll();
});

// The loop

function show(status) {
  if (started !== status.started) {
    since = 0;
    started = status.started;
    $('events').replaceChildren();
  }
  const isFirst = responses.at(-1)?.started !== status.started;
  const rate = rates(status, performance.now());
  const known = (point) => (isFirst ? null : point);
  const sum = (key) => status.resources.reduce((total, one) => total + one[key], 0);
  const now = { in: 0, out: 0, inBytes: 0, outBytes: 0, calls: 0, spent: 0 };
  const buckets = new Array(status.bounds_nanoseconds.length + 1).fill(0);
  for (const one of rate.resources.values()) {
    for (const key of Object.keys(now)) now[key] += one[key];
    one.buckets.forEach((value, index) => { buckets[index] += value; });
  }
  const all = sum('clients');
  const mean = now.calls ? now.spent / now.calls : 0;
  const live = sum('instances_live');
  tile('Clients', count(all), `${count(live)} ${live === 1 ? 'instance' : 'instances'}`, all);
  tile('Messages received', `${count(now.in)}/s`, `${bytes(now.inBytes)}/s`, known(now.in));
  tile('Messages sent', `${count(now.out)}/s`, `${bytes(now.outBytes)}/s`, known(now.out));
  tile('Handler call, mean', now.calls ? time(mean) : '–', `99 % within ${within(buckets, status.bounds_nanoseconds)}`, known(mean));
  tile('Instance memory', bytes(sum('memory_bytes')), `${count(sum('instances_hibernated'))} hibernated`, sum('memory_bytes'));
  tile('Waiting data', bytes(status.buffered_bytes), `of ${bytes(status.max_buffered_bytes)}`, status.buffered_bytes);
  const stuck = status.workers_stuck ? `${status.workers_stuck} stuck of ` : '';
  tile('Workers busy', percent(rate.busy), `${stuck}${status.workers} workers`, known(rate.busy));
  tile('Faults', count(sum('faults')), 'in all resources', sum('faults'));
  setText($('about'), `${status.version}, up ${age(Date.now() - status.started)}`);
  showResources(status, rate);
  showInstances(status);
  showClients(status, all);
  showOccurrences(status);
}

function link(text, className) {
  setText($('link'), text);
  $('link').className = className;
}

let timer;
let isAsking = false;
let isAskedAgain = false;

async function poll() {
  clearTimeout(timer);
  if (isAsking) {
    isAskedAgain = true;
    return;
  }
  isAsking = true;
  isAskedAgain = false;
  let isRefused = false;
  try {
    const response = await request(`/status?since=${since}&find=${encodeURIComponent(find)}`);
    if (response.ok) {
      show(await response.json());
      link('live', 'live');
    } else {
      isRefused = response.status === 401;
      link(isRefused ? 'token needed' : `the host answered ${response.status}`, 'lost');
    }
  } catch {
    link('host not reachable', 'lost');
  }
  isAsking = false;
  if (isRefused) return askForToken();
  timer = setTimeout(poll, isAskedAgain ? 0 : PERIOD);
}

// A hidden tab asks for nothing.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else if (!$('token').open) poll();
});
poll();
