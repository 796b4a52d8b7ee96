//! Hosts, links and brokers that fail, in a random order, under numbered load.
//!
//! Calm and faulty phases alternate. What is published in a calm phase must reach every subscriber. In a faulty phase,
//! messages may be missing on other hosts. Never may a subscriber get a message twice, or after a later one of the same
//! publisher.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Scope};

use anyhow::{Context, Result, ensure};
use parking_lot::{Mutex, RwLock};
use rustix::process::Signal;
use ws_host_test_support::{Backend, Broker, Client, FaultProxy, wait_until};

use crate::hosts::Host;
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

/// What all threads share.
#[derive(Default)]
struct Run {
    /// The phase: calm if it is even. Publishers hold the lock while they publish, so that no message is published
    /// while the phase changes.
    phase: RwLock<u64>,
    is_over: AtomicBool,
    next_publisher: AtomicU64,
    /// The number of the last message of each publisher that still runs.
    published: Mutex<HashMap<u64, u64>>,
}

/// A subscriber, and the last number that it got from each publisher.
struct Subscriber {
    last: Arc<Mutex<HashMap<u64, u64>>>,
    thread: JoinHandle<Result<Vec<Message>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    publisher: u64,
    number: u64,
    phase: u64,
    /// The number of the publisher's first message of this phase.
    first: u64,
}

impl Message {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("message ")?.split(' ');
        let mut next = || words.next()?.parse::<u64>().ok();
        Some(Self { publisher: next()?, number: next()?, phase: next()?, first: next()? })
    }
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
    let (nodes, ended) = std::thread::scope(|scope| {
        let result = play(scope, run, random, &faults);
        run.is_over.store(true, Ordering::Relaxed);
        result
    })?;
    let mut messages = ended;
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
        for Subscriber { thread, .. } in subscribers {
            messages.push(thread.join().map_err(|_| anyhow::anyhow!("a subscriber panicked"))??);
        }
    }
    for (received, subscriber) in messages.iter().zip(0..) {
        check(received)
            .with_context(|| format!("subscriber {subscriber}, SEED={seed}, {faults:?}"))?;
    }
    Ok(())
}

/// Checks what a subscriber got.
fn check(received: &[Message]) -> Result<()> {
    let mut last = BTreeMap::<u64, Message>::new();
    for message in received {
        if let Some(before) = last.insert(message.publisher, *message) {
            ensure!(message.number > before.number, "{message:?} came after {before:?}");
            let is_next = message.number == before.number + 1;
            let may_miss = message.phase % 2 == 1 || message.number == message.first;
            ensure!(is_next || may_miss, "lost: {before:?} to {message:?}");
        }
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
    wait_until_all_received(run, &nodes)?;
    for fault in faults {
        next_phase(run);
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
                wait_for_messages(run, 20)?;
                nodes[at].proxy.heal();
                wait_for_messages(run, 20)?;
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
                for Subscriber { thread, .. } in nodes[at].subscribers.drain(..) {
                    ended.push(
                        thread.join().map_err(|_| anyhow::anyhow!("a subscriber panicked"))??,
                    );
                }
                nodes[at].closed = 0;
                nodes[at].host.wait_until_ready()?;
                nodes[at].populate(scope, run, &broker)?;
            }
            Fault::Stop => {
                nodes[at].host.server.pause()?;
                wait_for_messages(run, 50)?;
                nodes[at].host.server.signal(Signal::CONT)?;
            }
        }
        for node in &mut nodes {
            wait_until(|| node.host.is_up())?;
            // A client comes and goes.
            Client::connect(&node.host.server)?.close()?;
            node.closed += 1;
        }
        next_phase(run);
        wait_for_messages(run, 60)?;
        wait_until_all_received(run, &nodes)?;
    }
    run.is_over.store(true, Ordering::Relaxed);
    wait_until(|| Ok(run.published.lock().is_empty()))?;
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
        let publisher = run.next_publisher.fetch_add(1, Ordering::Relaxed);
        let address = self.host.server.address();
        run.published.lock().insert(publisher, 0);
        scope.spawn(move || {
            // A publisher ends with its host.
            let _ = publish(run, publisher, address);
            run.published.lock().remove(&publisher);
        });
        Ok(())
    }

    /// Does something to the link, and waits until the host has made another one.
    fn after_reconnecting(&self, fault: impl FnOnce(&FaultProxy)) -> Result<()> {
        let before = self.host.number("reconnects")?;
        fault(&self.proxy);
        wait_until(|| Ok(self.host.number("reconnects")? > before))
    }
}

impl Subscriber {
    fn start(mut client: Client) -> Self {
        let last = Arc::<Mutex<HashMap<_, _>>>::default();
        let seen = Arc::clone(&last);
        let thread = std::thread::spawn(move || {
            let mut received = Vec::new();
            // Ends with the host.
            while let Ok(text) = client.receive_text() {
                if text == "probe" {
                    continue;
                }
                let message = Message::parse(&text).with_context(|| text.clone())?;
                let mut seen = seen.lock();
                seen.insert(message.publisher, message.number);
                received.push(message);
            }
            Ok(received)
        });
        Self { last, thread }
    }
}

fn publish(run: &Run, publisher: u64, host: SocketAddr) -> Result<()> {
    let mut client = Client::connect_at(host, "/")?;
    let (mut number, mut first, mut last_phase) = (0, 1, 0);
    while !run.is_over.load(Ordering::Relaxed) {
        let phase = run.phase.read();
        number += 1;
        if *phase != last_phase {
            (first, last_phase) = (number, *phase);
        }
        client.ask(&format!("publish news message {publisher} {number} {phase} {first}"))?;
        run.published.lock().insert(publisher, number);
        drop(phase);
        std::thread::yield_now();
    }
    Ok(())
}

fn next_phase(run: &Run) {
    *run.phase.write() += 1;
}

fn reconnects(nodes: &[Node]) -> Result<Vec<u64>> {
    nodes.iter().map(|node| node.host.number("reconnects")).collect()
}

/// Waits until any publisher has published that many more messages.
fn wait_for_messages(run: &Run, more: u64) -> Result<()> {
    let total = || run.published.lock().values().sum::<u64>();
    let before = total();
    wait_until(|| Ok(total() >= before + more))
}

/// Waits until every subscriber has the last message of every publisher, while no other message is published.
fn wait_until_all_received(run: &Run, nodes: &[Node]) -> Result<()> {
    let _still = run.phase.write();
    let published = run.published.lock().clone();
    let subscribers = nodes.iter().flat_map(|node| &node.subscribers);
    for (Subscriber { last, .. }, number) in subscribers.zip(0..) {
        let has_all = || {
            let last = last.lock();
            Ok(published.iter().all(|(publisher, number)| {
                *number == 0 || last.get(publisher).is_some_and(|last| last >= number)
            }))
        };
        wait_until(has_all).with_context(|| {
            let last = last.lock();
            format!("subscriber {number} has {last:?} of {published:?}")
        })?;
    }
    Ok(())
}
