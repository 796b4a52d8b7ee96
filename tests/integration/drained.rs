//! Handlers that continue sending once a full outbound buffer has room again.

use std::io::Read;

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer};

/// Far more than socket buffers hold, even at half of it.
const MUCH: &[&str] = &["--max-outbound", "32MiB"];

/// Reads messages up to `text` and returns how many came before it.
fn read_up_to(client: &mut Client, text: &str) -> Result<usize> {
    let mut before = 0;
    loop {
        if client.receive()?.payload == text.as_bytes() {
            return Ok(before);
        }
        before += 1;
    }
}

/// Returns how many messages were accepted before the client's buffer was full.
fn taken(server: &mut TestServer) -> Result<usize> {
    let line = server.wait_for_log(" and no more")?;
    let after = line.split(" took ").nth(1).unwrap_or_default();
    Ok(after.split(' ').next().unwrap_or_default().parse()?)
}

#[test]
fn drained_is_delivered_once_for_each_time_that_the_buffer_was_full() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-filling", MUCH)?;
    for _ in 0..2 {
        client.send_text("fill 10000")?;
        let taken = taken(&mut server)?;
        assert_eq!(read_up_to(&mut client, "drained")?, taken);
    }
    // Nothing is delivered twice or in excess.
    for _ in 0..3 {
        assert_eq!(client.ask("hello")?, "hello");
    }
    server.signal(Signal::INT)?;
    assert_eq!(client.receive_text()?, "goodbye");
    client.expect_close(1001)?;
    let ended = server.wait()?;
    assert_eq!(ended.log.matches(" drained").count(), 2, "{}", ended.log);
    Ok(())
}

#[test]
fn handler_that_keeps_refilling_the_buffer_delays_neither_its_client_nor_others() -> Result<()> {
    let (mut server, mut greedy) =
        TestServer::with_client("guest-filling", &["--max-message", "32KiB", "--max-cpu", "10s"])?;
    let mut other = Client::connect(&server)?;
    let mut reader = greedy.try_clone()?;
    greedy.send_text("refill 100")?;
    let reading = std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while reader.stream().read(&mut bytes).is_ok_and(|read| read > 0) {}
    });
    for times in [1, 2, 4, 8, 16, 32, 64, 128] {
        server.wait_for_log(&format!(" refilled {times} times"))?;
        for _ in 0..20 {
            assert_eq!(other.ask("hello")?, "hello");
        }
    }
    greedy.send_close(1000, "")?;
    server.wait_for_log(" disconnected")?;
    reading.join().expect("the thread does not panic");
    Ok(())
}

#[test]
fn hibernated_instance_wakes_when_its_client_has_drained() -> Result<()> {
    let sleepy = ["--hibernate-after", "100ms", "--log", "info,ws_host::actor=debug"];
    let (mut server, mut client) =
        TestServer::with_client("guest-filling", &[MUCH, &sleepy].concat())?;
    client.send_text("fill 10000")?;
    let taken = taken(&mut server)?;
    server.wait_for_log("hibernated")?;
    assert_eq!(read_up_to(&mut client, "drained")?, taken);
    server.wait_for_log("woken")?;
    Ok(())
}

#[test]
fn client_that_never_reads_never_drains() -> Result<()> {
    let flags = [MUCH, &["--idle-timeout", "400ms"]].concat();
    let (mut server, mut client) = TestServer::with_client("guest-filling", &flags)?;
    client.send_text("fill 10000")?;
    taken(&mut server)?;
    server.wait_for_log(" disconnected")?;
    server.signal(Signal::INT)?;
    let ended = server.wait()?;
    assert!(!ended.log.contains(" drained"), "{}", ended.log);
    Ok(())
}

/// Nothing is queued for the modest client itself: other clients use up the host's memory.
#[test]
fn drained_is_delivered_when_the_host_has_memory_again() -> Result<()> {
    let flags = ["--max-outbound", "4MiB", "--max-buffered", "8MiB"];
    let mut server = TestServer::with_arguments("guest-filling", &flags)?;
    let mut greedy = [Client::connect(&server)?, Client::connect(&server)?];
    let mut modest = Client::connect(&server)?;
    for client in &mut greedy {
        client.send_text("fill 100000")?;
        taken(&mut server)?;
    }
    assert_eq!(modest.ask("hello")?, "hello");
    modest.send_text("fill 3500000")?;
    assert_eq!(taken(&mut server)?, 0);
    assert_eq!(modest.ask("hello")?, "hello");
    drop(greedy);
    assert_eq!(modest.receive_text()?, "drained");
    assert_eq!(modest.ask("hello")?, "hello");
    server.signal(Signal::INT)?;
    let ended = server.wait()?;
    // The event is not repeated while there is no room.
    assert_eq!(ended.log.matches(" drained").count(), 1, "{}", ended.log);
    Ok(())
}
