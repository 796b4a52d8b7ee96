//! States that cannot be saved or resumed: the last good one stays.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Broker, Client, FaultProxy, wait_until};

use super::durable::{count_and_save, durable, saves};
use super::members::{LEASE, Shared, count, is_ready, join, placement, take_over, try_join};
use crate::hosts::Host;
use crate::keeper::Keeper;

/// Sends events until an attempt to save the state has this outcome.
fn fail_to_save(host: &Host, client: &mut Client, outcome: &str) -> Result<()> {
    let before = saves(host, outcome)?;
    wait_until(|| {
        client.ask("version")?;
        Ok(saves(host, outcome)? > before)
    })
}

/// Waits until saves were tried again without another event: more often than those under way could fail.
fn wait_for_retries(host: &Host) -> Result<()> {
    let before = saves(host, "unavailable")?;
    wait_until(|| Ok(saves(host, "unavailable")? >= before + 3))
}

#[test]
fn room_whose_state_becomes_too_long_goes_on_and_its_last_good_state_stays() -> Result<()> {
    let shared = Shared::start()?;
    let flags = ["--durable", "--save-every", "20ms", "--max-state", "2KiB"];
    let start = || shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags);
    let [mut dying, other] = [start()?, start()?];
    dying.wait_until_ready()?;
    other.wait_until_ready()?;
    let mut client = join(&dying, "/room/1")?;
    assert_eq!(count_and_save(&dying, &mut client)?, "1");
    assert_eq!(client.ask("ballast 3000")?, "heavy");
    fail_to_save(&dying, &mut client, "too-long")?;
    let line = dying.server.wait_for_log("max-state allows 2048")?;
    assert!(line.contains("/room/1"), "{line}");
    // Nobody is closed for it, and nothing that is too long is saved.
    let saved = saves(&dying, "saved")?;
    assert_eq!(client.ask("count")?, "2");
    fail_to_save(&dying, &mut client, "too-long")?;
    assert_eq!(saves(&dying, "saved")?, saved);
    dying.server.signal(Signal::KILL)?;
    let mut client = take_over(&other, "/room/1")?;
    assert_eq!(client.ask("count")?, "2");
    // It is saved again as soon as it is short enough.
    assert_eq!(client.ask("ballast 3000")?, "heavy");
    fail_to_save(&other, &mut client, "too-long")?;
    assert_eq!(client.ask("ballast 1000")?, "heavy");
    assert_eq!(count_and_save(&other, &mut client)?, "3");
    Ok(())
}

#[test]
fn state_that_the_broker_accepts_no_longer_is_named_and_the_last_good_one_stays() -> Result<()> {
    const LEASE: Duration = Duration::from_secs(4);
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("nats.conf");
    fs::write(&settings, "max_payload: 1048576")?;
    let (settings, store) = (settings.display().to_string(), folder.path().join("store"));
    let store = store.display().to_string();
    let broker = Broker::with_arguments(&["-c", &settings, "-js", "-sd", &store])?;
    let mut shared = Shared::with(broker)?;
    let flags = ["--durable", "--save-every", "20ms"];
    let start = || shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags);
    let [mut dying, other] = [start()?, start()?];
    dying.wait_until_ready()?;
    other.wait_until_ready()?;
    let mut client = join(&dying, "/room/1")?;
    assert_eq!(count_and_save(&dying, &mut client)?, "1");
    fs::write(&settings, "max_payload: 65536")?;
    shared.broker.restart()?;
    assert_eq!(client.ask("ballast 100000")?, "heavy");
    fail_to_save(&dying, &mut client, "too-long")?;
    let line = dying.server.wait_for_log("the state was not saved")?;
    assert!(line.contains("raise max_payload of the broker, or lower max-state"), "{line}");
    assert!(line.contains("component=") && line.contains("hash="), "{line}");
    assert_eq!(client.ask("count")?, "2");
    wait_until(|| Ok(placement(&dying)?["lease"] == "valid"))?;
    dying.server.signal(Signal::KILL)?;
    assert_eq!(take_over(&other, "/room/1")?.ask("count")?, "2");
    Ok(())
}

