//! permessage-deflate (RFC 7692): messages compressed one by one.
//!
//! The handshake agrees on it ([`Upgrade::accept_deflate`], [`Handshake::offer_deflate`]); what it
//! gives, a [`PerMessageDeflate`], is handed to both machines of the connection
//! ([`Inbound::use_deflate`], [`Outbound::use_deflate`]).
//!
//! # Memory
//!
//! For each direction an end needs memory only while a message passes through, if the context is not
//! taken over: then compressors are shared by all connections of a thread. With context takeover each
//! connection keeps its own:
//!
//! | direction | without takeover, idle | with takeover, from the first compressed message on |
//! |---|---|---|
//! | outgoing | nothing | a compressor: see [`WindowBits`]; [`Outbound::release_memory`] drops it |
//! | incoming | nothing | the last octets of what came, as many as the window has at most |
//!
//! A message that comes in pieces holds a decompressor of its thread until its end. What it inflates
//! to is never more than [`Limits::max_message`](crate::Limits::max_message): inflating stops there.
//!
//! # Secrets
//!
//! How well a message compresses tells what it has in common with what the window holds. Where an
//! attacker can have text of theirs sent beside a secret, in one message or, with context takeover, in
//! another one of the connection, its length tells the secret bit by bit. Send such messages with
//! [`Compression::Never`](crate::Compression::Never).
//!
//! [`Upgrade::accept_deflate`]: crate::handshake::server::Upgrade::accept_deflate
//! [`Handshake::offer_deflate`]: crate::handshake::client::Handshake::offer_deflate
//! [`Inbound::use_deflate`]: crate::Inbound::use_deflate
//! [`Outbound::use_deflate`]: crate::Outbound::use_deflate
//! [`Outbound::release_memory`]: crate::Outbound::release_memory

mod agreement;
mod deflater;
mod inflater;
mod pool;
mod settings;

pub use agreement::PerMessageDeflate;
pub(crate) use deflater::{Deflater, deflate_alone};
pub(crate) use inflater::Inflater;
pub use settings::{
    ContextTakeover, Deflate, Direction, InvalidLevel, InvalidWindowBits, Level, WindowBits,
};

/// §7.2.1: what a sender takes from the end of a flushed message, and a receiver appends again: an
/// empty block without compression, less its header.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
