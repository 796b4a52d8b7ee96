//! The servers to compare. Each is a process pinned to one core.

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
    /// ws-host.
    Host(Build),
    /// ws-host with a sandbox for each connection.
    HostPerClient,
    /// A server built on a Rust library.
    Library(Peer),
    /// A server of another runtime.
    Runtime(Runtime),
    /// An echo server given on the command line.
    Custom(CustomServer),
}

/// An echo server given on the command line as NAME=COMMAND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CustomServer {
    name: String,
    command: String,
}

/// Open files that a server or the load generator may have besides its connections.
const OTHER_FILES: u64 = 1200;

/// Clients that the host accepts in addition to the measured ones.
const MORE_CLIENTS: usize = 10;

impl Server {
    /// The server that the others are compared with.
    pub(crate) const HOST: Self = Self::Host(Build::Usual);

    /// Every server except those given on the command line, in the order in which they take turns.
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

    /// Returns its name on the command line and in the output.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Host(Build::Usual) => "ws-host",
            Self::HostPerClient => "ws-host-per-client",
            Self::Host(Build::Profiled) => "ws-host-profiled",
            Self::Library(peer) => peer.name(),
            Self::Runtime(runtime) => runtime.name(),
            Self::Custom(given) => &given.name,
        }
    }

    /// Returns what must be done before it can be started on this machine, if anything.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        match self {
            Self::Runtime(runtime) if !runtime.is_installed() => {
                Some("not installed; `make bench-peers` installs it")
            }
            Self::Host(Build::Profiled) if !Build::Profiled.is_current() => {
                Some("missing or older than ws-host; `make profiled` builds it")
            }
            _ => None,
        }
    }

    /// Returns whether it can run a workload.
    pub(crate) fn takes_part_in(&self, workload: &Workload) -> bool {
        if workload.channel != Channel::Plain {
            return self.speaks(workload.channel);
        }
        match self {
            Self::Host(_) | Self::Library(_) | Self::Runtime(_) => true,
            // A broadcast would pass one sandbox, as in `Host`, and have the same result.
            Self::HostPerClient => workload.role() == Role::Echo,
            // Only an echo server was asked for on the command line.
            Self::Custom(_) => workload.role() == Role::Echo,
        }
    }

    /// Returns whether it is measured over a channel other than plain TCP.
    fn speaks(&self, channel: Channel) -> bool {
        match (self, channel) {
            (Self::Host(_), _) => true,
            // The servers built on the same TLS library; of the two tokio-tungstenite ones, the
            // faster.
            (Self::Library(Peer::Fastwebsockets | Peer::TokioTungsteniteSmall), Channel::Tls) => {
                true
            }
            // The Rust libraries have no permessage-deflate.
            (Self::Runtime(_), Channel::Deflate) => true,
            (Self::Library(Peer::Fastwebsockets), Channel::Http2) => true,
            _ => false,
        }
    }

    /// Returns the files that a process has open for `connections` connections. The process may be
    /// the server or the load generator.
    pub(crate) fn files(&self, connections: usize) -> u64 {
        let of_each = match self {
            // As seen in /proc.
            Self::Runtime(Runtime::Workerd) => 2,
            _ => 1,
        };
        of_each * connections as u64 + OTHER_FILES
    }

    /// Returns what it is, with its version.
    pub(crate) fn version(&self) -> Result<String> {
        match self {
            Self::Host(build) => build.version(),
            Self::HostPerClient => Build::Usual.version(),
            Self::Library(peer) => lockfile::version(peer.library()),
            Self::Runtime(runtime) => runtime.version(),
            Self::Custom(_) => Ok("given on the command line".to_owned()),
        }
    }

    /// Returns the command that starts it for at least `clients` clients.
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
            // The shell splits the command into words and then replaces itself with it.
            Self::Custom(given) => {
                Launch::new("sh").arg("-c").arg(format!("exec {}", given.command))
            }
        })
    }

    /// Returns the command that starts it with a channel, passing the certificate if the channel
    /// needs one.
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
            // The host needs no flag for HTTP/2: it recognises it by the first bytes of a
            // connection.
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

    /// Starts it on a core.
    pub(crate) fn start_on(&self, core: usize, launch: &Launch) -> Result<TestServer> {
        TestServer::spawn(launch.on_core(core)?).with_context(|| format!("server {}", self.name()))
    }
}

impl FromStr for CustomServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, command)) if is_name(name) && !command.trim().is_empty() => {
                Ok(Self { name: name.to_owned(), command: command.to_owned() })
            }
            _ => Err(
                "must be NAME=COMMAND, where the name consists of letters, digits, `-`, `_` and `.`",
            ),
        }
    }
}

/// Starts ws-host on a core with a component and flags.
pub(crate) fn start_host_on(core: usize, name: &str, flags: &[&str]) -> Result<TestServer> {
    TestServer::spawn(Build::Usual.launch(name)?.args(flags).on_core(core)?).context("ws-host")
}

/// Returns whether a text is a valid name. Names appear in lines for scripts, whose words are
/// separated by spaces.
fn is_name(text: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_from_the_command_line_has_a_name_and_a_command() {
        let given: CustomServer = "uws=./echo --port 0 --name='a b'".parse().unwrap();
        assert_eq!((&*given.name, &*given.command), ("uws", "./echo --port 0 --name='a b'"));
        for wrong in ["uws", "=./echo", "two words=./echo", "uws= "] {
            assert!(wrong.parse::<CustomServer>().is_err(), "{wrong}");
        }
    }
}
