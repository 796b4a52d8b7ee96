//! Topics over three servers of a broker, which die and stand still under numbered load.
//!
//! A message and a later one of the same publisher may take different ways: its host may have gone to another server in
//! between, and the first server may stand still with the first message, and pass it on much later.

use std::thread::Scope;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Backend, BrokerCluster, wait_until};

use crate::hosts::Host;
use crate::numbered::{Run, Subscriber, check};
use crate::random::Random;

const HOSTS: usize = 3;

/// What happens to a server that a host uses.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    /// It stands still until its hosts use other servers. Then it goes on, with the messages that it still holds.
    Pause,
}

const FAULTS: [Fault; 4] = [Fault::Kill, Fault::Pause, Fault::Kill, Fault::Pause];

/// A host, and its subscribers.
struct Node {
    host: Host,
    subscribers: Vec<Subscriber>,
}

#[test]
fn no_message_is_repeated_or_reordered_when_hosts_go_from_one_of_three_servers_to_another()
-> Result<()> {
    let random = &mut Random::from_environment()?;
    let run = &Run::default();
    let nodes = run.during(|scope| play(scope, run, random))?;
    let subscribers = nodes.into_iter().flat_map(|Node { host, subscribers }| {
        // Subscribers end with their host.
        drop(host);
        subscribers
    });
    for (subscriber, number) in subscribers.zip(0..) {
        let received = subscriber.end()?;
        check(&received).with_context(|| format!("subscriber {number}, SEED={}", random.seed()))?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a schedule that fails can be understood")]
fn play<'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: &'scope Run,
    random: &mut Random,
) -> Result<Vec<Node>> {
    let mut brokers = BrokerCluster::start()?;
    let mut nodes = Vec::new();
    for _ in 0..HOSTS {
        let host = Host::in_cluster(&brokers.urls())?;
        let mut backend = Backend::connect(brokers.address(0))?;
        let subscribers = (0..2).map(|_| host.subscriber("news", &mut backend));
        let subscribers =
            subscribers.map(|client| client.map(Subscriber::start)).collect::<Result<_>>()?;
        nodes.push(Node { host, subscribers });
    }
    // The first phase would be a calm one. But the servers do not know yet what is subscribed at the others.
    run.next_phase();
    for node in &nodes {
        run.start_publisher(scope, node.host.server.address());
    }
    calm_down(run, &nodes)?;
    let mut faults = FAULTS;
    random.shuffle(&mut faults);
    for fault in faults {
        run.next_phase();
        let host = &nodes[random.below(HOSTS)].host;
        let server = server_of(host, &brokers)?.context("the host is connected")?;
        println!("{fault:?} server {server}");
        match fault {
            Fault::Kill => brokers.kill(server)?,
            Fault::Pause => brokers.pause(server)?,
        }
        for node in &nodes {
            wait_until(|| Ok(server_of(&node.host, &brokers)?.is_some_and(|it| it != server)))?;
        }
        run.wait_for_messages(50)?;
        match fault {
            Fault::Kill => brokers.restart(server)?,
            Fault::Pause => brokers.unpause(server)?,
        }
        run.wait_for_messages(50)?;
        calm_down(run, &nodes)?;
    }
    run.end_publishers()?;
    let number = |key| nodes.iter().map(|node| node.host.number(key)).sum::<Result<u64>>();
    let late = nodes.iter().map(|node| node.host.dropped("late")).sum::<Result<u64>>()?;
    println!("{} connections were replaced, {late} messages were late", number("reconnects")?);
    ensure!(number("reconnects")? >= FAULTS.len() as u64, "no host went to another server");
    Ok(nodes)
}

/// Begins a calm phase, and ends it when its messages have arrived.
fn calm_down(run: &Run, nodes: &[Node]) -> Result<()> {
    let subscribers: Vec<&Subscriber> = nodes.iter().flat_map(|node| &node.subscribers).collect();
    // Then all servers know again what is subscribed where.
    run.wait_until_connected(&subscribers)?;
    run.next_phase();
    run.wait_for_messages(60)?;
    run.wait_until_all_received(&subscribers)
}

/// Returns the number of the server to which a host is connected now.
fn server_of(host: &Host, brokers: &BrokerCluster) -> Result<Option<usize>> {
    Ok(host.cluster()?["server"].as_str().and_then(|server| brokers.number_of(server)))
}
