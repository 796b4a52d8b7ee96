//! Clients that shut down writing and continue to read.

use std::io::Write;
use std::net::Shutdown;

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::encrypted::{Authority, Encrypted};
use crate::streams::{Connection, DATA, END_STREAM};

/// The output exceeds the socket buffers, and all of it is accepted before the host sees the end of the stream.
#[test]
fn output_accepted_before_the_end_of_the_stream_arrives() -> Result<()> {
    let (mut server, mut client) =
        TestServer::with_client("guest-flood", &["--max-outbound", "16MiB"])?;
    client.send_text("100 100000")?;
    client.stream().shutdown(Shutdown::Write)?;
    server.wait_for_log(r#"{"Ok(())": 100}"#)?;
    for number in 0..100 {
        let frame = client.receive()?;
        assert_eq!((frame.first, frame.payload.len()), (0x82, 100_000), "message {number}");
    }
    client.expect_end()
}

/// Some clients send close_notify, others only shut down TCP.
#[test]
fn output_accepted_before_the_end_of_a_tls_stream_arrives() -> Result<()> {
    let authority = Authority::new()?;
    let notify = |client: &mut Client<Encrypted>| client.stream().conn.send_close_notify();
    let keep_quiet = |_: &mut Client<Encrypted>| ();
    for before_the_end in [notify, keep_quiet] {
        let mut server = authority.serving("guest-flood", &["--max-outbound", "16MiB"])?;
        let mut client = authority.connect(&server)?;
        client.send_text("100 100000")?;
        before_the_end(&mut client);
        client.stream().flush()?;
        client.stream().sock.shutdown(Shutdown::Write)?;
        server.wait_for_log(r#"{"Ok(())": 100}"#)?;
        for number in 0..100 {
            let frame = client.receive()?;
            assert_eq!((frame.first, frame.payload.len()), (0x82, 100_000), "message {number}");
        }
        client.expect_end()?;
    }
    Ok(())
}

/// The client's initial window is 64 KiB; the rest of the output waits.
#[test]
fn output_accepted_before_the_end_of_an_http2_stream_arrives() -> Result<()> {
    let mut server = TestServer::serving("guest-flood")?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.send_message(1, 0x81, b"100 10000")?;
    connection.send(DATA, END_STREAM, 1, &[])?;
    server.wait_for_log(r#"{"Ok(())": 100}"#)?;
    connection.grant(0, 1 << 21)?;
    connection.grant(1, 1 << 21)?;
    let mut bytes = Vec::new();
    loop {
        let data = connection.wait_for(DATA, 1)?;
        bytes.extend(data.payload);
        if data.flags & END_STREAM != 0 {
            break;
        }
    }
    let message = [&[0x82, 126, 0x27, 0x10][..], &[b'x'; 10_000]].concat();
    assert_eq!(bytes.len(), 100 * message.len());
    assert!(bytes.chunks(message.len()).all(|chunk| chunk == message));
    Ok(())
}

#[test]
fn half_closed_client_that_reads_nothing_does_not_delay_shutdown() -> Result<()> {
    let flags = ["--idle-timeout", "400ms", "--close-timeout", "400ms", "--drain-timeout", "10m"];
    let (mut server, mut client) = TestServer::with_client("guest-flood", &flags)?;
    client.send_text("20 100000")?;
    server.wait_for_log(r#"{"Ok(())": 20}"#)?;
    client.stream().shutdown(Shutdown::Write)?;
    server.signal(rustix::process::Signal::TERM)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}
