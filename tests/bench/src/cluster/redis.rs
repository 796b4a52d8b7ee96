//! The broker of Socket.IO.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::wait_until;

use crate::process::on_core;

/// A running `redis-server` that keeps nothing. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    /// Starts a server on a core.
    pub(crate) fn start_on(core: usize) -> Result<Self> {
        // Redis does not say which port it got, so a free one is looked for.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let child = on_core(core, "redis-server")?
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut started = Self { child, address };
        wait_until(|| {
            let ended = started.child.try_wait()?;
            ensure!(ended.is_none(), "redis-server ended with {ended:?}");
            Ok(TcpStream::connect(address).is_ok())
        })?;
        Ok(started)
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Returns the process id, for `/proc`.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the name with the version, if it is installed.
    pub(crate) fn version() -> Result<String> {
        let output =
            Command::new("redis-server").arg("--version").output().context("redis-server")?;
        let text = String::from_utf8(output.stdout)?;
        let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
        Ok(format!("Redis {}", version.context("redis-server has no version")?))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
