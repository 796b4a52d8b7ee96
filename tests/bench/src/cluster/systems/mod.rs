//! The systems that carry messages between two hosts: how their processes start, and how clients speak to them.

#![expect(clippy::print_stdout, reason = "what is left out is said")]

mod listener;
mod redis;
mod socket_io;
mod sockudo;
mod ws_host;

use std::fmt::Debug;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use ws_host_test_support::{Broker, Client, TestServer};

use self::socket_io::SocketIo;
use self::sockudo::Sockudo;
pub(crate) use self::ws_host::WsHost;
use crate::cores::Pinned;
use crate::load::{Order, Wording};

/// Something that carries messages between hosts.
pub(crate) trait System: Debug {
    /// Returns its name in the output.
    fn name(&self) -> &'static str;

    /// Returns its version and that of its broker, if everything that it needs is installed.
    fn version(&self) -> Result<String>;

    /// Starts its broker on a core.
    fn start_broker(&self, core: usize) -> Result<Box<dyn Process>>;

    /// Starts a host on a core.
    fn start_host(&self, core: usize, broker: SocketAddr) -> Result<Box<dyn Process>>;

    /// Connects a client that may publish in a channel, and gets nothing that it publishes.
    fn publisher(&self, host: SocketAddr, channel: &str) -> Result<Client>;

    /// Connects a client that has subscribed to a channel.
    fn subscriber(&self, host: SocketAddr, channel: &str) -> Result<Client>;

    /// Returns how publications and deliveries look in a channel.
    fn wording(&self, channel: &str) -> Wording;

    /// Returns the order in which a subscriber gets what one client publishes.
    fn order(&self) -> Order {
        Order::AsPublished
    }
}

/// A running server. Dropping it kills the process.
pub(crate) trait Process: Debug {
    /// Returns the address that it listens on.
    fn address(&self) -> SocketAddr;

    /// Returns the process id, for `/proc`.
    fn process_id(&self) -> u32;
}

/// Returns ws-host, and the other systems that are installed. Says which are not.
pub(crate) fn installed() -> Vec<&'static dyn System> {
    const PEERS: [&dyn System; 2] = [&SocketIo, &Sockudo];
    let is_installed = |system: &&dyn System| match system.version() {
        Ok(version) => {
            println!("cluster: {version}");
            true
        }
        Err(lacking) => {
            let name = system.name();
            println!("left out: {name}: {lacking:#}; `make bench-peers` installs it");
            false
        }
    };
    let peers = PEERS.into_iter().filter(is_installed);
    std::iter::once(&WsHost as &dyn System).chain(peers).collect()
}

impl Process for TestServer {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn process_id(&self) -> u32 {
        self.process_id()
    }
}

impl Process for Broker {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn process_id(&self) -> u32 {
        self.process_id()
    }
}

fn start_nats(core: usize) -> Result<Box<dyn Process>> {
    let _pinned = Pinned::to(core)?;
    Ok(Box::new(Broker::start()?))
}

/// Sends a text, and returns the answer, which must begin in this way.
fn ask(client: &mut Client, text: &str, answer: &str) -> Result<String> {
    client.send_text(text)?;
    receive(client, answer)
}

/// Returns the next text, which must begin in this way.
fn receive(client: &mut Client, beginning: &str) -> Result<String> {
    let text = client.receive_text()?;
    ensure!(text.starts_with(beginning), "expected {beginning:?}, and got {text:?}");
    Ok(text)
}
