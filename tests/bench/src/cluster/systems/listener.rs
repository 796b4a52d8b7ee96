//! A server that does not say which port it got.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};

use anyhow::{Result, ensure};
use ws_host_test_support::wait_until;

use super::Process;

/// A running server. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Listener {
    child: Child,
    address: SocketAddr,
}

impl Listener {
    /// Returns an address that nobody listens on.
    pub(super) fn free_address() -> Result<SocketAddr> {
        Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
    }

    /// Starts a server, and waits until it accepts connections at this address.
    pub(super) fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let mut started = Self { child: command.spawn()?, address };
        wait_until(|| {
            let ended = started.child.try_wait()?;
            ensure!(ended.is_none(), "{command:?} ended with {ended:?}");
            Ok(TcpStream::connect(address).is_ok())
        })?;
        Ok(started)
    }
}

impl Process for Listener {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
