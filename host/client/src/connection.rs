//! The connection task: it connects, exchanges messages, and closes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use ws_host_protocol::{
    CloseFrame, Event, Inbound, Limits, PerMessageDeflate, ProtocolError, Replies, Role,
};

use crate::connection_io::ConnectionIo;
use crate::end::EndCause;
use crate::error::ConnectError;
use crate::establish::{ConnectionUse, establish};
use crate::handshake::Established;
use crate::messages::Received;
use crate::options::Options;
use crate::shared::Shared;

/// How much time the application gets to answer messages that the server sent right before it violated the protocol.
/// This is ample for a task that waits for messages. It is short compared with the time that closing takes.
const ANSWER_TIME: Duration = Duration::from_millis(100);

/// The state of the task. All waiting futures are resolved when the task ends, even if the runtime drops it.
pub(crate) struct Task {
    shared: Arc<Shared>,
    options: Options,
    connection_use: ConnectionUse,
    messages: mpsc::Sender<Received>,
    /// Why the connection did not open.
    error: Option<ConnectError>,
    /// Why the connection ended.
    end: EndCause,
}

impl Task {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: Options,
        connection_use: ConnectionUse,
        messages: mpsc::Sender<Received>,
    ) -> Self {
        Self {
            shared,
            options,
            connection_use,
            messages,
            error: None,
            end: EndCause::RuntimeShutDown,
        }
    }

    /// Runs the connection until it has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket and resolves all waiting futures.
    pub(crate) async fn run(mut self) {
        let established = tokio::select! {
            established = establish(&self.options, &self.connection_use) => established,
            () = self.shared.abandoned() => Err(ConnectError::Abandoned),
        };
        match established {
            Ok(Established { stream, early, opened }) => {
                let compression = opened.compression;
                self.shared.open(opened);
                let io = ConnectionIo::new(stream, &self.shared, self.options.close_timeout);
                self.end = self.run_session(io, early, compression).await;
            }
            Err(error) => self.error = Some(error),
        }
    }

    async fn run_session(
        &self,
        io: ConnectionIo<'_>,
        early: Vec<u8>,
        compression: Option<PerMessageDeflate>,
    ) -> EndCause {
        let mut inbound = Inbound::new(Role::Client, Limits::new(self.options.max_message));
        if let Some(agreed) = compression {
            inbound.use_deflate(&agreed);
        }
        let mut session = Session { io, shared: &self.shared, messages: &self.messages, inbound };
        let Err(end) = session.run(early).await;
        session.io.close_gracefully(&end).await;
        end
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.shared.finish(self.error.take(), &self.end);
    }
}

/// An open connection.
struct Session<'a> {
    io: ConnectionIo<'a>,
    shared: &'a Shared,
    messages: &'a mpsc::Sender<Received>,
    inbound: Inbound,
}

/// Queues the protocol's automatic replies after the application's output.
struct QueuedReplies<'a>(&'a Shared);

impl Replies for QueuedReplies<'_> {
    /// Always false. Until the server has read this client's close frame, it may send messages, and these are
    /// delivered.
    fn is_closing(&self) -> bool {
        false
    }

    fn pong(&mut self, payload: &[u8]) {
        self.0.lock().outgoing.answer_ping(payload);
    }

    fn close(&mut self, frame: Option<&CloseFrame>) {
        self.0.lock().outgoing.answer_close(frame);
    }

    /// Does nothing, because the messages before the error must be delivered first.
    fn fail(&mut self, _error: ProtocolError) {}
}

impl Session<'_> {
    async fn run(&mut self, mut early: Vec<u8>) -> Result<Infallible, EndCause> {
        self.handle(&mut early).await?;
        drop(early);
        let mut buffer = ConnectionIo::buffer();
        loop {
            let count = self.io.read(&mut buffer).await?;
            self.handle(&mut buffer[..count]).await?;
        }
    }

    async fn handle(&mut self, mut input: &mut [u8]) -> Result<(), EndCause> {
        while let Some(event) =
            self.inbound.handle_input(&mut input, &mut QueuedReplies(self.shared))
        {
            match event {
                Event::Text(text) => self.deliver(Received::Text(text.into_owned())).await?,
                Event::Binary(bytes) => self.deliver(Received::Binary(bytes.into_owned())).await?,
                Event::Ping(_) => {}
                Event::Pong(payload) => {
                    let is_answer = self.shared.lock().outgoing.answered(&payload);
                    if !is_answer {
                        self.deliver(Received::Pong(payload.into_owned())).await?;
                    }
                }
                Event::Closed(frame) => return Err(EndCause::Closed(frame)),
                // §7.1.7: a failed connection is closed with a frame that gives the reason.
                Event::Failed(error) => {
                    self.wait_for_application().await?;
                    let frame = CloseFrame::with_reason(error.close_code(), error.to_string());
                    self.shared.lock().outgoing.answer_close(Some(&frame));
                    return Err(EndCause::Failed(error));
                }
            }
        }
        Ok(())
    }

    /// Delivers a message. Waits while the queue of received messages is full.
    async fn deliver(&mut self, message: Received) -> Result<(), EndCause> {
        // Sending fails if the application has dropped `Messages`. The message is then discarded.
        self.io.drive(self.messages.send(message)).await.map(drop)
    }

    /// Gives the application time to take the valid messages, and to answer them.
    async fn wait_for_application(&mut self) -> Result<(), EndCause> {
        let all_taken = self.messages.reserve_many(self.messages.max_capacity());
        self.io.drive(timeout(ANSWER_TIME, all_taken)).await.map(drop)
    }
}
