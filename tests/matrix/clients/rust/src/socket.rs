//! What all clients can do.

use anyhow::Result;

/// A message, as it goes and as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// What comes from the server.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Message),
    /// The code is 1005 if the frame has none.
    Close(u16, String),
}

/// An open WebSocket.
pub(crate) trait Socket {
    async fn send(&mut self, message: Message) -> Result<()>;

    async fn receive(&mut self) -> Result<Received>;

    /// Sends a close frame. What comes after it is received as before.
    async fn close(&mut self, code: u16, reason: &str) -> Result<()>;

    /// Waits for the end of the connection, once the server's close frame has come.
    async fn end(self) -> Result<()>;
}

/// What was agreed on in the handshake.
pub(crate) struct Agreed {
    pub(crate) subprotocol: Option<String>,
    pub(crate) extensions: Option<String>,
}

/// A client library.
pub(crate) trait Open {
    type Socket: Socket;

    /// Its version.
    const VERSION: &str;

    /// A handshake, with a list of subprotocols as it stands in the header. Gives what was agreed on, too, if the client tells it.
    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)>;
}
