//! A host whose lease has ended handles no events. These tests show what else it does not do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::ended_lease::{connect, expect_unconfirmed, receive, receive_text, send};
use super::{Proof, Running, SECRET, start, start_with};
use crate::actor::Actor;
use crate::config::{AutoAnswer, Trial};

/// Returns the only actor of a host.
fn actor(host: &Running) -> Arc<Actor> {
    let served = host.host.state.registry.all();
    Arc::clone(&served[0].resource().actors()[0])
}

/// Returns the value of a metric with labels.
fn metric(host: &Running, name: &str) -> u64 {
    let metrics = host.host.metrics();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

fn component(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components");
    folder.join(name).with_extension("wasm")
}

#[tokio::test]
async fn instance_does_not_hibernate() {
    let host = start("guest-keeper").await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    assert_eq!(receive_text(&mut client).await, "room is a");
    let actor = actor(&host);
    lease.end_after(0);
    actor.turn().await.hibernate().await;
    assert!(actor.turn().await.has_instance(), "its handler was called");
    lease.renew();
    actor.turn().await.hibernate().await;
    assert!(!actor.turn().await.has_instance());
}

/// A host with a client. The handler was reloaded after the lease of the host had ended.
struct Reloaded {
    host: Running,
    _client: TcpStream,
    _files: TempDir,
}

impl Reloaded {
    async fn without_lease(trial: Option<Trial>) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let file = files.path().join("handler.wasm");
        std::fs::copy(component("counter"), &file).expect("room");
        let host = start_with("counter", &Proof::secret(SECRET), |config| {
            let resource = &mut config.host.resources[0];
            (resource.component, resource.trial) = (file.clone(), trial);
        })
        .await;
        host.then_own();
        let mut client = connect(&host).await;
        send(&mut client, "one").await;
        assert_eq!(receive_text(&mut client).await, "1 messages");
        // A component that differs only in its bytes: it has one more section, without content.
        let other = [&std::fs::read(&file).expect("a component")[..], b"\x00\x02\x01x"].concat();
        std::fs::write(&file, other).expect("room");
        host.lease().end_after(0);
        host.host.reload("test").await.expect("new code");
        Self { host, _client: client, _files: files }
    }

    /// Returns how many instances were replaced by one of the new code.
    fn swapped(&self) -> u64 {
        metric(&self.host, "ws_host_swaps_total{resource=\"test\",outcome=\"swapped\"}")
    }
}

#[tokio::test]
async fn instance_is_not_replaced_in_a_reload() {
    let reloaded = Reloaded::without_lease(None).await;
    assert_eq!(reloaded.swapped(), 0);
    reloaded.host.lease().renew();
    actor(&reloaded.host).turn().await.apply_reload().await;
    assert_eq!(reloaded.swapped(), 1);
}

#[tokio::test]
async fn instance_is_not_replaced_in_a_canary_trial() {
    let trial = Trial { canary: 50, ..Trial::new(Duration::from_hours(1)) };
    let reloaded = Reloaded::without_lease(Some(trial)).await;
    assert_eq!(reloaded.swapped(), 0);
    reloaded.host.lease().renew();
    actor(&reloaded.host).turn().await.try_out().await;
    assert_eq!(reloaded.swapped(), 1);
}

#[tokio::test]
async fn instance_that_waited_before_its_start_does_not_start() {
    let host = start("guest-keeper").await;
    host.then_own();
    let lease = host.lease();
    let (mut client, mut other) = (connect(&host).await, connect(&host).await);
    for client in [&mut client, &mut other] {
        assert_eq!(receive_text(client).await, "room is a");
    }
    // The instance is lost, so the next event starts another one.
    send(&mut other, "trap").await;
    assert_eq!(receive(&mut other).await.0, 0x88);
    let restarts = "ws_host_restarts_total{resource=\"test\"}";
    let before = metric(&host, restarts);
    // The event begins while the lease is still valid. By the time the event has a permit to start an instance, the
    // lease has ended.
    lease.end_after(1);
    send(&mut client, "version").await;
    expect_unconfirmed(&mut client).await;
    assert_eq!(metric(&host, restarts), before);
}

#[tokio::test]
async fn texts_get_no_automatic_answer() {
    let host = start_with("guest-keeper", &Proof::secret(SECRET), |config| {
        let (request, answer) = ("ping".into(), "pong".into());
        config.host.resources[0].auto_answers = vec![AutoAnswer { request, answer }];
    })
    .await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    assert_eq!(receive_text(&mut client).await, "room is a");
    send(&mut client, "ping").await;
    assert_eq!(receive_text(&mut client).await, "pong");
    lease.end_after(0);
    send(&mut client, "ping").await;
    expect_unconfirmed(&mut client).await;
}
