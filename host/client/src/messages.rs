//! What arrives.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;

use crate::end::End;
use crate::shared::Handle;
use crate::sink::Message;

/// How many received messages wait to be taken. Together with
/// [`Options::max_message`](crate::Options::max_message) this bounds their memory; more than a few
/// help nobody, since the socket's own buffer comes on top.
const MAX_UNREAD: usize = 16;

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A pong that answers no [`Client::ping`](crate::Client::ping) (RFC 6455 §5.5.3).
    Pong(Vec<u8>),
}

impl Received {
    /// The same to be sent, perhaps to where it came from; `None` for a pong.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Text(text) => Some(Message::Text(text)),
            Self::Binary(octets) => Some(Message::Binary(octets)),
            Self::Pong(_) => None,
        }
    }
}

/// The messages of a connection, in the order in which they came.
///
/// At most 16 wait here. While no more fit, nothing is read from the socket: neither pings, which
/// then stay unanswered, nor a close frame. Whoever wants no messages drops this; they are
/// discarded then as they come.
pub struct Messages {
    received: mpsc::Receiver<Received>,
    handle: Arc<Handle>,
}

impl Messages {
    pub(crate) fn new(handle: Arc<Handle>) -> (mpsc::Sender<Received>, Self) {
        let (sender, received) = mpsc::channel(MAX_UNREAD);
        (sender, Self { received, handle })
    }

    /// The next message; `None` when the connection has ended, or never opened.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Received> {
        self.received.recv().await
    }

    /// Waits for the end, as [`Client::ended`](crate::Client::ended) does. Take the messages first: a
    /// server whose messages are not taken is not heard when it closes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn ended(&self) -> End {
        self.handle.shared().ended.wait().await.clone()
    }
}

/// As [`next`](Messages::next).
impl Stream for Messages {
    type Item = Received;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Received>> {
        self.get_mut().received.poll_recv(context)
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("unread", &self.received.len()).finish_non_exhaustive()
    }
}