/// Starts a host with another version of the component.
fn version(shared: &Shared, keeper: &Keeper, digit: u8) -> Result<Host> {
    keeper.replace_with(digit)?;
    let flags = ["--durable", "--save-every", "1h", "--drain-timeout", "10s"];
    let host = shared.starting_file(&keeper.file(), &shared.broker.url(), LEASE, &flags)?;
    host.wait_until_ready()?;
    Ok(host)
}

/// Stops a host, which saves the states of its paths.
fn stop(host: Host) -> Result<()> {
    host.server.signal(Signal::TERM)?;
    let ended = host.server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    Ok(())
}

/// Counts in a room that has no state, and stops the host.
fn count_once_and_stop(host: Host) -> Result<()> {
    assert_eq!(join(&host, "/room/1")?.ask("count")?, "1");
    stop(host)
}

#[test]
fn refused_state_stays_at_the_broker_until_the_code_that_refused_it_is_saved() -> Result<()> {
    let (shared, keeper) = (Shared::start()?, Keeper::new()?);
    let first = version(&shared, &keeper, 1)?;
    count_once_and_stop(first)?;
    // Version 9 refuses every state, and begins without one. It is killed before it saves its own.
    let mut refusing = version(&shared, &keeper, 9)?;
    let mut client = join(&refusing, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    let line = refusing.server.wait_for_log("the state was refused")?;
    assert!(line.contains("version 9 knows no state") && line.contains("/room/1"), "{line}");
    assert!(line.contains("component=") && line.contains("hash="), "{line}");
    refusing.server.signal(Signal::KILL)?;
    let next = version(&shared, &keeper, 1)?;
    let mut client = take_over(&next, "/room/1")?;
    assert_eq!(client.ask("count")?, "102");
    drop(client);
    stop(next)?;
    // This time it stops, and its own state is the last one.
    let refusing = version(&shared, &keeper, 9)?;
    count_once_and_stop(refusing)?;
    let next = version(&shared, &keeper, 1)?;
    assert_eq!(join(&next, "/room/1")?.ask("count")?, "102");
    Ok(())
}

#[test]
fn state_survives_a_host_whose_code_traps_when_it_resumes() -> Result<()> {
    let (shared, keeper) = (Shared::start()?, Keeper::new()?);
    let first = version(&shared, &keeper, 1)?;
    count_once_and_stop(first)?;
    let mut trapping = version(&shared, &keeper, 8)?;
    assert!(try_join(&trapping, "/room/1")?.is_err());
    trapping.server.wait_for_log("version 8 panics in resume")?;
    stop(trapping)?;
    let next = version(&shared, &keeper, 1)?;
    assert_eq!(join(&next, "/room/1")?.ask("count")?, "102");
    Ok(())
}

#[test]
fn without_the_broker_paths_that_continue_are_saved_when_it_is_back() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let flags = ["--durable", "--save-every", "20ms", "--cluster-without-broker", "continue"];
    let host = shared.host_behind(&proxy, &flags)?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(count_and_save(&host, &mut client)?, "1");
    proxy.cut();
    assert_eq!(client.ask("count")?, "2");
    fail_to_save(&host, &mut client, "unavailable")?;
    wait_until(|| Ok(placement(&host)?["lease"] == "lapsed"))?;
    let saved = saves(&host, "saved")?;
    assert_eq!(client.ask("count")?, "3");
    wait_for_retries(&host)?;
    proxy.heal();
    // Without another event.
    wait_until(|| Ok(saves(&host, "saved")? > saved))?;
    wait_until(|| is_ready(&host))?;
    assert_eq!(count_and_save(&host, &mut client)?, "4");
    let other = durable(&shared, "1h")?;
    host.server.signal(Signal::KILL)?;
    assert_eq!(take_over(&other, "/room/1")?.ask("count")?, "5");
    Ok(())
}

