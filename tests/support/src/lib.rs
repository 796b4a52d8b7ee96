//! What the integration tests, the conformance run and the measurements share: the paths of what
//! `make build` made, a [`TestServer`] that runs the real binary on a free port, and a [`Client`] that
//! sends raw octets.

mod answer;
mod client;
mod server;

pub use answer::Answer;
pub use client::{Client, DEADLINE, Frame, handshake, masked_frame};
pub use server::{Ended, TestServer};

use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit, setrlimit};

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this package lies two folders below the root")
}

/// The host's binary: `$WS_HOST_BIN`, or what `make build` left in `target/release`.
pub fn host_binary() -> PathBuf {
    std::env::var_os("WS_HOST_BIN")
        .map_or_else(|| root().join("target/release/ws-host"), PathBuf::from)
}

/// A component by name: an example (`echo`) or a test guest (`guest-trap`).
pub fn component(name: &str) -> PathBuf {
    root().join("target/components").join(format!("{name}.wasm"))
}

/// Lets this process have as many sockets as the system allows, for tests with thousands of clients.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A system that refuses leaves the limit as it was, and the test says what it lacks.
    let _ = setrlimit(Resource::Nofile, limit);
}
