//! Three servers with three replicas. Their leader is killed.

use std::collections::HashSet;

use parking_lot::Mutex;
use ws_host_test_support::BrokerCluster;

use super::ownership::Ownership;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(4));

/// Kills the leader without blocking the hosts.
async fn kill_leader(mut servers: BrokerCluster) -> (BrokerCluster, usize) {
    let kill = tokio::task::spawn_blocking(move || {
        let leader = servers.kill_leader("WSH_test_P").expect("a leader");
        (servers, leader)
    });
    kill.await.expect("no panic")
}

/// Waits until more actors have changed their owners, and more writes have been acknowledged.
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
        // A write whose answer comes too late does not count as done. A host treats such a write in the same way.
        let _ = tokio::time::timeout(TIMING.request(), attempt).await;
    }
}

#[tokio::test]
async fn with_three_servers_no_write_is_acknowledged_twice_and_no_actor_has_two_owners() {
    let mut servers = BrokerCluster::start().expect("servers");
    let urls: Vec<String> = servers.urls().split(',').map(str::to_owned).collect();
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
    progress(&ownership, &done).await;
    for _ in 0..2 {
        let leader;
        (servers, leader) = kill_leader(servers).await;
        progress(&ownership, &done).await;
        println!(
            "server {leader} was killed: {} writes, {:?}",
            done.lock().len(),
            ownership.check()
        );
        servers.restart(leader).expect("a server");
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
