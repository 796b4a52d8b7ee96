//! Broadcasts: one connection sends, and all of them must receive the message.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::poller::{Poller, Ready};
use super::{Counted, Load};
use crate::client::one_echo;
use crate::message::{Key, Keys, Kind, Pattern};

/// Bytes of the buffer for one read. It is longer than a message, so that an unexpected second one
/// is detected.
const READ_BUFFER: usize = 4096;

/// Connections that all receive what the first of them sends. The next message is sent when all
/// have received the last one, which bounds the data queued in the server.
pub(crate) struct Broadcasts {
    subscribers: Vec<Subscriber>,
    poller: Poller,
    keys: Keys,
    pattern: Pattern,
    /// The key of the message in flight.
    key: Key,
    /// Subscribers that have not received it yet.
    missing: usize,
}

struct Subscriber {
    stream: TcpStream,
    /// Bytes of the message received so far.
    received: usize,
}

impl Broadcasts {
    /// Opens the connections and sends the first message.
    pub(crate) fn connect(server: SocketAddr, subscribers: usize, bytes: usize) -> Result<Self> {
        let poller = Poller::new(subscribers)?;
        let mut subscribers = (0..subscribers)
            .map(|index| {
                // A server that has answered a client knows it, so the first broadcast reaches
                // everyone.
                let stream = one_echo(server)?;
                stream.set_nonblocking(true)?;
                poller.add(index, &stream)?;
                Ok(Subscriber { stream, received: 0 })
            })
            .collect::<Result<Vec<_>>>()?;
        let (pattern, mut keys) = (Pattern::new(Kind::Binary, bytes), Keys::new());
        let missing = subscribers.len();
        let key = send(&mut subscribers, &pattern, &mut keys)?;
        Ok(Self { subscribers, poller, keys, pattern, key, missing })
    }
}

impl Load for Broadcasts {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { subscribers, poller, keys, pattern, key, missing } = self;
        let mut buffer = [0; READ_BUFFER];
        poller.run(time, |Ready { index, .. }| {
            if !subscribers[index].receive(pattern, *key, &mut buffer)? {
                return Ok(0);
            }
            *missing -= 1;
            if *missing == 0 {
                *missing = subscribers.len();
                *key = send(subscribers, pattern, keys)?;
            }
            Ok(1)
        })
    }

    fn percentile(&mut self, _per_cent: usize) -> Option<Duration> {
        None
    }
}

/// Sends a new message on the first connection. From now on, all subscribers expect it.
fn send(subscribers: &mut [Subscriber], pattern: &Pattern, keys: &mut Keys) -> Result<Key> {
    let mut request = Vec::new();
    let key = pattern.write_request(keys, &mut request);
    for subscriber in &mut *subscribers {
        subscriber.received = 0;
    }
    // A single short message in flight always fits the socket's buffer.
    subscribers[0].stream.write_all(&request)?;
    Ok(key)
}

impl Subscriber {
    /// Reads once and returns whether the message is now complete.
    fn receive(&mut self, pattern: &Pattern, key: Key, buffer: &mut [u8]) -> Result<bool> {
        let read = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let is_right = pattern.matches(key, self.received, &buffer[..read]);
        ensure!(is_right, "a delivery differs from the message");
        self.received += read;
        Ok(self.received == pattern.answer_length())
    }
}
