//! What the log and, in development mode, the client get to know about a fault: the event, the client, the words of the
//! handler, and where it happened.

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, masked_frame, root};

const GUEST: &str = "guest-last_words";

/// The source of the guest, as its panics name it.
const SOURCE: &str = "tests/guests/examples/last_words.rs";

/// Returns the words of a panic: its message, and the place of the only line with this text in the guest's source.
fn panic_at(message: &str, code: &str) -> Result<String> {
    let source = std::fs::read_to_string(root().join(SOURCE))?;
    let mut places = source.lines().zip(1..).filter_map(|(line, number)| {
        let column = line.find(code)? + 1;
        Some(format!("{message} ({SOURCE}:{number}:{column})"))
    });
    let place = places.next().context("no line has this text")?;
    ensure!(places.next().is_none(), "several lines have the text {code}");
    Ok(place)
}

#[test]
fn words_of_an_earlier_event_do_not_explain_a_fault() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &["--dev"])?;
    assert_eq!(client.ask("print all is well")?, "printed");
    client.send_text("panic no such room")?;
    assert_eq!(client.expect_close(1011)?, panic_at("no such room", r#"panic!("{line}")"#)?);
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

/// Expects the line of a fault in the log, with its event, and with the message and the place of its panic.
fn expect_fault(server: &mut TestServer, event: &str, message: &str, code: &str) -> Result<String> {
    let line = server.wait_for_log("the handler trapped")?;
    ensure!(line.contains(&format!("event={event:?}")), "{line}");
    ensure!(line.contains(&format!("stderr={:?}", panic_at(message, code)?)), "{line}");
    Ok(line)
}

#[test]
fn every_fault_is_logged_with_its_event_its_client_and_the_place_of_the_panic() -> Result<()> {
    let mut server = TestServer::serving(GUEST)?;
    let mut client = Client::connect(&server)?;
    client.send_text("panic one")?;
    client.expect_close(1011)?;
    let line = expect_fault(&mut server, "received-text", "one", r#"panic!("{line}")"#)?;
    assert!(line.contains("client="), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_frame(0x82, b"x")?;
    client.expect_close(1011)?;
    let code = r#"panic!("in received-binary")"#;
    let line = expect_fault(&mut server, "received-binary", "in received-binary", code)?;
    assert!(line.contains("client="), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_close(1000, "panic")?;
    let code = "assert!(how.reason()";
    let line = expect_fault(&mut server, "disconnected", "in disconnected", code)?;
    assert!(line.contains("client="), "{line}");

    let mut client = Client::connect(&server)?;
    client.send_text("timer")?;
    expect_fault(&mut server, "fired", "in fired", r#"panic!("in fired")"#)?;
    Ok(())
}

#[test]
fn message_of_a_burst_that_traps_is_logged_with_its_own_event() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &[])?;
    let texts = ["print a", "print b", "print c", "panic at d"];
    client.send(&texts.map(|text| masked_frame(0x81, text.as_bytes())).concat())?;
    let line = server.wait_for_log("the handler trapped")?;
    assert!(line.contains(r#"event="received-text""#) && line.contains("at d"), "{line}");
    Ok(())
}

#[test]
fn fault_of_a_message_of_a_burst_is_not_explained_by_what_an_earlier_one_printed() -> Result<()> {
    let mut server = TestServer::serving(GUEST)?;
    // The last message prints only an empty line.
    let texts = ["print before", "print just before", "exit "];
    // A tick of the clock can cut any burst short.
    for _ in 0..5 {
        let mut client = Client::connect(&server)?;
        client.send(&texts.map(|text| masked_frame(0x81, text.as_bytes())).concat())?;
        for _ in 0..2 {
            assert_eq!(client.receive_text()?, "printed");
        }
        client.expect_close(1011)?;
        let line = server.wait_for_log("the handler trapped")?;
        assert!(!line.contains("just before"), "{line}");
    }
    Ok(())
}

#[test]
fn fault_in_suspend_is_logged_as_that_event() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client(GUEST, &["--hibernate-after", "100ms"])?;
    client.send_text("suspend")?;
    expect_fault(&mut server, "suspend", "in suspend", "assert!(!self.fails_to_suspend")?;
    Ok(())
}

#[test]
fn backtrace_of_a_limit_says_where_the_handler_was() -> Result<()> {
    for (limit, of_limit, message, function) in [
        ("--max-cpu", "50ms", "spin around", "last_words::spin_here"),
        ("--max-memory", "16MiB", "take it all", "last_words::take_here"),
        ("--max-time", "300ms", "sleep well", "last_words::sleep_here"),
        ("--max-time", "300ms", "doze off", "last_words::doze_here"),
    ] {
        let (mut server, mut client) = TestServer::with_client(GUEST, &["--dev", limit, of_limit])?;
        client.send_text(message)?;
        let reason = client.expect_close(1011)?;
        let expected = format!("{} allows ", limit.trim_start_matches('-'));
        assert!(reason.contains(&expected), "{reason}");
        let line = server.wait_for_log(&expected)?;
        assert!(line.contains("event=\"received-text\"") && line.contains("client="), "{line}");
        server.wait_for_log("wasm backtrace").context(limit)?;
        server.wait_for_log(function).context(limit)?;
    }
    Ok(())
}
