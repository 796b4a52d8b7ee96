//! Hosts of a cluster.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ws_host_test_support::{Backend, Client, TestServer, wait_until};

use crate::configured::ask_admin;

/// How long a client listens for a probe before another one is published.
const PROBE: Duration = Duration::from_millis(20);

/// A host that serves `guest-keeper`. The name of the resource, and so of its subjects, is `guest-keeper`.
pub(crate) struct Host {
    pub(crate) server: TestServer,
    pub(crate) admin: SocketAddr,
}

impl Host {
    /// Starts a host, and waits until it is ready.
    pub(crate) fn in_cluster(url: &str) -> Result<Self> {
        let host = Self::start(&["--cluster", url])?;
        host.wait_until_ready()?;
        Ok(host)
    }

    pub(crate) fn start(more: &[&str]) -> Result<Self> {
        Self::serving("guest-keeper", more)
    }

    pub(crate) fn serving(component: &str, more: &[&str]) -> Result<Self> {
        let (server, admin) = TestServer::with_admin(component, more)?;
        Ok(Self { server, admin })
    }

    pub(crate) fn wait_until_ready(&self) -> Result<()> {
        wait_until(|| Ok(self.get("/readyz")?.0 == 200))
    }

    /// Returns the status and the body of a response of the admin address.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = ask_admin(self.admin, &format!("GET {path}"), "", b"")?;
        Ok((response.status, response.body))
    }

    pub(crate) fn publish(&self, topic: &str, headers: &str, body: &[u8]) -> Result<()> {
        let path = format!("POST /resources/guest-keeper/topics/{topic}");
        let response = ask_admin(self.admin, &path, headers, body)?;
        ensure!(response.status == 200, "{response:?}");
        Ok(())
    }

    pub(crate) fn cluster(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.get("/cluster")?.1)?)
    }

    pub(crate) fn is_up(&self) -> Result<bool> {
        Ok(self.cluster()?["link"] == "up")
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64> {
        self.cluster()?[key].as_u64().with_context(|| key.to_owned())
    }

    /// Returns how many messages were dropped for a reason.
    pub(crate) fn dropped(&self, why: &str) -> Result<u64> {
        self.cluster()?["dropped"][why].as_u64().with_context(|| why.to_owned())
    }

    /// Connects a client, subscribes it, and waits until it gets what is published at the broker.
    pub(crate) fn subscriber(&self, topic: &str, backend: &mut Backend) -> Result<Client> {
        let mut client = Client::connect(&self.server)?;
        ensure!(client.ask(&format!("subscribe {topic}"))? == "Ok(())");
        probe(&mut client, &format!("ws.default.t.guest-keeper.{topic}"), backend)?;
        Ok(client)
    }
}

/// Publishes to a subject of the broker until the client gets it.
pub(crate) fn probe(client: &mut Client, subject: &str, backend: &mut Backend) -> Result<()> {
    client.stream().set_read_timeout(Some(PROBE))?;
    wait_until(|| {
        backend.publish(subject, b"probe")?;
        backend.sync()?;
        match client.stream().peek(&mut [0]) {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    })?;
    Ok(client.stream().set_read_timeout(Some(ws_host_test_support::DEADLINE))?)
}

/// Receives the next text that is not a probe.
pub(crate) fn receive(client: &mut Client) -> Result<String> {
    loop {
        let text = client.receive_text()?;
        if text != "probe" {
            return Ok(text);
        }
    }
}

/// The client must get nothing before the answer to this message.
pub(crate) fn expect_nothing(client: &mut Client) -> Result<()> {
    client.send_text("nothing came before this")?;
    ensure!(receive(client)? == "nothing came before this");
    Ok(())
}
