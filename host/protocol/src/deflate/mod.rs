//! permessage-deflate (RFC 7692): compression of each message.
//!
//! The handshake negotiates permessage-deflate ([`Upgrade::accept_deflate`], [`Handshake::offer_deflate`]). Pass the
//! resulting [`PerMessageDeflate`] to both state machines of the connection ([`Inbound::use_deflate`],
//! [`Outbound::use_deflate`]).
//!
//! # Memory
//!
//! Without context takeover, a direction needs memory only while a message is processed, because all connections of a
//! thread share compressors and decompressors. With context takeover, each connection keeps its own memory from its
//! first compressed message on:
//!
//! | direction | without takeover | with takeover, by [`WindowBits`] |
//! |---|---|---|
//! | outgoing | nothing | a compressor: 243 KiB plus four windows, which is 245 KiB at 9 bits and 371 KiB at 15 |
//! | incoming | nothing | the most recent inflated data, up to the window size: 512 bytes to 32 KiB |
//!
//! [`Outbound::release_context`] drops the compressor. The next message creates a new one.
//!
//! With [`KeepWindow::Always`], incoming data is kept even without takeover.
//!
//! A message that arrives in pieces holds a decompressor of 48 KiB until the message is complete. Inflating stops at
//! [`Limits::max_message`](crate::Limits::max_message) bytes. A thread keeps at most four
//! compressors and four decompressors.
//!
//! # Secrets
//!
//! The compressed length of a message reveals how much the message has in common with the contents of the window. An
//! attacker may be able to get their own text compressed together with a secret: in the same message or, with context
//! takeover, in another message of the connection. Then the compressed length reveals the secret bit by bit. Send such
//! messages with [`Compression::Never`](crate::Compression::Never).
//!
//! [`Upgrade::accept_deflate`]: crate::handshake::server::Upgrade::accept_deflate
//! [`Handshake::offer_deflate`]: crate::handshake::client::Handshake::offer_deflate
//! [`Inbound::use_deflate`]: crate::Inbound::use_deflate
//! [`Outbound::use_deflate`]: crate::Outbound::use_deflate
//! [`Outbound::release_context`]: crate::Outbound::release_context

mod agreement;
mod deflater;
mod inflater;
mod pool;
mod settings;

pub use agreement::PerMessageDeflate;
pub(crate) use deflater::{Deflater, deflate_alone};
pub(crate) use inflater::Inflater;
pub use settings::{
    ContextTakeover, Deflate, Direction, InvalidLevel, InvalidWindowBits, KeepWindow, Level,
    WindowBits,
};

/// The bytes that a sender removes from the end of a flushed message and a receiver appends again (§7.2.1): an empty
/// uncompressed block without its header.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