#[test]
fn state_is_saved_when_the_broker_is_back_within_a_lease() -> Result<()> {
    const LEASE: Duration = Duration::from_secs(8);
    let mut shared = Shared::start()?;
    let flags = ["--durable", "--save-every", "20ms"];
    let start = || shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags);
    let [host, other] = [start()?, start()?];
    host.wait_until_ready()?;
    other.wait_until_ready()?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(count_and_save(&host, &mut client)?, "1");
    shared.broker.kill()?;
    assert_eq!(client.ask("count")?, "2");
    let saved = saves(&host, "saved")?;
    fail_to_save(&host, &mut client, "unavailable")?;
    shared.broker.restart()?;
    // Without another event.
    wait_until(|| Ok(saves(&host, "saved")? > saved))?;
    // The same instance has gone on.
    assert_eq!(client.ask("history")?, "");
    host.server.signal(Signal::KILL)?;
    assert_eq!(take_over(&other, "/room/1")?.ask("count")?, "3");
    Ok(())
}

#[test]
fn last_state_is_saved_when_the_broker_is_back_while_the_host_stops() -> Result<()> {
    const LEASE: Duration = Duration::from_secs(8);
    let mut shared = Shared::start()?;
    // Nothing is saved before the host stops.
    let flags = ["--durable", "--save-every", "1h", "--drain-timeout", "20s"];
    let start = || shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags);
    let [mut host, other] = [start()?, start()?];
    host.wait_until_ready()?;
    other.wait_until_ready()?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    shared.broker.kill()?;
    host.server.signal(Signal::TERM)?;
    // The save begins while no broker answers.
    host.server.wait_for_log("stopping")?;
    shared.broker.restart()?;
    client.expect_close(1012)?;
    assert_eq!(host.server.wait()?.status.code(), Some(0));
    // The room has seen that its client has left, which counts as a hundred.
    assert_eq!(take_over(&other, "/room/1")?.ask("count")?, "102");
    Ok(())
}

#[test]
fn without_the_broker_for_longer_than_a_lease_paths_resume_from_the_last_saved_state() -> Result<()>
{
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let host = shared.host_behind(&proxy, &["--durable", "--save-every", "20ms"])?;
    let mut client = join(&host, "/room/1")?;
    assert_eq!(count_and_save(&host, &mut client)?, "1");
    proxy.cut();
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(client.receive_close()?.0, 1013);
    proxy.heal();
    wait_until(|| is_ready(&host))?;
    let count: u64 = join(&host, "/room/1")?.ask("count")?.parse()?;
    assert!(count >= 2, "{count}");
    Ok(())
}

#[test]
fn room_whose_state_the_broker_has_lost_begins_anew_and_is_saved_again() -> Result<()> {
    let mut shared = Shared::start()?;
    let [first, other] = [durable(&shared, "20ms")?, durable(&shared, "20ms")?];
    let mut client = join(&first, "/room/1")?;
    assert_eq!(count_and_save(&first, &mut client)?, "1");
    assert_eq!(count_and_save(&first, &mut client)?, "2");
    shared.restart_broker_without_its_store()?;
    let (code, _) = client.receive_close()?;
    assert!(code == 1012 || code == 1013, "{code}");
    for host in [&first, &other] {
        wait_until(|| is_ready(host))?;
    }
    let mut client = join(&other, "/room/1")?;
    assert_eq!(count_and_save(&other, &mut client)?, "1");
    assert_eq!(client.ask("history")?, "");
    other.server.signal(Signal::KILL)?;
    assert_eq!(take_over(&first, "/room/1")?.ask("count")?, "2");
    Ok(())
}

#[test]
fn trap_in_the_last_suspend_keeps_the_last_saved_state_and_the_host_stops_in_time() -> Result<()> {
    let shared = Shared::start()?;
    let [stopping, other] = [durable(&shared, "20ms")?, durable(&shared, "20ms")?];
    let mut client = join(&stopping, "/room/1")?;
    assert_eq!(client.ask("fragile")?, "fragile");
    assert_eq!(count_and_save(&stopping, &mut client)?, "1");
    stopping.server.signal(Signal::TERM)?;
    client.expect_close(1012)?;
    let ended = stopping.server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    for words in ["asked to panic in the last suspend", "the next host resumes from an older state"]
    {
        assert!(ended.log.contains(words), "{}", ended.log);
    }
    assert!(!ended.log.contains("cut off"), "{}", ended.log);
    let mut client = join(&other, "/room/1")?;
    assert_eq!(count(&mut client)?, 2);
    assert_eq!(client.ask("history")?, "1 for 1 ");
    Ok(())
}
