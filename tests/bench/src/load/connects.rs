//! Connections that come and go: TCP, handshake, one echo, closing handshake, over and over.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::watch::{Ready, Watch};
use super::{Counted, Load};
use crate::client::{LONGEST_HEAD, is_upgrade, request};
use crate::message::{Key, Keys, Kind, Pattern, close_frame};

/// Connections that are each followed by a new one as soon as it has ended.
pub(crate) struct Connects {
    server: SocketAddr,
    visits: Vec<Visit>,
    watch: Watch,
    keys: Keys,
    handshake: String,
    pattern: Pattern,
}

/// One connection from its beginning to its end.
struct Visit {
    stream: TcpStream,
    stage: Stage,
    /// What has come since the last stage.
    received: Vec<u8>,
}

/// What a visit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Upgrade,
    Echo(Key),
    CloseFrame,
    /// The server closes TCP first (RFC 6455 §7.1.1).
    End,
}

impl Connects {
    /// Begins so many visits at once.
    pub(crate) fn connect(server: SocketAddr, at_once: usize, octets: usize) -> Result<Self> {
        let (watch, handshake) = (Watch::new(at_once)?, request("/"));
        let visits = (0..at_once)
            .map(|index| Visit::begin(server, &handshake, index, &watch))
            .collect::<Result<_>>()?;
        let pattern = Pattern::new(Kind::Text, octets);
        Ok(Self { server, visits, watch, keys: Keys::new(), handshake, pattern })
    }
}

impl Load for Connects {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { server, visits, watch, keys, handshake, pattern } = self;
        watch.run(time, |Ready { index, .. }| {
            let visit = &mut visits[index];
            if visit.advance(pattern, keys)? == Progress::Continues {
                return Ok(0);
            }
            *visit = Visit::begin(*server, handshake, index, watch)?;
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

impl Visit {
    fn begin(server: SocketAddr, handshake: &str, index: usize, watch: &Watch) -> Result<Self> {
        // On loopback this waits for nobody: the system completes the handshake of TCP by itself.
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(handshake.as_bytes())?;
        stream.set_nonblocking(true)?;
        watch.add(index, &stream)?;
        Ok(Self { stream, stage: Stage::Upgrade, received: Vec::new() })
    }

    /// Reads once, and goes on to the next stage if all of this one has come.
    fn advance(&mut self, pattern: &Pattern, keys: &mut Keys) -> Result<Progress> {
        let mut buffer = [0; LONGEST_HEAD];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                ensure!(self.stage == Stage::End, "the server ended a connection early");
                return Ok(Progress::Ended);
            }
            Ok(read) => self.received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Continues),
            // Behind its close frame a server may throw away what it has not read.
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
                    self.go_on(Stage::Echo(key), &request)?;
                }
            }
            Stage::Echo(key) => {
                let is_right = pattern.matches(key, 0, &self.received);
                ensure!(is_right, "an echo is not what was sent");
                if self.received.len() == pattern.answer_length() {
                    self.go_on(Stage::CloseFrame, &close_frame(keys))?;
                }
            }
            Stage::CloseFrame => {
                if is_close(&self.received)? {
                    self.go_on(Stage::End, &[])?;
                }
            }
            Stage::End => ensure!(self.received.is_empty(), "octets behind the close frame"),
        }
        Ok(Progress::Continues)
    }

    fn go_on(&mut self, stage: Stage, octets: &[u8]) -> Result<()> {
        self.stage = stage;
        self.received.clear();
        self.stream.write_all(octets).context("a short message fits the socket's buffer")
    }
}

/// Whether these octets are a whole close frame, which must answer 1000 or nothing (RFC 6455 §5.5.1).
fn is_close(octets: &[u8]) -> Result<bool> {
    let [first, length, payload @ ..] = octets else {
        return Ok(false);
    };
    ensure!(*first == 0x88, "not a close frame: {octets:02x?}");
    if payload.len() < usize::from(*length) {
        return Ok(false);
    }
    ensure!(payload.is_empty() || payload.starts_with(&[0x03, 0xe8]), "closed: {payload:02x?}");
    ensure!(payload.len() == usize::from(*length), "octets behind the close frame");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_frame_is_whole_with_its_code_or_without_any() {
        assert!(!is_close(&[0x88]).unwrap());
        assert!(!is_close(&[0x88, 2, 0x03]).unwrap());
        assert!(is_close(&[0x88, 2, 0x03, 0xe8]).unwrap());
        assert!(is_close(&[0x88, 0]).unwrap());
        assert!(is_close(&[0x88, 2, 0x03, 0xe9]).is_err());
        assert!(is_close(&[0x81, 2, 0x03, 0xe8]).is_err());
        assert!(is_close(&[0x88, 0, 0x88]).is_err());
    }
}
