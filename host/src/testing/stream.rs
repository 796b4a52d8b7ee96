//! A client's end of a connection. A task exchanges bytes with the host.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use ws_host_protocol::{CloseCode, CloseFrame, Event, Inbound, Limits, Outbound, Replies, Role};

use super::handshake::Opened;
use super::received::{Closed, Received};

/// The maximum size of a message to the client, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// How many bytes may wait until the test takes them. While more are waiting, the client does not read.
const MAX_UNREAD: usize = 64 << 20;

/// How many bytes may wait to be written to the host.
const MAX_OUTPUT: usize = 256 << 20;

/// How many bytes are read at a time.
const BUFFER: usize = 16 << 10;

/// The payload of the host's own pings.
const HEARTBEAT: &[u8] = b"ws-host";

/// The state that a client shares with its task.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Notify,
    /// Notified when something can be taken.
    arrived: Notify,
    /// Cancelled when the client drops the connection.
    pub(super) dropped: CancellationToken,
}

struct State {
    outbound: Outbound,
    /// Bytes that are written unchanged: encoded frames, and bytes that the test has composed itself.
    raw: Vec<u8>,
    unread: VecDeque<Received>,
    unread_bytes: usize,
    is_reading: bool,
    /// The host's close frame, once it has arrived.
    closed: Option<Closed>,
}

/// Sends the automatic replies of the protocol. `is_closing` is always false, so the client still receives messages
/// after it has sent a close frame.
struct ClientReplies<'a>(&'a mut Outbound);

impl Replies for ClientReplies<'_> {
    fn is_closing(&self) -> bool {
        false
    }

    fn pong(&mut self, payload: &[u8]) {
        Replies::pong(self.0, payload);
    }

    fn close(&mut self, frame: Option<&CloseFrame>) {
        Replies::close(self.0, frame);
    }
}

impl Shared {
    pub(super) fn new(opened: &Opened) -> Self {
        // Nobody else sees the bytes, so the masking keys need not be random.
        let mut outbound = Outbound::client(MAX_OUTPUT, Box::new(|| [0x5a, 0xa5, 0x3c, 0xc3]));
        if let Some(agreed) = &opened.accepted.deflate {
            outbound.use_deflate(agreed);
        }
        let (raw, unread) = (Vec::new(), VecDeque::new());
        let state =
            State { outbound, raw, unread, unread_bytes: 0, is_reading: true, closed: None };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            arrived: Notify::new(),
            dropped: CancellationToken::new(),
        }
    }

    /// Queues something to be written.
    pub(super) fn send<T>(&self, put: impl FnOnce(&mut Outbound) -> T) -> T {
        let result = put(&mut self.state.lock().outbound);
        self.changed.notify_one();
        result
    }

    /// Queues bytes unchanged, after everything that was sent before.
    pub(super) fn send_raw(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.move_output();
        state.raw.extend_from_slice(bytes);
        self.changed.notify_one();
    }

    /// Stops or continues reading.
    pub(super) fn set_reading(&self, is_reading: bool) {
        self.state.lock().is_reading = is_reading;
        self.changed.notify_one();
    }

    /// Takes the oldest received item that has not been taken yet.
    pub(super) fn take(&self) -> Option<Received> {
        let mut state = self.state.lock();
        let received = state.unread.pop_front()?;
        state.unread_bytes -= length(&received);
        self.changed.notify_one();
        Some(received)
    }

    /// Waits until there is something to take.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken when the future is dropped.
    pub(super) async fn next(&self) -> Received {
        loop {
            if let Some(received) = self.take() {
                return received;
            }
            self.arrived.notified().await;
        }
    }
}

impl State {
    /// Moves the frames into `raw`, whose bytes are written unchanged.
    fn move_output(&mut self) {
        while self.outbound.has_remaining() {
            let chunk = self.outbound.chunk();
            self.raw.extend_from_slice(chunk);
            let length = chunk.len();
            self.outbound.advance(length);
        }
    }

    fn push(&mut self, received: Received) {
        self.unread_bytes += length(&received);
        self.unread.push_back(received);
    }

    /// Handles input. If the host broke the protocol, returns how the connection ends.
    fn handle(&mut self, inbound: &mut Inbound, mut input: &mut [u8]) -> Option<Closed> {
        while let Some(event) =
            inbound.handle_input(&mut input, &mut ClientReplies(&mut self.outbound))
        {
            match event {
                Event::Text(text) => self.push(Received::Text(text.into_owned())),
                Event::Binary(bytes) => self.push(Received::Binary(bytes.into_owned())),
                Event::Ping(payload) if *payload == *HEARTBEAT => {}
                Event::Ping(payload) => self.push(Received::Ping(payload.into_owned())),
                Event::Pong(payload) => self.push(Received::Pong(payload.into_owned())),
                Event::Closed(frame) => self.closed = Some(Closed::with(frame.as_ref())),
                Event::Failed(error) => {
                    let reason = format!("the host violated the protocol: {error}");
                    return Some(Closed { code: CloseCode::ABNORMAL, reason });
                }
            }
        }
        None
    }
}

fn length(received: &Received) -> usize {
    match received {
        Received::Text(text) => text.len(),
        Received::Binary(bytes) | Received::Ping(bytes) | Received::Pong(bytes) => bytes.len(),
        Received::Closed(_) => 0,
    }
}

/// Exchanges bytes with the host until the connection ends.
///
/// # Cancel safety
///
/// Dropping the future drops the connection.
pub(super) async fn exchange(stream: DuplexStream, opened: Opened, shared: Arc<Shared>) {
    let closed = run(stream, opened, &shared).await;
    shared.state.lock().push(Received::Closed(closed));
    shared.arrived.notify_one();
}

async fn run(stream: DuplexStream, opened: Opened, shared: &Shared) -> Closed {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut inbound = Inbound::new(Role::Client, Limits::new(MAX_MESSAGE));
    if let Some(agreed) = &opened.accepted.deflate {
        inbound.use_deflate(agreed);
    }
    let (mut early, mut buffer, mut output) = (opened.early, vec![0; BUFFER], BytesMut::new());
    if let Some(closed) = shared.state.lock().handle(&mut inbound, &mut early) {
        return closed;
    }
    let mut can_write = true;
    loop {
        let may_read = {
            let mut state = shared.state.lock();
            state.move_output();
            output.extend_from_slice(&std::mem::take(&mut state.raw));
            state.is_reading && state.unread_bytes < MAX_UNREAD
        };
        tokio::select! {
            biased;
            () = shared.dropped.cancelled() => return Closed::lost(),
            read = reader.read(&mut buffer), if may_read => match read {
                Ok(0) | Err(_) => {
                    return shared.state.lock().closed.take().unwrap_or_else(Closed::lost);
                }
                Ok(count) => {
                    let ended = shared.state.lock().handle(&mut inbound, &mut buffer[..count]);
                    shared.arrived.notify_one();
                    if let Some(closed) = ended {
                        return closed;
                    }
                }
            },
            written = writer.write(&output), if can_write && !output.is_empty() => match written {
                Ok(count) => output.advance(count),
                // Bytes that the host sent before it closed the connection are still read.
                Err(_) => can_write = false,
            },
            () = shared.changed.notified() => {}
        }
    }
}
