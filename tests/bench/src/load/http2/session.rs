//! One connection of HTTP/2 with a WebSocket in each of its streams, without its socket.

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
    /// What the server lets us open; `None` until it has said so.
    allowed: Option<Allowed>,
    /// Streams that were asked for, and those of them that were granted.
    asked: usize,
    granted: usize,
    /// The beginning of a frame.
    begun: Vec<u8>,
    /// Frames to be written.
    output: Vec<u8>,
    /// Messages that wait for a window.
    waiting: VecDeque<(usize, Vec<u8>)>,
}

/// What the server has in its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Streams at a time.
    pub(super) streams: usize,
    /// Whether a stream may become a WebSocket.
    pub(super) has_connect: bool,
}

impl Session {
    /// Begins to speak.
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
            asked: 0,
            granted: 0,
            begun: Vec::new(),
            output,
            waiting: VecDeque::new(),
        }
    }

    /// What the server allows, as soon as it is known.
    pub(super) fn allowed(&self) -> Option<Allowed> {
        self.allowed
    }

    /// WebSockets that are open.
    pub(super) fn granted(&self) -> usize {
        self.granted
    }

    /// Asks for one WebSocket more.
    pub(super) fn ask(&mut self) {
        let stream = stream(self.asked);
        write(Kind::Headers, END_HEADERS, stream, &connect::request(), &mut self.output);
        self.asked += 1;
        self.windows.add_stream();
    }

    /// Sends octets of a WebSocket, now or as soon as its windows have room.
    pub(super) fn send(&mut self, index: usize, octets: &[u8]) {
        debug_assert!(octets.len() <= MAX_PAYLOAD);
        if self.windows.try_take(index, octets.len()) {
            write(Kind::Data, 0, stream(index), octets, &mut self.output);
        } else {
            self.waiting.push_back((index, octets.to_vec()));
        }
    }

    /// What is to be written.
    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    /// All of it is written, or waits elsewhere.
    pub(super) fn forget_output(&mut self) {
        self.output.clear();
    }

    /// Takes what came; hands on what is in WebSockets.
    pub(super) fn receive(
        &mut self,
        octets: &[u8],
        mut take: impl FnMut(&mut Self, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        // What is left of the last time goes before.
        let mut all = std::mem::take(&mut self.begun);
        let mut rest = if all.is_empty() {
            octets
        } else {
            all.extend_from_slice(octets);
            &all
        };
        while let Some(frame) = Frame::take(&mut rest) {
            self.handle(&frame, &mut take)?;
        }
        self.begun = rest.to_vec();
        Ok(())
    }

    fn handle(
        &mut self,
        frame: &Frame<'_>,
        take: &mut impl FnMut(&mut Self, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        match frame.kind {
            Some(Kind::Data) => {
                ensure!(frame.flags & END_STREAM == 0, "the server ended a WebSocket");
                let index = self.index(frame)?;
                if let Some(octets) = self.windows.receive(frame.payload.len())? {
                    write(Kind::WindowUpdate, 0, 0, &octets.to_be_bytes(), &mut self.output);
                }
                take(self, index, frame.content()?)?;
            }
            Some(Kind::Headers) => {
                self.index(frame)?;
                connect::check_answer(frame)?;
                self.granted += 1;
                ensure!(self.granted <= self.asked, "more answers than requests");
            }
            Some(Kind::Settings) if frame.flags & ACK == 0 => self.settings(frame),
            Some(Kind::WindowUpdate) => {
                let octets = frame.increment()?;
                match frame.stream {
                    0 => self.windows.widen(octets),
                    _ => self.windows.widen_stream(self.index(frame)?, octets),
                }
                self.send_waiting();
            }
            Some(Kind::Ping) if frame.flags & ACK == 0 => {
                write(Kind::Ping, ACK, 0, frame.payload, &mut self.output);
            }
            Some(Kind::Reset) => bail!("the server reset a stream: {:02x?}", frame.payload),
            Some(Kind::GoAway) => bail!("the server wants to go: {:02x?}", frame.payload),
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
                INITIAL_WINDOW_SIZE => self.windows.begin_with(value),
                ENABLE_CONNECT_PROTOCOL => allowed.has_connect = value == 1,
                _ => {}
            }
        }
        self.allowed = Some(allowed);
        write_header(Kind::Settings, ACK, 0, 0, &mut self.output);
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        for (index, octets) in std::mem::take(&mut self.waiting) {
            self.send(index, &octets);
        }
    }

    fn index(&self, frame: &Frame<'_>) -> Result<usize> {
        let index = (frame.stream as usize).checked_sub(1).map(|before| before / 2);
        index
            .filter(|index| stream(*index) == frame.stream && *index < self.asked)
            .with_context(|| format!("a frame on stream {}", frame.stream))
    }
}

