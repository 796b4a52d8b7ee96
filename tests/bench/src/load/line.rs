//! A connection of a load generator: its socket, what waits for room there, and TLS where it is spoken.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use anyhow::{Result, bail};

use super::endpoint::Endpoint;
use super::outgoing::Outgoing;
use super::tls::Tls;
use super::watch::{Interest, Watch};
use crate::client::{connect, upgrade};

/// Octets of the buffer for one read: a message of 1 MiB in a few, without falling out of the caches.
const READ_BUFFER: usize = 256 * 1024;

/// A connection, known to its watch by a number.
pub(super) struct Line {
    stream: TcpStream,
    tls: Option<Tls>,
    outgoing: Outgoing,
    interest: Interest,
    index: usize,
}

/// Memory that all lines of a generator share.
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

impl Line {
    /// Connects and upgrades; gives the head of the answer too.
    pub(super) fn upgrade(
        endpoint: &Endpoint,
        request: &str,
        index: usize,
        watch: &Watch,
    ) -> Result<(Self, String)> {
        let mut stream = connect(endpoint.address)?;
        let (tls, head) = match &endpoint.tls {
            None => (None, upgrade(&mut stream, request)?),
            Some(config) => {
                let (tls, head) = Tls::upgrade(&mut stream, config, request)?;
                (Some(tls), head)
            }
        };
        Ok((Self { tls, ..Self::over(stream, index, watch)? }, head))
    }

    /// Over a connection that is open, without TLS.
    pub(super) fn over(stream: TcpStream, index: usize, watch: &Watch) -> Result<Self> {
        stream.set_nonblocking(true)?;
        watch.add(index, &stream)?;
        let (outgoing, interest) = (Outgoing::default(), Interest::Read);
        Ok(Self { stream, tls: None, outgoing, interest, index })
    }

    /// Reads once; gives what came, which is nothing if nothing did.
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

    /// Writes, all in one go; what does not fit waits for room.
    pub(super) fn send(
        &mut self,
        octets: &[u8],
        buffers: &mut Buffers,
        watch: &Watch,
    ) -> Result<()> {
        match &mut self.tls {
            None => self.outgoing.send(octets, &mut self.stream)?,
            Some(tls) => {
                buffers.sealed.clear();
                tls.seal(octets, &mut buffers.sealed)?;
                self.outgoing.send(&buffers.sealed, &mut self.stream)?;
            }
        }
        self.watch_for_room(watch)
    }

    /// Writes what waits, as far as there is room now.
    pub(super) fn flush(&mut self, watch: &Watch) -> Result<()> {
        self.outgoing.flush(&mut self.stream)?;
        self.watch_for_room(watch)
    }

    fn watch_for_room(&mut self, watch: &Watch) -> Result<()> {
        let interest =
            if self.outgoing.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
        if interest != self.interest {
            watch.change(self.index, &self.stream, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}
