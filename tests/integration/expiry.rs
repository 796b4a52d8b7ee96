//! Clients that expire unless they authenticate again.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::keeper::{ON_REQUEST, mark_component, post_reload};

const GUEST: &str = "guest-tagging";

#[test]
fn handler_is_notified_and_then_the_client_is_closed_with_1008() -> Result<()> {
    let server = TestServer::serving(GUEST)?;
    let [mut client, mut other] = [Client::connect(&server)?, Client::connect(&server)?];
    assert_eq!(client.ask("remaining")?, "None");
    let begin = Instant::now();
    assert_eq!(client.ask("expire 1000 500")?, "Ok(())");
    assert!(client.ask("remaining")?.starts_with("Some("));
    assert_eq!(client.receive_text()?, "expiring");
    assert!(begin.elapsed() >= Duration::from_millis(500));
    assert_eq!(client.expect_close(1008)?, "expired");
    assert!(begin.elapsed() >= Duration::from_millis(1000));
    assert_eq!(other.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn client_whose_handler_wants_no_notice_is_closed_without_one() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &[])?;
    assert_eq!(client.ask("expire 50")?, "Ok(())");
    assert_eq!(client.expect_close(1008)?, "expired");
    Ok(())
}

#[test]
fn client_that_is_given_more_time_or_kept_stays() -> Result<()> {
    let server = TestServer::serving(GUEST)?;
    let mut clients = Client::connect_many(&server, 4)?;
    let [more, moved, kept, clock] = &mut clients[..] else { unreachable!("there are four") };
    assert_eq!(more.ask("when-expiring more")?, "noted");
    assert_eq!(more.ask("expire 1500 1200")?, "Ok(())");
    assert_eq!(moved.ask("expire 1000 300")?, "Ok(())");
    assert_eq!(moved.ask("expire 1000000 1000")?, "Ok(())");
    assert_eq!(kept.ask("expire 1000 300")?, "Ok(())");
    assert_eq!(kept.ask("keep")?, "true");
    assert_eq!(kept.ask("keep")?, "false");
    // When this client has expired, the first deadlines of the others have passed.
    assert_eq!(clock.ask("expire 2000 500")?, "Ok(())");
    assert_eq!(clock.receive_text()?, "expiring");
    assert_eq!(clock.expect_close(1008)?, "expired");
    assert_eq!(more.receive_text()?, "expiring");
    assert!(more.ask("remaining")?.starts_with("Some(9"));
    assert!(moved.ask("remaining")?.starts_with("Some(99"));
    assert_eq!(kept.ask("remaining")?, "None");
    Ok(())
}

/// The client has a long time at first and then a short one.
#[test]
fn client_that_is_given_less_time_expires_earlier() -> Result<()> {
    let server = TestServer::serving(GUEST)?;
    let [mut client, mut other] = [Client::connect(&server)?, Client::connect(&server)?];
    let id = client.ask("id")?;
    assert_eq!(client.ask("expire 1000000 1")?, "Ok(())");
    assert_eq!(other.ask(&format!("expire-client {id} 50 0"))?, "Ok(())");
    assert_eq!(client.expect_close(1008)?, "expired");
    Ok(())
}

#[test]
fn client_expires_while_its_handler_is_busy() -> Result<()> {
    let server = TestServer::serving(GUEST)?;
    let [mut client, mut busy] = [Client::connect(&server)?, Client::connect(&server)?];
    assert_eq!(client.ask("expire 1000 100")?, "Ok(())");
    assert_eq!(busy.ask("expire 1000000")?, "Ok(())");
    assert_eq!(busy.ask("sleep 5000")?, "asleep");
    let begin = Instant::now();
    // The client's own message waits for the handler, too.
    client.send_text("never heard")?;
    assert_eq!(client.receive_close()?, (1008, "expired".to_owned()));
    assert!(begin.elapsed() < Duration::from_secs(4), "the close waited for the handler");
    assert_eq!(busy.receive_text()?, "awake");
    assert_eq!(busy.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn client_that_keeps_sending_expires_nonetheless() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &[])?;
    assert_eq!(client.ask("expire 600 400")?, "Ok(())");
    let mut sending = client.try_clone()?;
    let sender = std::thread::spawn(move || {
        // Sends until the client is closed.
        while sending.send_text("x").is_ok() {}
    });
    let mut heard = Vec::new();
    let closed = loop {
        let frame = client.receive()?;
        match frame.first {
            0x81 => heard.push(frame.payload),
            _ => break frame,
        }
    };
    assert_eq!(closed.first, 0x88);
    assert_eq!(closed.payload, b"\x03\xf0expired");
    let reports = heard.iter().filter(|text| *text == b"expiring").count();
    assert_eq!(reports, 1, "among {} answers", heard.len());
    drop(client);
    sender.join().expect("the thread does not panic");
    Ok(())
}