/// The stream of a WebSocket: those of a client have odd numbers (RFC 9113 §5.1.1).
fn stream(index: usize) -> u32 {
    2 * index as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        write(kind, flags, stream, payload, &mut octets);
        octets
    }

    /// What the session has to say since the last time.
    fn said(session: &mut Session) -> Vec<u8> {
        let said = session.output().to_vec();
        session.forget_output();
        said
    }

    fn hear(session: &mut Session, octets: &[u8]) -> Result<()> {
        session.receive(octets, |_, _, _| Ok(()))
    }

    /// A session with an open WebSocket whose output was read.
    fn open() -> Session {
        let mut session = Session::new();
        session.ask();
        hear(&mut session, &frame(Kind::Headers, END_HEADERS, 1, &[0x20, 0x88])).unwrap();
        assert_eq!(session.granted(), 1);
        session.forget_output();
        session
    }

    #[test]
    fn settings_are_acknowledged_and_say_what_is_allowed() {
        let mut session = Session::new();
        session.forget_output();
        assert_eq!(session.allowed(), None);
        let settings = [0, 3, 0, 0, 0, 100, 0, 8, 0, 0, 0, 1];
        hear(&mut session, &frame(Kind::Settings, 0, 0, &settings)).unwrap();
        assert_eq!(session.allowed(), Some(Allowed { streams: 100, has_connect: true }));
        assert_eq!(said(&mut session), frame(Kind::Settings, ACK, 0, &[]));
        hear(&mut session, &frame(Kind::Settings, ACK, 0, &[])).unwrap();
        assert_eq!(said(&mut session).len(), 0);
    }

    #[test]
    fn messages_come_whole_whatever_the_pieces() {
        let octets = [
            frame(Kind::Data, 0, 1, b"hel"),
            frame(Kind::Ping, 0, 0, b"12345678"),
            frame(Kind::Data, 0, 1, b"lo"),
        ]
        .concat();
        for size in 1..=octets.len() {
            let (mut session, mut heard) = (open(), Vec::new());
            for piece in octets.chunks(size) {
                let take = |_: &mut Session, index: usize, octets: &[u8]| {
                    assert_eq!(index, 0);
                    heard.extend_from_slice(octets);
                    Ok(())
                };
                session.receive(piece, take).unwrap();
            }
            assert_eq!(heard, b"hello");
            assert_eq!(said(&mut session), frame(Kind::Ping, ACK, 0, b"12345678"));
        }
    }

    #[test]
    fn message_waits_for_its_window() {
        let mut session = open();
        let long = [7; MAX_PAYLOAD];
        for _ in 0..4 {
            session.send(0, &long);
        }
        let sent = said(&mut session).len();
        assert_eq!(sent, 3 * frame(Kind::Data, 0, 1, &long).len());
        hear(&mut session, &frame(Kind::WindowUpdate, 0, 0, &[0, 0, 0, 1])).unwrap();
        assert_eq!(said(&mut session).len(), 0);
        hear(&mut session, &frame(Kind::WindowUpdate, 0, 1, &[0, 0, 0, 1])).unwrap();
        assert_eq!(said(&mut session).len(), sent / 3);
    }

    #[test]
    fn end_of_a_websocket_is_an_error() {
        for octets in [
            frame(Kind::Data, END_STREAM, 1, &[]),
            frame(Kind::Reset, 0, 1, &[0, 0, 0, 2]),
            frame(Kind::GoAway, 0, 0, &[0; 8]),
            frame(Kind::Data, 0, 3, b"nobody asked for this stream"),
            frame(Kind::Data, 0, 2, b"nor may a server begin one"),
            frame(Kind::Headers, END_HEADERS, 1, &[0x8d]),
        ] {
            assert!(hear(&mut open(), &octets).is_err(), "{octets:02x?}");
        }
    }
}
