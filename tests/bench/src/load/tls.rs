//! TLS of one connection, without its socket.

use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};

use crate::certificate::NAME;
use crate::client::upgrade;

/// The client's end.
pub(super) struct Tls(ClientConnection);

impl Tls {
    /// Performs the TLS handshake and the opening handshake. Also returns the response head.
    pub(super) fn upgrade(
        stream: &mut TcpStream,
        config: &Arc<ClientConfig>,
        request: &str,
    ) -> Result<(Self, String)> {
        let mut tls = ClientConnection::new(Arc::clone(config), ServerName::try_from(NAME)?)?;
        let head = upgrade(&mut Stream::new(&mut tls, stream), request).context("over TLS")?;
        Ok((Self::new(tls), head))
    }

    fn new(mut tls: ClientConnection) -> Self {
        // Messages are passed in whole, and wait for the socket in `Outgoing`.
        tls.set_buffer_limit(None);
        Self(tls)
    }

    /// Encrypts these bytes and appends the result.
    pub(super) fn seal(&mut self, bytes: &[u8], sealed: &mut Vec<u8>) -> Result<()> {
        self.0.writer().write_all(bytes)?;
        while self.0.wants_write() {
            self.0.write_tls(sealed)?;
        }
        Ok(())
    }

    /// Decrypts these bytes and appends the result. An incomplete record waits for the rest of it.
    pub(super) fn open(&mut self, mut sealed: &[u8], opened: &mut Vec<u8>) -> Result<()> {
        while !sealed.is_empty() {
            self.0.read_tls(&mut sealed)?;
            let mut ready = self.0.process_new_packets()?.plaintext_bytes_to_read();
            let mut reader = self.0.reader();
            while ready > 0 {
                let chunk = reader.fill_buf()?;
                let length = chunk.len();
                opened.extend_from_slice(chunk);
                reader.consume(length);
                ready -= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::certificate::tests::connected;

    #[test]
    fn message_of_many_records_can_be_received_in_pieces() {
        let (client, mut server) = connected();
        let mut client = Tls::new(client);
        let message: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let mut sealed = Vec::new();
        client.seal(&message, &mut sealed).unwrap();
        let (mut bytes, mut back) = (&*sealed, Vec::new());
        server.set_buffer_limit(None);
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            let ready = server.process_new_packets().unwrap().plaintext_bytes_to_read();
            let mut received = vec![0; ready];
            server.reader().read_exact(&mut received).unwrap();
            server.writer().write_all(&received).unwrap();
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
        }
        let mut opened = Vec::new();
        for piece in back.chunks(7_001) {
            client.open(piece, &mut opened).unwrap();
        }
        assert!(opened == message);
    }
}
