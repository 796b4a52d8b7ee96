//! Socket.IO on node, with its Redis adapter.

use std::net::SocketAddr;

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use super::redis;
use super::{Process, System, ask, receive};
use crate::launch::Launch;
use crate::load::{Around, Wording};
use crate::runtimes::{node_version, package_version, peers};

/// The npm packages that Socket.IO needs here.
const PACKAGES: [&str; 3] = ["socket.io", "@socket.io/redis-adapter", "redis"];

/// Socket.IO on node, with its Redis adapter.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketIo;

impl System for SocketIo {
    fn name(&self) -> &'static str {
        "socket-io"
    }

    fn version(&self) -> Result<String> {
        let versions: Vec<_> = PACKAGES
            .iter()
            .map(|package| Ok(format!("{package} {}", package_version(package)?)))
            .collect::<Result<_>>()?;
        Ok(format!("{} on node {}, {}", versions.join(", "), node_version()?, redis::version()?))
    }

    fn start_broker(&self, core: usize) -> Result<Box<dyn Process>> {
        Ok(Box::new(redis::start_on(core)?))
    }

    fn start_host(&self, core: usize, broker: SocketAddr) -> Result<Box<dyn Process>> {
        let launch =
            Launch::new("node").arg(peers().join("socket-io.mjs")).arg(format!("redis://{broker}"));
        Ok(Box::new(TestServer::spawn(launch.on_core(core)?)?))
    }

    fn publisher(&self, host: SocketAddr, _: &str) -> Result<Client> {
        let mut client = Client::connect_at(host, "/socket.io/?EIO=4&transport=websocket")?;
        // Engine.IO opens, and the client connects to the main namespace.
        receive(&mut client, "0{")?;
        ask(&mut client, "40", "40{")?;
        Ok(client)
    }

    fn subscriber(&self, host: SocketAddr, channel: &str) -> Result<Client> {
        let mut client = self.publisher(host, channel)?;
        // An event whose acknowledgement is asked for with the number 0.
        ask(&mut client, &format!(r#"420["subscribe","{channel}"]"#), "430[]")?;
        Ok(client)
    }

    fn wording(&self, channel: &str) -> Wording {
        let after = || r#""]"#.to_owned();
        Wording {
            published: Around { before: format!(r#"42["publish","{channel}",""#), after: after() },
            delivered: Around { before: r#"42["news",""#.into(), after: after() },
        }
    }
}
