//! Shared by the integration tests, the conformance run and the measurements: the paths of what was built, a
//! [`TestServer`] that runs the real binary on a free port, a [`Client`] that sends raw bytes, and a [`Broker`].

mod backend;
mod broker;
mod broker_cluster;
mod client;
mod fault_proxy;
mod old_broker;
mod response;
mod server;
mod skipped;

pub use backend::Backend;
pub use broker::Broker;
pub use broker_cluster::BrokerCluster;
pub use client::{Client, DEADLINE, Frame, handshake, masked_frame, open_stream};
pub use fault_proxy::FaultProxy;
pub use old_broker::{OldBroker, Servers};
pub use response::Response;
pub use server::{Ended, TestServer, startup_error};
pub use skipped::{is_installed, skip};

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Returns the root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this package is two folders below the root")
}

/// Returns the host's binary: `$WS_HOST_BIN`, or the `ws-host` that cargo builds with the profile of this program.
pub fn host_binary() -> PathBuf {
    std::env::var_os("WS_HOST_BIN").map_or_else(beside_this_program, PathBuf::from)
}

/// Programs are in the folder of their profile, and tests in its folder `deps`.
fn beside_this_program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap_or_default();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("ws-host")
}

/// Returns the path of a component: an example (`echo`) or a test guest (`guest-trap`).
pub fn component(name: &str) -> PathBuf {
    root().join("target/components").join(format!("{name}.wasm"))
}

/// Repeats `ask` until its result satisfies `is_done`, or fails after [`DEADLINE`].
pub fn poll_until<T>(
    mut ask: impl FnMut() -> Result<T>,
    is_done: impl Fn(&T) -> bool,
) -> Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let result = ask()?;
        if is_done(&result) {
            return Ok(result);
        }
        ensure!(Instant::now() < deadline, "the condition did not hold in time");
    }
}

/// Polls a condition until it holds, or fails after [`DEADLINE`].
pub fn wait_until(condition: impl FnMut() -> Result<bool>) -> Result<()> {
    poll_until(condition, |holds| *holds).map(drop)
}

/// Raises the limit on open files to the system's maximum, for tests with thousands of clients.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If the system refuses, the limit stays, and the test fails with too few descriptors.
    let _ = setrlimit(Resource::Nofile, limit);
}
