//! What waits for all clients together is bounded, and who holds the least is served on.

use std::time::Instant;

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, DEADLINE, TestServer, masked_frame};

use crate::keeper::counter;

const GREEDY: usize = 30;
const MIB: usize = 1 << 20;

const EIGHT_MIB: &[&str] = &["--max-buffered", "8MiB", "--admin", "127.0.0.1:0"];

/// What all may hold, with 64 KiB for each that are not counted, twice, as buffers have room to grow.
const MOST: usize = 2 * (8 * MIB + GREEDY * (64 << 10));

/// How much more memory the server had at most since then.
fn grown(server: &TestServer, before: usize) -> Result<usize> {
    Ok(server.peak_memory()?.saturating_sub(before))
}

/// Connects so many, and gives what the server needs for them.
fn connect(server: &TestServer, count: usize) -> Result<(Vec<Client>, usize)> {
    let mut clients = (0..count).map(|_| Client::connect(server)).collect::<Result<Vec<_>>>()?;
    for client in &mut clients {
        client.ask("hello")?;
    }
    let before = server.peak_memory()?;
    Ok((clients, before))
}

/// Asks until that is true.
fn until(mut is_true: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_true()? {
        ensure!(began.elapsed() < DEADLINE, "it never came true");
    }
    Ok(())
}

#[test]
fn many_who_do_not_read_share_the_limit_and_leave_room_for_who_does() -> Result<()> {
    let mut server = TestServer::with_arguments("guest-flood", EIGHT_MIB)?;
    let admin = server.admin()?;
    let mut honest = Client::connect(&server)?;
    let (mut greedy, before) = connect(&server, GREEDY)?;
    let used = || counter(admin, "ws_host_buffered_bytes");
    // What the system does not hold for them waits in the host.
    until(|| {
        for client in &mut greedy {
            client.send_text("60 16000")?;
        }
        Ok(honest.ask("hello")? == "hello" && used()? > 6 << 20)
    })?;
    let grown = grown(&server, before)?;
    assert!(grown < MOST, "{grown} octets");
    assert_eq!(counter(admin, "ws_host_max_buffered_bytes")?, 8 << 20);
    // If it stays so, those go that hold the most.
    server.wait_for_log("closed a client to make room")?;
    let closed = r#"ws_host_closed_for_room_total{resource="guest-flood"}"#;
    assert!(counter(admin, closed)? > 0);
    until(|| Ok(honest.ask("hello")? == "hello" && used()? <= 7 << 20))?;
    Ok(())
}

#[test]
fn messages_that_never_end_are_closed_when_they_take_more_than_is_free() -> Result<()> {
    let server = TestServer::with_arguments("echo", EIGHT_MIB)?;
    let mut honest = Client::connect(&server)?;
    let (mut greedy, before) = connect(&server, GREEDY)?;
    let message = masked_frame(0x82, &vec![1; MIB]);
    let mut closed = 0;
    for client in &mut greedy {
        client.send(&message[..message.len() - 1])?;
        assert_eq!(honest.ask("hello")?, "hello");
    }
    for mut client in greedy {
        // Whoever has found room is answered.
        client.send(&message[message.len() - 1..])?;
        let frame = client.receive()?;
        match frame.first {
            0x82 => ensure!(frame.payload.len() == MIB),
            _ => {
                ensure!(frame.payload.starts_with(&1013_u16.to_be_bytes()), "{frame:?}");
                closed += 1;
            }
        }
    }
    assert!((GREEDY / 2..GREEDY).contains(&closed), "{closed} of {GREEDY}");
    let grown = grown(&server, before)?;
    assert!(grown < MOST, "{grown} octets");
    Ok(())
}

#[test]
fn messages_that_wait_for_a_busy_handler_are_bounded() -> Result<()> {
    let server = TestServer::with_arguments("guest-keeper", EIGHT_MIB)?;
    let mut busy = Client::connect(&server)?;
    let (mut greedy, before) = connect(&server, GREEDY)?;
    assert_eq!(busy.ask("sleep 2000")?, "asleep");
    let message = masked_frame(0x81, &vec![b'x'; MIB]);
    for client in &mut greedy {
        client.send(&message)?;
    }
    let (mut answered, mut closed) = (0, 0);
    for mut client in greedy {
        let frame = client.receive()?;
        match frame.first {
            0x81 => answered += 1,
            _ => {
                ensure!(frame.payload.starts_with(&1013_u16.to_be_bytes()), "{frame:?}");
                closed += 1;
            }
        }
    }
    assert!(answered > 0 && closed > 0, "{answered} and {closed}");
    assert_eq!(busy.receive_text()?, "awake");
    let grown = grown(&server, before)?;
    assert!(grown < MOST, "{grown} octets");
    Ok(())
}

#[test]
fn message_to_many_counts_once() -> Result<()> {
    let server = TestServer::with_arguments("guest-megaphone", EIGHT_MIB)?;
    let (mut clients, _) = connect(&server, GREEDY)?;
    for _ in 0..3 {
        clients[0].send_frame(0x82, &vec![1; MIB])?;
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.receive()?.payload.len(), MIB, "client {number}");
        }
    }
    Ok(())
}
