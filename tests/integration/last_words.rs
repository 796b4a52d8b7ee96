//! What the log and, in development mode, the client get to know about a fault: the event, the client, the words of the
//! handler, and where it happened.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

const GUEST: &str = "guest-last_words";

#[test]
fn words_of_an_earlier_event_do_not_explain_a_fault() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &["--dev"])?;
    assert_eq!(client.ask("print all is well")?, "printed");
    client.send_text("panic no such room")?;
    assert_eq!(client.expect_close(1011)?, "no such room");
    Ok(())
}

#[test]
fn words_do_not_explain_a_trap_that_the_handler_did_not_raise() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &["--dev"])?;
    client.send_text("overflow all is well")?;
    let reason = client.expect_close(1011)?;
    assert!(reason.starts_with("the handler trapped: wasm trap"), "{reason}");
    Ok(())
}

#[test]
fn handler_that_exits_is_explained_by_its_words() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--dev"])?;
    client.send_text("exit no configuration")?;
    assert_eq!(client.expect_close(1011)?, "no configuration");
    server.wait_for_log("exit status 1")?;
    Ok(())
}

#[test]
fn every_fault_is_logged_with_its_event_and_client() -> Result<()> {
    let mut server = TestServer::serving(GUEST)?;
    let mut client = Client::connect(&server)?;
    client.send_text("panic one")?;
    client.expect_close(1011)?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="received-text""#) && line.contains("client="), "{line}");
    assert!(line.contains(r#"stderr="one""#), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_frame(0x82, b"x")?;
    client.expect_close(1011)?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="received-binary""#) && line.contains("client="), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_close(1000, "panic")?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="disconnected""#) && line.contains("client="), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_text("timer")?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="fired""#) && line.contains(r#"stderr="in fired""#), "{line}");
    Ok(())
}

#[test]
fn message_of_a_burst_that_traps_is_logged_with_its_own_event() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &[])?;
    let mut burst = Vec::new();
    for text in ["print a", "print b", "print c", "panic at d"] {
        burst.extend(ws_host_test_support::masked_frame(0x81, text.as_bytes()));
    }
    client.send(&burst)?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="received-text""#) && line.contains("at d"), "{line}");
    Ok(())
}

#[test]
fn fault_in_suspend_is_logged_as_that_event() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--hibernate-after", "100ms"])?;
    client.send_text("suspend")?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="suspend""#) && line.contains("in suspend"), "{line}");
    Ok(())
}

#[test]
fn backtrace_of_a_limit_says_where_the_handler_was() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--dev", "--max-cpu", "50ms"])?;
    client.send_text("spin around")?;
    let reason = client.expect_close(1011)?;
    assert!(reason.contains("max-cpu allows 50ms"), "{reason}");
    server.wait_for_log("wasm backtrace")?;
    server.wait_for_log("last_words::spin_here")?;
    Ok(())
}
