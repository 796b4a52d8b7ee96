//! A path lives on one host, and on another one when that host dies or stops.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::Value;
use ws_host_test_support::{Backend, Client, DEADLINE, wait_until};

use super::members::{LEASE, Shared, count, is_ready, join, placement, try_join, try_join_at};

/// Returns how many paths the broker has owners for.
fn claims(broker: &mut Backend) -> Result<usize> {
    let query = br#"{"subjects_filter":"ws.default.p.a.>"}"#;
    let answer = broker.request("$JS.API.STREAM.INFO.WSH_default_P", query, DEADLINE)?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer["state"]["subjects"].as_object().map_or(0, |subjects| subjects.len()))
}

#[test]
fn path_lives_on_the_host_where_its_first_client_arrives() -> Result<()> {
    let shared = Shared::start()?;
    let hosts = [shared.host()?, shared.host()?];
    let mut client = join(&hosts[0], "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    // Another client of the same host shares the instance.
    assert_eq!(join(&hosts[0], "/room/1")?.ask("count")?, "2");
    let name = hosts[0].cluster()?["host"].as_str().unwrap_or_default().to_owned();
    // And clients that arrive at another host.
    assert_eq!(count(&mut join(&hosts[1], "/room/1")?)?, 3);
    // Another path can live there.
    assert_eq!(join(&hosts[1], "/room/2")?.ask("count")?, "1");
    wait_until(|| {
        let seen = placement(&hosts[1])?;
        let all = seen["hosts"].as_array().map(Vec::len);
        Ok(all == Some(2) && seen["hosts"].to_string().contains(&name))
    })?;
    let status = placement(&hosts[0])?;
    assert_eq!((&status["lease"], &status["owned_actors"]), (&"valid".into(), &1.into()));
    assert_eq!(status["problem"], serde_json::Value::Null);
    let metrics = hosts[0].get("/metrics")?.1;
    for line in ["ws_host_owned_actors 1", "ws_host_claims_total{outcome=\"claimed\"} 1"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    Ok(())
}

#[test]
fn two_hosts_that_claim_at_once_never_both_get_the_path() -> Result<()> {
    const ROOMS: usize = 1000;
    let shared = Shared::start()?;
    let hosts = [shared.host()?, shared.host()?];
    let enter_all = |host| -> Result<Vec<Option<Client>>> {
        (0..ROOMS).map(|room| Ok(try_join_at(host, &format!("/room/{room}"))?.ok())).collect()
    };
    let ask = |client: &mut Option<Client>| -> Result<u64> {
        let client = client.as_mut().context("a client")?;
        // The room says its name first.
        client.receive_text()?;
        count(client)
    };
    let addresses = hosts.each_ref().map(|host| host.server.address());
    let (here, there) = std::thread::scope(|scope| {
        let here = scope.spawn(|| enter_all(addresses[0]));
        let there = scope.spawn(|| enter_all(addresses[1]));
        (here.join(), there.join())
    });
    let (here, there) = (here.expect("no panic")?, there.expect("no panic")?);
    for (mut here, mut there) in here.into_iter().zip(there) {
        // One is relayed to the other's host, so they count together.
        assert_eq!((ask(&mut here)?, ask(&mut there)?), (1, 2));
    }
    Ok(())
}

#[test]
fn path_of_a_killed_host_is_taken_over_after_its_lease_and_not_before() -> Result<()> {
    let shared = Shared::start()?;
    let [dying, other] = [shared.host()?, shared.host()?];
    let mut client = join(&dying, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    dying.server.signal(Signal::KILL)?;
    let killed = Instant::now();
    let mut taken = join(&other, "/room/1")?;
    let after = killed.elapsed();
    assert_eq!(taken.ask("count")?, "1");
    // At most a quarter of a lease had passed since its last renewal.
    assert!(after > LEASE.mul_f64(0.9), "{after:?}");
    assert!(after < LEASE.mul_f64(2.5), "{after:?}");
    Ok(())
}

#[test]
fn killed_host_is_named_no_longer_than_two_leases() -> Result<()> {
    const ATTEMPTS: usize = 3;
    let shared = Shared::start()?;
    let stays = shared.host()?;
    let names =
        || -> Result<Option<usize>> { Ok(placement(&stays)?["hosts"].as_array().map(Vec::len)) };
    let mut took = Duration::MAX;
    // Once in time is enough: a busy machine may delay what the host reads.
    for _ in 0..ATTEMPTS {
        let dying = shared.host()?;
        wait_until(|| Ok(names()? == Some(2)))?;
        dying.server.signal(Signal::KILL)?;
        let killed = Instant::now();
        wait_until(|| Ok(names()? == Some(1)))?;
        took = took.min(killed.elapsed());
        assert!(took > LEASE, "it may have been alive: {took:?}");
        if took <= LEASE * 2 {
            return Ok(());
        }
    }
    panic!("{took:?}");
}

#[test]
fn broker_keeps_no_claim_of_a_killed_host_for_longer_than_two_leases() -> Result<()> {
    const ATTEMPTS: usize = 3;
    const ROOMS: usize = 20;
    let shared = Shared::start()?;
    let _stays = shared.host()?;
    let mut backend = Backend::connect(shared.broker.address())?;
    let mut took = Duration::MAX;
    // Once in time is enough: a busy machine may delay what the host reads.
    for attempt in 0..ATTEMPTS {
        let dying = shared.host()?;
        for room in 0..ROOMS {
            join(&dying, &format!("/room/{attempt}-{room}"))?;
        }
        assert_eq!(claims(&mut backend)?, ROOMS);
        dying.server.signal(Signal::KILL)?;
        let killed = Instant::now();
        // No client asks for the rooms meanwhile.
        wait_until(|| Ok(claims(&mut backend)? == 0))?;
        took = took.min(killed.elapsed());
        assert!(took > LEASE.mul_f64(0.9), "it may have been alive: {took:?}");
        if took <= LEASE * 2 {
            return Ok(());
        }
    }
    panic!("{took:?}");
}

#[test]
fn path_without_clients_is_free_for_other_hosts() -> Result<()> {
    let shared = Shared::start()?;
    let url = shared.broker.url();
    let first = shared.starting("guest-keeper", &url, LEASE, &["--hibernate-after", "200ms"])?;
    first.wait_until_ready()?;
    let other = shared.host()?;
    let client = join(&first, "/room/1")?;
    assert_eq!(join(&other, "/room/1")?.ask("count")?, "1");
    client.close()?;
    // Until the broker knows, clients are relayed to the first host, which would own the path again.
    let mut backend = Backend::connect(shared.broker.address())?;
    wait_until(|| Ok(claims(&mut backend)? == 0))?;
    assert_eq!(join(&other, "/room/1")?.ask("count")?, "1");
    assert_eq!(placement(&other)?["owned_actors"], 1);
    assert_eq!(placement(&first)?["owned_actors"], 0);
    Ok(())
}

#[test]
fn host_that_stops_hands_its_paths_over_before_it_has_gone() -> Result<()> {
    const ROOMS: usize = 20;
    let long = Duration::from_secs(30);
    let shared = Shared::start()?;
    let url = shared.broker.url();
    // It waits because the records are new. The others, whose lease is long, need not.
    let first = shared.host()?;
    first.server.signal(Signal::TERM)?;
    first.server.wait()?;
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let host = shared.starting("guest-recording", &url, long, &["--drain-timeout", "10s"])?;
        host.wait_until_ready()?;
        hosts.push(host);
    }
    let other = hosts.pop().expect("two hosts");
    let stopping = hosts.pop().expect("two hosts");
    let mut clients = Vec::new();
    for room in 0..ROOMS {
        let mut client = None;
        wait_until(|| {
            client = try_join(&stopping, &format!("/room/{room}"))?.ok();
            Ok(client.is_some())
        })?;
        clients.extend(client);
    }
    let began = Instant::now();
    stopping.server.signal(Signal::TERM)?;
    for (room, client) in clients.iter_mut().enumerate() {
        client.expect_close(1012)?;
        wait_until(|| Ok(try_join(&other, &format!("/room/{room}"))?.is_ok()))?;
    }
    assert!(began.elapsed() < long, "nobody had to wait for the end of the lease");
    let ended = stopping.server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let disconnected = ended.log.matches("disconnected 1012").count();
    assert_eq!(disconnected, ROOMS, "{}", ended.log);
    // Its lease was given back, so a host that takes one later does not see it any more.
    wait_until(|| Ok(placement(&other)?["hosts"].as_array().map(Vec::len) == Some(1)))?;
    assert!(is_ready(&other)?);
    Ok(())
}
