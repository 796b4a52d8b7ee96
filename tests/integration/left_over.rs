//! Clients that have gone or were never accepted leave nothing behind.

use std::time::Instant;

use anyhow::Result;
use ws_host_test_support::{Client, DEADLINE, Response, TestServer, handshake, poll_until};

use crate::configured::ask_admin;

/// Far more than the `max-clients` of these tests.
const MANY: usize = 3_000;

#[test]
fn rejected_client_is_forgotten_with_its_subscriptions() -> Result<()> {
    for (query, status) in [("subscribe-and-reject=news", 403), ("subscribe-and-panic=news", 500)] {
        // One instance per client, so that no client waits for a new instance after a panic.
        let flags = ["--instance-per", "client"];
        let (server, admin) = TestServer::with_admin("guest-choosy", &flags)?;
        for _ in 0..50 {
            let request = handshake(&format!("/?{query}"), "");
            assert_eq!(Response::to_head(server.address(), &request)?.status, status);
        }
        let response = ask_admin(admin, "POST /resources/guest-choosy/topics/news", "", b"hello")?;
        assert_eq!(response.body, "published to 0 clients\n", "after {query}");
    }
    Ok(())
}

#[test]
fn lost_client_receives_no_message_while_its_handler_is_busy() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-keeper", &[])?;
    let mut gone = Client::connect(&server)?;
    assert_eq!(gone.ask("subscribe news")?, "Ok(())");
    let mut busy = Client::connect(&server)?;
    busy.send_text("sleep 60000")?;
    assert_eq!(busy.receive_text()?, "asleep");
    // Only its `disconnected` waits for the handler.
    gone.hang_up()?;
    let deadline = Instant::now() + DEADLINE;
    loop {
        let publish = "POST /resources/guest-keeper/topics/news";
        let response = ask_admin(admin, publish, "", b"hello")?;
        if response.body == "published to 0 clients\n" {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "still {}", response.body);
    }
}

#[test]
fn closed_client_that_keeps_its_connection_open_is_evicted_when_another_needs_its_permit()
-> Result<()> {
    let flags = ["--max-clients", "5", "--close-timeout", "1h"];
    let server = TestServer::with_arguments("echo", &flags)?;
    let before = server.open_files()?;
    let mut kept = Vec::new();
    for _ in 0..MANY {
        let mut client = Client::connect(&server)?;
        client.send_close(1000, "")?;
        assert_eq!(client.receive_close()?.0, 1000);
        // The connection stays open on this side.
        kept.push(client);
    }
    // Connections that are closed to make room take a moment to close.
    poll_until(|| server.open_files(), |open| *open <= before + 10)?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn closed_client_with_unsent_output_is_not_evicted() -> Result<()> {
    const LENGTH: usize = 15 << 20;
    let limits = ["--max-clients", "1", "--max-message", "16MiB", "--close-timeout", "1h"];
    let flags = [&limits[..], &["--log", "ws_host=debug"]].concat();
    let (mut server, mut client) = TestServer::with_client("echo", &flags)?;
    client.send_frame(0x82, &vec![7; LENGTH])?;
    client.send_close(1000, "")?;
    server.wait_for_log("disconnected: the client closed")?;
    let handshake = handshake("/", "");
    assert_eq!(Response::to_head(server.address(), &handshake)?.status, 503);
    assert_eq!(client.receive()?.payload.len(), LENGTH);
    assert_eq!(client.receive_close()?.0, 1000);
    // The client has received everything now and keeps its connection open.
    poll_until(
        || Response::to_head(server.address(), &handshake),
        |response| response.status != 503,
    )?;
    Ok(())
}

#[test]
fn connected_client_is_never_evicted() -> Result<()> {
    let (server, mut first) = TestServer::with_client("echo", &["--max-clients", "2"])?;
    let second = Client::connect(&server)?;
    assert_eq!(Response::to_head(server.address(), &handshake("/", ""))?.status, 503);
    second.close()?;
    // After an orderly close the permit is free at once.
    let mut third = Client::connect(&server)?;
    assert_eq!(first.ask("first")?, "first");
    assert_eq!(third.ask("third")?, "third");
    Ok(())
}
