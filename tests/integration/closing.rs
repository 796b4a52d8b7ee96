//! Closing handshakes (RFC 6455 §7): the codes on both sides, and that the handler gets exactly one last event.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;
use ws_host_test_support::{Client, DEADLINE, TestServer, handshake, masked_frame};

/// Returns the handler's record of the client `name`, once the client has disconnected.
fn life(witness: &mut Client, name: &str) -> Result<Vec<String>> {
    loop {
        let report = witness.ask("report")?;
        let lines: Vec<String> = report
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(str::to_owned)
            .collect();
        if lines.iter().any(|line| line.starts_with("disconnected")) {
            return Ok(lines);
        }
    }
}

fn scene() -> Result<(TestServer, Client, Client, String)> {
    let (server, witness) = TestServer::with_client("guest-recording", &[])?;
    let mut client = Client::connect(&server)?;
    let name = client.ask("who")?;
    Ok((server, witness, client, name))
}

#[test]
fn close_of_the_client_is_answered_with_its_own_code() -> Result<()> {
    let (_server, mut witness, mut client, name) = scene()?;
    client.send_text("last words")?;
    client.send_close(4001, "enough")?;
    assert_eq!(client.receive_close()?, (4001, "enough".to_owned()));
    client.expect_end()?;
    assert_eq!(
        life(&mut witness, &name)?,
        [
            "connected",
            "text last words",
            r#"disconnected 4001 "enough" clean true sent Some(4001)"#,
        ]
    );
    Ok(())
}

#[test]
fn close_without_a_code_is_1005_for_the_handler() -> Result<()> {
    let (_server, mut witness, mut client, name) = scene()?;
    client.send_frame(0x88, b"")?;
    assert_eq!(client.receive_close()?, (1005, String::new()));
    client.expect_end()?;
    assert_eq!(
        life(&mut witness, &name)?,
        ["connected", r#"disconnected 1005 "" clean true sent None"#]
    );
    Ok(())
}

#[test]
fn lost_connection_is_1006_for_the_handler() -> Result<()> {
    let (_server, mut witness, client, name) = scene()?;
    client.hang_up()?;
    assert_eq!(
        life(&mut witness, &name)?,
        [
            "connected",
            r#"disconnected 1006 "the client left without a close frame" clean false sent None"#,
        ]
    );
    Ok(())
}

#[test]
fn nothing_is_delivered_after_the_close_frame_of_the_client() -> Result<()> {
    let (_server, mut witness, mut client, name) = scene()?;
    // A close frame and a text message in one write.
    client.send_hex("88 82 00 00 00 00 03 e8 81 84 00 00 00 00 6c 61 74 65")?;
    assert_eq!(client.receive_close()?.0, 1000);
    client.expect_end()?;
    assert_eq!(
        life(&mut witness, &name)?,
        ["connected", r#"disconnected 1000 "" clean true sent Some(1000)"#]
    );
    Ok(())
}

#[test]
fn client_that_closes_twice_disconnects_once() -> Result<()> {
    let (_server, mut witness, mut client, name) = scene()?;
    client.send_close(1000, "")?;
    client.send_close(1001, "")?;
    client.receive_close()?;
    client.expect_end()?;
    assert_eq!(life(&mut witness, &name)?.len(), 2);
    Ok(())
}

#[test]
fn handler_closes_with_code_and_reason() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-closing", &[])?;
    client.send_text("close 4321 that's all")?;
    assert_eq!(client.expect_close(4321)?, "that's all");
    Ok(())
}

#[test]
fn message_in_flight_when_the_handler_closes_is_read_and_not_delivered() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-closing", &[])?;
    client.send_text("close 1000")?;
    assert_eq!(client.receive_close()?.0, 1000);
    // Fragments are legal until the client's own close frame.
    client.send_frame(0x01, b"late ")?;
    client.send_frame(0x80, b"message")?;
    client.send_close(1000, "")?;
    client.expect_end()
}

