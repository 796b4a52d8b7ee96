//! A client of a test's host.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use ws_host_protocol::{CloseFrame, CloseFrameError, SendError};

use super::Running;
use super::received::Received;
use super::stream::Shared;

/// A connected client. Dropping it drops the connection, as if the network failed.
pub struct TestClient {
    pub(super) running: Rc<Running>,
    pub(super) shared: Arc<Shared>,
    /// The name of the client in messages about failures.
    pub(super) name: String,
    pub(super) id: u64,
    pub(super) subprotocol: Option<String>,
    pub(super) headers: HeaderMap,
}

impl TestClient {
    /// Returns the client's number, as the handler knows it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Returns the headers of the response that accepted the client.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Sets the name of the client in messages about failures.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sends a text message. When this returns, all effects of the message have happened, except those that wait for
    /// time to pass.
    pub fn send(&self, text: &str) {
        self.put(|outbound| outbound.send_text(text));
    }

    /// Does the same as [`send`](Self::send), with a binary message.
    pub fn send_binary(&self, bytes: &[u8]) {
        self.put(|outbound| outbound.send_binary(bytes));
    }

    /// Sends a ping with at most 125 bytes.
    pub fn ping(&self, payload: &[u8]) {
        self.put(|outbound| outbound.ping(payload));
    }

    /// Sends a pong with at most 125 bytes. This is not needed to answer pings.
    pub fn pong(&self, payload: &[u8]) {
        self.put(|outbound| outbound.pong(payload));
    }

    /// Sends bytes unchanged. Their meaning is up to the test.
    pub fn send_raw(&self, bytes: &[u8]) {
        self.shared.send_raw(bytes);
        self.running.clock.run_until_quiet();
    }

    /// Closes the connection with a close frame.
    ///
    /// # Panics
    ///
    /// Panics if the code is not allowed in a close frame, or if the reason has more than 123 bytes.
    #[track_caller]
    pub fn close(&self, code: u16, reason: &str) {
        if let Err(error) = self.try_close(code, reason) {
            panic!("{} cannot close with {code}: {error}", self.name);
        }
    }

    pub(super) fn try_close(&self, code: u16, reason: &str) -> Result<(), CloseFrameError> {
        let frame = CloseFrame::new(code, reason)?;
        self.put(|outbound| outbound.close(Some(&frame)));
        Ok(())
    }

    /// Drops the connection without a close frame, as if the network failed.
    pub fn disconnect(&self) {
        self.shared.dropped.cancel();
        self.running.clock.run_until_quiet();
    }

    /// Stops reading, as a client with a slow network does. The client then does not answer pings either.
    pub fn stop_reading(&self) {
        self.shared.set_reading(false);
        self.running.clock.run_until_quiet();
    }

    /// Continues to read.
    pub fn continue_reading(&self) {
        self.shared.set_reading(true);
        self.running.clock.run_until_quiet();
    }

    /// Takes the next thing that was received. Returns `None` if nothing arrives while time stands still.
    pub fn next(&self) -> Option<Received> {
        self.next_within(Duration::ZERO)
    }

    /// Takes the next thing that was received. If there is none yet, lets time pass until something arrives, but no
    /// more than `time`.
    pub fn next_within(&self, time: Duration) -> Option<Received> {
        match self.shared.take() {
            Some(received) => Some(received),
            None => self.running.clock.run_within(time, self.shared.next()),
        }
    }

    /// Queues something to be sent. It is lost if the client can no longer send, as it would be on a real network.
    fn put(&self, put: impl FnOnce(&mut ws_host_protocol::Outbound) -> Result<(), SendError>) {
        let _ = self.shared.send(put);
        self.running.clock.run_until_quiet();
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.shared.dropped.cancel();
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
