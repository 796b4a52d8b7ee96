//! Messages that go to many.

use bytes::Bytes;

use crate::frame::{Fin, Header, Opcode};

/// A message that is framed once and sent to many
/// ([`Outbound::send_shared`](crate::Outbound::send_shared)).
#[derive(Clone, Debug)]
pub struct SharedMessage {
    pub(crate) opcode: Opcode,
    /// As a server sends it.
    pub(crate) frame: Bytes,
    header_length: usize,
}

impl SharedMessage {
    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A binary message.
    pub fn binary(octets: &[u8]) -> Self {
        Self::new(Opcode::Binary, octets)
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let header = Header {
            fin: Fin::Last,
            reserved: 0,
            opcode,
            mask: None,
            length: payload.len() as u64,
        };
        let header_length = header.encoded_length();
        let mut frame = Vec::with_capacity(header_length + payload.len());
        header.encode(&mut frame);
        frame.extend_from_slice(payload);
        Self { opcode, frame: frame.into(), header_length }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.frame[self.header_length..]
    }
}
