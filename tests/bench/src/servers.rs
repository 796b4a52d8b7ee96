//! The servers to compare, each a process pinned to one core.

use std::str::FromStr;

use anyhow::{Context, Result};
use ws_host_test_support::TestServer;

use crate::builds::Build;
use crate::certificate::Certificate;
use crate::channel::Channel;
use crate::launch::Launch;
use crate::lockfile;
use crate::peers::Peer;
use crate::runtimes::Runtime;
use crate::workload::{Role, Workload};

/// A server that can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The server that this is about.
    Host(Build),
    /// The same with a sandbox for each connection.
    HostPerClient,
    /// A library that it is compared with.
    Library(Peer),
    /// A server of another runtime.
    Runtime(Runtime),
    /// An echo server from the command line.
    Given(Given),
}

/// An echo server from the command line, written as NAME=COMMAND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    name: String,
    command: String,
}

/// Open files that a server or the load generator may have beside its connections.
const OTHER_FILES: u64 = 1200;

/// Clients that the host takes beside those that are measured.
const MORE_CLIENTS: usize = 10;

impl Server {
    /// The one that the others are held against.
    pub(crate) const HOST: Self = Self::Host(Build::Usual);

    /// Every server that needs nothing but the command line, in the order in which they take turns.
    pub(crate) const ALL: [Self; 9] = [
        Self::HOST,
        Self::HostPerClient,
        Self::Host(Build::Profiled),
        Self::Library(Peer::Fastwebsockets),
        Self::Library(Peer::TokioTungstenite),
        Self::Library(Peer::TokioTungsteniteSmall),
        Self::Runtime(Runtime::Bun),
        Self::Runtime(Runtime::NodeWs),
        Self::Runtime(Runtime::Workerd),
    ];

