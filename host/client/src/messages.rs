//! The messages that arrive.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;

use crate::end::End;
use crate::shared::Handle;
use crate::sink::Message;

/// How many received messages may wait to be taken. Together with
/// [`Options::max_message`](crate::Options::max_message), this limits the memory of the waiting messages. More than a
/// few would be of no use, because the socket has its own buffer.
const MAX_UNREAD: usize = 16;

/// A message or pong from the server.
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
    /// Converts what was received to a message that can be sent. Returns `None` for a pong.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Text(text) => Some(Message::Text(text)),
            Self::Binary(bytes) => Some(Message::Binary(bytes)),
            Self::Pong(_) => None,
        }
    }
}

/// The messages of a connection, in the order in which they arrived.
///
/// At most 16 messages wait in this queue. While it is full, nothing is read from the socket. Pings are then not
/// answered, and a close frame is not noticed. If you do not need the messages, drop this value. The messages are then
/// discarded as they arrive.
pub struct Messages {
    received: mpsc::Receiver<Received>,
    handle: Arc<Handle>,
}

impl Messages {
    pub(crate) fn new(handle: Arc<Handle>) -> (mpsc::Sender<Received>, Self) {
        let (sender, received) = mpsc::channel(MAX_UNREAD);
        (sender, Self { received, handle })
    }

    /// Returns the next message. Returns `None` when the connection has ended, or if it never opened.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Received> {
        self.received.recv().await
    }

    /// Waits for the end of the connection, as [`Client::ended`](crate::Client::ended) does. Take the messages first,
    /// because the server's close frame might not be read while messages wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn ended(&self) -> End {
        self.handle.shared().ended.wait().await.clone()
    }
}

/// Yields the same messages as [`next`](Messages::next).
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
