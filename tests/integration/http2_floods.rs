//! Floods over HTTP/2: neither memory nor other clients suffer.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::streams::{
    CANCEL, CONTINUATION, Connection, DATA, END_HEADERS, HEADERS, PING, RST_STREAM, SETTINGS,
    frame, get, headers, websocket,
};

/// Error code of RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 11;

const MIB: usize = 1 << 20;

/// A server that is flooded, and what is needed to check that it stays healthy.
struct Flooded {
    server: TestServer,
    other: Client,
    before: usize,
}

impl Flooded {
    fn new(flags: &[&str]) -> Result<Self> {
        let (server, mut other) = TestServer::with_client("guest-sleep", flags)?;
        assert_eq!(other.ask("hello")?, "hello");
        let before = server.peak_memory()?;
        Ok(Self { server, other, before })
    }

    /// Checks that other clients are served as before and that memory has grown by less than `limit`.
    #[track_caller]
    fn expect_health(mut self, limit: usize) -> Result<()> {
        assert_eq!(self.other.ask("still here")?, "still here");
        assert_eq!(Client::connect(&self.server)?.ask("hello")?, "hello");
        let grown = self.server.peak_memory()? - self.before;
        assert!(grown < limit, "{} KiB more", grown >> 10);
        Ok(())
    }

    /// Writes until the server accepts no more or ends the connection. Serving another client between two attempts
    /// gives the server time to read more.
    fn pour(&mut self, socket: &TcpStream, bytes: &[u8]) -> Result<Poured> {
        socket.set_nonblocking(true)?;
        let (mut rest, mut tries) = (bytes, 0);
        while !rest.is_empty() {
            match (&mut &*socket).write(rest) {
                Ok(count) => (rest, tries) = (&rest[count..], 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock && tries < 100 => {
                    tries += 1;
                    self.other.ask("go on")?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Poured::Stuck),
                Err(_) => return Ok(Poured::Ended),
            }
        }
        Ok(Poured::All)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poured {
    All,
    Stuck,
    Ended,
}

#[test]
fn rapid_resets_end_the_connection() -> Result<()> {
    let flooded = Flooded::new(&[])?;
    for request in [get("/healthz"), websocket("/")] {
        let connection = Connection::begin(flooded.server.address())?;
        let mut flood = Vec::new();
        for stream in (1..20_001).step_by(2) {
            flood.extend(frame(HEADERS, END_HEADERS, stream, &request));
            flood.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        }
        // The server may end the connection before it has read everything.
        let _ = (&mut connection.socket()).write_all(&flood);
        if let Some(error) = connection.expect_end()? {
            assert_eq!(error, ENHANCE_YOUR_CALM);
        }
    }
    flooded.expect_health(32 * MIB)
}

#[test]
fn endless_headers_end_the_connection() -> Result<()> {
    let flooded = Flooded::new(&[])?;
    for (piece, count) in
        [(headers(&[("x-long", &"x".repeat(120))]).repeat(100), 4000), (vec![], 200_000)]
    {
        let connection = Connection::begin(flooded.server.address())?;
        let flood =
            [frame(HEADERS, 0, 1, &get("/")), frame(CONTINUATION, 0, 1, &piece).repeat(count)]
                .concat();
        let _ = (&mut connection.socket()).write_all(&flood);
        connection.expect_end()?;
    }
    flooded.expect_health(32 * MIB)
}

#[test]
fn unread_replies_to_settings_and_pings_cost_no_memory() -> Result<()> {
    let mut flooded = Flooded::new(&[])?;
    for question in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[7; 8])] {
        let connection = Connection::begin(flooded.server.address())?;
        let flood = question.repeat(32 * MIB / question.len());
        let poured = flooded.pour(connection.socket(), &flood)?;
        assert_ne!(poured, Poured::All, "no backpressure");
    }
    flooded.expect_health(32 * MIB)
}

#[test]
fn empty_frames_cost_no_memory() -> Result<()> {
    let mut flooded = Flooded::new(&["--instance-per", "client"])?;
    let mut connection = Connection::begin(flooded.server.address())?;
    connection.open(1, "/")?;
    assert_eq!(connection.ask(1, "sleep 600000")?, "before");
    // The handler does not read the stream, and flow control does not count empty frames.
    flooded.pour(connection.socket(), &frame(DATA, 0, 1, &[]).repeat(1_000_000))?;
    flooded.expect_health(32 * MIB)
}

#[test]
fn one_byte_frames_cost_little_memory() -> Result<()> {
    let mut flooded = Flooded::new(&["--instance-per", "client"])?;
    let mut connection = Connection::begin(flooded.server.address())?;
    let streams = (1..60).step_by(2);
    for stream in streams.clone() {
        connection.open(stream, "/")?;
        assert_eq!(connection.ask(stream, "sleep 600000")?, "before");
    }
    // Flow control would allow 65,000 per stream. The server ends a connection that queues this many unread frames.
    for stream in streams {
        let flood = frame(DATA, 0, stream, &[7]).repeat(65_000);
        if flooded.pour(connection.socket(), &flood)? == Poured::Ended {
            break;
        }
    }
    connection.socket().set_nonblocking(false)?;
    if let Some(error) = connection.expect_end()? {
        assert_eq!(error, ENHANCE_YOUR_CALM);
    }
    flooded.expect_health(32 * MIB)
}
