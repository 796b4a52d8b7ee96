//! Handlers that send a last message when the server stops.

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer};

use crate::configured::ask_admin;

/// Expects the handler's last message and then the close frame.
fn expect_goodbye(client: &mut Client) -> Result<()> {
    assert_eq!(client.receive_text()?, "goodbye");
    client.expect_close(1001).map(drop)
}

#[test]
fn handler_stops_once_while_its_clients_are_connected() -> Result<()> {
    let server = TestServer::serving("guest-filling")?;
    let mut clients = Client::connect_many(&server, 3)?;
    server.signal(Signal::TERM)?;
    for client in &mut clients {
        expect_goodbye(client)?;
    }
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert_eq!(ended.log.matches("stopping with 3 clients").count(), 1, "{}", ended.log);
    assert_eq!(ended.log.matches("stopping with").count(), 1, "{}", ended.log);
    Ok(())
}

#[test]
fn handler_of_a_removed_resource_says_goodbye() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-filling", &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(ask_admin(admin, "DELETE /resources/guest-filling", "", b"")?.status, 200);
    expect_goodbye(&mut client)
}

#[test]
fn live_instance_without_clients_gets_the_stop_event() -> Result<()> {
    let mut server = TestServer::serving("guest-filling")?;
    Client::connect(&server)?.close()?;
    server.wait_for_log(" disconnected")?;
    server.signal(Signal::TERM)?;
    let ended = server.wait()?;
    assert!(ended.log.contains("stopping with 0 clients"), "{}", ended.log);
    Ok(())
}

#[test]
fn hibernated_instance_with_clients_wakes_for_the_stop_event() -> Result<()> {
    let flags = ["--hibernate-after", "100ms", "--log", "info,ws_host::actor=debug"];
    let (mut server, mut client) = TestServer::with_client("guest-filling", &flags)?;
    server.wait_for_log("hibernated")?;
    server.signal(Signal::TERM)?;
    expect_goodbye(&mut client)?;
    let ended = server.wait()?;
    assert!(ended.log.contains("stopping with 1 clients"), "{}", ended.log);
    Ok(())
}

/// Handlers have half of the drain timeout for this, and neither half ends while this test runs.
#[test]
fn handler_that_sleeps_in_the_stop_event_delays_no_other() -> Result<()> {
    let flags = ["--instance-per", "client", "--workers", "1", "--drain-timeout", "1h"];
    let mut server = TestServer::with_arguments("guest-filling", &flags)?;
    let mut sleepers = Client::connect_many(&server, 3)?;
    for sleeper in &mut sleepers {
        assert_eq!(sleeper.ask("sleep")?, "sleep");
    }
    let mut client = Client::connect(&server)?;
    server.signal(Signal::TERM)?;
    expect_goodbye(&mut client)?;
    for sleeper in &mut sleepers {
        assert_eq!(sleeper.receive_text()?, "goodbye");
    }
    server.wait_for_log(" disconnected")?;
    server.signal(Signal::TERM)?;
    assert_eq!(server.wait()?.status.code(), Some(130));
    Ok(())
}

#[test]
fn stop_event_gets_at_most_half_of_the_drain_timeout() -> Result<()> {
    let (server, mut client) =
        TestServer::with_client("guest-filling", &["--drain-timeout", "600ms"])?;
    assert_eq!(client.ask("sleep")?, "sleep");
    server.signal(Signal::TERM)?;
    expect_goodbye(&mut client)?;
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(ended.log.contains("the drain timeout expired"), "{}", ended.log);
    Ok(())
}

#[test]
fn handler_that_fails_in_the_stop_event_keeps_no_client() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-filling", &[])?;
    assert_eq!(client.ask("panic")?, "panic");
    server.signal(Signal::TERM)?;
    expect_goodbye(&mut client)?;
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    Ok(())
}
