//! A connection of a load generator: its socket, its outgoing bytes, and TLS if the server speaks
//! it.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use anyhow::{Result, bail};

use super::endpoint::Endpoint;
use super::outgoing::Outgoing;
use super::poller::{Interest, Poller};
use super::tls::Tls;
use crate::client::{connect, upgrade};

/// Bytes of the buffer for one read: a message of 1 MiB takes a few reads, and the buffer stays in
/// the caches.
const READ_BUFFER: usize = 256 * 1024;

/// A connection, which the poller knows by a number.
pub(super) struct Transport {
    stream: TcpStream,
    tls: Option<Tls>,
    outgoing: Outgoing,
    interest: Interest,
    index: usize,
}

/// Buffers that all connections of a generator share.
pub(super) struct Buffers {
    read: Vec<u8>,
    opened: Vec<u8>,
    sealed: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { read: vec![0; READ_BUFFER], opened: Vec::new(), sealed: Vec::new() }
    }
}

impl Transport {
    /// Connects and upgrades. Also returns the response head.
    pub(super) fn upgrade(
        endpoint: &Endpoint,
        request: &str,
        index: usize,
        poller: &Poller,
    ) -> Result<(Self, String)> {
        let mut stream = connect(endpoint.address)?;
        let (tls, head) = match &endpoint.tls {
            None => (None, upgrade(&mut stream, request)?),
            Some(config) => {
                let (tls, head) = Tls::upgrade(&mut stream, config, request)?;
                (Some(tls), head)
            }
        };
        Ok((Self { tls, ..Self::over(stream, index, poller)? }, head))
    }

    /// Wraps an open connection without TLS.
    pub(super) fn over(stream: TcpStream, index: usize, poller: &Poller) -> Result<Self> {
        stream.set_nonblocking(true)?;
        poller.add(index, &stream)?;
        let (outgoing, interest) = (Outgoing::default(), Interest::Read);
        Ok(Self { stream, tls: None, outgoing, interest, index })
    }

    /// Reads once and returns the received bytes, which may be none.
    pub(super) fn receive<'a>(&mut self, buffers: &'a mut Buffers) -> Result<&'a [u8]> {
        let Buffers { read: buffer, opened, .. } = buffers;
        let read = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        let Some(tls) = &mut self.tls else {
            return Ok(&buffer[..read]);
        };
        opened.clear();
        tls.open(&buffer[..read], opened)?;
        Ok(opened)
    }

    /// Writes these bytes. What the socket does not accept waits for room.
    pub(super) fn send(
        &mut self,
        bytes: &[u8],
        buffers: &mut Buffers,
        poller: &Poller,
    ) -> Result<()> {
        match &mut self.tls {
            None => self.outgoing.send(bytes, &mut self.stream)?,
            Some(tls) => {
                buffers.sealed.clear();
                tls.seal(bytes, &mut buffers.sealed)?;
                self.outgoing.send(&buffers.sealed, &mut self.stream)?;
            }
        }
        self.update_interest(poller)
    }

    /// Writes waiting bytes, as far as there is room.
    pub(super) fn flush(&mut self, poller: &Poller) -> Result<()> {
        self.outgoing.flush(&mut self.stream)?;
        self.update_interest(poller)
    }

    fn update_interest(&mut self, poller: &Poller) -> Result<()> {
        let interest =
            if self.outgoing.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
        if interest != self.interest {
            poller.change(self.index, &self.stream, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}
