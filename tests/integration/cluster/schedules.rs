//! Hosts, links and the broker fail at random times, while clients at all hosts talk to the same rooms.
//!
//! Whatever happens, at most one host runs a room at a time, and the state of a room never goes back to that of an
//! instance which has been succeeded, until the broker loses all states. No client is disconnected twice, as its room
//! sees it. No subscriber gets a message twice, or after a later one of the same publisher. When everything is well
//! again, each room has one owner, and nothing names a host that has gone.

mod crowd; // clients that talk to the rooms
mod plan; // what fails when
mod record; // what the rooms have said

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{FaultProxy, wait_until};

use self::crowd::{Crowd, ROOMS};
use self::plan::{Action, HOSTS, plan};
use self::record::Reply;
use super::members::{Shared, is_ready, placement, try_join};
use crate::hosts::Host;
use crate::random::Random;

/// The shortest lease that the settings allow, so that a schedule is short.
const LEASE: Duration = Duration::from_secs(1);

/// A cluster under faults, and the clients that talk to it.
struct Cluster<'a> {
    crowd: &'a Crowd,
    shared: Shared,
    proxies: Vec<FaultProxy>,
    hosts: Vec<Host>,
    /// Those that are stopping.
    stopping: Vec<Host>,
    /// What those have logged that have gone.
    logs: String,
}

#[test]
#[expect(clippy::print_stdout, reason = "a schedule that fails can be understood")]
fn no_two_hosts_run_a_room_at_a_time_and_no_client_leaves_it_twice_whatever_fails() -> Result<()> {
    let random = &mut Random::from_environment()?;
    let actions = plan(random, LEASE);
    let crowd = Crowd::new(LEASE / 2);
    let mut cluster = Cluster::start(&crowd)?;
    let played = crowd
        .during(|| {
            cluster.play(&actions)?;
            cluster.wait_until_recovered()
        })
        .and_then(|()| cluster.wait_until_all_have_left());
    let logs = cluster.end()?;
    let checked = played.and_then(|()| {
        let (instances, answers) = crowd.record.check()?;
        println!("{instances} instances gave {answers} answers, {} news", crowd.heard());
        ensure!(instances > ROOMS && answers > 100 && crowd.heard() > 100, "nothing happened");
        ensure!(!logs.contains("panicked"), "a host panicked");
        Ok(())
    });
    if checked.is_err() {
        println!("{logs}");
    }
    checked.with_context(|| format!("SEED={}", random.seed()))
}

impl<'a> Cluster<'a> {
    fn start(crowd: &'a Crowd) -> Result<Self> {
        let shared = Shared::start()?;
        let proxies = (0..HOSTS).map(|_| FaultProxy::to(shared.broker.address()));
        let proxies = proxies.collect::<Result<_>>()?;
        let (hosts, stopping, logs) = (Vec::new(), Vec::new(), String::new());
        let mut cluster = Self { crowd, shared, proxies, hosts, stopping, logs };
        for number in 0..HOSTS {
            let host = cluster.new_host(number)?;
            cluster.hosts.push(host);
        }
        for host in &cluster.hosts {
            host.wait_until_ready()?;
        }
        cluster.announce_addresses();
        Ok(cluster)
    }

    /// Starts a host, which may be ready much later.
    fn new_host(&self, number: usize) -> Result<Host> {
        let flags = ["--durable", "--save-every", "50ms", "--drain-timeout", "4s"];
        self.shared.starting("guest-witness", &self.proxies[number].url(), LEASE, &flags)
    }

    /// Gives the clients the addresses of the hosts.
    fn announce_addresses(&self) {
        let addresses = self.hosts.iter().map(|host| host.server.address()).collect();
        *self.crowd.hosts.lock() = addresses;
    }

    /// Plays the schedule, until a client finds something wrong.
    #[expect(clippy::print_stdout, reason = "a schedule that fails can be understood")]
    fn play(&mut self, actions: &[(Duration, Action)]) -> Result<()> {
        let began = Instant::now();
        for (at, action) in actions {
            sleep(at.saturating_sub(began.elapsed()));
            if self.crowd.is_over() {
                break;
            }
            println!("{:.1?} {action:?}", began.elapsed());
            self.act(*action)?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Pause(host) => self.hosts[host].server.pause()?,
            Action::Continue(host) => self.hosts[host].server.signal(Signal::CONT)?,
            Action::Kill(number) => {
                self.hosts[number].server.signal(Signal::KILL)?;
                let killed = self.replace(number)?;
                self.log(number, &killed.server.wait()?.log);
            }
            Action::Stop(number) => {
                self.hosts[number].server.signal(Signal::TERM)?;
                let stopping = self.replace(number)?;
                self.stopping.push(stopping);
            }
            Action::Stall(host) => self.proxies[host].stall(),
            Action::Cut(host) => self.proxies[host].cut(),
            Action::Strand(host) => self.proxies[host].strand(),
            Action::Reset(host) => self.proxies[host].reset(),
            Action::Heal(host) => self.proxies[host].heal(),
            Action::KillBroker => self.shared.broker.kill()?,
            Action::StartBroker => self.shared.broker.restart()?,
            Action::StartEmptyBroker => {
                self.shared.remove_store()?;
                self.crowd.record.lose_states(LEASE)?;
                self.shared.broker.restart()?;
            }
        }
        Ok(())
    }

