//! Idle connections.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

#[test]
fn silent_client_gets_a_ping_and_is_dropped_without_an_answer() -> Result<()> {
    let (mut server, mut client) =
        TestServer::with_client("guest-recording", &["--idle-timeout", "400ms"])?;
    assert_eq!(client.receive()?.first, 0x89);
    client.expect_end()?;
    let line = server.wait_for_log("disconnected")?;
    assert!(
        line.contains(
            r#"disconnected 1006 "nothing came from the client for too long" clean false"#
        ),
        "{line}"
    );
    Ok(())
}

#[test]
fn client_that_answers_pings_stays_and_its_handler_gets_no_pong() -> Result<()> {
    let (_server, mut client) =
        TestServer::with_client("guest-recording", &["--idle-timeout", "400ms"])?;
    for _ in 0..3 {
        let ping = client.receive()?;
        assert_eq!(ping.first, 0x89);
        client.send_frame(0x8a, &ping.payload)?;
    }
    let report = client.ask("report")?;
    assert!(!report.contains("pong"), "{report}");
    Ok(())
}

#[test]
fn silent_client_is_dropped_while_the_actor_sleeps() -> Result<()> {
    let (server, mut silent) =
        TestServer::with_client("guest-sleep", &["--idle-timeout", "400ms"])?;
    let mut sleeper = Client::connect(&server)?;
    sleeper.send_text("sleep 600000")?;
    assert_eq!(sleeper.receive_text()?, "before");
    // The last event waits for the handler; closing the socket does not.
    assert_eq!(silent.receive()?.first, 0x89);
    silent.expect_end()
}

/// The client's pongs and its next message stay unread while the handler waits. That does not make it silent.
#[test]
fn client_whose_handler_waits_is_not_silent() -> Result<()> {
    let (_server, mut client) =
        TestServer::with_client("guest-sleep", &["--idle-timeout", "400ms"])?;
    client.send_text("sleep 2000")?;
    client.send_text("and then?")?;
    let mut received = Vec::new();
    while received.len() < 3 {
        let frame = client.receive()?;
        match frame.first {
            0x89 => client.send_frame(0x8a, &frame.payload)?,
            _ => received.push(String::from_utf8(frame.payload)?),
        }
    }
    assert_eq!(received, ["before", "after", "and then?"]);
    Ok(())
}

#[test]
fn idle_timeout_can_be_turned_off() -> Result<()> {
    let (_server, mut client) =
        TestServer::with_client("guest-recording", &["--idle-timeout", "0s"])?;
    client.stream().set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
    assert!(client.receive().is_err(), "a ping came");
    client.send_text("report")?;
    assert!(client.receive_text()?.contains("connected"));
    Ok(())
}
