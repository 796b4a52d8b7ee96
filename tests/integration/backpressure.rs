//! Every buffer is bounded, at no cost to well-behaved clients.

use anyhow::{Context, Result};
use ws_host_test_support::{Client, TestServer, masked_frame};

/// Far more messages than the socket buffers and the host's buffers hold.
const BURST: usize = 20_000;

/// Turns off the idle timeout, so that nothing rescues a connection whose wake-up was lost.
const NO_CLOCK: &[&str] = &["--idle-timeout", "0s"];

#[test]
fn burst_of_echoes_arrives_however_late_it_is_read() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("echo", NO_CLOCK)?;
    let filler = "x".repeat(1024);
    let mut writer = client.try_clone()?;
    let text = filler.clone();
    let writing = std::thread::spawn(move || -> Result<()> {
        for number in 0..BURST {
            writer.send_text(&format!("{number} {text}"))?;
        }
        Ok(())
    });
    for number in 0..BURST {
        let (got, sent) = (client.receive_text()?, format!("{number} {filler}"));
        assert!(got == sent, "message {number}: {} bytes, {got:.40}", got.len());
    }
    writing.join().expect("the writer does not panic")
}

#[test]
fn client_that_reads_late_gets_everything_and_host_memory_stays_small() -> Result<()> {
    let (server, mut client) = TestServer::with_client("echo", NO_CLOCK)?;
    let message = masked_frame(0x82, &vec![1; 1 << 20]);
    // Writes until the socket accepts no more: the host has stopped reading from this client.
    client.stream().set_nonblocking(true)?;
    let mut whole = 0;
    let mut rest: &[u8] = &[];
    loop {
        if rest.is_empty() {
            rest = &message;
            whole += 1;
        }
        match std::io::Write::write(client.stream(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                // Serving another client gives the host time to read more. Only then does this one count as stuck.
                assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
                match std::io::Write::write(client.stream(), rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(_) => break,
                }
            }
            Err(error) => return Err(error.into()),
        }
        assert!(whole < 1000, "no backpressure: the host buffers everything");
    }
    client.stream().set_nonblocking(false)?;
    assert!(server.resident_memory()? < 100 << 20, "{} bytes", server.resident_memory()?);
    let remainder = rest.to_vec();
    let mut writer = client.try_clone()?;
    let writing = std::thread::spawn(move || writer.send(&remainder));
    for _ in 0..whole {
        assert_eq!(client.receive()?.payload.len(), 1 << 20);
    }
    writing.join().expect("the writer does not panic")?;
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

/// The replies exceed the buffer; the messages arrive in one write.
#[test]
fn client_that_keeps_reading_gets_every_reply_to_a_single_write() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("echo", &["--max-message", "16KiB"])?;
    let mut writer = client.try_clone()?;
    let messages = masked_frame(0x81, &[b'x'; 1000]).repeat(400);
    let writing = std::thread::spawn(move || writer.send(&messages));
    for number in 0..400 {
        let frame = client.receive()?;
        assert_eq!((frame.first, frame.payload.len()), (0x81, 1000), "answer {number}: {frame:?}");
    }
    writing.join().expect("the writer does not panic")?;
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

/// Backpressure applies to the host's automatic answers as to a handler's replies: none is dropped.
#[test]
fn automatic_answers_longer_than_their_requests_all_arrive() -> Result<()> {
    let answer = "x".repeat(1000);
    let flags = ["--max-message", "16KiB", "--auto-answer", &format!("?={answer}")];
    let (_server, mut client) = TestServer::with_client("echo", &flags)?;
    client.send(&masked_frame(0x81, b"?").repeat(2000))?;
    for number in 0..2000 {
        assert!(client.receive_text()? == answer, "answer {number}");
    }
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

/// The slow client gets short replies and shared messages in turn, while another client gets long replies, which are
/// allocated next to them.
#[test]
fn output_queued_for_a_slow_client_takes_about_its_length_in_memory() -> Result<()> {
    let flags = ["--max-outbound", "64MiB", "--idle-timeout", "0s"];
    let (server, mut slow) = TestServer::with_client("guest-megaphone", &flags)?;
    let mut fast = Client::connect(&server)?;
    // More than the socket buffers hold.
    for _ in 0..8 {
        fast.send_frame(0x82, &vec![0; 1 << 20])?;
        fast.receive()?;
    }
    let before = server.resident_memory()?;
    let long = "x".repeat(200_000);
    for _ in 0..400 {
        assert!(fast.ask(&long)? == long);
        // Its own reply and a message to all, in the same read.
        slow.send(&[masked_frame(0x81, b"x"), masked_frame(0x82, &[1; 5000])].concat())?;
        assert_eq!(fast.receive()?.payload.len(), 5000);
    }
    let more = server.resident_memory()?.saturating_sub(before);
    assert!(more < 16 << 20, "{} KiB for 2,000 KiB", more >> 10);
    Ok(())
}

#[test]
fn full_buffer_is_reported_to_the_handler_and_does_not_close_the_client() -> Result<()> {
    let arguments = ["--max-message", "64KiB", "--max-outbound", "128KiB"];
    let (mut server, mut client) = TestServer::with_client("guest-flood", &arguments)?;
    // 100 MB that the client does not read.
    client.send_text("100000 1000")?;
    let line = server.wait_for_log("Err(Full)")?;
    let accepted = line.split(r#""Ok(())": "#).nth(1).and_then(|rest| rest.split('}').next());
    let accepted: usize = accepted.context("no number of accepted messages")?.parse()?;
    // At least what fits the outbound buffer, plus what the host managed to write to the socket.
    assert!((130..50_000).contains(&accepted), "{line}");
    for _ in 0..accepted {
        assert_eq!(client.receive()?.payload.len(), 1000);
    }
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn message_longer_than_the_whole_buffer_is_too_long() -> Result<()> {
    let arguments = ["--max-message", "64KiB", "--max-outbound", "128KiB"];
    let (mut server, mut client) = TestServer::with_client("guest-flood", &arguments)?;
    for length in ["131072", "20000000"] {
        client.send_text(&format!("1 {length}"))?;
        server.wait_for_log(r#"{"Err(TooLong)": 1}"#)?;
    }
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}
