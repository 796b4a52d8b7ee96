//! The state of a path that lives on one host goes to its next host.

use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, startup_error, wait_until};

use super::members::{LEASE, Shared, count, is_ready, join, take_over};
use crate::hosts::Host;

/// Starts a host whose states are durable, and waits until it is ready.
pub(super) fn durable(shared: &Shared, every: &str) -> Result<Host> {
    durable_with(shared, every, &[])
}

pub(super) fn durable_with(shared: &Shared, every: &str, more: &[&str]) -> Result<Host> {
    let flags = ["--durable", "--save-every", every, "--drain-timeout", "10s"];
    let flags = [&flags, more].concat();
    let host = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)?;
    host.wait_until_ready()?;
    Ok(host)
}

/// Returns how many states a host has saved, or has failed to save.
pub(super) fn saves(host: &Host, outcome: &str) -> Result<u64> {
    let metrics = host.get("/metrics")?.1;
    let line = format!("ws_host_saves_total{{resource=\"guest-keeper\",outcome=\"{outcome}\"}} ");
    let count = metrics.lines().find_map(|each| each.strip_prefix(&line));
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// Counts, and waits until the count is saved: a save that was under way may not have it, but the next one has.
pub(super) fn count_and_save(host: &Host, client: &mut Client) -> Result<String> {
    let mut before = saves(host, "saved")?;
    let counted = client.ask("count")?;
    wait_until(|| Ok(saves(host, "saved")? > before))?;
    before = saves(host, "saved")?;
    client.ask("version")?;
    wait_until(|| Ok(saves(host, "saved")? > before))?;
    Ok(counted)
}

#[test]
fn state_of_every_path_survives_the_stop_of_its_host_with_its_last_event() -> Result<()> {
    const ROOMS: u64 = 10;
    let shared = Shared::start()?;
    // Nothing is saved before the host stops.
    let [stopping, other] = [durable(&shared, "1h")?, durable(&shared, "1h")?];
    let mut clients = Vec::new();
    for room in 0..ROOMS {
        let mut client = join(&stopping, &format!("/room/{room}"))?;
        for _ in 0..=room {
            client.ask("count")?;
        }
        clients.push(client);
    }
    assert_eq!(saves(&stopping, "saved")?, 0);
    stopping.server.signal(Signal::TERM)?;
    for client in &mut clients {
        client.expect_close(1012)?;
    }
    assert_eq!(stopping.server.wait()?.status.code(), Some(0));
    for room in 0..ROOMS {
        let mut client = join(&other, &format!("/room/{room}"))?;
        // Each room has seen that its client has left, which counts as a hundred.
        assert_eq!(client.ask("count")?, (100 + room + 2).to_string());
        // When it resumed, the former client was gone, and this one was there.
        assert_eq!(client.ask("history")?, "1 for 1 ");
    }
    Ok(())
}

#[test]
fn saved_state_survives_the_death_of_its_host() -> Result<()> {
    let shared = Shared::start()?;
    let [dying, mut other] = [durable(&shared, "20ms")?, durable(&shared, "20ms")?];
    let mut first = join(&dying, "/room/1")?;
    let _silent = join(&dying, "/room/1")?;
    let mut second = join(&dying, "/room/2")?;
    assert_eq!(count_and_save(&dying, &mut first)?, "1");
    assert_eq!(count_and_save(&dying, &mut first)?, "2");
    assert_eq!(count_and_save(&dying, &mut second)?, "1");
    dying.server.signal(Signal::KILL)?;
    // No event has reported that its clients are gone: `resume` can only conclude that.
    let mut client = join(&other, "/room/1")?;
    assert_eq!(client.ask("count")?, "3");
    // Neither of the former clients was there, but the one whose handshake made the room resume.
    assert_eq!(client.ask("history")?, "1 for 1 ");
    assert_eq!(client.ask("clients")?, "1");
    other.server.wait_for_log("resuming in version 1: takeover")?;
    assert_eq!(join(&other, "/room/2")?.ask("count")?, "2");
    assert_eq!(join(&other, "/room/3")?.ask("count")?, "1");
    Ok(())
}

#[test]
fn state_of_a_host_that_was_paused_for_longer_than_a_lease_is_not_saved() -> Result<()> {
    let shared = Shared::start()?;
    let [paused, other] = [durable(&shared, "100ms")?, durable(&shared, "20ms")?];
    let mut client = join(&paused, "/room/1")?;
    assert_eq!(count_and_save(&paused, &mut client)?, "1");
    assert_eq!(client.ask("count")?, "2");
    paused.server.pause()?;
    let mut taken = take_over(&other, "/room/1")?;
    // The state of the paused host may have been saved just before.
    let first: u64 = taken.ask("count")?.parse()?;
    assert!(first == 2 || first == 3, "{first}");
    for _ in 0..10 {
        taken.ask("count")?;
    }
    assert_eq!(count_and_save(&other, &mut taken)?, (first + 11).to_string());
    paused.server.signal(Signal::CONT)?;
    wait_until(|| is_ready(&paused))?;
    drop(client);
    // The state of the new owner is the newest, for the next one, too.
    other.server.signal(Signal::KILL)?;
    let next: u64 = take_over(&paused, "/room/1")?.ask("count")?.parse()?;
    assert_eq!(next, first + 12);
    Ok(())
}

#[test]
fn state_of_a_path_that_nobody_uses_is_kept() -> Result<()> {
    let shared = Shared::start()?;
    let flags = ["--durable", "--hibernate-after", "100ms"];
    let host = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)?;
    host.wait_until_ready()?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    client.close()?;
    wait_until(|| Ok(super::members::placement(&host)?["owned_actors"] == 0))?;
    let other = durable(&shared, "1h")?;
    assert_eq!(join(&other, "/room/1")?.ask("count")?, "102");
    Ok(())
}

