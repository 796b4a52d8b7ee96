//! The servers to compare, each a process pinned to one core.

use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{TestServer, component, host_binary};

/// The core of the servers; the load generator has the other one.
pub(crate) const SERVER_CORE: usize = 0;

/// The server that this is about.
pub(crate) const OURS: &str = "ws-host";

/// Whom it is compared with.
pub(crate) const PEERS: [&str; 2] = ["fastwebsockets", "tokio-tungstenite"];

/// Starts a server by name.
pub(crate) fn start(name: &str) -> Result<TestServer> {
    let mut command = Command::new("taskset");
    command.args(["-c", &SERVER_CORE.to_string()]);
    if name == OURS {
        command.arg(host_binary());
        command.arg("--component").arg(component("echo"));
        command.args(["--listen", "127.0.0.1:0", "--log", "warn"]);
    } else {
        command.arg(std::env::current_exe()?).args(["peer", name]);
    }
    TestServer::spawn(command).with_context(|| format!("server {name}"))
}
