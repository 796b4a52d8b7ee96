//! Short-lived connections: TCP connect, handshake, one echo, closing handshake, over and over.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::poller::{Poller, Ready};
use super::{Counted, Load};
use crate::client::{LONGEST_HEAD, is_upgrade, request};
use crate::message::{Key, Keys, Kind, Pattern, close_frame};

/// Connections that are each replaced by a new one as soon as they end.
pub(crate) struct Connects {
    server: SocketAddr,
    connections: Vec<ShortConnection>,
    poller: Poller,
    keys: Keys,
    handshake: String,
    pattern: Pattern,
}

/// One connection from its beginning to its end.
struct ShortConnection {
    stream: TcpStream,
    stage: Stage,
    /// Bytes received in the current stage.
    received: Vec<u8>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Upgrade,
    Echo(Key),
    CloseFrame,
    /// The server closes TCP first (RFC 6455 §7.1.1).
    End,
}

impl Connects {
    /// Opens `at_once` connections.
    pub(crate) fn connect(server: SocketAddr, at_once: usize, bytes: usize) -> Result<Self> {
        let (poller, handshake) = (Poller::new(at_once)?, request("/"));
        let connections = (0..at_once)
            .map(|index| ShortConnection::begin(server, &handshake, index, &poller))
            .collect::<Result<_>>()?;
        let pattern = Pattern::new(Kind::Text, bytes);
        Ok(Self { server, connections, poller, keys: Keys::new(), handshake, pattern })
    }
}

impl Load for Connects {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { server, connections, poller, keys, handshake, pattern } = self;
        poller.run(time, |Ready { index, .. }| {
            let connection = &mut connections[index];
            if connection.advance(pattern, keys)? == Progress::Continues {
                return Ok(0);
            }
            *connection = ShortConnection::begin(*server, handshake, index, poller)?;
            Ok(1)
        })
    }

    fn percentile(&mut self, _per_cent: usize) -> Option<Duration> {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Continues,
    Ended,
}

impl ShortConnection {
    fn begin(server: SocketAddr, handshake: &str, index: usize, poller: &Poller) -> Result<Self> {
        // On loopback, this does not wait for the server: the kernel completes the TCP handshake by
        // itself.
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(handshake.as_bytes())?;
        stream.set_nonblocking(true)?;
        poller.add(index, &stream)?;
        Ok(Self { stream, stage: Stage::Upgrade, received: Vec::new() })
    }

    /// Reads once, and enters the next stage when the current one is complete.
    fn advance(&mut self, pattern: &Pattern, keys: &mut Keys) -> Result<Progress> {
        let mut buffer = [0; LONGEST_HEAD];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                ensure!(self.stage == Stage::End, "the server closed a connection early");
                return Ok(Progress::Ended);
            }
            Ok(read) => self.received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Continues),
            // A server may discard unread bytes after its close frame, which resets the connection.
            Err(error)
                if error.kind() == ErrorKind::ConnectionReset && self.stage == Stage::End =>
            {
                return Ok(Progress::Ended);
            }
            Err(error) => return Err(error.into()),
        }
        match self.stage {
            Stage::Upgrade => {
                if is_upgrade(&self.received)? {
                    let mut request = Vec::new();
                    let key = pattern.write_request(keys, &mut request);
                    self.enter_stage(Stage::Echo(key), &request)?;
                }
            }
            Stage::Echo(key) => {
                let is_right = pattern.matches(key, 0, &self.received);
                ensure!(is_right, "an echo differs from the message");
                if self.received.len() == pattern.answer_length() {
                    self.enter_stage(Stage::CloseFrame, &close_frame(keys))?;
                }
            }
            Stage::CloseFrame => {
                if is_close(&self.received)? {
                    self.enter_stage(Stage::End, &[])?;
                }
            }
            Stage::End => {
                ensure!(self.received.is_empty(), "the server sent bytes after its close frame")
            }
        }
        Ok(Progress::Continues)
    }

    fn enter_stage(&mut self, stage: Stage, bytes: &[u8]) -> Result<()> {
        self.stage = stage;
        self.received.clear();
        self.stream.write_all(bytes).context("a short message does not fit the socket's buffer")
    }
}

/// Returns whether these bytes are a complete close frame. It must echo the code 1000 or have no
/// code (RFC 6455 §5.5.1).
fn is_close(bytes: &[u8]) -> Result<bool> {
    let [first, length, payload @ ..] = bytes else {
        return Ok(false);
    };
    ensure!(*first == 0x88, "not a close frame: {bytes:02x?}");
    if payload.len() < usize::from(*length) {
        return Ok(false);
    }
    ensure!(
        payload.is_empty() || payload.starts_with(&[0x03, 0xe8]),
        "the close frame has another code than 1000: {payload:02x?}"
    );
    ensure!(payload.len() == usize::from(*length), "the server sent bytes after its close frame");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_frame_is_complete_with_or_without_a_code() {
        assert!(!is_close(&[0x88]).unwrap());
        assert!(!is_close(&[0x88, 2, 0x03]).unwrap());
        assert!(is_close(&[0x88, 2, 0x03, 0xe8]).unwrap());
        assert!(is_close(&[0x88, 0]).unwrap());
        assert!(is_close(&[0x88, 2, 0x03, 0xe9]).is_err());
        assert!(is_close(&[0x81, 2, 0x03, 0xe8]).is_err());
        assert!(is_close(&[0x88, 0, 0x88]).is_err());
    }
}
