//! The client against servers that do as RFC 6455 says, and against such that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod closing;
mod compression;
mod handshake;
mod peer;
mod receiving;
mod sending;
mod tls;
