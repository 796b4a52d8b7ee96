//! The output queued for all clients together is bounded, and the clients that hold the least keep being served.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, masked_frame, wait_until};

use crate::keeper::counter;

const GREEDY: usize = 30;
const MIB: usize = 1 << 20;

const EIGHT_MIB: &[&str] = &["--max-buffered", "8MiB", "--admin", "127.0.0.1:0"];

/// The limit plus 64 KiB per client that do not count towards it, doubled because a growing buffer has spare capacity.
const MOST: usize = 2 * (8 * MIB + GREEDY * (64 << 10));

/// Returns how far the peak memory has risen above `before`.
fn grown(server: &TestServer, before: usize) -> Result<usize> {
    Ok(server.peak_memory()?.saturating_sub(before))
}

/// Connects `count` clients, and returns them with the server's peak memory so far.
fn connect(server: &TestServer, count: usize) -> Result<(Vec<Client>, usize)> {
    let mut clients = Client::connect_many(server, count)?;
    for client in &mut clients {
        client.ask("hello")?;
    }
    let before = server.peak_memory()?;
    Ok((clients, before))
}

#[test]
fn clients_that_do_not_read_share_the_limit_and_leave_room_for_one_that_does() -> Result<()> {
    let mut server = TestServer::with_arguments("guest-flood", EIGHT_MIB)?;
    let admin = server.admin()?;
    let mut honest = Client::connect(&server)?;
    let (mut greedy, before) = connect(&server, GREEDY)?;
    let used = || counter(admin, "ws_host_buffered_bytes");
    // Output that does not fit into the socket buffers is queued in the host.
    wait_until(|| {
        for client in &mut greedy {
            client.send_text("60 16000")?;
        }
        Ok(honest.ask("hello")? == "hello" && used()? > 6 << 20)
    })?;
    let grown = grown(&server, before)?;
    assert!(grown < MOST, "{grown} bytes");
    assert_eq!(counter(admin, "ws_host_max_buffered_bytes")?, 8 << 20);
    // If usage stays high, the clients that hold the most are closed.
    server.wait_for_log("closed a client to make room")?;
    let closed = r#"ws_host_closed_for_room_total{resource="guest-flood"}"#;
    assert!(counter(admin, closed)? > 0);
    wait_until(|| Ok(honest.ask("hello")? == "hello" && used()? <= 7 << 20))?;
    Ok(())
}

#[test]
fn clients_that_close_with_much_output_left_are_evicted_first() -> Result<()> {
    let mut server = TestServer::with_arguments("guest-flood", EIGHT_MIB)?;
    let admin = server.admin()?;
    let mut patient = Client::connect(&server)?;
    patient.send_text("30 10000")?;
    let used = || counter(admin, "ws_host_buffered_bytes");
    let mut leaving = Vec::new();
    wait_until(|| {
        let mut client = Client::connect(&server)?;
        client.send_text("30 16000")?;
        client.send_close(1000, "")?;
        leaving.push(client);
        Ok(used()? > 7 << 20)
    })?;
    wait_until(|| Ok(used()? <= 7 << 20))?;
    // The client that stays gets everything.
    for _ in 0..30 {
        assert_eq!(patient.receive()?.payload.len(), 10_000);
    }
    assert_eq!(patient.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn clients_with_unfinished_messages_are_closed_when_memory_runs_out() -> Result<()> {
    let (server, mut honest) = TestServer::with_client("echo", EIGHT_MIB)?;
    let (mut greedy, before) = connect(&server, GREEDY)?;
    // The first fragment of a message that is never continued.
    let fragment = masked_frame(0x02, &vec![1; MIB - 1]);
    let mut closed = 0;
    for client in &mut greedy {
        client.send(&fragment)?;
        client.send_frame(0x89, b"")?;
        let frame = client.receive()?;
        if frame.first == 0x88 {
            ensure!(frame.payload.starts_with(&1013_u16.to_be_bytes()), "{frame:?}");
            closed += 1;
        } else {
            ensure!(frame.first == 0x8a, "{frame:?}");
        }
        assert_eq!(honest.ask("hello")?, "hello");
    }
    assert!((GREEDY / 2..GREEDY).contains(&closed), "{closed} of {GREEDY}");
    let grown = grown(&server, before)?;
    assert!(grown < MOST, "{grown} bytes");
    Ok(())
}

#[test]
fn messages_that_wait_for_a_busy_handler_are_bounded() -> Result<()> {
    let (server, mut busy) = TestServer::with_client("guest-keeper", EIGHT_MIB)?;
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
    assert!(grown < MOST, "{grown} bytes");
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

#[test]
fn hibernated_state_takes_half_of_the_limit_and_other_instances_stay_in_memory() -> Result<()> {
    const STATE: usize = 700_000;
    let rooms = ["--path", "/room/{id}", "--instance-per", "path", "--hibernate-after", "100ms"];
    let flags = [&rooms, EIGHT_MIB, &["--log", "ws_host=debug"]].concat();
    let mut server = TestServer::with_arguments("guest-keeper", &flags)?;
    let admin = server.admin()?;
    let used = || counter(admin, "ws_host_buffered_bytes");
    let mut clients = Vec::new();
    for number in 0..8 {
        let mut client = Client::connect_to(&server, &format!("/room/{number}"))?;
        client.receive_text()?;
        assert_eq!(client.ask(&format!("ballast {STATE}"))?, "heavy");
        let line = server.wait_for_log("hibernated")?;
        let (sleeping, is_refused) = ((number + 1).min(5), line.contains("not hibernated"));
        assert_eq!(is_refused, number >= 5, "room {number}: {line}");
        assert!(!is_refused || line.contains("max-buffered"), "{line}");
        let held = usize::try_from(used()?)?;
        assert!((sleeping * STATE..sleeping * (STATE + 1000)).contains(&held), "{held}");
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.ask("count")?, "1");
    }
    Ok(())
}
