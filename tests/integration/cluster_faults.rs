//! Hosts, links and brokers that fail, in a random order, under numbered load.

use std::thread::Scope;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Backend, Broker, Client, FaultProxy, wait_until};

use crate::hosts::Host;
use crate::numbered::{Message, Run, Subscriber, check};
use crate::random::Random;

/// The faults, each of which happens at least once. Each is at one of three hosts.
const FAULTS: [Fault; 6] =
    [Fault::Reset, Fault::Cut, Fault::Strand, Fault::RestartBroker, Fault::KillHost, Fault::Stop];

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The connection to the broker is closed.
    Reset,
    /// It is closed, and others cannot be made for a while.
    Cut,
    /// It holds back everything, and delivers it after the host has made another one.
    Strand,
    RestartBroker,
    /// The host is killed, and another one takes its place.
    KillHost,
    /// The host is stopped for a while (SIGSTOP).
    Stop,
}

/// A node of the cluster: a host, its link to the broker, and its clients.
struct Node {
    proxy: FaultProxy,
    host: Host,
    subscribers: Vec<Subscriber>,
    /// How many clients of the host were closed.
    closed: u64,
}

#[test]
fn no_message_is_repeated_or_reordered_and_none_is_lost_while_nothing_fails() -> Result<()> {
    let random = &mut Random::from_environment()?;
    let seed = random.seed();
    let mut faults = FAULTS.to_vec();
    random.shuffle(&mut faults);
    faults.push(FAULTS[random.below(FAULTS.len())]);
    let run = &Run::default();
    let (nodes, mut messages) = run.during(|scope| play(scope, run, random, &faults))?;
    for node in nodes {
        let Node { host, subscribers, closed, .. } = node;
        // One `disconnected` for each client that has gone, and for the publisher. The handler counts each as 100.
        let (mut client, mut asked) = (Client::connect(&host.server)?, 0);
        wait_until(|| {
            asked += 1;
            let count = client.ask("count")?.parse::<u64>()? - asked;
            ensure!(count <= (closed + 1) * 100, "{count} for {closed} clients and a publisher");
            Ok(count == (closed + 1) * 100)
        })?;
        drop(host);
        for subscriber in subscribers {
            messages.push(subscriber.end()?);
        }
    }
    for (received, subscriber) in messages.iter().zip(0..) {
        check(received)
            .with_context(|| format!("subscriber {subscriber}, SEED={seed}, {faults:?}"))?;
    }
    Ok(())
}

/// Plays the schedule. Returns the nodes, and what the subscribers of killed hosts got.
#[expect(clippy::print_stdout, reason = "a schedule that fails can be understood")]
fn play<'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: &'scope Run,
    random: &mut Random,
    faults: &[Fault],
) -> Result<(Vec<Node>, Vec<Vec<Message>>)> {
    let mut broker = Broker::start()?;
    let mut ended = Vec::new();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let proxy = FaultProxy::to(broker.address())?;
        let host = Host::in_cluster(&proxy.url())?;
        nodes.push(Node { proxy, host, subscribers: Vec::new(), closed: 0 });
    }
    for node in &mut nodes {
        node.populate(scope, run, &broker)?;
    }
    run.wait_until_all_received(&subscribers(&nodes))?;
    for fault in faults {
        run.next_phase();
        let before = reconnects(&nodes)?;
        let at = random.below(nodes.len());
        println!("{fault:?} at host {at}");
        match fault {
            Fault::Reset => nodes[at].after_reconnecting(FaultProxy::reset)?,
            Fault::Cut => {
                nodes[at].proxy.cut();
                wait_until(|| Ok(!nodes[at].host.is_up()?))?;
                nodes[at].proxy.heal();
            }
            Fault::Strand => {
                nodes[at].after_reconnecting(FaultProxy::strand)?;
                wait_until(|| nodes[at].host.is_up())?;
                // Something is published over the new connection before the old one delivers.
                run.wait_for_messages(20)?;
                nodes[at].proxy.heal();
                run.wait_for_messages(20)?;
            }
            Fault::RestartBroker => {
                broker.restart()?;
                for (node, before) in nodes.iter().zip(before) {
                    wait_until(|| Ok(node.host.number("reconnects")? > before))?;
                }
            }
            Fault::KillHost => {
                let host = Host::start(&["--cluster", &nodes[at].proxy.url()])?;
                let killed = std::mem::replace(&mut nodes[at].host, host);
                drop(killed);
                for subscriber in nodes[at].subscribers.drain(..) {
                    ended.push(subscriber.end()?);
                }
                nodes[at].closed = 0;
                nodes[at].host.wait_until_ready()?;
                nodes[at].populate(scope, run, &broker)?;
            }
            Fault::Stop => {
                nodes[at].host.server.pause()?;
                run.wait_for_messages(50)?;
                nodes[at].host.server.signal(Signal::CONT)?;
            }
        }
        for node in &mut nodes {
            wait_until(|| node.host.is_up())?;
            // A client comes and goes.
            Client::connect(&node.host.server)?.close()?;
            node.closed += 1;
        }
        run.next_phase();
        run.wait_for_messages(60)?;
        run.wait_until_all_received(&subscribers(&nodes))?;
    }
    run.end_publishers()?;
    Ok((nodes, ended))
}

impl Node {
    /// Adds two subscribers and a publisher.
    fn populate<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        run: &'scope Run,
        broker: &Broker,
    ) -> Result<()> {
        let mut backend = Backend::connect(broker.address())?;
        for _ in 0..2 {
            let client = self.host.subscriber("news", &mut backend)?;
            self.subscribers.push(Subscriber::start(client));
        }
        run.start_publisher(scope, self.host.server.address());
        Ok(())
    }

    /// Does something to the link, and waits until the host has made another one.
    fn after_reconnecting(&self, fault: impl FnOnce(&FaultProxy)) -> Result<()> {
        let before = self.host.number("reconnects")?;
        fault(&self.proxy);
        wait_until(|| Ok(self.host.number("reconnects")? > before))
    }
}

fn reconnects(nodes: &[Node]) -> Result<Vec<u64>> {
    nodes.iter().map(|node| node.host.number("reconnects")).collect()
}

fn subscribers(nodes: &[Node]) -> Vec<&Subscriber> {
    nodes.iter().flat_map(|node| &node.subscribers).collect()
}
