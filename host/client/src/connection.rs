//! The task of a connection: connect, converse, close.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use ws_host_protocol::{
    CloseFrame, Event, Inbound, Limits, PerMessageDeflate, ProtocolError, Replies, Role,
};

use crate::end::Cause;
use crate::error::ConnectError;
use crate::establish::{Ground, establish};
use crate::handshake::Established;
use crate::line::Line;
use crate::messages::Received;
use crate::options::Options;
use crate::shared::Shared;

/// How long the application has to answer messages when the server broke the protocol right behind
/// them: ample for a task that waits for them, and nothing beside the time that closing takes.
const SETTLE_TIME: Duration = Duration::from_millis(100);

/// What the task owns. However it ends, also when the runtime drops it, everybody is told.
pub(crate) struct Task {
    shared: Arc<Shared>,
    options: Options,
    ground: Ground,
    messages: mpsc::Sender<Received>,
    /// Why the connection did not open.
    error: Option<ConnectError>,
    /// Why it ended.
    cause: Cause,
}

impl Task {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: Options,
        ground: Ground,
        messages: mpsc::Sender<Received>,
    ) -> Self {
        Self { shared, options, ground, messages, error: None, cause: Cause::Dropped }
    }

    /// # Cancel safety
    ///
    /// Dropping the future closes the socket and tells everybody who waits.
    pub(crate) async fn run(mut self) {
        let established = tokio::select! {
            established = establish(&self.options, &self.ground) => established,
            () = self.shared.abandoned() => Err(ConnectError::Abandoned),
        };
        match established {
            Ok(Established { stream, early, opened }) => {
                let compression = opened.compression;
                self.shared.open(opened);
                let line = Line::new(stream, &self.shared, self.options.close_timeout);
                self.cause = self.converse(line, early, compression).await;
            }
            Err(error) => self.error = Some(error),
        }
    }

    async fn converse(
        &self,
        line: Line<'_>,
        early: Vec<u8>,
        compression: Option<PerMessageDeflate>,
    ) -> Cause {
        let mut inbound = Inbound::new(Role::Client, Limits::new(self.options.max_message));
        if let Some(agreed) = compression {
            inbound.use_deflate(&agreed);
        }
        let mut conversation =
            Conversation { line, shared: &self.shared, messages: &self.messages, inbound };
        let Err(cause) = conversation.until_end(early).await;
        conversation.line.say_farewell(&cause).await;
        cause
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.shared.finish(self.error.take(), &self.cause);
    }
}

/// An open connection.
struct Conversation<'a> {
    line: Line<'a>,
    shared: &'a Shared,
    messages: &'a mpsc::Sender<Received>,
    inbound: Inbound,
}

/// What the protocol answers by itself goes behind what the application has sent.
struct Answers<'a>(&'a Shared);

impl Replies for Answers<'_> {
    /// A server may rightly send messages until it has read our close frame, and they are delivered.
    fn is_closing(&self) -> bool {
        false
    }

    fn pong(&mut self, payload: &[u8]) {
        self.0.lock().outgoing.answer_ping(payload);
    }

    fn close(&mut self, frame: Option<&CloseFrame>) {
        self.0.lock().outgoing.answer_close(frame);
    }

    /// Nothing: what came before is delivered first.
    fn fail(&mut self, _error: ProtocolError) {}
}

impl Conversation<'_> {
    async fn until_end(&mut self, mut early: Vec<u8>) -> Result<Infallible, Cause> {
        self.handle(&mut early).await?;
        drop(early);
        let mut buffer = Line::buffer();
        loop {
            let count = self.line.read(&mut buffer).await?;
            self.handle(&mut buffer[..count]).await?;
        }
    }

    async fn handle(&mut self, mut input: &mut [u8]) -> Result<(), Cause> {
        while let Some(event) = self.inbound.handle_input(&mut input, &mut Answers(self.shared)) {
            match event {
                Event::Text(text) => self.deliver(Received::Text(text.into_owned())).await?,
                Event::Binary(octets) => {
                    self.deliver(Received::Binary(octets.into_owned())).await?
                }
                Event::Ping(_) => {}
                Event::Pong(payload) => {
                    let is_answer = self.shared.lock().outgoing.answered(&payload);
                    if !is_answer {
                        self.deliver(Received::Pong(payload.into_owned())).await?;
                    }
                }
                Event::Closed(frame) => return Err(Cause::Closed(frame)),
                // §7.1.7: a failed connection is closed with a frame that says why.
                Event::Failed(error) => {
                    self.settle().await?;
                    let frame = CloseFrame::with_reason(error.close_code(), error.to_string());
                    self.shared.lock().outgoing.answer_close(Some(&frame));
                    return Err(Cause::Failed(error));
                }
            }
        }
        Ok(())
    }

    /// Hands a message over, which waits until the application takes those before.
    async fn deliver(&mut self, message: Received) -> Result<(), Cause> {
        // An error says that nobody wants messages: they are discarded.
        self.line.attend(self.messages.send(message)).await.map(drop)
    }

    /// Gives the application time to take the messages that came rightly, and to answer them.
    async fn settle(&mut self) -> Result<(), Cause> {
        let all_taken = self.messages.reserve_many(self.messages.max_capacity());
        self.line.attend(timeout(SETTLE_TIME, all_taken)).await.map(drop)
    }
}
