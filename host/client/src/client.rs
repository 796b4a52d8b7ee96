//! The handle to send with.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use ws_host_protocol::{CloseFrame, CloseFrameError};

use crate::answer::{Answer, Pinging, Sending};
use crate::connection::Task;
use crate::end::End;
use crate::error::ConnectError;
use crate::establish::Ground;
use crate::handshake::Opened;
use crate::messages::Messages;
use crate::options::Options;
use crate::outgoing::{Frame, Tell};
use crate::shared::{Handle, Shared, State};
use crate::sink::MessageSink;

/// The version that RFC 6455 defines, `Sec-WebSocket-Version`.
const VERSION: u16 = 13;

/// Begins to connect, and returns at once.
///
/// # Panics
///
/// Outside of a tokio runtime with time and I/O.
pub fn connect(options: Options) -> (Client, Messages) {
    begin(options, Ground::Own)
}

/// Begins to open a WebSocket on this ground.
pub(crate) fn begin(options: Options, ground: Ground) -> (Client, Messages) {
    let shared = Arc::new(Shared::new(&options));
    let handle = Arc::new(Handle::new(shared.clone()));
    let (received, messages) = Messages::new(handle.clone());
    tokio::spawn(Task::new(shared, options, ground, received).run());
    (Client { handle }, messages)
}

/// A handle to a connection, to send with. Clones share it.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

impl Client {
    /// Sends a text message.
    ///
    /// It is queued at once, not when the future is first polled, behind everything that was sent
    /// before, by any clone; also while the connection is not open yet. The future resolves when all
    /// of it was handed to the socket: awaiting it before the next is sent keeps to the server's
    /// pace.
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn send_text(&self, text: &str) -> Sending {
        Sending(self.send(Frame::Text(text), Tell::Written))
    }

    /// Sends a binary message, as [`send_text`](Self::send_text) does a text message.
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn send_binary(&self, octets: &[u8]) -> Sending {
        Sending(self.send(Frame::Binary(octets), Tell::Written))
    }

    /// Sends a ping of at most 125 octets; the future resolves to the round-trip time.
    ///
    /// A server may answer the most recent of several pings alone (RFC 6455 §5.5.3). So a pong
    /// answers the oldest ping with its payload and all pings before that. Give pings payloads that
    /// differ. There is no time limit: put one around the future.
    ///
    /// # Errors
    ///
    /// The future resolves to [`SendError`](crate::SendError).
    pub fn ping(&self, payload: &[u8]) -> Pinging {
        Pinging(self.send(Frame::Ping(payload), Tell::Pong))
    }

    /// Closes the connection behind all that was sent; the future resolves when it has ended. If it
    /// is closing already, this code is not sent.
    ///
    /// Before the connection is open, it still opens, sends what was sent, and closes. To give up an
    /// attempt to connect, drop every handle.
    ///
    /// Messages arrive until the server answers. They have to be taken, or [`Messages`] dropped.
    ///
    /// # Errors
    ///
    /// [`CloseFrameError`] if the code may not be sent or the reason is longer than 123 octets.
    pub fn close(&self, code: u16, reason: &str) -> Result<Closing, CloseFrameError> {
        let frame = CloseFrame::new(code, reason)?;
        let shared = self.shared().clone();
        // The only error is that it is closing or closed, which is what is wanted.
        let _ = shared.send(Frame::Close(&frame), Tell::Nobody);
        Ok(Closing(Box::pin(async move { shared.ended.wait().await.clone() })))
    }

    /// Sending as a `Sink` of messages. There can be several, and they can be used beside
    /// [`send_text`](Self::send_text).
    pub fn sink(&self) -> MessageSink {
        MessageSink::new(self.clone())
    }

    /// Where the connection is.
    pub fn state(&self) -> State {
        self.shared().state()
    }

    /// Waits until the connection is open, and tells what the server agreed to.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if it does not open.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped: the next one tells the same.
    pub async fn opened(&self) -> Result<Opened, ConnectError> {
        self.shared().opened.wait().await.clone()
    }

    /// Waits for the end of the connection, whoever brings it about. A connection that did not open
    /// ends with 1006.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped: the next one tells the same.
    pub async fn ended(&self) -> End {
        self.shared().ended.wait().await.clone()
    }

    /// The version of the protocol: 13, which is RFC 6455.
    pub fn version(&self) -> u16 {
        VERSION
    }

    fn send<T>(
        &self,
        frame: Frame<'_>,
        tell: impl FnOnce(oneshot::Sender<T>) -> Tell,
    ) -> Answer<T> {
        let (sender, receiver) = oneshot::channel();
        match self.shared().send(frame, tell(sender)) {
            Ok(()) => Answer::Awaited(receiver),
            Err(error) => Answer::Refused(error),
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

/// A connection that closes: resolves when it has ended.
///
/// # Cancel safety
///
/// Dropping it does not stop the closing.
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
