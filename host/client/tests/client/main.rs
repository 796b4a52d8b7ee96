//! The client against servers that do as RFC 6455 and RFC 8441 say, and against such that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod closing;
mod compression;
mod frames;
mod handshake;
mod http2;
mod http2_bad;
mod http2_server;
mod http2_tls;
mod peer;
mod proxy;
mod receiving;
mod sending;
mod streams;
mod tls;
mod tls_server;
mod unix;
mod wrong_port;
