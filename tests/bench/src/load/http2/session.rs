//! One HTTP/2 connection with a WebSocket in each of its streams, without its socket.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail, ensure};

use super::connect;
use super::frame::{ACK, END_HEADERS, END_STREAM, Frame, Kind, MAX_PAYLOAD, PREFACE};
use super::frame::{write, write_header};
use super::windows::{STREAM_WINDOW, Windows};

/// Identifiers of settings (RFC 9113 §6.5.2, RFC 8441 §3).
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// The client's end of a connection.
#[derive(Debug)]
pub(super) struct Session {
    windows: Windows,
    /// What the server's settings allow; `None` until they have arrived.
    allowed: Option<Allowed>,
    /// Streams that were requested, and those of them that were accepted.
    requested: usize,
    accepted: usize,
    /// An incomplete frame.
    partial: Vec<u8>,
    /// Frames to be written.
    output: Vec<u8>,
    /// Messages that wait for a window.
    waiting: VecDeque<(usize, Vec<u8>)>,
}

/// What the server's settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Streams open at a time.
    pub(super) streams: usize,
    /// Whether a stream may become a WebSocket.
    pub(super) has_connect: bool,
}

impl Session {
    /// Creates a session, whose output begins with the preface and the settings.
    pub(super) fn new() -> Self {
        let mut output = PREFACE.to_vec();
        let setting = |identifier: u16, value: u32| {
            [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat()
        };
        let settings =
            [setting(ENABLE_PUSH, 0), setting(INITIAL_WINDOW_SIZE, STREAM_WINDOW)].concat();
        write(Kind::Settings, 0, 0, &settings, &mut output);
        write(Kind::WindowUpdate, 0, 0, &Windows::opening().to_be_bytes(), &mut output);
        Self {
            windows: Windows::new(),
            allowed: None,
            requested: 0,
            accepted: 0,
            partial: Vec::new(),
            output,
            waiting: VecDeque::new(),
        }
    }

    /// Returns what the server allows, once its settings have arrived.
    pub(super) fn allowed(&self) -> Option<Allowed> {
        self.allowed
    }

    /// Returns the number of WebSockets that are open.
    pub(super) fn accepted(&self) -> usize {
        self.accepted
    }

    /// Requests another WebSocket.
    pub(super) fn request(&mut self) {
        let stream = stream(self.requested);
        write(Kind::Headers, END_HEADERS, stream, &connect::request(), &mut self.output);
        self.requested += 1;
        self.windows.add_stream();
    }

    /// Sends bytes on a WebSocket, now or as soon as its windows have room.
    pub(super) fn send(&mut self, index: usize, bytes: &[u8]) {
        debug_assert!(bytes.len() <= MAX_PAYLOAD);
        if self.windows.try_take(index, bytes.len()) {
            write(Kind::Data, 0, stream(index), bytes, &mut self.output);
        } else {
            self.waiting.push_back((index, bytes.to_vec()));
        }
    }

    /// Returns the bytes to be written.
    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    /// Clears the output, once it has been written or copied.
    pub(super) fn forget_output(&mut self) {
        self.output.clear();
    }

    /// Takes received bytes and passes the content of the WebSockets to `take`.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&mut Self, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        // The incomplete frame of the last call comes first.
        let mut all = std::mem::take(&mut self.partial);
        let mut rest = if all.is_empty() {
            bytes
        } else {
            all.extend_from_slice(bytes);
            &all
        };
        while let Some(frame) = Frame::take(&mut rest) {
            self.handle(&frame, &mut take)?;
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    fn handle(
        &mut self,
        frame: &Frame<'_>,
        take: &mut impl FnMut(&mut Self, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        match frame.kind {
            Some(Kind::Data) => {
                ensure!(frame.flags & END_STREAM == 0, "the server closed a WebSocket");
                let index = self.index(frame)?;
                if let Some(bytes) = self.windows.receive(frame.payload.len())? {
                    write(Kind::WindowUpdate, 0, 0, &bytes.to_be_bytes(), &mut self.output);
                }
                take(self, index, frame.content()?)?;
            }
            Some(Kind::Headers) => {
                self.index(frame)?;
                connect::check_response(frame)?;
                self.accepted += 1;
                ensure!(
                    self.accepted <= self.requested,
                    "the server sent more responses than there are requests"
                );
            }
            Some(Kind::Settings) if frame.flags & ACK == 0 => self.settings(frame),
            Some(Kind::WindowUpdate) => {
                let bytes = frame.increment()?;
                match frame.stream {
                    0 => self.windows.widen(bytes),
                    _ => self.windows.widen_stream(self.index(frame)?, bytes),
                }
                self.send_waiting();
            }
            Some(Kind::Ping) if frame.flags & ACK == 0 => {
                write(Kind::Ping, ACK, 0, frame.payload, &mut self.output);
            }
            Some(Kind::Reset) => bail!("the server reset a stream: {:02x?}", frame.payload),
            Some(Kind::GoAway) => {
                bail!("the server closes the connection (GOAWAY): {:02x?}", frame.payload)
            }
            Some(Kind::Settings | Kind::Ping) | None => {}
        }
        Ok(())
    }

    fn settings(&mut self, frame: &Frame<'_>) {
        let mut allowed =
            self.allowed.unwrap_or(Allowed { streams: usize::MAX, has_connect: false });
        for (identifier, value) in frame.settings() {
            match identifier {
                MAX_CONCURRENT_STREAMS => allowed.streams = value as usize,
                INITIAL_WINDOW_SIZE => self.windows.set_initial(value),
                ENABLE_CONNECT_PROTOCOL => allowed.has_connect = value == 1,
                _ => {}
            }
        }
        self.allowed = Some(allowed);
        write_header(Kind::Settings, ACK, 0, 0, &mut self.output);
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        for (index, bytes) in std::mem::take(&mut self.waiting) {
            self.send(index, &bytes);
        }
    }

    fn index(&self, frame: &Frame<'_>) -> Result<usize> {
        let index = (frame.stream as usize).checked_sub(1).map(|before| before / 2);
        index
            .filter(|index| stream(*index) == frame.stream && *index < self.requested)
            .with_context(|| {
                format!("the server sent a frame on the unknown stream {}", frame.stream)
            })
    }
}

/// Returns the stream of a WebSocket. The streams of a client have odd numbers (RFC 9113 §5.1.1).
fn stream(index: usize) -> u32 {
    2 * index as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(kind, flags, stream, payload, &mut bytes);
        bytes
    }

    /// Returns the output and clears it.
    fn take_output(session: &mut Session) -> Vec<u8> {
        let output = session.output().to_vec();
        session.forget_output();
        output
    }

    fn receive(session: &mut Session, bytes: &[u8]) -> Result<()> {
        session.receive(bytes, |_, _, _| Ok(()))
    }

    /// Returns a session with an open WebSocket, whose output has been read.
    fn open() -> Session {
        let mut session = Session::new();
        session.request();
        receive(&mut session, &frame(Kind::Headers, END_HEADERS, 1, &[0x20, 0x88])).unwrap();
        assert_eq!(session.accepted(), 1);
        session.forget_output();
        session
    }

    #[test]
    fn settings_are_acknowledged_and_applied() {
        let mut session = Session::new();
        session.forget_output();
        assert_eq!(session.allowed(), None);
        let settings = [0, 3, 0, 0, 0, 100, 0, 8, 0, 0, 0, 1];
        receive(&mut session, &frame(Kind::Settings, 0, 0, &settings)).unwrap();
        assert_eq!(session.allowed(), Some(Allowed { streams: 100, has_connect: true }));
        assert_eq!(take_output(&mut session), frame(Kind::Settings, ACK, 0, &[]));
        receive(&mut session, &frame(Kind::Settings, ACK, 0, &[])).unwrap();
        assert_eq!(take_output(&mut session).len(), 0);
    }

    #[test]
    fn messages_are_complete_whatever_the_size_of_the_reads() {
        let bytes = [
            frame(Kind::Data, 0, 1, b"hel"),
            frame(Kind::Ping, 0, 0, b"12345678"),
            frame(Kind::Data, 0, 1, b"lo"),
        ]
        .concat();
        for size in 1..=bytes.len() {
            let (mut session, mut last_event) = (open(), Vec::new());
            for piece in bytes.chunks(size) {
                let take = |_: &mut Session, index: usize, bytes: &[u8]| {
                    assert_eq!(index, 0);
                    last_event.extend_from_slice(bytes);
                    Ok(())
                };
                session.receive(piece, take).unwrap();
            }
            assert_eq!(last_event, b"hello");
            assert_eq!(take_output(&mut session), frame(Kind::Ping, ACK, 0, b"12345678"));
        }
    }

    #[test]
    fn message_waits_for_both_windows() {
        let mut session = open();
        let long = [7; MAX_PAYLOAD];
        for _ in 0..4 {
            session.send(0, &long);
        }
        let sent = take_output(&mut session).len();
        assert_eq!(sent, 3 * frame(Kind::Data, 0, 1, &long).len());
        receive(&mut session, &frame(Kind::WindowUpdate, 0, 0, &[0, 0, 0, 1])).unwrap();
        assert_eq!(take_output(&mut session).len(), 0);
        receive(&mut session, &frame(Kind::WindowUpdate, 0, 1, &[0, 0, 0, 1])).unwrap();
        assert_eq!(take_output(&mut session).len(), sent / 3);
    }

    #[test]
    fn end_of_a_websocket_is_an_error() {
        for bytes in [
            frame(Kind::Data, END_STREAM, 1, &[]),
            frame(Kind::Reset, 0, 1, &[0, 0, 0, 2]),
            frame(Kind::GoAway, 0, 0, &[0; 8]),
            frame(Kind::Data, 0, 3, b"this stream was not requested"),
            frame(Kind::Data, 0, 2, b"a server must not open streams"),
            frame(Kind::Headers, END_HEADERS, 1, &[0x8d]),
        ] {
            assert!(receive(&mut open(), &bytes).is_err(), "{bytes:02x?}");
        }
    }
}
