//! Two hosts of a system, with a broker between them, and their clients.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, DEADLINE, wait_until};

use super::systems::{Process, System};
use super::usage::Usage;
use crate::load::{Pace, Publications, Wording};

/// Two hosts and a broker, on one core.
#[derive(Debug)]
pub(crate) struct Pair {
    system: &'static dyn System,
    near: Box<dyn Process>,
    far: Box<dyn Process>,
    broker: Box<dyn Process>,
    /// Runs so far.
    runs: usize,
}

/// Where the subscribers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// On the publisher's host.
    Near,
    /// On the other one.
    Far,
}

impl Pair {
    /// Starts everything on a core.
    pub(crate) fn start_on(core: usize, system: &'static dyn System) -> Result<Self> {
        let broker = system.start_broker(core)?;
        let host = || system.start_host(core, broker.address()).context(system.name());
        Ok(Self { system, near: host()?, far: host()?, broker, runs: 0 })
    }

    /// Returns the CPU time of its processes so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.near.process_id(), self.broker.process_id(), self.far.process_id())
    }

    /// Connects a publisher, and subscribers that get what it publishes.
    ///
    /// If the clients of the previous run leave a channel while a client subscribes to it, Sockudo forgets the new
    /// subscription. So each run has its own channel, with all systems.
    pub(crate) fn publications(
        &mut self,
        location: Location,
        count: usize,
        pace: Pace,
    ) -> Result<Publications> {
        let host = match location {
            Location::Near => &self.near,
            Location::Far => &self.far,
        };
        self.runs += 1;
        let channel = format!("news{}", self.runs);
        let mut publisher = self.system.publisher(self.near.address(), &channel)?;
        let mut subscribers = (0..count)
            .map(|_| self.system.subscriber(host.address(), &channel))
            .collect::<Result<Vec<_>>>()?;
        let wording = self.system.wording(&channel);
        wait_until_joined(&wording, &mut publisher, &mut subscribers)?;
        let streams = subscribers
            .iter_mut()
            .map(|client| Ok(client.stream().try_clone()?))
            .collect::<Result<Vec<_>>>()?;
        let publisher = publisher.stream().try_clone()?;
        Publications::over(publisher, all_read(streams)?, wording, self.system.order(), pace)
    }
}

/// Publishes until the first subscriber gets something, and reads everything at all of them.
fn wait_until_joined(
    Wording { published, delivered }: &Wording,
    publisher: &mut Client,
    subscribers: &mut [Client],
) -> Result<()> {
    let mut publish =
        |text: &str| publisher.send_text(&format!("{}{text}{}", published.before, published.after));
    let first = subscribers.first_mut().context("a subscriber")?.stream();
    first.set_read_timeout(Some(Duration::from_millis(50)))?;
    wait_until(|| {
        publish("probe")?;
        Ok(first.peek(&mut [0]).is_ok_and(|count| count > 0))
    })?;
    first.set_read_timeout(Some(DEADLINE))?;
    // Not all systems keep the order, so the first of these may come before a probe. The second one is published when
    // all have the first one.
    for text in ["joined", "ready"] {
        publish(text)?;
        let expected = format!("{}{text}{}", delivered.before, delivered.after);
        for subscriber in &mut *subscribers {
            while subscriber.receive_text()? != expected {}
        }
    }
    Ok(())
}

/// Checks that nothing waits to be read.
fn all_read(streams: Vec<TcpStream>) -> Result<Vec<TcpStream>> {
    for stream in &streams {
        stream.set_nonblocking(true)?;
        ensure!(stream.peek(&mut [0]).is_err(), "a subscriber got something before the run");
    }
    Ok(streams)
}
