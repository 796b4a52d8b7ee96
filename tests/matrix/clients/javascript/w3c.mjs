// Clients with the interface of browsers: the WHATWG's WebSocket.

/**
 * A client from `connect(url, protocols)`, which makes a WebSocket. Some old ones take every code but 1000
 * for unclean: of them it is not asked.
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
  // What went wrong is told to some by the error, to all by the end that follows.
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
    // Old ones have an object with a key for each.
    extensions: typeof socket.extensions === 'object' ? Object.keys(socket.extensions).join() : socket.extensions,
  });
});
