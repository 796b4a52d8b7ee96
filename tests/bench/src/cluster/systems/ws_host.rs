//! ws-host with NATS.

use std::net::SocketAddr;

use anyhow::Result;
use ws_host_test_support::{Broker, Client, TestServer};

use super::{Process, System, ask, start_nats};
use crate::builds::Build;
use crate::load::{Around, Wording};

/// ws-host with NATS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WsHost;

impl System for WsHost {
    fn name(&self) -> &'static str {
        "ws-host"
    }

    fn version(&self) -> Result<String> {
        let version = Build::Usual.version()?;
        Ok(format!("{} with {}", version.lines().next().unwrap_or_default(), Broker::version()?))
    }

    fn start_broker(&self, core: usize) -> Result<Box<dyn Process>> {
        start_nats(core)
    }

    fn start_host(&self, core: usize, broker: SocketAddr) -> Result<Box<dyn Process>> {
        let launch =
            Build::Usual.launch("guest-keeper")?.args(["--cluster", &format!("nats://{broker}")]);
        Ok(Box::new(TestServer::spawn(launch.on_core(core)?)?))
    }

    fn publisher(&self, host: SocketAddr, _: &str) -> Result<Client> {
        Client::connect_at(host, "/")
    }

    fn subscriber(&self, host: SocketAddr, channel: &str) -> Result<Client> {
        let mut client = self.publisher(host, channel)?;
        ask(&mut client, &format!("subscribe {channel}"), "Ok(())")?;
        Ok(client)
    }

    fn wording(&self, channel: &str) -> Wording {
        Wording {
            published: Around { before: format!("publish {channel} "), after: String::new() },
            delivered: Around { before: String::new(), after: String::new() },
        }
    }
}
