//! Compression and fragmentation of an outgoing message.

use std::num::NonZeroUsize;

/// The form in which a message is sent. By default a message is sent in one frame, and compressed if compression was
/// negotiated and the message is long enough. To change a setting, assign its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// Whether the message is compressed.
    pub compression: Compression,
    /// The maximum size of a frame's payload, in bytes. A message that is longer after compression is sent in fragments
    /// (RFC 6455 §5.4). A fragment may end inside a character.
    pub frame_size: Option<NonZeroUsize>,
}

/// Whether a message is compressed if permessage-deflate was negotiated. Without it, no message is compressed.
///
/// A message that would not become shorter is always sent uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Compressed if the message is at least as long as the [threshold](crate::Deflate::threshold).
    #[default]
    ByLength,
    /// Compressed at any length.
    Always,
    /// Never compressed. For data that is compressed already, such as images, and for
    /// [secrets](crate::deflate#secrets).
    Never,
}