#[test]
fn fault_in_expiring_closes_only_that_client() -> Result<()> {
    for (wanted, code) in [("trap", 1011), ("fail", 1011)] {
        let server = TestServer::serving(GUEST)?;
        let [mut client, mut other] = [Client::connect(&server)?, Client::connect(&server)?];
        assert_eq!(client.ask(&format!("when-expiring {wanted}"))?, "noted");
        assert_eq!(client.ask("expire 1000000 999950")?, "Ok(())");
        client.expect_close(code)?;
        assert_eq!(other.ask("still here")?, "still here");
    }
    Ok(())
}

#[test]
fn closing_client_does_not_expire() -> Result<()> {
    let (mut server, mut closing) = TestServer::with_client(GUEST, &[])?;
    let id = closing.ask("id")?;
    closing.send_text("expire-and-close 200 199")?;
    let mut clock = Client::connect(&server)?;
    assert_eq!(clock.ask("expire 1000000 999600")?, "Ok(())");
    assert_eq!(clock.receive_text()?, "expiring");
    let first = server.wait_for_log("expiring ")?;
    assert!(!first.trim_end().ends_with(&format!("expiring {id}")), "{first}");
    assert_eq!(closing.receive_close()?, (1000, String::new()));
    Ok(())
}

#[test]
fn expiry_outlives_hibernation_and_a_trap() -> Result<()> {
    let flags = ["--hibernate-after", "100ms", "--log", "ws_host=debug"];
    let mut server = TestServer::with_arguments(GUEST, &flags)?;
    let [mut client, mut other] = [Client::connect(&server)?, Client::connect(&server)?];
    assert_eq!(client.ask("expire 2500 1000")?, "Ok(())");
    other.send_text("trap")?;
    other.expect_close(1011)?;
    assert!(client.ask("remaining")?.starts_with("Some("));
    server.wait_for_log("hibernated")?;
    assert_eq!(client.receive_text()?, "expiring", "the instance wakes for the event");
    assert_eq!(client.expect_close(1008)?, "expired");
    Ok(())
}

#[test]
fn expiry_outlives_a_reload() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("handler.wasm");
    mark_component(GUEST, "1", &file)?;
    let mut server = TestServer::serving_file(&file, ON_REQUEST)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("expire 2500 1000")?, "Ok(())");
    mark_component(GUEST, "2", &file)?;
    let body = post_reload(admin)?.body;
    assert!(body.contains("1 instances swapped"), "{body}");
    assert!(client.ask("remaining")?.starts_with("Some("));
    assert_eq!(client.receive_text()?, "expiring", "the new code gets the event");
    assert_eq!(client.expect_close(1008)?, "expired");
    Ok(())
}

#[test]
fn extreme_times_and_unknown_clients() -> Result<()> {
    let flags = ["--instance-per", "client", "--workers", "2"];
    let server = TestServer::with_arguments(GUEST, &flags)?;
    let [mut mine, mut other] = [Client::connect(&server)?, Client::connect(&server)?];
    assert_eq!(other.ask("expire 1000000")?, "Ok(())");
    for id in [other.ask("id")?, "0".into(), u64::MAX.to_string()] {
        assert_eq!(mine.ask(&format!("expire-client {id} 1 1"))?, "Err(Closed)");
        assert_eq!(mine.ask(&format!("keep-client {id}"))?, "false");
        assert_eq!(mine.ask(&format!("remaining-of {id}"))?, "None");
    }
    assert_eq!(other.ask("keep")?, "true");
    // Ten years at most; nothing overflows.
    assert_eq!(other.ask("expire-most")?, "Ok(())");
    assert!(other.ask("remaining")?.starts_with("Some(315359999"));
    // A notice longer than the time left comes at once.
    assert_eq!(other.ask("expire 1000000 18446744073709551615")?, "Ok(())");
    assert_eq!(other.receive_text()?, "expiring");
    // The client has one millisecond, which may be enough for the reply.
    mine.send_text("expire 0 0")?;
    let frame = mine.receive()?;
    if frame.first == 0x81 {
        assert_eq!(mine.expect_close(1008)?, "expired");
    } else {
        assert_eq!(frame.payload, b"\x03\xf0expired");
    }
    Ok(())
}
