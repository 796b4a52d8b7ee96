//! Three servers with three replicas, whose leader is killed.

use std::collections::HashSet;
use std::net::TcpListener;

use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use super::ownership::Ownership;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(4));

struct Servers {
    brokers: Vec<Broker>,
    _stores: TempDir,
}

impl Servers {
    fn start() -> Self {
        let stores = tempfile::tempdir().expect("a folder");
        let listeners: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let routes: Vec<String> = listeners
            .iter()
            .map(|listener| format!("nats://{}", listener.local_addr().expect("its address")))
            .collect();
        drop(listeners);
        let brokers = (0..3).map(|number| {
            let store = stores.path().join(number.to_string());
            let (name, all) = (format!("s{number}"), routes.join(","));
            let arguments = ["-js", "-sd", store.to_str().expect("a path"), "--server_name", &name];
            let cluster = ["--cluster_name", "c", "--cluster", &routes[number], "--routes", &all];
            Broker::with_arguments(&[&arguments[..], &cluster[..]].concat()).expect("a server")
        });
        Self { brokers: brokers.collect(), _stores: stores }
    }

    fn urls(&self) -> Vec<String> {
        self.brokers.iter().map(Broker::url).collect()
    }

    /// Kills the leader of the stream, and starts it again.
    async fn restart_leader(&mut self, client: &async_nats::Client) -> String {
        let leader = loop {
            let answer = client.request("$JS.API.STREAM.INFO.WSH_test_P", "".into());
            if let Ok(Ok(answer)) = tokio::time::timeout(TIMING.request(), answer).await
                && let Ok(info) = serde_json::from_slice::<Value>(&answer.payload)
                && let Some(leader) = info["cluster"]["leader"].as_str()
            {
                break leader.to_owned();
            }
            tokio::time::sleep(TIMING.retry()).await;
        };
        let number: usize = leader[1..].parse().expect("the name of a server");
        self.brokers[number].kill().expect("a server to kill");
        tokio::time::sleep(TIMING.lease()).await;
        self.brokers[number].restart().expect("a server");
        leader
    }
}

/// Waits until owners have changed some more, and writes were acknowledged.
async fn progress(ownership: &Ownership, done: &Mutex<Vec<u64>>) {
    let before = (ownership.check().1, done.lock().len());
    let deadline = Instant::now() + DEADLINE;
    while ownership.check().1 < before.0 + 10 || done.lock().len() < before.1 + 100 {
        assert!(Instant::now() < deadline, "nothing happens");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Writes a record again and again, in competition with others.
async fn compete(records: Arc<NatsRecords>, done: Arc<Mutex<Vec<u64>>>, stop: CancellationToken) {
    let key = Key::Claim(actor("/contended"));
    while !stop.is_cancelled() {
        let attempt = async {
            let entry = records.read(&key).await.ok()?;
            let expected = entry.map_or(0, |entry| entry.revision);
            let written = records.write(&key, "x".into(), expected).await;
            written.is_ok().then(|| done.lock().push(expected))
        };
        // As for a host, a write whose answer comes later counts as not done.
        let _ = tokio::time::timeout(TIMING.request(), attempt).await;
    }
}

#[tokio::test]
#[ignore = "needs NATS_SERVER, with a version that is safe in a cluster"]
async fn with_three_servers_no_write_is_acknowledged_twice_and_no_actor_has_two_owners() {
    let mut servers = Servers::start();
    let urls = servers.urls();
    let (ownership, stop, done) =
        (Ownership::default(), CancellationToken::new(), Arc::<Mutex<Vec<u64>>>::default());
    let mut tasks = Vec::new();
    for name in ["a", "b", "c"] {
        let client = client(&urls, TIMING).await;
        let records = Arc::new(NatsRecords::new(client, "test", 3, 0));
        let member = Member::with_records(Arc::clone(&records), name, TIMING);
        tasks.push(tokio::spawn(compete(records, Arc::clone(&done), stop.clone())));
        let (ownership, stop) = (ownership.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            let mut number = 0;
            while !stop.is_cancelled() {
                number += 1;
                let room = actor(&format!("/{}", number % 50));
                if let Ok(Location::Here(claim)) = member.placement.locate(&room).await {
                    ownership.event(&claim);
                    if number % 7 == 0 {
                        member.placement.free(claim).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
    }
    let watching = client(&urls, TIMING).await;
    progress(&ownership, &done).await;
    for _ in 0..3 {
        let leader = servers.restart_leader(&watching).await;
        progress(&ownership, &done).await;
        println!("{leader} was killed: {} writes, {:?}", done.lock().len(), ownership.check());
    }
    stop.cancel();
    for task in tasks {
        task.await.expect("a host");
    }
    let done = done.lock();
    let different: HashSet<&u64> = done.iter().collect();
    assert_eq!(different.len(), done.len(), "two writes replaced the same revision");
    assert!(done.len() > 100, "{}", done.len());
    ownership.check();
}
