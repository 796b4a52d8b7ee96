//! The client against servers that follow RFC 6455 and RFC 8441, and against servers that violate them.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]

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
