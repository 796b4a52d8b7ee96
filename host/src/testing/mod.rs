//! A host for tests of handlers. It runs in the test's process, without sockets, and on a clock that stands still until
//! the test lets time pass.
//!
//! A test serves a component with the real host, connects clients, and says what they send and what they should get.
//! The test runs in one thread. When a function returns, all of its effects have happened, except those that wait for
//! time to pass. So a test needs no timeouts, waits for nothing, and has the same result each time:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use ws_host::testing::TestHost;
//!
//! let host = TestHost::start("chat.wasm")?;
//! let ada = host.connect("/?name=Ada")?;
//! ada.expect_text("* you are Ada");
//! ada.send("/remind 30 tea");
//! ada.expect_text("* in 30 s: tea");
//! host.advance(Duration::from_secs(29));
//! ada.expect_nothing();
//! host.advance(Duration::from_secs(1));
//! ada.expect_text("* reminder: tea");
//! # Ok(())
//! # }
//! ```
//!
//! # What is real, and what is not
//!
//! The handshake, the frames, limits, timeouts, timers, hibernation, checkpoints, reloads and trials are those of the
//! real host. Only the machine is different. It has one thread, connections are streams in memory, and the time begins
//! at 2026-01-01 00:00 UTC. Clients have the numbers 1, 2, 3 and so on, and random numbers are the same in each run.
//!
//! CPU time is real. An event that computes for longer than `max-cpu` fails, even if no time has passed on the test's
//! clock. Everything else depends only on the time of the test. Components are not watched: [`TestHost::reload`] reads
//! a file again.

mod builder;
mod client;
mod clock;
mod expect;
mod handshake;
mod host;
mod log;
mod received;
pub mod script;
mod simulation;
mod stream;

pub use builder::Builder;
pub use client::TestClient;
pub use handshake::{Connect, ConnectError, Refused};
pub use host::{Failure, TestHost};
pub use log::LogLine;
pub use received::{Closed, Received};

use self::clock::Clock;

/// The state that a host and its clients share.
struct Running {
    clock: Clock,
}
