//! How a message is sent.

use crate::bindings::ws_host::socket::types;

/// How a message is sent. The default: in one frame, compressed if that was agreed with the client and
/// the message is long enough for it.
///
/// Functions that want one take a [`Compression`] alone, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether it is compressed.
    pub compression: Compression,
    /// The longest payload of a frame, in octets, more than 0 (RFC 6455 §5.4). A longer message, as it
    /// is after compression, goes out in fragments. The client gets it whole.
    pub frame_size: Option<u32>,
}

/// Whether a message is compressed for clients with which that was agreed, as the configuration lets it
/// be (`--compression`); for others, none is.
///
/// A message that would not become shorter is sent as it is, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// If it is at least as long as the configuration says (`--compression-threshold`).
    #[default]
    ByLength,
    /// However short it is.
    Always,
    /// Not at all. For what is compressed already, such as pictures. And for a secret beside text of
    /// somebody else's choice: how well the two compress together tells the secret bit by bit.
    Never,
}

impl From<Compression> for Form {
    fn from(compression: Compression) -> Self {
        Self { compression, ..Self::default() }
    }
}

impl From<Form> for types::Form {
    fn from(form: Form) -> Self {
        let compression = match form.compression {
            Compression::ByLength => types::Compression::ByLength,
            Compression::Always => types::Compression::Always,
            Compression::Never => types::Compression::Never,
        };
        Self { compression, frame_size: form.frame_size }
    }
}