    /// What it is called on the command line and in the output.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Host(Build::Usual) => "ws-host",
            Self::HostPerClient => "ws-host-per-client",
            Self::Host(Build::Profiled) => "ws-host-profiled",
            Self::Library(peer) => peer.name(),
            Self::Runtime(runtime) => runtime.name(),
            Self::Given(given) => &given.name,
        }
    }

    /// What to do before it can be started here, if anything.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        match self {
            Self::Runtime(runtime) if !runtime.is_installed() => {
                Some("`make bench-peers` installs it")
            }
            Self::Host(Build::Profiled) if !Build::Profiled.is_current() => {
                Some("`make profiled` builds it, and anew when ws-host is newer")
            }
            _ => None,
        }
    }

    /// Whether it can do what a workload asks.
    pub(crate) fn takes_part_in(&self, workload: &Workload) -> bool {
        if workload.channel != Channel::Plain {
            return self.speaks(workload.channel);
        }
        match self {
            Self::Host(_) | Self::Library(_) | Self::Runtime(_) => true,
            // The message would pass one sandbox like any other: the figure would be that of ws-host.
            Self::HostPerClient => workload.role() == Role::Echo,
            // It was asked for an echo server.
            Self::Given(_) => workload.role() == Role::Echo,
        }
    }

    /// Whether it is measured over another channel than plain TCP.
    fn speaks(&self, channel: Channel) -> bool {
        match (self, channel) {
            (Self::Host(_), _) => true,
            // Those that are built on the same TLS. Of the two tokio-tungstenite the faster one.
            (Self::Library(Peer::Fastwebsockets | Peer::TokioTungsteniteSmall), Channel::Tls) => {
                true
            }
            // The Rust libraries have no permessage-deflate.
            (Self::Runtime(_), Channel::Deflate) => true,
            (Self::Library(Peer::Fastwebsockets), Channel::Http2) => true,
            _ => false,
        }
    }

    /// Files that a process has open for so many connections: its own, or those of the load generator.
    pub(crate) fn files(&self, connections: usize) -> u64 {
        let of_each = match self {
            // As can be seen in /proc.
            Self::Runtime(Runtime::Workerd) => 2,
            _ => 1,
        };
        of_each * connections as u64 + OTHER_FILES
    }

    /// What it is, with its version.
    pub(crate) fn version(&self) -> Result<String> {
        match self {
            Self::Host(build) => build.version(),
            Self::HostPerClient => Build::Usual.version(),
            Self::Library(peer) => lockfile::version(peer.library()),
            Self::Runtime(runtime) => runtime.version(),
            Self::Given(_) => Ok("given on the command line".to_owned()),
        }
    }

    /// What starts it, for so many clients at least.
    pub(crate) fn launch(&self, role: Role, clients: usize) -> Result<Launch> {
        let clients = (clients + MORE_CLIENTS).to_string();
        let component = match role {
            Role::Echo => "echo",
            Role::Megaphone => "guest-megaphone",
        };
        Ok(match self {
            Self::Host(build) => build.launch(component)?.args(["--max-clients", &clients]),
            Self::HostPerClient => Build::Usual
                .launch(component)?
                .args(["--instance-per", "client", "--max-clients", &clients])
                .args(["--max-instances", &clients]),
            Self::Library(peer) => {
                Launch::new(std::env::current_exe()?).args(["peer", peer.name(), role.name()])
            }
            Self::Runtime(runtime) => runtime.launch(role),
            // The shell splits the words and is gone then.
            Self::Given(given) => {
                Launch::new("sh").arg("-c").arg(format!("exec {}", given.command))
            }
        })
    }

    /// The same over a channel, with this certificate where one is needed.
    pub(crate) fn launch_over(
        &self,
        channel: Channel,
        role: Role,
        clients: usize,
        certificate: &Certificate,
    ) -> Result<Launch> {
        let launch = self.launch(role, clients)?;
        let launch = match (self, channel) {
            (_, Channel::Plain) | (Self::Host(_), Channel::Tls) => launch,
            // The host hears from the first octets that a client speaks HTTP/2.
            (Self::Host(_), Channel::Http2) => {
                let streams = (clients + MORE_CLIENTS).to_string();
                launch.args(["--max-http2-streams", &streams])
            }
            (Self::Host(_), Channel::Deflate) => launch.args(["--compression", "messages"]),
            (_, Channel::Tls | Channel::Deflate | Channel::Http2) => launch.arg(channel.name()),
        };
        Ok(match channel {
            Channel::Plain | Channel::Deflate | Channel::Http2 => launch,
            Channel::Tls => launch.args(certificate.arguments()),
        })
    }

    /// Starts it as it is launched, on a core.
    pub(crate) fn start_on(&self, core: usize, launch: &Launch) -> Result<TestServer> {
        TestServer::spawn(launch.on_core(core)?).with_context(|| format!("server {}", self.name()))
    }
}

impl FromStr for Given {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, command)) if is_name(name) && !command.trim().is_empty() => {
                Ok(Self { name: name.to_owned(), command: command.to_owned() })
            }
            _ => Err("not NAME=COMMAND, with a name of letters, digits, `-`, `_` and `.`"),
        }
    }
}

/// Starts ws-host on a core, with a component and flags.
pub(crate) fn start_host_on(core: usize, name: &str, flags: &[&str]) -> Result<TestServer> {
    TestServer::spawn(Build::Usual.launch(name)?.args(flags).on_core(core)?).context("ws-host")
}

/// Names stand in lines for scripts, where spaces part the words.
fn is_name(text: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_from_the_command_line_has_a_name_and_a_command() {
        let given: Given = "uws=./echo --port 0 --name='a b'".parse().unwrap();
        assert_eq!((&*given.name, &*given.command), ("uws", "./echo --port 0 --name='a b'"));
        for wrong in ["uws", "=./echo", "two words=./echo", "uws= "] {
            assert!(wrong.parse::<Given>().is_err(), "{wrong}");
        }
    }
}
