//! Messages that go to everybody: one connection sends, all must get it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::watch::{Ready, Watch};
use super::{Counted, Load};
use crate::client::one_echo;
use crate::message::{Key, Keys, Kind, Pattern};

/// Octets of the buffer for one read: more than a message, so that one too many is noticed.
const READ_BUFFER: usize = 4096;

/// Connections that all hear what the first of them sends. The next message goes out when all have the
/// last, so that what waits in the server has a bound.
pub(crate) struct Broadcasts {
    subscribers: Vec<Subscriber>,
    watch: Watch,
    keys: Keys,
    pattern: Pattern,
    /// Of the message that is under way.
    key: Key,
    /// Subscribers that do not have it yet.
    missing: usize,
}

struct Subscriber {
    stream: TcpStream,
    /// Octets of the message that are here already.
    received: usize,
}

impl Broadcasts {
    /// Opens the connections, and sends the first message.
    pub(crate) fn connect(server: SocketAddr, subscribers: usize, octets: usize) -> Result<Self> {
        let watch = Watch::new(subscribers)?;
        let mut subscribers = (0..subscribers)
            .map(|index| {
                // Whoever has answered a client knows it: the first broadcast misses nobody.
                let stream = one_echo(server)?;
                stream.set_nonblocking(true)?;
                watch.add(index, &stream)?;
                Ok(Subscriber { stream, received: 0 })
            })
            .collect::<Result<Vec<_>>>()?;
        let (pattern, mut keys) = (Pattern::new(Kind::Binary, octets), Keys::new());
        let missing = subscribers.len();
        let key = send(&mut subscribers, &pattern, &mut keys)?;
        Ok(Self { subscribers, watch, keys, pattern, key, missing })
    }
}

impl Load for Broadcasts {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { subscribers, watch, keys, pattern, key, missing } = self;
        let mut buffer = [0; READ_BUFFER];
        watch.run(time, |Ready { index, .. }| {
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

/// Sends a new message on the first connection, which all await from now on.
fn send(subscribers: &mut [Subscriber], pattern: &Pattern, keys: &mut Keys) -> Result<Key> {
    let mut request = Vec::new();
    let key = pattern.write_request(keys, &mut request);
    for subscriber in &mut *subscribers {
        subscriber.received = 0;
    }
    // A short message alone in flight always fits the socket's buffer.
    subscribers[0].stream.write_all(&request)?;
    Ok(key)
}

impl Subscriber {
    /// Reads once; tells whether the message is whole now.
    fn receive(&mut self, pattern: &Pattern, key: Key, buffer: &mut [u8]) -> Result<bool> {
        let read = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let is_right = pattern.matches(key, self.received, &buffer[..read]);
        ensure!(is_right, "a delivery is not what was sent");
        self.received += read;
        Ok(self.received == pattern.answer_length())
    }
}
