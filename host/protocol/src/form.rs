//! How a message is put into frames.

use std::num::NonZeroUsize;

/// How a message is sent. The default: in one frame, compressed if that was negotiated and the message
/// is long enough for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether it is compressed.
    pub compression: Compression,
    /// The longest payload of a frame, in octets: a longer message, as it is after compression, goes
    /// out in fragments (RFC 6455 §5.4). The cuts may fall inside a character.
    pub frame_size: Option<NonZeroUsize>,
}

/// Whether a message is compressed where permessage-deflate was negotiated; where not, none is.
///
/// A message that would not become shorter is sent uncompressed, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// If it is at least as long as the [threshold](crate::Deflate::threshold).
    #[default]
    ByLength,
    /// Whatever its length.
    Always,
    /// Not at all. For what is compressed already, such as pictures, and for
    /// [secrets](crate::deflate#secrets).
    Never,
}