    /// Starts another host in the place of one, which it returns.
    fn replace(&mut self, number: usize) -> Result<Host> {
        let host = self.new_host(number)?;
        let replaced = std::mem::replace(&mut self.hosts[number], host);
        self.announce_addresses();
        Ok(replaced)
    }

    /// Restarts a broker that has crashed, as its service manager would. NATS 2.9.10 crashes if a host reads while
    /// another host creates the records anew (a nil pointer in `jsMsgGetRequest`).
    #[expect(clippy::print_stdout, reason = "a schedule that fails can be understood")]
    fn revive_broker(&mut self) -> Result<()> {
        if let Some(words) = self.shared.broker.last_words()? {
            ensure!(words.contains("jsMsgGetRequest"), "the broker has ended: {words}");
            println!("the broker has crashed, and is restarted");
            self.shared.broker.restart()?;
        }
        Ok(())
    }

    fn log(&mut self, number: usize, log: &str) {
        self.logs += &format!("host at link {number}:\n{log}\n");
    }

    /// Waits until each room has one owner again, and only living hosts are named.
    #[expect(clippy::print_stdout, reason = "tests have no fixed limits of speed")]
    fn wait_until_recovered(&mut self) -> Result<()> {
        if self.crowd.is_over() {
            return Ok(());
        }
        for stopping in std::mem::take(&mut self.stopping) {
            let ended = stopping.server.wait()?;
            ensure!(ended.status.code() == Some(0), "{}\n{}", ended.status, ended.log);
            self.log(HOSTS, &ended.log);
        }
        let began = Instant::now();
        for host in 0..HOSTS {
            wait_until(|| {
                self.revive_broker()?;
                is_ready(&self.hosts[host])
            })?;
        }
        let ready = began.elapsed();
        let names = self.hosts.iter().map(|host| Ok(host.cluster()?["host"].to_string()));
        let names: BTreeSet<String> = names.collect::<Result<_>>()?;
        for host in &self.hosts {
            wait_until(|| Ok(named(host)? == names)).with_context(|| format!("not {names:?}"))?;
        }
        let named = began.elapsed();
        wait_until(|| self.has_one_owner_of_each_room()).context("owners")?;
        let owned = began.elapsed();
        println!("ready after {ready:.1?}, named after {named:.1?}, owned after {owned:.1?}");
        Ok(())
    }

    /// Returns whether each room is answered by the same instance at all hosts, and no host owns another one.
    fn has_one_owner_of_each_room(&self) -> Result<bool> {
        for room in 0..ROOMS {
            let mut owners = BTreeSet::new();
            for host in &self.hosts {
                owners.insert(ask(host, room)?.map(|answer| answer.born));
            }
            if owners.contains(&None) || owners.len() != 1 {
                return Ok(false);
            }
        }
        let owned = self.hosts.iter().map(|host| Ok(placement(host)?["owned_actors"].as_u64()));
        let owned: Vec<_> = owned.collect::<Result<_>>()?;
        Ok(owned.into_iter().flatten().sum::<u64>() == ROOMS as u64)
    }

    /// Waits until each room has heard of each client that has gone: who asks is the only one.
    fn wait_until_all_have_left(&self) -> Result<()> {
        for room in 0..ROOMS {
            wait_until(|| Ok(ask(&self.hosts[0], room)?.is_some_and(|answer| answer.present == 1)))
                .with_context(|| format!("room {room} has clients that have gone"))?;
        }
        Ok(())
    }

    /// Ends all hosts. Returns what they have logged.
    fn end(mut self) -> Result<String> {
        let hosts = std::mem::take(&mut self.hosts).into_iter().zip(0..);
        let stopping = std::mem::take(&mut self.stopping).into_iter().map(|host| (host, HOSTS));
        for (host, number) in hosts.chain(stopping) {
            host.server.signal(Signal::KILL)?;
            self.log(number, &host.server.wait()?.log);
        }
        Ok(self.logs)
    }
}

/// Returns the names of the hosts that a host knows.
fn named(host: &Host) -> Result<BTreeSet<String>> {
    let placement = placement(host)?;
    let hosts = placement["hosts"].as_array().context("hosts")?;
    Ok(hosts.iter().map(|host| host["host"].to_string()).collect())
}

/// Asks a room through a host. `None`: it has no owner now.
fn ask(host: &Host, room: usize) -> Result<Option<Reply>> {
    let Ok(mut client) = try_join(host, &format!("/room/{room}"))? else { return Ok(None) };
    // The owner may end just now.
    let Ok(text) = client.ask("ask it") else { return Ok(None) };
    let numbers = text.strip_prefix("answer it ").with_context(|| text.clone())?;
    let reply = Reply::parse(numbers)?;
    // It may also end now.
    let _ = client.close();
    Ok(Some(reply))
}
