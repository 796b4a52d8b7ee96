//! Lines that handlers write to the log at a level, and messages in JSON.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

const GUEST: &str = "guest-levels";

#[test]
fn lines_of_the_crate_log_have_their_level() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--log", "guest=trace"])?;
    assert_eq!(client.ask("log")?, "max is TRACE");
    for (level, text) in [
        ("TRACE", "a trace of log"),
        ("DEBUG", "a debug of log"),
        ("INFO", "an info of log"),
        ("INFO", r"and \u{1b}[31mits second line"),
        ("WARN", "a warn of log"),
        ("ERROR", "an error of log"),
    ] {
        let line = server.wait_for_log(" guest: ")?;
        assert!(line.contains(&format!("{level} guest: {text} component=")), "{line}");
    }
    Ok(())
}

#[test]
fn lines_of_the_crate_log_name_the_client_of_the_event_and_its_connection() -> Result<()> {
    let (mut server, mut first) = TestServer::with_client(GUEST, &["--access-log"])?;
    let mut second = Client::connect(&server)?;
    let mut ids = Vec::new();
    for client in [&mut first, &mut second] {
        client.ask("log")?;
        let line = server.wait_for_log(" guest: an info")?;
        let id = |name: &str| line.split_whitespace().find(|field| field.starts_with(name));
        let [connection, client] =
            [id("connection="), id("client=")].map(Option::unwrap_or_default);
        assert!(!connection.is_empty() && !client.is_empty(), "{line}");
        ids.push((connection.to_owned(), client.to_owned()));
    }
    assert!(ids[0].0 != ids[1].0 && ids[0].1 != ids[1].1, "{ids:?}");
    // The end of the connection has the same ids.
    second.close()?;
    let line = server.wait_for_log("closed")?;
    assert!(line.contains(&format!("{} ", ids[1].0)), "{line}");
    assert!(line.contains(&format!("{} ", ids[1].1)), "{line}");
    Ok(())
}

#[test]
fn levels_that_the_log_does_not_show_are_not_even_written() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--log", "warn"])?;
    assert_eq!(client.ask("log")?, "max is WARN");
    assert!(server.wait_for_log(" guest: ")?.contains("WARN guest: a warn of log"));
    assert!(server.wait_for_log(" guest: ")?.contains("ERROR guest: an error of log"));
    Ok(())
}

#[test]
fn events_of_the_crate_tracing_are_logged_with_their_fields() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &[])?;
    client.ask("tracing")?;
    for text in [
        "INFO guest: order; number=7",
        r#"INFO guest: an info of tracing item="tea" count=2"#,
        "ERROR guest: an error of tracing",
    ] {
        let line = server.wait_for_log(" guest: ")?;
        assert!(line.contains(text), "{line}");
    }
    Ok(())
}

#[test]
fn long_message_is_broken_and_then_cut() -> Result<()> {
    let flags = ["--max-log", "1mib"];
    let (mut server, mut client) = TestServer::with_client(GUEST, &flags)?;
    client.ask("long")?;
    for _ in 0..16 {
        let line = server.wait_for_log(" guest: ")?;
        assert!(line.contains(&format!(" {} ", "x".repeat(4096))), "{} bytes", line.len());
    }
    let line = server.wait_for_log(" guest: ")?;
    assert!(line.contains("guest: 4464 more bytes of this message were left out"), "{line}");
    Ok(())
}

#[test]
fn error_of_an_event_is_logged_as_an_error() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &[])?;
    client.send_text("fail")?;
    assert_eq!(client.expect_close(1011)?, "the handler failed");
    let line = server.wait_for_log(" guest: ")?;
    assert!(line.contains("ERROR guest: client ") && line.contains(": on purpose "), "{line}");
    Ok(())
}

#[test]
fn client_that_sends_invalid_json_gets_an_error_and_is_closed() -> Result<()> {
    let mut server = TestServer::serving(GUEST)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(r#"{"item": "tea", "count": 2}"#)?, r#"{"item":"tea","count":3}"#);
    for (message, reason) in [
        ("{", "invalid JSON: EOF while parsing an object at line 1 column 1"),
        (r#"{"item": "tea"}"#, "invalid JSON: missing field `count` at line 1 column 15"),
    ] {
        client.send_text(message)?;
        assert_eq!(client.expect_close(1007)?, reason);
        let line = server.wait_for_log(" guest: ")?;
        assert!(line.contains("INFO guest: client ") && line.contains(reason), "{line}");
        client = Client::connect(&server)?;
    }
    Ok(())
}
