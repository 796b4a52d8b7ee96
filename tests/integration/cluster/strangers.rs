//! What others write: peers with another secret, and records that no host wrote.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Backend, DEADLINE, wait_until};

use super::durable::durable;
use super::members::{Shared, count, is_ready, join, placement, try_join};
use crate::hosts::Host;
use crate::keeper::counter;

/// Connects as a peer that does not know the secret. Returns what the host answers to its proof.
fn guess(peers: &str) -> Result<String> {
    let zeros = "00".repeat(32);
    let mut stream = TcpStream::connect(peers)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(
        format!("ws-host-peer 2 {zeros} default\r\n{zeros} {zeros} 0 0 default\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, refusal) = answer.split_once("\r\n").with_context(|| answer.clone())?;
    Ok(refusal.to_owned())
}

#[test]
fn peers_without_the_secret_are_refused_counted_and_said_at_most_once_a_second() -> Result<()> {
    const GUESSES: u64 = 50;
    let shared = Shared::start()?;
    let mut owner = shared.host()?;
    let mut client = join(&owner, "/room/1")?;
    let peers = placement(&owner)?["address"].as_str().context("an address")?.to_owned();
    shared.change_secret()?;
    let mut edge = shared.host()?;
    assert_eq!(try_join(&edge, "/room/1")?.expect_err("a refusal").status, 503);
    let line = edge.server.wait_for_log("cannot be relayed")?;
    ensure!(line.contains("its secret is not the secret of this host"), "{line}");
    ensure!(line.contains("need the same `secret`") && line.contains("connection="), "{line}");
    let line = owner.server.wait_for_log("was refused")?;
    ensure!(line.contains("its secret is probably a different one"), "{line}");
    ensure!(line.contains("peer=127.0.0.1:") && line.contains("need the same `secret`"), "{line}");
    let began = Instant::now();
    for _ in 0..GUESSES {
        let refusal = guess(&peers)?;
        ensure!(refusal.starts_with("HTTP/1.1 403 "), "{refusal}");
    }
    let mut refused = counter(owner.admin, "ws_host_peers_refused_total")?;
    assert_eq!(refused, GUESSES + 1);
    // More than a second later, the next line says how many were left out.
    wait_until(|| {
        refused += 1;
        guess(&peers)?;
        Ok(began.elapsed() > Duration::from_secs(2))
    })?;
    assert_eq!(counter(owner.admin, "ws_host_peers_refused_total")?, refused);
    assert_eq!(client.ask("count")?, "1");
    owner.server.signal(Signal::TERM)?;
    let log = owner.server.wait()?.log;
    let seconds = began.elapsed().as_secs();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("was refused: ")).collect();
    ensure!((2..=seconds + 3).contains(&(lines.len() as u64)), "{log}");
    let left_out = |line: &&str| -> Option<u64> {
        let (_, rest) = line.split_once("left_out=")?;
        rest.split(' ').next()?.parse().ok()
    };
    let left_out: u64 = lines.iter().filter_map(left_out).sum();
    ensure!(
        left_out > 0 && left_out + lines.len() as u64 <= refused,
        "{left_out} of {refused}: {log}"
    );
    Ok(())
}

/// Returns how many times a host has read records of this kind that no host wrote.
fn foreign_records(host: &Host, kind: &str) -> Result<u64> {
    counter(host.admin, &format!("ws_host_foreign_records_total{{kind=\"{kind}\"}}"))
}

#[test]
fn record_among_the_leases_whose_name_is_not_that_of_a_lease_is_counted() -> Result<()> {
    let shared = Shared::start()?;
    let host = shared.host()?;
    assert_eq!(foreign_records(&host, "lease")?, 0);
    let mut backend = Backend::connect(shared.broker.address())?;
    // Its content is that of a lease.
    backend.publish("ws.default.p.h.short", br#"{"alive":{"host":"a","address":"x"}}"#)?;
    backend.sync()?;
    wait_until(|| Ok(foreign_records(&host, "lease")? > 0))
}

#[test]
fn records_that_no_host_wrote_keep_only_their_own_rooms_from_being_served() -> Result<()> {
    let shared = Shared::start()?;
    let mut host = durable(&shared, "20ms")?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    let mut backend = Backend::connect(shared.broker.address())?;
    let claim = |room: u32| format!("ws.default.p.a.guest-keeper./room/{room}");
    let state = |room: u32| format!("ws.default.p.s.guest-keeper./room/{room}");
    let garbage: [&[u8]; 6] =
        [b"", b"garbage", b"\xff\xfe\n\x00", b"{\"by\":7}", b"{\"by\":\"x\"}", b"[[[[[[[[\n"];
    for (content, room) in garbage.iter().zip(10..) {
        backend.publish(&claim(room), content)?;
        backend.publish(&state(room + 10), content)?;
    }
    backend.publish(&state(30), b"{\"owner\":18446744073709551615,\"state\":\"running\"}\nx")?;
    // Leases: garbage, of no host, and of a host with a lease of an absurd length.
    for (content, number) in garbage.iter().zip(1..) {
        backend.publish(&format!("ws.default.p.h.{number:016x}"), content)?;
    }
    backend.publish("ws.default.p.h.short", b"garbage")?;
    let absurd = br#"{"alive":{"host":"a\u001b[2J","address":"x","lease-ms":18446744073709551615,"components":{"guest-keeper":"\u0007"}}}"#;
    backend.publish("ws.default.p.h.00000000000000ff", absurd)?;
    backend.sync()?;
    let line = host.server.wait_for_log("has another component for this resource")?;
    ensure!(line.contains(r"a\\x1b[2J") || line.contains(r"a\x1b[2J"), "{line}");
    for room in 10..16 {
        let refused = try_join(&host, &format!("/room/{room}"))?;
        assert_eq!(refused.expect_err("a refusal").status, 503, "{room}");
    }
    let line = host.server.wait_for_log("no host of the cluster serves its path")?;
    ensure!(line.contains("was not written by a host: remove it"), "{line}");
    // Such an owner had its claim in other records, which the broker has lost. It fences nobody.
    ensure!(try_join(&host, "/room/30")?.is_ok());
    // There is at most one line a second about refused clients.
    let began = Instant::now();
    wait_until(|| {
        assert_eq!(try_join(&host, "/room/21")?.expect_err("a refusal").status, 503);
        Ok(began.elapsed() > Duration::from_secs(2))
    })?;
    host.server
        .wait_for_log("the saved state of /room/21 of guest-keeper was not written by a host")?;
    // The state of a room that is in use: the room goes on, but cannot be saved.
    backend.publish(&state(1), b"garbage")?;
    backend.sync()?;
    assert_eq!(client.ask("count")?, "2");
    let foreign = "ws_host_saves_total{resource=\"guest-keeper\",outcome=\"foreign\"}";
    wait_until(|| Ok(counter(host.admin, foreign)? > 0))?;
    let line = host.server.wait_for_log("the state was not saved")?;
    ensure!(line.contains("the saved state of /room/1 of guest-keeper was not written"), "{line}");
    // A host that begins does not believe the mark that says that the records are complete.
    backend.publish("ws.default.p.o", b"garbage")?;
    backend.sync()?;
    let mut other = shared.host()?;
    other.server.wait_for_log("the broker's records are new")?;
    assert!(foreign_records(&other, "open")? > 0);
    for kind in ["lease", "claim", "state"] {
        assert!(foreign_records(&host, kind)? > 0, "{kind}");
    }
    // Its own lease is overwritten: it takes another one.
    let lease = placement(&host)?["lease_name"].as_str().context("a lease")?.to_owned();
    backend.publish(&format!("ws.default.p.h.{lease}"), b"garbage")?;
    let line = host.server.wait_for_log("this host has lost its lease")?;
    ensure!(line.contains("something other than a host has overwritten it"), "{line}");
    wait_until(|| is_ready(&host))?;
    client.receive_close()?;
    assert_eq!(count(&mut join(&host, "/room/2")?)?, 1);
    host.server.signal(Signal::TERM)?;
    let ended = host.server.wait()?;
    ensure!(ended.status.success() && !ended.log.contains("panicked"), "{}", ended.log);
    Ok(())
}
