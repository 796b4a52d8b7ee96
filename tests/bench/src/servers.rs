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
    /// Whom it is compared with.
    Peer(Peer),
}

impl Server {
    /// Every server, in the order in which they take turns.
    pub(crate) const ALL: [Self; 4] = [
        Self::Host,
        Self::Peer(Peer::Fastwebsockets),
        Self::Peer(Peer::TokioTungstenite),
        Self::Peer(Peer::TokioTungsteniteSmall),
    ];

    /// What it is called on the command line and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "ws-host",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// Starts it on a core.
    pub(crate) fn start_on(self, core: usize) -> Result<TestServer> {
        let command = match self {
            Self::Host => {
                let mut command = on_core(core, built(&host_binary())?)?;
                command.arg("--component").arg(built(&component("echo"))?);
                // A line for each connection would be measured with the echo.
                command.args(["--listen", "127.0.0.1:0", "--log", "warn"]);
                command
            }
            Self::Peer(peer) => {
                let mut command = on_core(core, std::env::current_exe()?)?;
                command.args(["peer", peer.name()]);
                command
            }
        };
        TestServer::spawn(command).with_context(|| format!("server {}", self.name()))
    }
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
