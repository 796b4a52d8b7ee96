//! What guests print.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

#[test]
fn lines_of_a_guest_stand_in_the_log_with_its_name() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    let mut client = Client::connect(&server)?;
    client.ask("all is well")?;
    let line = server.wait_for_log("all is well")?;
    assert!(line.contains("INFO guest") && line.contains("guest-noisy.wasm"), "{line}");
    client.ask("!beware")?;
    assert!(server.wait_for_log("beware")?.contains("WARN guest"));
    Ok(())
}

#[test]
fn control_characters_of_a_guest_are_escaped() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    Client::connect(&server)?.ask("\u{1b}[2J\rfake entry")?;
    let line = server.wait_for_log("fake entry")?;
    assert!(line.contains(r"\u{1b}[2J\rfake entry"), "{line}");
    Ok(())
}

#[test]
fn line_without_an_end_is_logged_in_pieces() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    Client::connect(&server)?.ask(&format!("{}end", "x".repeat(10_000)))?;
    assert!(server.wait_for_log("xend")?.len() < 5000);
    Ok(())
}
