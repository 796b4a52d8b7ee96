//! The one-word cause that the log gives for the end of each connection.

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, masked_frame};

use crate::configured::ask_admin;
use crate::keeper::counter;

/// Serves a component, with a log level that reports how connections end.
fn serve(component: &str, flags: &[&str]) -> Result<TestServer> {
    let log = ["--log", "info,ws_host::connection=debug"];
    TestServer::with_arguments(component, &[&log, flags].concat())
}

/// Returns the cause of the next connection that ends.
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

/// Once the handler has closed a client, later failures do not change the cause.
#[test]
fn first_end_of_a_connection_is_its_cause() -> Result<()> {
    let mut server = serve("guest-closing", &["--close-timeout", "200ms"])?;
    for ends_with in ["nothing", "a lost connection", "an invalid frame", "a close frame"] {
        let mut client = Client::connect(&server)?;
        client.send_text("close 4000 enough")?;
        assert_eq!(client.receive_close()?.0, 4000);
        match ends_with {
            "a lost connection" => drop(client),
            "an invalid frame" => client.send_hex("83 80 00 00 00 00")?,
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
fn client_that_does_not_read_its_output_is_slow() -> Result<()> {
    let flags = ["--idle-timeout", "400ms", "--max-outbound", "16MiB"];
    let mut server = serve("guest-flood", &flags)?;
    let mut client = Client::connect(&server)?;
    client.send_text("1000 10000")?;
    assert_eq!(cause(&mut server)?, "slow");
    Ok(())
}

#[test]
fn client_that_breaks_the_protocol_or_sends_invalid_text_is_a_protocol_error() -> Result<()> {
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
fn client_that_is_closed_to_make_room_has_the_cause_no_room() -> Result<()> {
    let mut server = serve("echo", &["--max-buffered", "4MiB"])?;
    // The first fragment of a message that is never continued.
    let fragment = masked_frame(0x02, &vec![1; (1 << 20) - 1]);
    let mut clients = Client::connect_many(&server, 8)?;
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
fn expiry_is_the_cause() -> Result<()> {
    let mut server = serve("guest-tagging", &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("expire 50")?, "Ok(())");
    client.expect_close(1008)?;
    assert_eq!(cause(&mut server)?, "expired");
    Ok(())
}

#[test]
fn shutdown_and_removal_of_the_resource_are_the_cause() -> Result<()> {
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

/// The client reads none of its many small messages, so its buffer is full.
#[test]
fn with_on_full_close_a_client_that_would_miss_a_message_is_closed_as_slow() -> Result<()> {
    let flags = ["--on-full", "close", "--max-message", "32KiB", "--admin", "127.0.0.1:0"];
    let mut server = serve("guest-flood", &flags)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    // 100 MB that the client does not read.
    client.send_text("100000 1000")?;
    let line = server.wait_for_log("Err(Full)")?;
    // One message did not fit; from then on the client is closing.
    assert!(line.contains(r#""Err(Full)": 1,"#) || line.contains(r#""Err(Full)": 1}"#), "{line}");
    assert!(line.contains(r#""Err(Closed)""#), "{line}");
    // Accepted messages arrive before the close frame.
    let mut messages = 0;
    let (code, reason) = loop {
        let frame = client.receive()?;
        if frame.first == 0x88 {
            let code = u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
            break (code, String::from_utf8(frame.payload[2..].to_vec())?);
        }
        messages += 1;
    };
    assert_eq!((code, reason.as_str()), (1008, "the client reads too slowly"));
    assert!(line.contains(&format!(r#""Ok(())": {messages}"#)), "{line}: {messages}");
    client.send_close(1008, "")?;
    assert_eq!(cause(&mut server)?, "slow");
    let closed = r#"ws_host_closed_for_slowness_total{resource="guest-flood"}"#;
    assert_eq!(counter(admin, closed)?, 1);
    Ok(())
}

/// The client that reads stays connected.
#[test]
fn with_on_full_close_a_client_that_would_miss_a_broadcast_is_closed() -> Result<()> {
    let flags = ["--on-full", "close", "--max-message", "32KiB", "--admin", "127.0.0.1:0"];
    // One guest broadcasts, the other publishes.
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

/// The cause is not slowness here: output queued for other clients has used up the host's memory.
#[test]
fn with_on_full_close_a_client_that_would_miss_a_message_for_lack_of_memory_is_closed_to_make_room()
-> Result<()> {
    let flags = ["--on-full", "close", "--max-outbound", "4MiB", "--max-buffered", "8MiB"];
    let mut server = serve("guest-flood", &flags)?;
    let mut greedy = [Client::connect(&server)?, Client::connect(&server)?];
    for client in &mut greedy {
        client.send_text("3 1000000")?;
        server.wait_for_log(r#"{"Ok(())": 3}"#)?;
    }
    let mut client = Client::connect(&server)?;
    client.send_text("4 1000000")?;
    // If the client read earlier, there would be room again for each message.
    server.wait_for_log(r#""Ok(())": "#)?;
    let mut received = 0;
    let close = loop {
        let frame = client.receive()?;
        match frame.payload.len() {
            1_000_000 => received += 1,
            _ => break frame.payload,
        }
    };
    assert_eq!((received > 0, &close[..2]), (true, &1013_u16.to_be_bytes()[..]));
    client.send_close(1013, "")?;
    client.expect_end()?;
    assert_eq!(cause(&mut server)?, "no-room");
    Ok(())
}
