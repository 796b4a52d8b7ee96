//! Errors of handlers: what clients and the log see of them, and how handlers can react.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::configured::Configuration;

#[test]
fn development_mode_shows_the_client_why_its_handler_panicked() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-trap", &["--dev"])?;
    client.send_text("trap")?;
    let reason = client.expect_close(1011)?;
    assert!(reason.starts_with("asked to panic (tests/guests/examples/trap.rs:"), "{reason}");
    server.wait_for_log("the handler trapped")?;
    // The backtrace, with the name of the function that panicked.
    server.wait_for_log("wasm backtrace")?;
    Ok(())
}

#[test]
fn development_mode_shows_the_client_limits_and_errors() -> Result<()> {
    let (_server, mut client) =
        TestServer::with_client("guest-spin", &["--dev", "--max-cpu", "50ms"])?;
    assert_eq!(client.ask("spin")?, "spinning");
    assert!(client.expect_close(1011)?.contains("max-cpu allows 50ms"));
    let (_server, mut client) = TestServer::with_client("guest-failing", &["--dev"])?;
    client.send_text("x")?;
    let reason = client.expect_close(1011)?;
    assert_eq!(reason, "cannot count: invalid digit found in string");
    Ok(())
}

#[test]
fn without_development_mode_clients_get_no_details() -> Result<()> {
    for (guest, word) in [("guest-trap", "trap"), ("guest-failing", "x")] {
        let (mut server, mut client) = TestServer::with_client(guest, &[])?;
        client.send_text(word)?;
        assert_eq!(client.expect_close(1011)?, "the handler failed");
        server.wait_for_log(if word == "x" {
            "cannot count: invalid"
        } else {
            "asked to panic"
        })?;
    }
    Ok(())
}

#[test]
fn handler_has_its_own_reaction_to_errors() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-reacting", &[])?;
    assert_eq!(client.ask("1")?, "2");
    assert_eq!(client.ask("x")?, "failed: invalid digit found in string");
    assert_eq!(client.ask("2")?, "3");
    client.send_frame(0x82, b"bytes")?;
    assert_eq!(client.receive_text()?, "failed: no bytes");
    assert_eq!(client.expect_close(1003)?, "text alone");
    Ok(())
}

#[test]
fn with_drop_message_the_message_is_dropped_and_the_client_stays() -> Result<()> {
    let server = Configuration::of("guest-trap", "on-fault = \"drop-message\"")?.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello 1");
    client.send_text("trap")?;
    // This is a new instance: its count starts again.
    assert_eq!(client.ask("hello")?, "hello 1");
    Ok(())
}
