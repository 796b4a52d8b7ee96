//! A host that stops gives its rooms to other hosts one after the other, not all at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Backend, Client, FaultProxy, handshake, wait_until};

use super::durable::{durable, durable_with};
use super::members::{LEASE, Shared, clog, is_ready, join, try_join_at};

/// The rooms. The ends of two rooms with few clients are 50 ms apart, if there is time for all of them.
const ROOMS: u64 = 40;

#[test]
fn rooms_of_a_stopping_host_are_spread_over_time_and_go_on_elsewhere_meanwhile() -> Result<()> {
    let shared = Shared::start()?;
    let log = ["--log", "info,ws_host::connection=debug"];
    let [stopping, other] = [durable_with(&shared, "1h", &log)?, durable(&shared, "1h")?];
    let mut clients = Vec::new();
    for room in 0..ROOMS {
        let mut client = join(&stopping, &format!("/room/{room}"))?;
        assert_eq!(client.ask("count")?, "1");
        clients.push(client);
    }
    stopping.server.signal(Signal::TERM)?;
    let there = other.server.address();
    // Returns when the room was closed, and when it went on.
    let follow = |mut client: Client, room: u64| -> Result<(Instant, Instant)> {
        client.expect_close(1012)?;
        let closed = Instant::now();
        let mut joined = None;
        wait_until(|| {
            joined = try_join_at(there, &format!("/room/{room}"))?.ok();
            Ok(joined.is_some())
        })?;
        let mut client = joined.context("a client")?;
        // The room says its name first.
        client.receive_text()?;
        // Its last event, `disconnected`, counted a hundred.
        ensure!(client.ask("count")? == "102", "room {room}");
        Ok((closed, Instant::now()))
    };
    let follow = &follow;
    let moved = std::thread::scope(|scope| {
        let following: Vec<_> = clients
            .into_iter()
            .zip(0..)
            .map(|(client, room)| scope.spawn(move || follow(client, room)))
            .collect();
        following.into_iter().map(|each| each.join().expect("no panic")).collect::<Result<Vec<_>>>()
    })?;
    let (closed, went_on): (Vec<_>, Vec<_>) = moved.into_iter().unzip();
    let (first, last) = (closed.iter().min(), closed.iter().max());
    let (first, last) = (*first.expect("rooms"), *last.expect("rooms"));
    ensure!(last - first > Duration::from_secs(1), "{:?}", last - first);
    let meanwhile = went_on.iter().filter(|time| **time < last).count() as u64;
    ensure!(meanwhile > ROOMS / 2, "only {meanwhile} rooms went on before the last one was closed");
    let ended = stopping.server.wait()?;
    let moved = ended.log.matches("cause=\"moved\"").count() as u64;
    ensure!(moved == ROOMS, "{moved} clients had the cause `moved`: {}", ended.log);
    ensure!(ended.status.success() && !ended.log.contains("cut off"), "{}", ended.log);
    ensure!(is_ready(&other)?);
    Ok(())
}

/// How long a room stays with its host until its last messages are sent.
const MAX_FLUSH: Duration = Duration::from_secs(1);

#[test]
fn what_a_room_publishes_at_its_end_is_sent_before_the_room_is_free() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let stopping = shared.starting("cluster", &proxy.url(), LEASE, &[])?;
    stopping.wait_until_ready()?;
    let mut listener = Backend::connect(shared.broker.address())?;
    listener.subscribe("ws.default.t.cluster.*")?;
    let (mut client, answer) = Client::open(stopping.server.address(), &handshake("/room/1", ""))?;
    ensure!(answer.status == 101, "{answer:?}");
    let (_, _, joined) = listener.receive()?;
    ensure!(joined.ends_with(b" joined"));
    proxy.stall();
    clog(&stopping, "cluster")?;
    stopping.server.signal(Signal::TERM)?;
    while client.receive()?.first != 0x88 {}
    client.send_close(1012, "")?;
    drop(client);
    // Meanwhile the room is not free, because its last message waits. A room without such a message would be.
    std::thread::sleep(MAX_FLUSH / 3);
    proxy.heal();
    loop {
        let (subject, _, text) = listener.receive()?;
        if !subject.ends_with("clog") {
            ensure!(text.ends_with(b" left"), "{}", String::from_utf8_lossy(&text));
            break;
        }
    }
    ensure!(stopping.server.wait()?.status.success());
    Ok(())
}
