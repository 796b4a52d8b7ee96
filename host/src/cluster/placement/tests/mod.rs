//! Tests of placement with a real broker.

mod broker_restarts;
mod claims;
mod lapsed;
mod leases;
mod leftover;
mod ownership;
mod pause;
mod schedules;
mod spy;
mod states;
mod three_servers;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use ws_host_test_support::Broker;

use super::*;
use crate::cluster::nats::NatsRecords;

/// The time limit for something that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// A broker with JetStream, whose data can be lost.
struct Server {
    broker: Broker,
    store: TempDir,
}

impl Server {
    fn start() -> Self {
        let store = tempfile::tempdir().expect("a folder");
        let path = store.path().to_str().expect("a path").to_owned();
        let broker = Broker::with_arguments(&["-js", "-sd", &path]).expect("a broker");
        Self { broker, store }
    }

    /// Removes everything that the broker has stored. The broker must not be running.
    fn lose_data(&self) {
        let data: &Path = &self.store.path().join("jetstream");
        std::fs::remove_dir_all(data).expect("data to remove");
    }

    /// Copies everything that the broker has stored. The broker must not be running.
    fn back_up(&self) -> TempDir {
        let backup = tempfile::tempdir().expect("a folder");
        copy(&self.store.path().join("jetstream"), &backup.path().join("jetstream"));
        backup
    }

    /// Restores a copy. The broker must not be running.
    fn restore(&self, backup: &TempDir) {
        self.lose_data();
        copy(&backup.path().join("jetstream"), &self.store.path().join("jetstream"));
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp");
    assert!(copied.success());
}

/// The parts of a host that placement needs. Dropping it is like killing the host's process.
struct Member<R = NatsRecords> {
    placement: Arc<Placement<R>>,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
    sweeper: JoinHandle<()>,
}

async fn records(url: &str, timing: Timing) -> Arc<NatsRecords> {
    Arc::new(NatsRecords::new(client(&[url.to_owned()], timing).await, "test", 1, 0))
}

async fn client(urls: &[String], timing: Timing) -> Client {
    let client = ConnectOptions::new()
        .ping_interval(timing.lease() / 8)
        .request_timeout(None)
        .connection_timeout(timing.request())
        .retry_on_initial_connect()
        .reconnect_delay_callback(move |_| timing.lease() / 40)
        .connect(urls)
        .await
        .expect("a connection");
    while client.connection_state() != async_nats::connection::State::Connected {
        tokio::time::sleep(timing.retry()).await;
    }
    client
}

impl Member {
    async fn start(url: &str, name: &str, timing: Timing) -> Self {
        Member::with_records(records(url, timing).await, name, timing)
    }
}

impl<R: Records> Member<R> {
    fn with_records(records: Arc<R>, name: &str, timing: Timing) -> Self {
        let host = HostInfo { host: name.to_owned(), address: format!("{name}:1") };
        let keeper = Keeper::new(Arc::clone(&records), timing, host);
        let placement = Arc::new(Placement::new(records, timing, keeper.terms()));
        let stop = CancellationToken::new();
        let sweeping = Arc::clone(&placement);
        Self {
            placement,
            keeper: tokio::spawn(keeper.run(stop.clone())),
            sweeper: tokio::spawn(async move { sweep_forever(&*sweeping).await }),
            stop,
        }
    }

    async fn term(&self) -> Arc<Term> {
        until(|| self.placement.term()).await
    }

    async fn locate(&self, actor: &ActorName) -> Location {
        let deadline = Instant::now() + DEADLINE;
        let pause = Duration::from_millis(5);
        let location = locate_until(&*self.placement, actor, pause, deadline).await;
        location.unwrap_or_else(|error| panic!("{actor} has no owner: {error}"))
    }

    async fn claim(&self, actor: &ActorName) -> Claim {
        match self.locate(actor).await {
            Location::Here(claim) => claim,
            Location::There(host) => panic!("{actor} is on {host:?}"),
        }
    }

    /// Claims an actor whose owner is dead, or will be dead soon.
    async fn take_over(&self, actor: &ActorName) -> Claim {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Location::Here(claim) = self.locate(actor).await {
                return claim;
            }
            assert!(Instant::now() < deadline, "{actor} was never taken over");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops in the same way as a host that drains.
    async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.keeper).await.expect("the keeper ends");
    }
}

impl<R> Drop for Member<R> {
    fn drop(&mut self) {
        self.keeper.abort();
        self.sweeper.abort();
    }
}

fn actor(path: &str) -> ActorName {
    ActorName { resource: "rooms".into(), path: path.into() }
}

/// Marks the records as open, so that a test need not wait.
async fn open(records: &impl Records) {
    records.create().await.expect("records");
    records.write(&Key::Open, "\"open\"".into(), 0).await.expect("new records");
}

/// Waits until `look` returns something.
async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never happened");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_true(mut look: impl FnMut() -> bool) {
    until(|| look().then_some(())).await;
}
