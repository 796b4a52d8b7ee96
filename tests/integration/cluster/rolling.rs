//! Hosts that are replaced one after the other, under load.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use rustix::process::Signal;
use ws_host_test_support::{Client, wait_until};

use super::members::{LEASE, Shared, try_join_at};
use crate::hosts::Host;

/// The clients. Each has a room of its own, so that it knows which count comes next.
const CLIENTS: usize = 6;

/// The pause between two counts of a client, so that clients do not take the CPU that the hosts need.
const PACE: Duration = Duration::from_millis(5);

/// What the clients and the test share.
struct Load {
    /// Where clients may connect.
    hosts: Mutex<Vec<SocketAddr>>,
    is_over: AtomicBool,
    /// The acknowledged counts of each client.
    counted: [AtomicU64; CLIENTS],
}

/// What a client knows of its room.
#[derive(Default)]
struct Seen {
    /// The last count that was acknowledged.
    last: u64,
    /// The counts since then whose connection ended first: the room may have handled them.
    unanswered: u64,
}

impl Load {
    /// Counts in a room, and connects to the next host whenever a connection ends.
    fn run(&self, number: usize) -> Result<()> {
        let mut seen = Seen::default();
        let mut attempt = number;
        while !self.is_over.load(Ordering::Relaxed) {
            let host = {
                let hosts = self.hosts.lock();
                hosts[attempt % hosts.len()]
            };
            attempt += 1;
            // A host that has stopped refuses the connection.
            if let Ok(Ok(mut client)) = try_join_at(host, &format!("/room/{number}"))
                && client.receive_text().is_ok()
            {
                self.count(&mut client, number, &mut seen)?;
            } else {
                sleep(PACE);
            }
        }
        Ok(())
    }

    /// Counts until the connection ends.
    fn count(&self, client: &mut Client, number: usize, seen: &mut Seen) -> Result<()> {
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok(answer) = client.ask("count") else {
                seen.unanswered += 1;
                return Ok(());
            };
            let count: u64 = answer.parse().context(answer)?;
            // Each client that leaves adds a hundred.
            let step = count.checked_sub(seen.last).map_or(0, |step| step % 100);
            ensure!(
                (1..=1 + seen.unanswered).contains(&step),
                "room {number}: {count} after {}",
                seen.last
            );
            *seen = Seen { last: count, unanswered: 0 };
            self.counted[number].fetch_add(1, Ordering::Relaxed);
            sleep(PACE);
        }
        Ok(())
    }

    /// Waits until every client has counted again.
    fn wait_for_all(&self) -> Result<()> {
        let seen = self.counted.each_ref().map(|count| count.load(Ordering::Relaxed));
        wait_until(|| {
            let now = self.counted.each_ref().map(|count| count.load(Ordering::Relaxed));
            Ok(seen.iter().zip(now).all(|(seen, now)| now >= seen + 2))
        })
    }
}

#[test]
fn no_count_is_lost_while_three_hosts_are_replaced_one_after_the_other_twice() -> Result<()> {
    let shared = Shared::start()?;
    let start = || -> Result<Host> {
        // States are saved only when a host stops.
        let flags = ["--durable", "--save-every", "1h", "--drain-timeout", "10s"];
        let host = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)?;
        host.wait_until_ready()?;
        Ok(host)
    };
    let mut hosts = vec![start()?, start()?, start()?];
    let load = Load {
        hosts: Mutex::new(hosts.iter().map(|host| host.server.address()).collect()),
        is_over: AtomicBool::new(false),
        counted: Default::default(),
    };
    std::thread::scope(|scope| {
        let load = &load;
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || load.run(number))).collect();
        let mut replaced = || -> Result<()> {
            load.wait_for_all()?;
            for _ in 0..6 {
                let stopping = hosts.remove(0);
                stopping.server.signal(Signal::TERM)?;
                let ended = stopping.server.wait()?;
                ensure!(ended.status.code() == Some(0), "{}", ended.log);
                ensure!(!ended.log.contains("cut off"), "{}", ended.log);
                hosts.push(start()?);
                let addresses = hosts.iter().map(|host| host.server.address()).collect();
                *load.hosts.lock() = addresses;
                load.wait_for_all()?;
            }
            Ok(())
        };
        let replaced = replaced();
        load.is_over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("no panic")?;
        }
        replaced
    })
}
