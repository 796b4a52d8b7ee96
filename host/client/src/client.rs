//! The handle for sending.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use ws_host_protocol::{CloseFrame, CloseFrameError};

use crate::connection::Task;
use crate::end::End;
use crate::error::ConnectError;
use crate::establish::ConnectionUse;
use crate::handshake::Opened;
use crate::messages::Messages;
use crate::options::Options;
use crate::outgoing::{Completion, Frame};
use crate::sending::{Outcome, Pinging, Sending};
use crate::shared::{Handle, Shared, State};
use crate::sink::MessageSink;

/// The value of `Sec-WebSocket-Version` that RFC 6455 defines.
const VERSION: u16 = 13;

/// Starts to connect, and returns immediately.
///
/// # Panics
///
/// Panics outside of a tokio runtime with time and I/O.
pub fn connect(options: Options) -> (Client, Messages) {
    start(options, ConnectionUse::Own)
}

/// Starts to open a WebSocket on this connection.
pub(crate) fn start(options: Options, connection_use: ConnectionUse) -> (Client, Messages) {
    let shared = Arc::new(Shared::new(&options));
    let handle = Arc::new(Handle::new(shared.clone()));
    let (received, messages) = Messages::new(handle.clone());
    tokio::spawn(Task::new(shared, options, connection_use, received).run());
    (Client { handle }, messages)
}

/// A handle for sending on a connection. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

impl Client {
    /// Sends a text message.
    ///
    /// The message is queued immediately, not when the future is first polled. It follows the messages that this client
    /// and its clones sent earlier. Messages can be sent before the connection is open. The future resolves when the
    /// whole message has been handed to the socket. To follow the server's pace, await the future before sending the
    /// next message.
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn send_text(&self, text: &str) -> Sending {
        Sending(self.send(Frame::Text(text), Completion::Written))
    }

    /// Sends a binary message, in the same way as [`send_text`](Self::send_text).
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn send_binary(&self, bytes: &[u8]) -> Sending {
        Sending(self.send(Frame::Binary(bytes), Completion::Written))
    }

    /// Sends a ping with a payload of at most 125 bytes. The future resolves to the round-trip time.
    ///
    /// A server may answer only the most recent of several pings (RFC 6455 §5.5.3). So a pong answers the ping that has
    /// the same payload, and all pings before that ping. If several pings have that payload, the oldest one counts, so
    /// give pings different payloads. The future has no time limit. Wrap it in a timeout if you need one.
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn ping(&self, payload: &[u8]) -> Pinging {
        Pinging(self.send(Frame::Ping(payload), Completion::Pong))
    }

    /// Closes the connection. The close frame follows everything that was sent earlier. The future resolves when the
    /// connection has ended. If the connection is already closing, this code is not sent.
    ///
    /// If the connection has not opened yet, it first opens, sends the queued messages, and then closes. To give up an
    /// attempt to connect, drop every handle.
    ///
    /// Messages can arrive until the server answers. Continue to take them, or drop [`Messages`].
    ///
    /// # Errors
    ///
    /// Returns [`CloseFrameError`] if the code must not be sent or the reason is longer than 123 bytes.
    pub fn close(&self, code: u16, reason: &str) -> Result<Closing, CloseFrameError> {
        let frame = CloseFrame::new(code, reason)?;
        let shared = self.shared().clone();
        // This fails only if the connection is already closing or closed.
        let _ = shared.send(Frame::Close(&frame), Completion::Ignored);
        Ok(Closing(Box::pin(async move { shared.ended.wait().await.clone() })))
    }

    /// Returns a `Sink` of messages. There can be several sinks, and they can be used together with
    /// [`send_text`](Self::send_text).
    pub fn sink(&self) -> MessageSink {
        MessageSink::new(self.clone())
    }

    /// Returns the state of the connection.
    pub fn state(&self) -> State {
        self.shared().state()
    }

    /// Waits until the connection is open, and returns what the server agreed to.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] if the connection does not open.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped, because the next call returns the same result.
    pub async fn opened(&self) -> Result<Opened, ConnectError> {
        self.shared().opened.wait().await.clone()
    }

    /// Waits for the end of the connection, whichever side ends it. A connection that did not open ends with 1006.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped, because the next call returns the same result.
    pub async fn ended(&self) -> End {
        self.shared().ended.wait().await.clone()
    }

    /// Returns the version of the protocol: 13, which is RFC 6455.
    pub fn version(&self) -> u16 {
        VERSION
    }

    fn send<T>(
        &self,
        frame: Frame<'_>,
        completion: impl FnOnce(oneshot::Sender<T>) -> Completion,
    ) -> Outcome<T> {
        let (sender, receiver) = oneshot::channel();
        match self.shared().send(frame, completion(sender)) {
            Ok(()) => Outcome::Awaited(receiver),
            Err(error) => Outcome::Refused(error),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.handle.shared()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// A connection that is closing. Resolves when it has ended.
///
/// # Cancel safety
///
/// Dropping the future does not stop the close.
pub struct Closing(Pin<Box<dyn Future<Output = End> + Send>>);

impl Future for Closing {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}
