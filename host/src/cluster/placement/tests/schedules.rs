//! Random schedules of faults. Whatever happens, no two hosts may own an actor at overlapping times.
//!
//! `SEED` repeats a schedule, except for the timing of the machine. `WS_HOST_SCHEDULES` is the number of
//! schedules.

use std::thread::JoinHandle;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use ws_host_test_support::FaultProxy;

use super::super::content::{LeaseContent, decode};
use super::ownership::Ownership;
use super::*;

/// Long enough for a lease to be renewed in time on two busy cores.
const TIMING: Timing = Timing::new(Duration::from_millis(700));

const HOSTS: usize = 3;

const ROOMS: [&str; 3] = ["/1", "/2", "/3"];

/// An instruction of a test to a host.
enum Order {
    /// Stop everything in the host, as if its process were stopped.
    Pause(Duration),
    /// Give back the lease, and end.
    Stop,
    /// End at once.
    Kill,
    /// Give up one of the actors.
    Free(usize),
}

/// A host on a thread of its own, so that it can be stopped.
struct Thread {
    orders: mpsc::Sender<Order>,
    thread: JoinHandle<()>,
    name: String,
}

impl Thread {
    fn start(url: String, name: String, ownership: Ownership) -> Self {
        let (orders, received) = mpsc::channel(16);
        let thread_name = name.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(run(&url, &thread_name, &ownership, received));
            runtime.shutdown_background();
        });
        Self { orders, thread, name }
    }

    fn order(&self, order: Order) {
        // If the queue is full, the host is stopped or has ended.
        let _ = self.orders.try_send(order);
    }
}

