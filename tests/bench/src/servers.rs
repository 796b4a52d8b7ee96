//! The servers to compare, each a process pinned to one core.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use ws_host_test_support::{TestServer, component, host_binary};

use crate::peers::Peer;
use crate::process::on_core;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The server that this is about.
    Host,
    /// The same with a sandbox for each connection.
    HostPerClient,
    /// Whom it is compared with.
    Peer(Peer),
}

impl Server {
    /// Every server, in the order in which they take turns.
    pub(crate) const ALL: [Self; 5] = [
        Self::Host,
        Self::HostPerClient,
        Self::Peer(Peer::Fastwebsockets),
        Self::Peer(Peer::TokioTungstenite),
        Self::Peer(Peer::TokioTungsteniteSmall),
    ];

    /// What it is called on the command line and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "ws-host",
            Self::HostPerClient => "ws-host-per-client",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// Starts it on a core.
    pub(crate) fn start_on(self, core: usize) -> Result<TestServer> {
        match self {
            Self::Host => start_host_on(core, "echo", &[]),
            Self::HostPerClient => start_host_on(core, "echo", &["--instance-per", "client"]),
            Self::Peer(peer) => {
                let mut command = on_core(core, std::env::current_exe()?)?;
                command.args(["peer", peer.name()]);
                TestServer::spawn(command).with_context(|| format!("server {}", self.name()))
            }
        }
    }
}

/// Starts ws-host on a core, with a component and flags.
pub(crate) fn start_host_on(core: usize, name: &str, flags: &[&str]) -> Result<TestServer> {
    let mut command = on_core(core, built(&host_binary())?)?;
    command.arg("--component").arg(built(&component(name))?);
    // A line for each connection would be measured with the echo.
    command.args(["--listen", "127.0.0.1:0", "--log", "warn"]).args(flags);
    TestServer::spawn(command).context("ws-host")
}

impl ValueEnum for Server {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

fn built(path: &Path) -> Result<&Path> {
    ensure!(path.is_file(), "{} is missing: run `make build` first", path.display());
    Ok(path)
}
