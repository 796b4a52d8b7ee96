//! Events that the host delivers later.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::keeper::{Keeper, post_reload};

/// Longer than any test takes.
const NEVER: u64 = 3_600_000;

#[test]
fn timer_fires_once() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("timer 7 50")?, "Ok(())");
    assert_eq!(client.receive_text()?, "fired 7 in version 1");
    // It is no longer set, and a later one comes alone.
    assert_eq!(client.ask("cancel 7")?, "false");
    assert_eq!(client.ask("timer 8 0")?, "Ok(())");
    assert_eq!(client.receive_text()?, "fired 8 in version 1");
    Ok(())
}

#[test]
fn timers_fire_in_the_order_of_their_times() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let mut client = Client::connect(&server)?;
    for (number, after) in [(1, 300), (2, 100), (3, 200)] {
        assert_eq!(client.ask(&format!("timer {number} {after}"))?, "Ok(())");
    }
    for number in [2, 3, 1] {
        assert_eq!(client.receive_text()?, format!("fired {number} in version 1"));
    }
    Ok(())
}

#[test]
fn timer_may_be_taken_back_and_set_anew() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let mut client = Client::connect(&server)?;
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
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&["--no-watch", "--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("timer 1 500")?, "Ok(())");
    keeper.replace_by(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    assert_eq!(client.receive_text()?, "fired 1 in version 2");
    Ok(())
}

#[test]
fn timer_outlives_hibernation_and_wakes_its_instance() -> Result<()> {
    let flags = ["--hibernate-after", "50ms", "--log", "ws_host=debug"];
    let mut server = TestServer::with_arguments("guest-keeper", &flags)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("timer 1 1000")?, "Ok(())");
    server.wait_for_log("hibernated")?;
    assert_eq!(client.receive_text()?, "fired 1 in version 1");
    assert_eq!(client.ask("history")?, "1 for 1 ");
    Ok(())
}

#[test]
fn timer_outlives_a_trap() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("timer 1 500")?, "Ok(())");
    let mut other = Client::connect(&server)?;
    other.send_text("trap")?;
    other.expect_close(1011)?;
    assert_eq!(client.receive_text()?, "fired 1 in version 1");
    Ok(())
}

#[test]
fn room_with_a_timer_stays_until_it_has_fired() -> Result<()> {
    let flags = ["--path", "/{room}", "--instance-per", "path"];
    let soon = ["--hibernate-after", "50ms", "--log", "ws_host=debug"];
    let mut server = TestServer::with_arguments("guest-keeper", &[flags, soon].concat())?;
    let mut client = Client::connect_to(&server, "/red")?;
    assert_eq!(client.receive_text()?, "room is red");
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask(&format!("timer 1 {NEVER}"))?, "Ok(())");
    client.close()?;
    server.wait_for_log("hibernated")?;
    let mut client = Client::connect_to(&server, "/red")?;
    assert_eq!(client.receive_text()?, "room is red");
    assert_eq!(client.ask("count")?, "102");
    assert_eq!(client.ask("cancel 1")?, "true");
    client.close()?;
    server.wait_for_log("nobody is there any more")?;
    Ok(())
}

#[test]
fn there_are_at_most_1024_timers() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let mut client = Client::connect(&server)?;
    for number in 0..1024 {
        client.send_text(&format!("timer {number} {NEVER}"))?;
        assert_eq!(client.receive_text()?, "Ok(())");
    }
    assert_eq!(client.ask(&format!("timer 1024 {NEVER}"))?, "Err(TimerError)");
    // One that is set may be set anew.
    assert_eq!(client.ask(&format!("timer 5 {NEVER}"))?, "Ok(())");
    assert_eq!(client.ask("cancel 5")?, "true");
    assert_eq!(client.ask(&format!("timer 1024 {NEVER}"))?, "Ok(())");
    Ok(())
}
