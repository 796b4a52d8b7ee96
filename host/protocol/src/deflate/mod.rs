//! permessage-deflate (RFC 7692): messages compressed one by one.
//!
//! The handshake agrees on it ([`Upgrade::accept_deflate`], [`Handshake::offer_deflate`]); what it
//! gives, a [`PerMessageDeflate`], is handed to both machines of the connection
//! ([`Inbound::use_deflate`], [`Outbound::use_deflate`]).
//!
//! # Memory
//!
//! Without context takeover a direction needs memory only while a message passes through: compressors
//! and decompressors are shared by all connections of a thread. With context takeover each connection
//! keeps its own, from its first compressed message on:
//!
//! | direction | without takeover | with takeover, by [`WindowBits`] |
//! |---|---|---|
//! | outgoing | nothing | a compressor of 243 KiB and four windows: 245 KiB at 9 bits, 371 KiB at 15 |
//! | incoming | nothing | what came last, as much as the window holds: 512 octets to 32 KiB |
//!
//! [`Outbound::release_context`] drops the compressor; the next message begins another one.
//!
//! With [`KeepWindow::Always`] what comes is kept without takeover, too.
//!
//! A message that comes in pieces holds a decompressor of 48 KiB until its end. What it inflates to is
//! never more than [`Limits::max_message`](crate::Limits::max_message): inflating stops there. A thread
//! keeps four compressors and four decompressors at most.
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

/// §7.2.1: what a sender takes from the end of a flushed message, and a receiver appends again: an
/// empty block without compression, less its header.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