#[test]
fn busy_path_is_saved_at_most_once_in_each_interval() -> Result<()> {
    const EVERY: Duration = Duration::from_millis(200);
    let shared = Shared::start()?;
    let host = durable(&shared, "200ms")?;
    let mut client = join(&host, "/room/1")?;
    let (before, began) = (saves(&host, "saved")?, Instant::now());
    let mut events = 0;
    while began.elapsed() < 5 * EVERY {
        client.ask("count")?;
        events += 1;
    }
    let saved = saves(&host, "saved")? - before;
    let most = began.elapsed().as_millis() / EVERY.as_millis() + 1;
    assert!(saved >= 1 && u128::from(saved) <= most, "{saved} saves, not {most}");
    assert!(events > 2 * saved, "{events} events");
    Ok(())
}

#[test]
fn state_is_saved_up_to_what_the_broker_accepts() -> Result<()> {
    let shared = Shared::start()?;
    let [dying, other] = [durable(&shared, "20ms")?, durable(&shared, "20ms")?];
    let mut client = join(&dying, "/room/1")?;
    assert_eq!(client.ask("ballast 1047000")?, "heavy");
    assert_eq!(count_and_save(&dying, &mut client)?, "1");
    dying.server.signal(Signal::KILL)?;
    assert_eq!(count(&mut join(&other, "/room/1")?)?, 2);
    Ok(())
}

#[test]
fn states_that_may_be_longer_than_the_broker_accepts_are_refused() -> Result<()> {
    let shared = Shared::start()?;
    let flags = ["--durable", "--max-state", "1MiB"];
    let mut host = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)?;
    let line = host.server.wait_for_log("cannot take a lease")?;
    assert!(line.contains("raise max_payload of nats-server, or lower max-state"), "{line}");
    assert_eq!(host.get("/readyz")?.0, 503);
    Ok(())
}

#[test]
fn handler_without_a_state_cannot_be_durable() -> Result<()> {
    let shared = Shared::start()?;
    let why = shared.refused("guest-minimal", &["--durable"])?;
    assert!(why.contains("ws-host:socket/lifecycle"), "{why}");
    let why = startup_error("guest-keeper", &["--durable"])?;
    assert!(why.contains("needs unique-in cluster"), "{why}");
    let why = startup_error("guest-keeper", &["--save-every", "1s"])?;
    assert!(why.contains("needs durable"), "{why}");
    Ok(())
}
