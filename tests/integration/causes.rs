//! What ended a connection, in a word.

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, masked_frame};

use crate::configured::ask_admin;
use crate::keeper::counter;

/// Serves a component, and tells in the log how connections end.
fn serve(component: &str, flags: &[&str]) -> Result<TestServer> {
    let log = ["--log", "info,ws_host::connection=debug"];
    TestServer::with_arguments(component, &[&log, flags].concat())
}

/// The word for the next connection that ends.
fn cause(server: &mut TestServer) -> Result<String> {
    let line = server.wait_for_log("disconnected: ")?;
    let after = line.split("cause=\"").nth(1).context(line.clone())?;
    Ok(after.split('"').next().unwrap_or_default().to_owned())
}

#[test]
fn client_that_closes_is_the_cause() -> Result<()> {
    let mut server = serve("echo", &[])?;
    Client::connect(&server)?.close()?;
    assert_eq!(cause(&mut server)?, "client");
    Ok(())
}

#[test]
fn handler_that_closes_or_aborts_is_the_cause() -> Result<()> {
    let mut server = serve("guest-closing", &[])?;
    let mut client = Client::connect(&server)?;
    client.send_text("close 4000 enough")?;
    client.expect_close(4000)?;
    assert_eq!(cause(&mut server)?, "handler");
    let mut server = serve("guest-aborting", &[])?;
    let mut client = Client::connect(&server)?;
    client.send_text("abort me")?;
    client.expect_end()?;
    assert_eq!(cause(&mut server)?, "handler");
    Ok(())
}

/// Whatever comes of a close, it is what has ended the connection.
#[test]
fn what_ends_a_connection_first_is_the_cause() -> Result<()> {
    let mut server = serve("guest-closing", &["--close-timeout", "200ms"])?;
    for ends_with in ["nothing", "a lost connection", "a frame that is none", "a close frame"] {
        let mut client = Client::connect(&server)?;
        client.send_text("close 4000 enough")?;
        assert_eq!(client.receive_close()?.0, 4000);
        match ends_with {
            "a lost connection" => drop(client),
            "a frame that is none" => client.send_hex("83 80 00 00 00 00")?,
            "a close frame" => client.send_close(4001, "no, I")?,
            _ => client.expect_end()?,
        }
        assert_eq!(cause(&mut server)?, "handler", "ends with {ends_with}");
    }
    Ok(())
}

