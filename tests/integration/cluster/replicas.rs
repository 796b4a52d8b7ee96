//! Three servers keep the records, and the one that leads them is killed while a room is in use.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{BrokerCluster, Client, wait_until};

use super::durable::saves;
use super::members::{Shared, try_join};
use crate::hosts::Host;

/// Less than three servers usually need to elect a leader, so the room usually ends, and begins again.
const LEASE: Duration = Duration::from_secs(4);

/// How often a leader is killed. The second time, the server that was killed first has its records again.
const ROUNDS: usize = 2;

/// How many saves must end after a count, so that the count is certainly in the last of them: one may be under way, and
/// another may wait, with earlier states.
const SAVES: usize = 3;

/// A room, and its only client.
#[derive(Default)]
struct Room {
    client: Option<Client>,
    /// How often a client tried to connect. Each time, it is another host's turn.
    attempts: usize,
    /// The highest count that was answered.
    answered: u64,
    /// The highest count that is certainly saved.
    confirmed: u64,
}

impl Room {
    /// Counts, and connects before if necessary. Returns whether there was an answer.
    fn count(&mut self, hosts: &[Host]) -> Result<bool> {
        if self.client.is_none() {
            self.attempts += 1;
            let host = &hosts[self.attempts % hosts.len()];
            let Ok(mut client) = try_join(host, "/room/1")? else { return Ok(false) };
            // The room says its name first.
            self.client = client.receive_text().is_ok().then_some(client);
        }
        let Some(Ok(count)) = self.client.as_mut().map(|client| client.ask("count")) else {
            self.client = None;
            return Ok(false);
        };
        let count: u64 = count.parse().context(count)?;
        ensure!(count > self.confirmed, "{count} after {} had been saved", self.confirmed);
        self.answered = count;
        Ok(true)
    }

    /// Counts until a count is saved.
    fn count_and_save(&mut self, hosts: &[Host]) -> Result<()> {
        wait_until(|| self.count(hosts))?;
        let answered = self.answered;
        for _ in 0..SAVES {
            let before = saved(hosts)?;
            wait_until(|| Ok(self.count(hosts)? && saved(hosts)? > before))?;
        }
        self.confirmed = answered;
        Ok(())
    }
}

/// Returns how many states all hosts have saved.
fn saved(hosts: &[Host]) -> Result<u64> {
    hosts.iter().map(|host| saves(host, "saved")).sum()
}

#[test]
#[expect(clippy::print_stdout, reason = "how long an election takes depends on the servers")]
fn nothing_that_was_saved_is_lost_when_the_leader_of_three_servers_is_killed() -> Result<()> {
    let mut shared = Shared::with(BrokerCluster::start()?)?;
    let urls = shared.broker.urls();
    let flags = ["--durable", "--save-every", "20ms", "--cluster-replicas", "3"];
    let start = || shared.starting("guest-keeper", &urls, LEASE, &flags);
    let hosts = [start()?, start()?, start()?];
    for host in &hosts {
        host.wait_until_ready()?;
    }
    let mut room = Room::default();
    for _ in 0..ROUNDS {
        room.count_and_save(&hosts)?;
        let leader = shared.broker.kill_leader("WSH_default_P")?;
        let killed = Instant::now();
        let attempts = room.attempts;
        // In use while there is no leader. Another server must lead before a state can be saved again.
        room.count_and_save(&hosts).with_context(|| format!("after server {leader}"))?;
        let (after, attempts) = (killed.elapsed(), room.attempts - attempts);
        println!("saved again after {after:.1?} and {attempts} attempts to connect");
        shared.broker.restart(leader)?;
    }
    Ok(())
}