async fn run(url: &str, name: &str, ownership: &Ownership, mut orders: mpsc::Receiver<Order>) {
    let member = tokio::select! {
        member = Member::start(url, name, TIMING) => member,
        () = until_ended(&mut orders) => return,
    };
    let rooms = ROOMS.map(actor);
    let mut claims: [Option<Claim>; 3] = Default::default();
    loop {
        for (room, held) in rooms.iter().zip(&mut claims) {
            if let Some(claim) = held
                && !ownership.event(claim)
                && claim.term().is_lost()
            {
                *held = None;
            }
            let located = async {
                if held.is_none()
                    && let Ok(Location::Here(claim)) = member.placement.locate(room).await
                {
                    *held = Some(claim);
                }
            };
            // If the call is dropped half-way, the next call must find the claim.
            let _ = tokio::time::timeout(Duration::from_millis(3), located).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        match orders.try_recv() {
            Ok(Order::Pause(time)) => std::thread::sleep(time),
            Ok(Order::Stop) => return member.stop().await,
            Ok(Order::Kill) | Err(mpsc::error::TryRecvError::Disconnected) => return,
            Ok(Order::Free(number)) => {
                if let Some(claim) = claims[number].take() {
                    member.placement.free(claim).await;
                }
            }
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
    }
}

async fn until_ended(orders: &mut mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        if matches!(order, Order::Stop | Order::Kill) {
            return;
        }
    }
}

/// A cluster that is exposed to faults.
struct Cluster {
    server: Server,
    proxies: Vec<FaultProxy>,
    hosts: Vec<Thread>,
    ended: Vec<JoinHandle<()>>,
    ownership: Ownership,
    started: usize,
}

impl Cluster {
    fn start() -> Self {
        let server = Server::start();
        let proxies =
            (0..HOSTS).map(|_| FaultProxy::to(server.broker.address()).expect("a relay")).collect();
        let ownership = Ownership::default();
        let mut cluster =
            Self { server, proxies, hosts: Vec::new(), ended: Vec::new(), ownership, started: 0 };
        for number in 0..HOSTS {
            let host = cluster.new_host(number);
            cluster.hosts.push(host);
        }
        cluster
    }

    fn new_host(&mut self, number: usize) -> Thread {
        self.started += 1;
        let name = format!("{number}.{}", self.started);
        Thread::start(self.proxies[number].url(), name, self.ownership.clone())
    }

    fn replace(&mut self, number: usize, last: Order) {
        self.hosts[number].order(last);
        let new = self.new_host(number);
        self.ended.push(std::mem::replace(&mut self.hosts[number], new).thread);
    }

    fn fault(&mut self, random: &mut StdRng) -> String {
        let number = random.random_range(0..HOSTS);
        let (proxy, host) = (&self.proxies[number], &self.hosts[number]);
        let what = match random.random_range(0..100) {
            0..12 => {
                proxy.stall();
                "stall"
            }
            12..18 => {
                proxy.strand();
                "strand"
            }
            18..24 => {
                proxy.cut();
                "cut"
            }
            24..30 => {
                proxy.reset();
                "reset"
            }
            30..58 => {
                proxy.heal();
                "heal"
            }
            58..72 => {
                host.order(Order::Pause(TIMING.lease().mul_f64(random.random_range(0.1..3.0))));
                "pause"
            }
            72..80 => {
                host.order(Order::Free(random.random_range(0..ROOMS.len())));
                "free"
            }
            80..85 => {
                self.replace(number, Order::Stop);
                "stop"
            }
            85..90 => {
                self.replace(number, Order::Kill);
                "kill"
            }
            90..95 => {
                self.server.broker.restart().expect("the same broker");
                "broker restarts"
            }
            _ => {
                self.server.broker.kill().expect("a broker to kill");
                self.server.lose_data();
                self.server.broker.restart().expect("a broker without data");
                "broker loses its data"
            }
        };
        format!("{what} {number}")
    }

    /// Repairs everything, and waits until all actors have an owner and all hosts are known.
    async fn recover(&mut self) {
        self.proxies.iter().for_each(FaultProxy::heal);
        let alive = self.hosts.iter().map(|host| host.name.clone()).collect();
        let recovered = recovered(self.server.broker.url(), alive);
        // A broker that exits on its own is one more fault.
        let repairing = async {
            loop {
                if let Some(log) = self.server.broker.last_words().expect("the log of the broker") {
                    println!("the broker has exited: {log}");
                    self.server.broker.restart().expect("the same broker");
                }
                tokio::time::sleep(TIMING.sweep()).await;
            }
        };
        tokio::select! {
            () = recovered => {}
            () = repairing => {}
        }
    }

    fn end(mut self) -> (usize, usize) {
        for host in self.hosts.drain(..) {
            // The host ends when its sender of orders is dropped.
            drop(host.orders);
            self.ended.push(host.thread);
        }
        for thread in self.ended.drain(..) {
            thread.join().expect("a host without panic");
        }
        self.ownership.check()
    }
}

/// Waits until all actors have an owner, and exactly the hosts that are alive have leases.
async fn recovered(broker: String, alive: Vec<String>) {
    let member = Member::start(&broker, "last", TIMING).await;
    for room in ROOMS {
        member.locate(&actor(room)).await;
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut names = leases(&member.placement.records).await;
        names.retain(|name| name != "last");
        names.sort_unstable();
        if names == alive {
            return;
        }
        assert!(Instant::now() < deadline, "leases of {names:?}, hosts {alive:?}");
        tokio::time::sleep(TIMING.sweep()).await;
    }
}

/// Returns the names of the hosts whose leases are not fenced.
async fn leases(records: &NatsRecords) -> Vec<String> {
    let (mut from, mut names) = (1, std::collections::BTreeMap::new());
    while let Ok(Some((id, entry))) = records.next_lease(from).await {
        from = entry.revision + 1;
        if let Some(LeaseContent::Alive(holder)) = decode(&entry.content) {
            names.insert(id.expect("a name").to_string(), holder.host.host);
        }
    }
    names.into_values().collect()
}

#[tokio::test]
async fn no_two_hosts_own_an_actor_at_overlapping_times() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SEED").unwrap_or_else(rand::random);
    for seed in (0..number("WS_HOST_SCHEDULES").unwrap_or(2)).map(|more| first.wrapping_add(more)) {
        println!("SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster::start();
        tokio::time::sleep(TIMING.lease() * 2).await;
        let mut faults = Vec::new();
        for _ in 0..60 {
            tokio::time::sleep(TIMING.lease().mul_f64(random.random_range(0.0..0.5))).await;
            faults.push(cluster.fault(&mut random));
        }
        let recovered = tokio::time::timeout(DEADLINE * 2, cluster.recover()).await;
        assert!(recovered.is_ok(), "no recovery after {}", faults.join(", "));
        let (events, changes) = cluster.end();
        println!("{events} events, {changes} changes of the owner; {}", faults.join(", "));
    }
}
