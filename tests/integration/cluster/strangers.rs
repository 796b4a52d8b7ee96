//! What others write: peers with another secret.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{DEADLINE, wait_until};

use super::members::{Shared, enter, enter_soon, placement};
use crate::keeper::counter;

/// Connects as a peer that does not know the secret. Returns what the host answers to its proof.
fn guess(peers: &str) -> Result<String> {
    let zeros = "00".repeat(32);
    let mut stream = TcpStream::connect(peers)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(format!("ws-host-peer 1 {zeros}\r\n{zeros} {zeros} 0 0\r\n").as_bytes())?;
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
    let mut client = enter_soon(&owner, "/room/1")?;
    let peers = placement(&owner)?["address"].as_str().context("an address")?.to_owned();
    shared.change_secret()?;
    let mut edge = shared.host()?;
    assert_eq!(enter(&edge, "/room/1")?.expect_err("a refusal").status, 503);
    let line = edge.server.wait_for_log("cannot be relayed")?;
    ensure!(line.contains("its secret is not the secret of this host"), "{line}");
    ensure!(line.contains("need the same `secret`"), "{line}");
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
