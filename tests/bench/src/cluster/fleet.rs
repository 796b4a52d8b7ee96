//! Hosts that share paths.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use ws_host_test_support::{Broker, Client, Response, TestServer, wait_until};

use crate::builds::Build;
use crate::cores::Pinned;

/// A broker with JetStream, and what its hosts have in common. All of them share one core.
pub(crate) struct Fleet {
    pub(crate) broker: Broker,
    folder: TempDir,
    core: usize,
    lease: Duration,
}

/// A host that shares the paths `/room/{id}`.
pub(crate) struct Member {
    pub(crate) server: TestServer,
    admin: SocketAddr,
}

impl Fleet {
    /// Starts a broker on a core.
    pub(crate) fn start_on(core: usize, lease: Duration) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("store");
        let broker = {
            let _pinned = Pinned::to(core)?;
            Broker::with_arguments(&["-js", "-sd", store.to_str().context("a path")?])?
        };
        fs::write(folder.path().join("secret"), "a secret of all the hosts")?;
        Ok(Self { broker, folder, core, lease })
    }

    /// Starts a host, and waits until it is ready.
    pub(crate) fn member(&self, component: &str, more: &[&str]) -> Result<Member> {
        let launch = Build::Usual
            .launch(component)?
            .args(["--path", "/room/{id}", "--instance-per", "path", "--unique-in", "cluster"])
            .args(["--cluster", &self.broker.url(), "--cluster-listen", "127.0.0.1:0"])
            .args(["--cluster-lease", &format!("{}ms", self.lease.as_millis())])
            .arg("--cluster-secret")
            .arg(self.folder.path().join("secret"))
            .args(["--admin", "127.0.0.1:0"])
            .args(more);
        let mut server = TestServer::spawn(launch.on_core(self.core)?).context("ws-host")?;
        let admin = server.admin()?;
        let member = Member { server, admin };
        wait_until(|| Ok(member.get("/readyz")?.status == 200))?;
        Ok(member)
    }
}

impl Member {
    /// Returns how many instances of unique paths it has.
    pub(crate) fn owned(&self) -> Result<u64> {
        let cluster: Value = serde_json::from_str(&self.get("/cluster")?.body)?;
        let owned = &cluster["placement"]["owned_actors"];
        owned.as_u64().with_context(|| format!("owned actors in {cluster}"))
    }

    fn get(&self, path: &str) -> Result<Response> {
        let head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        Response::to(self.admin, &format!("GET {path} {head}\r\n\r\n"))
    }
}

/// Connects to a room of `guest-keeper` and counts in it. Returns the count.
pub(crate) fn join(host: SocketAddr, room: &str) -> Result<(Client, u64)> {
    let mut client = Client::connect_at(host, &format!("/room/{room}"))?;
    let greeting = client.receive_text()?;
    ensure!(greeting == format!("id is {room}"), "greeted with {greeting}");
    let count = client.ask("count")?.parse()?;
    Ok((client, count))
}
