//! Timers.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::configured::Configuration;
use crate::keeper::{Keeper, Scene, join, post_reload, trap};

/// Longer than any test takes.
const NEVER: u64 = 3_600_000;

const SOON: [&str; 4] = ["--hibernate-after", "50ms", "--log", "ws_host=debug,info"];

#[test]
fn timer_fires_once() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    assert_eq!(client.ask("timer 7 50")?, "Ok(())");
    assert_eq!(client.receive_text()?, "fired 7 in version 1");
    // The timer is no longer set, and a later one fires alone.
    assert_eq!(client.ask("cancel 7")?, "false");
    assert_eq!(client.ask("timer 8 0")?, "Ok(())");
    assert_eq!(client.receive_text()?, "fired 8 in version 1");
    Ok(())
}

#[test]
fn timers_fire_in_the_order_of_their_times() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    for (number, after) in [(1, 300), (2, 100), (3, 200)] {
        assert_eq!(client.ask(&format!("timer {number} {after}"))?, "Ok(())");
    }
    for number in [2, 3, 1] {
        assert_eq!(client.receive_text()?, format!("fired {number} in version 1"));
    }
    Ok(())
}

#[test]
fn timer_may_be_cancelled_and_reset() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    assert_eq!(client.ask(&format!("timer 1 {NEVER}"))?, "Ok(())");
    assert_eq!(client.ask("cancel 1")?, "true");
    assert_eq!(client.ask("cancel 1")?, "false");
    assert_eq!(client.ask(&format!("timer 2 {NEVER}"))?, "Ok(())");
    assert_eq!(client.ask("timer 2 10")?, "Ok(())");
    assert_eq!(client.receive_text()?, "fired 2 in version 1");
    assert_eq!(client.ask(&format!("timer 3 {}", u64::MAX))?, "Ok(())");
    assert_eq!(client.ask("cancel 3")?, "true");
    Ok(())
}

#[test]
fn timer_outlives_a_reload() -> Result<()> {
    let Scene { keeper, server: _server, admin, mut client } = Keeper::new()?.scene(&[])?;
    assert_eq!(client.ask("timer 1 500")?, "Ok(())");
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    assert_eq!(client.receive_text()?, "fired 1 in version 2");
    Ok(())
}

#[test]
fn timer_outlives_hibernation_and_wakes_its_instance() -> Result<()> {
    let flags = ["--hibernate-after", "50ms", "--log", "ws_host=debug"];
    let (mut server, mut client) = TestServer::with_client("guest-keeper", &flags)?;
    assert_eq!(client.ask("timer 1 1000")?, "Ok(())");
    server.wait_for_log("hibernated")?;
    assert_eq!(client.receive_text()?, "fired 1 in version 1");
    assert_eq!(client.ask("history")?, "1 for 1 ");
    Ok(())
}

#[test]
fn timer_outlives_a_trap() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    assert_eq!(client.ask("timer 1 500")?, "Ok(())");
    trap(&server, "/")?;
    assert_eq!(client.receive_text()?, "fired 1 in version 1");
    Ok(())
}

#[test]
fn room_with_a_timer_stays_until_the_timer_is_cancelled() -> Result<()> {
    let mut server = rooms(&["--hibernate-after", "50ms", "--log", "ws_host=debug"])?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask(&format!("timer 1 {NEVER}"))?, "Ok(())");
    client.close()?;
    server.wait_for_log("hibernated")?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "102");
    assert_eq!(client.ask("cancel 1")?, "true");
    client.close()?;
    server.wait_for_log("removed an unused actor")?;
    Ok(())
}

#[test]
fn timer_that_an_event_sets_before_it_traps_fires_without_another_event() -> Result<()> {
    let configuration = Configuration::of("guest-keeper", "on-fault = \"drop-message\"")?;
    let (_configuration, _server, mut client) = configuration.with_client()?;
    client.send_text("timer-and-trap 50")?;
    assert_eq!(client.receive_text()?, "fired 1 in version 1");
    Ok(())
}

#[test]
fn room_stays_while_its_timer_is_being_delivered() -> Result<()> {
    let mut server = rooms(&SOON)?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask("timer 3000 50")?, "Ok(())");
    client.close()?;
    server.wait_for_log("firing 3000")?;
    // By the time that this room hibernates, the host has checked the other room as often.
    let mut other = join(&server, "/blue")?;
    assert_eq!(other.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "102");
    Ok(())
}

#[test]
fn timer_that_waits_for_its_turn_can_be_cancelled() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    let mut other = Client::connect(&server)?;
    assert_eq!(client.ask("timer 1 700")?, "Ok(())");
    client.send_text("sleep 1500")?;
    assert_eq!(client.receive_text()?, "asleep");
    // This event asks for its turn before the timer is due, so it runs before the timer.
    assert_eq!(other.ask("cancel 1")?, "true");
    assert_eq!(client.receive_text()?, "awake");
    assert_eq!(client.ask("count")?, "1");
    Ok(())
}

#[test]
fn rooms_with_only_timers_hold_no_permits() -> Result<()> {
    let few = ["--max-clients", "20", "--max-instances", "20", "--hibernate-after", "1h"];
    let mut server = rooms(&few)?;
    for number in 0..100 {
        let mut client = join(&server, &format!("/{number}"))?;
        assert_eq!(client.ask("count")?, "1");
        assert_eq!(client.ask(&format!("timer 1 {NEVER}"))?, "Ok(())");
        client.close()?;
    }
    // All rooms exist, and none of them holds a permit: clients up to the limit are accepted.
    let mut clients = Vec::new();
    for number in 0..20 {
        let mut client = join(&server, &format!("/{number}"))?;
        assert_eq!(client.ask("count")?, "102");
        clients.push(client);
    }
    clients.into_iter().try_for_each(Client::close)?;
    // A hibernated room wakes when its timer is due.
    let mut client = join(&server, "/last")?;
    assert_eq!(client.ask("timer 1000 1500")?, "Ok(())");
    client.close()?;
    for number in 0..20 {
        join(&server, &format!("/{number}"))?.close()?;
    }
    server.wait_for_log("firing 1000")?;
    Ok(())
}

fn rooms(more: &[&str]) -> Result<TestServer> {
    let flags = ["--path", "/{room}", "--instance-per", "path"];
    TestServer::with_arguments("guest-keeper", &[&flags, more].concat())
}

#[test]
fn actor_has_at_most_1024_timers() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    for number in 0..1024 {
        client.send_text(&format!("timer {number} {NEVER}"))?;
        assert_eq!(client.receive_text()?, "Ok(())");
    }
    assert_eq!(client.ask(&format!("timer 1024 {NEVER}"))?, "Err(TooMany)");
    // A timer that is set may be reset.
    assert_eq!(client.ask(&format!("timer 5 {NEVER}"))?, "Ok(())");
    assert_eq!(client.ask("cancel 5")?, "true");
    assert_eq!(client.ask(&format!("timer 1024 {NEVER}"))?, "Ok(())");
    Ok(())
}
