//! A host for tests of handlers. It runs in the test's process, without sockets, and on a clock that stands still until
//! the test lets time pass.
//!
//! ```toml
//! [dev-dependencies]
//! ws-host-testing = "0.1"
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//! use ws_host_testing::TestHost;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = TestHost::start("target/wasm32-wasip2/release/chat.wasm")?;
//! let ada = host.connect("/?name=Ada")?;
//! ada.expect_text("* you are Ada");
//! ada.send("/remind 30 tea");
//! ada.expect_text("* in 30 s: tea");
//! host.advance(Duration::from_secs(30));
//! ada.expect_text("* reminder: tea");
//! # Ok(())
//! # }
//! ```
//!
//! This crate is the module `testing` of the library `ws-host`. The documentation of all items is in that library. The
//! crate works with components in any language. The same tests can also be written without Rust, as scripts for
//! `ws-host test`. See [`script`].

#![forbid(unsafe_code)]

pub use ws_host::config;
pub use ws_host::protocol::Deflate;
#[doc(inline)]
pub use ws_host::testing::*;
pub use ws_host::{CustomError, CustomReply, Host, Recipient, ReloadOutcome, StartError};
