// TextEncoder and TextDecoder for engines without them. Only UTF-8.

function encode(text) {
  const bytes = [];
  for (const character of String(text).toWellFormed()) {
    const point = character.codePointAt(0);
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), tail(point));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), tail(point >> 6), tail(point));
    else bytes.push(0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point));
  }
  return Uint8Array.from(bytes);
}

const tail = (bits) => 0x80 | (bits & 0x3f);

function decode(bytes, fatal) {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const [point, length] = pointAt(bytes, at);
    if (point === undefined && fatal) throw new TypeError('these bytes are not UTF-8');
    text += point === undefined ? '\ufffd' : String.fromCodePoint(point);
    at += length;
  }
  return text;
}

// Returns the character at a position and its length; in place of an invalid one, undefined and the length to skip.
function pointAt(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 1;
  if (length === 1) return [undefined, 1];
  let point = first & (0x7f >> length);
  for (let next = 1; next < length; next++) {
    const byte = bytes[at + next];
    const [low, high] = next > 1 ? [0x80, 0xbf] : (SECOND[first] ?? [0x80, 0xbf]);
    if (!(byte >= low && byte <= high)) return [undefined, next];
    point = (point << 6) | (byte & 0x3f);
  }
  return [point, length];
}

// After these bytes, the second byte has a smaller range: no overlong forms, no surrogates, nothing above U+10FFFF.
const SECOND = { 0xe0: [0xa0, 0xbf], 0xed: [0x80, 0x9f], 0xf0: [0x90, 0xbf], 0xf4: [0x80, 0x8f] };

globalThis.TextEncoder ??= class TextEncoder {
  get encoding() {
    return 'utf-8';
  }
  encode(text = '') {
    return encode(text);
  }
};

globalThis.TextDecoder ??= class TextDecoder {
  #fatal;
  #ignoreBOM;
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`this engine decodes only UTF-8, not ${label}`);
    this.#fatal = fatal;
    this.#ignoreBOM = ignoreBOM;
  }
  get encoding() {
    return 'utf-8';
  }
  decode(input = new Uint8Array()) {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = decode(bytes, this.#fatal);
    return !this.#ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
  }
};
