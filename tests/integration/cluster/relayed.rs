//! Clients that arrive at a host which does not own their path.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, handshake, masked_frame, wait_until};

use super::members::{LEASE, Shared, count, join, placement};
use crate::hosts::Host;

/// Returns the value of a gauge.
fn gauge(host: &Host, name: &str) -> Result<f64> {
    let metrics = host.get("/metrics")?.1;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.map_or(Ok(0.0), str::parse)?)
}

#[test]
fn clients_of_a_path_share_its_instance_wherever_they_arrive() -> Result<()> {
    let shared = Shared::start()?;
    let hosts = [shared.host()?, shared.host()?, shared.host()?];
    let mut clients = Vec::new();
    for host in &hosts {
        clients.push(join(host, "/room/1")?);
    }
    for (client, count) in clients.iter_mut().zip(1..) {
        assert_eq!(client.ask("count")?, count.to_string());
    }
    assert_eq!(placement(&hosts[0])?["owned_actors"], 1);
    for edge in &hosts[1..] {
        assert_eq!(placement(edge)?["owned_actors"], 0);
        assert_eq!(gauge(edge, "ws_host_relayed_clients")?, 1.0);
    }
    // A long message, and the closing handshake.
    let long = "l".repeat(1 << 20);
    let mut last = clients.pop().context("three clients")?;
    last.send_text(&long)?;
    assert_eq!(last.receive_text()?, long);
    last.close()?;
    wait_until(|| Ok(gauge(&hosts[2], "ws_host_relayed_clients")? == 0.0))?;
    Ok(())
}

#[test]
fn client_whose_owner_is_killed_is_disconnected_and_gets_a_new_instance_at_the_same_edge()
-> Result<()> {
    let shared = Shared::start()?;
    let [owner, edge] = [shared.host()?, shared.host()?];
    let mut first = join(&owner, "/room/1")?;
    let mut client = join(&edge, "/room/1")?;
    assert_eq!((first.ask("count")?, client.ask("count")?), ("1".to_owned(), "2".to_owned()));
    let killed = Instant::now();
    owner.server.signal(Signal::KILL)?;
    client.expect_end()?;
    assert!(killed.elapsed() < LEASE, "the end comes without waiting for the lease");
    assert_eq!(join(&edge, "/room/1")?.ask("count")?, "1");
    assert_eq!(placement(&edge)?["owned_actors"], 1);
    Ok(())
}

#[test]
fn owner_hears_that_an_edge_was_killed() -> Result<()> {
    let shared = Shared::start()?;
    let url = shared.broker.url();
    let start = || shared.starting("guest-recording", &url, LEASE, &[]);
    let [mut owner, edge] = [start()?, start()?];
    owner.wait_until_ready()?;
    edge.wait_until_ready()?;
    let _first = open(&owner)?;
    let _client = open(&edge)?;
    edge.server.signal(Signal::KILL)?;
    owner.server.wait_for_log("disconnected 1006")?;
    Ok(())
}

#[test]
fn owner_loses_all_clients_of_an_edge_that_is_killed_while_it_relays() -> Result<()> {
    const CLIENTS: u64 = 20;
    let shared = Shared::start()?;
    let [owner, edge] = [shared.host()?, shared.host()?];
    let mut first = join(&owner, "/room/1")?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(join(&edge, "/room/1")?);
    }
    assert_eq!(first.ask("clients")?, (CLIENTS + 1).to_string());
    // Bytes are on their way in both directions, also of messages that will never be complete.
    for client in &mut clients {
        client.send(&masked_frame(0x81, b"version").repeat(2000))?;
        client.send(&masked_frame(0x81, &[b'x'; 60_000])[..30_000])?;
    }
    edge.server.signal(Signal::KILL)?;
    // Without waiting for a ping or for a lease.
    let killed = Instant::now();
    wait_until(|| Ok(first.ask("clients")? == "1"))?;
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    // `disconnected` was called once for each of them, which counts as a hundred.
    let mut asked = 0;
    wait_until(|| {
        asked += 1;
        Ok(first.ask("count")?.parse::<u64>()? == CLIENTS * 100 + asked)
    })?;
    Ok(())
}

#[test]
fn edge_that_stops_closes_relayed_clients_with_1001_and_the_owner_keeps_the_path() -> Result<()> {
    let shared = Shared::start()?;
    let [owner, edge] = [shared.host()?, shared.host()?];
    let mut first = join(&owner, "/room/1")?;
    assert_eq!(first.ask("count")?, "1");
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(join(&edge, "/room/1")?);
    }
    edge.server.signal(Signal::TERM)?;
    for client in &mut clients {
        client.expect_close(1001)?;
    }
    let ended = edge.server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(!ended.log.contains("cut off"), "{}", ended.log);
    wait_until(|| Ok(first.ask("clients")? == "1"))?;
    assert_eq!(count(&mut first)?, 2);
    Ok(())
}

/// Opens a client of a handler that says nothing at first.
fn open(host: &Host) -> Result<Client> {
    let mut joined = None;
    wait_until(|| {
        let (client, response) = Client::open(host.server.address(), &handshake("/room/1", ""))?;
        joined = (response.status == 101).then_some(client);
        Ok(joined.is_some())
    })?;
    joined.context("a client")
}
