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
//! A [`TestHost`] behaves as the host does, as far as a handler can see it: the same events in the same order, the same
//! limits, the same errors. It has no sockets and no clock. Each call of a test is one event, and everything that
//! follows from it has happened when the call returns; time passes in [`TestHost::advance`]. So a test has the same
//! result each time.
//!
//! Everything that a configuration can grant is granted. [Keys and values](crate::keyvalue) are in memory, and outlive
//! instances. It does not simulate limits on memory and CPU time, `--env`, `max-message`, compression, TLS certificates and other
//! instances of the resource. What the handler prints goes to the test's output.
//!
//! A panic of the handler fails the test, with its place. To test what follows a panic, use
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
mod settle;
mod state;
mod time;

pub use self::client::TestClient;
pub use self::host::TestHost;
pub use self::received::{Closed, Received};
pub use self::request::{Refused, TestRequest};
pub use self::state::LogLine;