#[test]
fn codes_and_reasons_that_may_not_be_sent_are_refused() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-closing", &[])?;
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert_eq!(client.ask(&format!("close {code}"))?, "Err(InvalidCode)", "{code}");
    }
    let long = "x".repeat(124);
    assert_eq!(client.ask(&format!("close 1000 {long}"))?, "Err(ReasonTooLong)");
    let longest = "x".repeat(123);
    client.send_text(&format!("close 1000 {longest}"))?;
    assert_eq!(client.expect_close(1000)?, longest);
    Ok(())
}

#[test]
fn handler_may_close_from_connected() -> Result<()> {
    let server = TestServer::serving("guest-closing")?;
    let mut client = Client::connect_to(&server, "/?close")?;
    // This text is not delivered: the handler would answer it.
    client.send_text("hello?")?;
    assert_eq!(client.receive_text()?, "goodbye");
    assert_eq!(client.expect_close(4000)?, "not today");
    Ok(())
}

#[test]
fn client_that_does_not_answer_a_close_frame_is_dropped() -> Result<()> {
    let (_server, mut client) =
        TestServer::with_client("guest-closing", &["--close-timeout", "200ms"])?;
    client.send_text("close 1000")?;
    assert_eq!(client.receive_close()?.0, 1000);
    client.expect_end()
}

#[test]
fn abort_ends_a_connection_without_a_close_frame() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-aborting", &[])?;
    client.send_text("abort me")?;
    client.expect_end()
}

#[test]
fn abort_of_another_client_works_once() -> Result<()> {
    let (server, mut victim) = TestServer::with_client("guest-aborting", &[])?;
    let id = victim.ask("who am I?")?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(&format!("abort {id}"))?, "true Err(Closed)");
    victim.expect_end()?;
    assert_eq!(client.ask(&format!("abort {id}"))?, "false Err(Closed)");
    assert_eq!(client.ask(&format!("abort {}", u64::MAX))?, "false Err(Closed)");
    Ok(())
}

#[test]
fn messages_sent_early_are_dropped_when_connected_closes_the_client() -> Result<()> {
    let server = TestServer::serving("guest-closing")?;
    let mut stream = std::net::TcpStream::connect(server.address())?;
    let eager = masked_frame(0x81, b"eager").repeat(3);
    stream.write_all(&[handshake("/?close", "").as_bytes(), &eager].concat())?;
    let (mut client, _) = Client::after(stream)?;
    assert_eq!(client.receive_text()?, "goodbye");
    client.expect_close(4000)?;
    Ok(())
}

/// Returns whether the server closes the connection within 300 ms while the client sends nothing.
fn end_comes(stream: &TcpStream) -> Result<bool> {
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let peeked = stream.peek(&mut [0]);
    stream.set_read_timeout(Some(DEADLINE))?;
    match peeked {
        Ok(length) => Ok(length == 0),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// If the server closed while the client is still sending, a proxy between them would reset the client, which would
/// then never see the close frame.
#[test]
fn server_closes_a_failed_connection_only_after_the_client_has_answered() -> Result<()> {
    // Longer than this test waits, so it is the client's close frame that ends the connection.
    let flags = ["--max-message", "1KiB", "--close-timeout", "10m"];
    let server = TestServer::with_arguments("echo", &flags)?;
    for (bytes, code) in [
        // Far over the limit: its payload arrives after the connection has failed.
        ([&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &[0x88; 65_536]].concat(), 1009),
        (masked_frame(0x81, b"\xff"), 1007),
        (masked_frame(0x83, b"reserved"), 1002),
        (masked_frame(0xe1, b"reserved bits"), 1002),
    ] {
        let mut client = Client::connect(&server)?;
        client.send(&bytes)?;
        assert_eq!(client.receive_close()?.0, code);
        assert!(!end_comes(client.stream())?, "{code}: closed before the client answered");
        client.send_close(code, "")?;
        client.expect_end()?;
    }
    Ok(())
}
