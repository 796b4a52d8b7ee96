//! Tests of handlers with `cargo test`, without a component and without a host.
//!
//! ```
//! # use ws_guest::{Client, Error, Handler};
//! # #[derive(Default)]
//! # struct Echo;
//! # impl Handler for Echo {
//! #     fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
//! #         Ok(client.send_text(message)?)
//! #     }
//! # }
//! # ws_guest::export!(Echo);
//! # fn main() {
//! use ws_guest::testing::TestHost;
//!
//! let host = TestHost::new::<Echo>();
//! let ann = host.connect("/");
//! ann.send_text("hello");
//! ann.expect_text("hello");
//! ann.close();
//! # }
//! ```
//!
//! To a handler, a [`TestHost`] behaves like the real host. It has the same events in the same order, the same limits
//! and the same errors. It has no sockets and no clock. Each call that a test makes is one event, and everything that
//! follows from the event has happened when the call returns. Time passes only in [`TestHost::advance`]. So a test has
//! the same result each time.
//!
//! Everything that a configuration can grant is granted. [Keys and values](crate::keyvalue) are in memory, and outlive
//! instances. The following is not simulated: limits on memory and CPU time, `--env`, `max-message`, compression, TLS
//! certificates, and other instances of the resource. Everything that the handler prints goes to the test's output.
//!
//! A panic of the handler fails the test, and shows where it happened. To test what follows a panic, use
//! [`TestHost::panics_are_faults`].

mod client;
mod code;
mod current;
mod ends;
mod event;
mod fake;
mod fake_client;
mod handshake;
mod host;
pub(crate) mod imports;
mod pattern;
mod received;
mod request;
mod shared;
mod state;
mod time;

pub use self::client::TestClient;
pub use self::host::TestHost;
pub use self::received::{Closed, Received};
pub use self::request::{Refused, TestRequest};
pub use self::state::LogLine;
