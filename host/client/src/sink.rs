//! Sending through a [`Sink`], for programs that are built from streams.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Sink;

use crate::client::{Client, Closing};
use crate::error::SendError;
use crate::sending::Sending;

/// How many messages of a sink may wait to be written. The queue of received messages has the same limit.
const MAX_UNWRITTEN: usize = 16;

/// The close code of a connection that has served its purpose (RFC 6455 §7.4.1).
const NORMAL: u16 = 1000;

/// A message to send through a [`MessageSink`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// A [`Sink`] of messages, from [`Client::sink`]. Messages of several sinks and handles are written in the order in
/// which they were sent.
///
/// The sink is ready while fewer than 16 of its messages wait to be handed to the socket. Flushing waits until all
/// messages of the sink have been handed to the socket. Closing flushes the sink, closes the connection with 1000, and
/// waits until the connection has ended.
///
/// # Cancel safety
///
/// Dropping a future that waits for the sink loses no message. A message that finds no room in the outbound buffer
/// waits in the sink. It is not sent if the sink is dropped, so flush the sink before you drop it.
#[must_use = "a sink does nothing until messages are sent through it"]
pub struct MessageSink {
    client: Client,
    unwritten: VecDeque<Sending>,
    closing: Option<Closing>,
}

impl MessageSink {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, unwritten: VecDeque::new(), closing: None }
    }

    /// Waits until no more than `most` messages are unwritten.
    fn poll_unwritten(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
    ) -> Poll<Result<(), SendError>> {
        while let Some(first) = self.unwritten.front_mut() {
            match Pin::new(first).poll(context) {
                Poll::Ready(written) => {
                    self.unwritten.pop_front();
                    written?;
                }
                Poll::Pending if self.unwritten.len() <= most => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<Message> for MessageSink {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_unwritten(context, MAX_UNWRITTEN - 1)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        let this = self.get_mut();
        let sending = match &message {
            Message::Text(text) => this.client.send_text(text),
            Message::Binary(bytes) => this.client.send_binary(bytes),
        };
        if let Some(error) = sending.refused() {
            return Err(error);
        }
        this.unwritten.push_back(sending);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_unwritten(context, 0)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        ready!(this.poll_unwritten(context, 0))?;
        let closing = match &mut this.closing {
            Some(closing) => closing,
            none => none.insert(this.client.close(NORMAL, "").expect("1000 may be sent")),
        };
        Pin::new(closing).poll(context).map(|_| Ok(()))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl fmt::Debug for MessageSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, unwritten, .. } = self;
        f.debug_struct("MessageSink")
            .field("client", client)
            .field("unwritten", &unwritten.len())
            .finish_non_exhaustive()
    }
}
