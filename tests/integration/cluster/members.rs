//! Hosts that share paths.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use ws_host_test_support::{
    Broker, Client, FaultProxy, Response, TestServer, handshake, startup_error, wait_until,
};

use crate::configured::ask_admin;
use crate::hosts::Host;

/// The lease of most tests.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// A broker with JetStream, and what all hosts of a cluster need.
pub(super) struct Shared<B = Broker> {
    pub(super) broker: B,
    folder: TempDir,
}

impl Shared {
    pub(super) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("store");
        let broker = Broker::with_arguments(&["-js", "-sd", store.to_str().context("a path")?])?;
        Self::in_folder(broker, folder)
    }

    /// Restarts the broker without anything that it has stored.
    pub(super) fn restart_broker_without_its_store(&mut self) -> Result<()> {
        self.remove_store()?;
        self.broker.restart()
    }

    /// Kills the broker, and removes everything that it has stored.
    pub(super) fn remove_store(&mut self) -> Result<()> {
        self.broker.kill()?;
        Ok(fs::remove_dir_all(self.folder.path().join("store/jetstream"))?)
    }

    /// Starts a host that shares the paths `/room/{id}`, and waits until it is ready.
    pub(super) fn host(&self) -> Result<Host> {
        let host = self.starting("guest-keeper", &self.broker.url(), LEASE, &[])?;
        host.wait_until_ready()?;
        Ok(host)
    }

    /// Starts one whose connections to the broker can fail.
    pub(super) fn host_behind(&self, proxy: &FaultProxy, more: &[&str]) -> Result<Host> {
        let host = self.starting("guest-keeper", &proxy.url(), LEASE, more)?;
        host.wait_until_ready()?;
        Ok(host)
    }

    /// Returns why a host that shares the paths does not start.
    pub(super) fn refused(&self, component: &str, more: &[&str]) -> Result<String> {
        let url = self.broker.url();
        self.with_arguments(&url, LEASE, more, |all| startup_error(component, all))
    }
}

impl<B> Shared<B> {
    /// Uses another broker.
    pub(super) fn with(broker: B) -> Result<Self> {
        Self::in_folder(broker, tempfile::tempdir()?)
    }

    fn in_folder(broker: B, folder: TempDir) -> Result<Self> {
        fs::write(folder.path().join("secret"), "a secret of all the hosts")?;
        Ok(Self { broker, folder })
    }

    /// Changes the secret of the hosts that start from now on.
    pub(super) fn change_secret(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("secret"), "a secret of other hosts")?)
    }

    pub(super) fn starting(
        &self,
        component: &str,
        url: &str,
        lease: Duration,
        more: &[&str],
    ) -> Result<Host> {
        self.with_arguments(url, lease, more, |all| Host::serving(component, all))
    }

    /// Starts a host with the component in a file.
    pub(super) fn starting_file(
        &self,
        file: &Path,
        url: &str,
        lease: Duration,
        more: &[&str],
    ) -> Result<Host> {
        self.with_arguments(url, lease, more, |all| {
            let all = [&["--admin", "127.0.0.1:0"], all].concat();
            let mut server = TestServer::serving_file(file, &all)?;
            let admin = server.admin()?;
            Ok(Host { server, admin })
        })
    }

    /// Starts a host that authenticates in another way.
    pub(super) fn starting_without_secret(&self, url: &str, more: &[&str]) -> Result<Host> {
        let lease = format!("{}ms", LEASE.as_millis());
        Host::serving("guest-keeper", &[&unique_paths(url, &lease)[..], more].concat())
    }

    fn with_arguments<T>(
        &self,
        url: &str,
        lease: Duration,
        more: &[&str],
        start: impl FnOnce(&[&str]) -> Result<T>,
    ) -> Result<T> {
        let secret = self.folder.path().join("secret");
        let lease = format!("{}ms", lease.as_millis());
        let secret = ["--cluster-secret", secret.to_str().context("a path")?];
        start(&[&unique_paths(url, &lease)[..], &secret, more].concat())
    }
}

/// The arguments of a host that shares the paths.
fn unique_paths<'a>(url: &'a str, lease: &'a str) -> Vec<&'a str> {
    let arguments: [&[&str]; 3] = [
        &["--path", "/room/{id}", "--instance-per", "path", "--unique-in", "cluster"],
        &["--cluster", url, "--cluster-listen", "127.0.0.1:0", "--cluster-lease", lease],
        &["--handshake-timeout", "3s"],
    ];
    arguments.concat()
}

/// Tries to connect to a room. Returns the client, or why not.
pub(super) fn try_join(host: &Host, room: &str) -> Result<std::result::Result<Client, Response>> {
    try_join_at(host.server.address(), room)
}

/// Does the same at an address, which threads can share.
pub(super) fn try_join_at(
    host: SocketAddr,
    room: &str,
) -> Result<std::result::Result<Client, Response>> {
    let (client, response) = Client::open(host, &handshake(room, ""))?;
    Ok(if response.status == 101 { Ok(client) } else { Err(response) })
}

/// Connects to a room that lives on this host, or is about to.
pub(super) fn join(host: &Host, room: &str) -> Result<Client> {
    let mut joined = None;
    wait_until(|| {
        joined = try_join(host, room)?.ok();
        Ok(joined.is_some())
    })?;
    let mut client = joined.context("a client")?;
    let id = room.rsplit('/').next().unwrap_or_default();
    ensure!(client.receive_text()? == format!("id is {id}"));
    Ok(client)
}

/// Connects to a room as soon as this host has it.
pub(super) fn take_over(host: &Host, room: &str) -> Result<Client> {
    let mut taken = None;
    wait_until(|| {
        // Until then, clients are relayed to the host that had the room.
        let client = join(host, room)?;
        taken = (placement(host)?["owned_actors"] != 0).then_some(client);
        Ok(taken.is_some())
    })?;
    taken.context("a client")
}

/// Asks a room to count. A client that leaves adds a hundred, which is left out here.
pub(super) fn count(client: &mut Client) -> Result<u64> {
    Ok(client.ask("count")?.parse::<u64>()? % 100)
}

/// Returns what a host says of its lease and its paths.
pub(super) fn placement(host: &Host) -> Result<Value> {
    Ok(host.cluster()?["placement"].take())
}

/// Returns whether a host is ready.
pub(super) fn is_ready(host: &Host) -> Result<bool> {
    Ok(host.get("/readyz")?.0 == 200)
}

/// Publishes until so much waits for the broker that the operating system has taken all it can: what is published later
/// waits until the link of the host, which a test has stalled, is well again. Returns how many messages that were.
pub(super) fn clog(host: &Host, resource: &str) -> Result<u64> {
    const WAITING: u64 = 60;
    let path = format!("POST /resources/{resource}/topics/clog");
    let (body, before) = ("x".repeat(100_000), host.number("sent")?);
    let mut published = 0;
    while published < host.number("sent")? - before + WAITING {
        let answer = ask_admin(host.admin, &path, "", body.as_bytes())?;
        ensure!(answer.status == 200, "{answer:?}");
        published += 1;
    }
    Ok(published)
}

/// Waits for longer than a lease, while what happens meanwhile is not what the test waits for.
pub(super) fn outlast(lease: Duration) {
    let until = Instant::now() + lease.mul_f64(1.5);
    while Instant::now() < until {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}