#[test]
fn operator_that_closes_is_the_cause() -> Result<()> {
    let mut server = serve("guest-aborting", &["--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("who")?;
    assert_eq!(ask_admin(admin, &format!("DELETE /clients/{id}"), "", b"")?.status, 200);
    client.expect_close(1001)?;
    assert_eq!(cause(&mut server)?, "operator");
    Ok(())
}

#[test]
fn connection_that_breaks_or_ends_without_a_close_frame_is_lost() -> Result<()> {
    let mut server = serve("echo", &[])?;
    drop(Client::connect(&server)?);
    assert_eq!(cause(&mut server)?, "lost");
    Client::connect(&server)?.hang_up()?;
    assert_eq!(cause(&mut server)?, "lost");
    Ok(())
}

#[test]
fn client_that_does_not_answer_a_ping_is_silent() -> Result<()> {
    let mut server = serve("echo", &["--idle-timeout", "400ms"])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.receive()?.first, 0x89);
    client.expect_end()?;
    assert_eq!(cause(&mut server)?, "silent");
    Ok(())
}

#[test]
fn client_that_does_not_take_its_output_is_slow() -> Result<()> {
    let flags = ["--idle-timeout", "400ms", "--max-outbound", "16MiB"];
    let mut server = serve("guest-flood", &flags)?;
    let mut client = Client::connect(&server)?;
    client.send_text("1000 10000")?;
    assert_eq!(cause(&mut server)?, "slow");
    Ok(())
}

#[test]
fn client_that_breaks_the_protocol_or_sends_no_text_is_told_so() -> Result<()> {
    let mut server = serve("echo", &[])?;
    for (frame, code) in [("81 00", 1002), ("81 82 00 00 00 00 ff ff", 1007)] {
        let mut client = Client::connect(&server)?;
        client.send_hex(frame)?;
        client.expect_close(code)?;
        assert_eq!(cause(&mut server)?, "protocol-error");
    }
    Ok(())
}

#[test]
fn message_that_is_too_long_is_the_cause() -> Result<()> {
    let mut server = serve("echo", &["--max-message", "1KiB"])?;
    let mut client = Client::connect(&server)?;
    client.send_frame(0x82, &[0; 1025])?;
    client.expect_close(1009)?;
    assert_eq!(cause(&mut server)?, "too-long");
    Ok(())
}

#[test]
fn handler_that_fails_is_the_cause() -> Result<()> {
    let mut server = serve("guest-trap", &[])?;
    let mut client = Client::connect(&server)?;
    client.send_text("trap")?;
    client.expect_close(1011)?;
    assert_eq!(cause(&mut server)?, "handler-failed");
    Ok(())
}

#[test]
fn client_that_is_closed_to_make_room_is_told_so() -> Result<()> {
    let mut server = serve("echo", &["--max-buffered", "4MiB"])?;
    // A first fragment, of a message to which no other ever comes.
    let fragment = masked_frame(0x02, &vec![1; (1 << 20) - 1]);
    let mut clients = (0..8).map(|_| Client::connect(&server)).collect::<Result<Vec<_>>>()?;
    for client in &mut clients {
        client.send(&fragment)?;
        client.send_frame(0x89, b"")?;
        if client.receive()?.first == 0x88 {
            break;
        }
    }
    assert_eq!(cause(&mut server)?, "no-room");
    Ok(())
}

#[test]
fn server_that_stops_and_resource_that_is_gone_are_the_cause() -> Result<()> {
    let mut server = serve("echo", &["--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(ask_admin(admin, "DELETE /resources/echo", "", b"")?.status, 200);
    client.expect_close(1001)?;
    assert_eq!(cause(&mut server)?, "stopping");
    let mut server = serve("echo", &[])?;
    let mut client = Client::connect(&server)?;
    server.signal(Signal::INT)?;
    client.expect_close(1001)?;
    assert_eq!(cause(&mut server)?, "stopping");
    Ok(())
}

/// So many small messages, of which nothing is read, and one whose buffer is full.
#[test]
fn client_that_would_miss_a_message_is_closed_as_slow_where_that_is_wanted() -> Result<()> {
    let flags = ["--on-full", "close", "--max-message", "32KiB", "--admin", "127.0.0.1:0"];
    let mut server = serve("guest-flood", &flags)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    // 100 MB, and nobody reads.
    client.send_text("100000 1000")?;
    let line = server.wait_for_log("Err(Full)")?;
    // One did not find room; from then on it is closing.
    assert!(line.contains(r#""Err(Full)": 1,"#) || line.contains(r#""Err(Full)": 1}"#), "{line}");
    assert!(line.contains(r#""Err(Closed)""#), "{line}");
    // What was accepted arrives before it is closed.
    let mut messages = 0;
    let (code, reason) = loop {
        let frame = client.receive()?;
        if frame.first == 0x88 {
            let code = u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
            break (code, String::from_utf8(frame.payload[2..].to_vec())?);
        }
        messages += 1;
    };
    assert_eq!((code, reason.as_str()), (1008, "too slow for what is sent"));
    assert!(line.contains(&format!(r#""Ok(())": {messages}"#)), "{line}: {messages}");
    client.send_close(1008, "")?;
    assert_eq!(cause(&mut server)?, "slow");
    let closed = r#"ws_host_closed_for_slowness_total{resource="guest-flood"}"#;
    assert_eq!(counter(admin, closed)?, 1);
    Ok(())
}

/// Whoever reads goes on.
#[test]
fn client_that_would_miss_what_is_sent_to_many_is_closed_too() -> Result<()> {
    let flags = ["--on-full", "close", "--max-message", "32KiB", "--admin", "127.0.0.1:0"];
    // One broadcasts, the other one publishes.
    for component in ["guest-fanout", "guest-megaphone"] {
        let mut server = serve(component, &flags)?;
        let admin = server.admin()?;
        let slow = Client::connect(&server)?;
        let mut reader = Client::connect(&server)?;
        let closed = format!(r#"ws_host_closed_for_slowness_total{{resource="{component}"}}"#);
        while counter(admin, &closed)? == 0 {
            for _ in 0..20 {
                reader.send_frame(0x82, &[0; 16_000])?;
                reader.receive()?;
            }
        }
        assert_eq!(counter(admin, &closed)?, 1);
        drop(slow);
        assert_eq!(cause(&mut server)?, "slow");
        reader.send_text("still here")?;
        reader.receive()?;
    }
    Ok(())
}

/// It is not slow then: the host has no room for what others have not taken.
#[test]
fn client_that_would_miss_a_message_for_want_of_memory_is_closed_to_make_room() -> Result<()> {
    let flags = ["--on-full", "close", "--max-outbound", "4MiB", "--max-buffered", "8MiB"];
    let mut server = serve("guest-flood", &flags)?;
    let mut greedy = [Client::connect(&server)?, Client::connect(&server)?];
    for client in &mut greedy {
        client.send_text("3 1000000")?;
        server.wait_for_log(r#"{"Ok(())": 3}"#)?;
    }
    let mut client = Client::connect(&server)?;
    client.send_text("3 1000000")?;
    assert_eq!(client.receive()?.payload.len(), 1_000_000);
    client.expect_close(1013)?;
    assert_eq!(cause(&mut server)?, "no-room");
    Ok(())
}
