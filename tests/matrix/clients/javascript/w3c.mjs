// Clients with the interface of browsers, the WHATWG's WebSocket.

/**
 * Returns a client that opens WebSockets with `connect(url, protocols)`. Some old libraries report every code but
 * 1000 as unclean; for these, `knowsClean` is false and `wasClean` is undefined.
 */
export const client = (connect, { knowsClean = true } = {}) => (url, { protocols = [] }) => new Promise((opened, refused) => {
  const socket = connect(url, protocols);
  socket.binaryType = 'arraybuffer';
  const messages = [];
  const receivers = [];
  let end;

  socket.onmessage = ({ data }) => {
    const message = typeof data === 'string' ? data : new Uint8Array(data);
    const receiver = receivers.shift();
    if (receiver) receiver.resolve(message);
    else messages.push(message);
  };
  const closed = new Promise((done) => {
    socket.onclose = ({ code, reason, wasClean }) => {
      end = new Error(`closed with ${code} "${reason}"`);
      for (const receiver of receivers) receiver.reject(end);
      refused(end);
      done({ code, reason, wasClean: knowsClean ? wasClean : undefined });
    };
  });
  // Some libraries report the reason in the error event. All report the close event that follows.
  socket.onerror = ({ message, error }) => {
    if (message ?? error) refused(new Error(message || error.message));
  };
  socket.onopen = () => opened({
    send: (message) => socket.send(message),
    receive: () => new Promise((resolve, reject) => {
      if (messages.length > 0) resolve(messages.shift());
      else if (end) reject(end);
      else receivers.push({ resolve, reject });
    }),
    close: (code, reason) => socket.close(code, reason),
    closed,
    protocol: socket.protocol,
    // In old libraries it is an object with a key for each extension.
    extensions: typeof socket.extensions === 'object' ? Object.keys(socket.extensions).join() : socket.extensions,
  });
});
