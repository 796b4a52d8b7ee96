//! The interface of all clients.

use anyhow::Result;

/// A message, sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// What the server sent.
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

    /// Sends a close frame. Later messages are still received.
    async fn close(&mut self, code: u16, reason: &str) -> Result<()>;

    /// Waits for the end of the connection, after the server's close frame.
    async fn end(self) -> Result<()>;
}

/// The subprotocol and extensions negotiated in the handshake.
pub(crate) struct Agreed {
    pub(crate) subprotocol: Option<String>,
    pub(crate) extensions: Option<String>,
}

/// A client library.
pub(crate) trait Open {
    type Socket: Socket;

    /// Its version.
    const VERSION: &str;

    /// Opens a WebSocket. `subprotocols` is the value of the header. Also returns what was negotiated, if the client
    /// reports it.
    async fn open(
        &self,
        url: &str,
        subprotocols: Option<&str>,
    ) -> Result<(Self::Socket, Option<Agreed>)>;
}
