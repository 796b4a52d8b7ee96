//! The broker of Socket.IO.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::listener::Listener;
use crate::process::on_core;

/// Starts a `redis-server` that keeps nothing on a core.
pub(super) fn start_on(core: usize) -> Result<Listener> {
    let address = Listener::free_address()?;
    let mut command = on_core(core, "redis-server")?;
    command
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Listener::start(&mut command, address)
}

/// Returns the name with the version, if it is installed.
pub(super) fn version() -> Result<String> {
    let output = Command::new("redis-server").arg("--version").output().context("redis-server")?;
    let text = String::from_utf8(output.stdout)?;
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(format!("Redis {}", version.context("redis-server has no version")?))
}
