//! The claims of hosts that are dead.

use std::sync::atomic::Ordering;

use super::super::content::{ClaimContent, LeaseContent, encode};
use super::spy::Spy;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(4));

/// So many claims that sweeps of the usual length would take several leases.
const CLAIMS: usize = 1500;

/// More than the sweeps of the usual length reach until a lease is fenced.
const MANY: usize = 600;

/// Writes claims of a host. Returns the name of its lease, and the revision of a claim after many others.
async fn claim_all(host: &Member) -> (LeaseId, u64) {
    let mut many = 0;
    let (term, records) = (host.term().await, &host.placement.records);
    let claim = encode(&ClaimContent::by(term.id()));
    for number in 0..CLAIMS {
        let key = Key::Claim(actor(&format!("/{number}")));
        let revision = records.write(&key, claim.clone(), 0).await.expect("a claim");
        if number == MANY {
            many = revision;
        }
    }
    (term.id(), many)
}

/// Waits until no claim is left.
async fn until_all_are_removed(records: &impl Records) {
    let deadline = Instant::now() + DEADLINE;
    while records.next_claim(1).await.expect("an answer").is_some() {
        assert!(Instant::now() < deadline, "a claim was never removed");
        tokio::time::sleep(TIMING.retry()).await;
    }
}

/// How long a host may take that does not wait for further sweeps.
const PROMPT: Duration = TIMING.lease().saturating_mul(2);

#[tokio::test]
async fn claims_of_a_dead_host_are_removed_at_once_although_a_request_fails() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    let spy = Spy::on(records(&server.broker.url(), TIMING).await);
    let b = Member::with_records(Arc::clone(&spy), "b", TIMING);
    b.term().await;
    let (_, many) = claim_all(&a).await;
    spy.fails_after.store(many, Ordering::Relaxed);
    let mut hosts = b.placement.hosts();
    hosts.wait_for(|hosts| hosts.len() == 2).await.expect("two hosts");
    drop(a);
    let fenced = hosts.wait_for(|hosts| hosts.len() == 1);
    tokio::time::timeout(DEADLINE, fenced).await.expect("b fences the lease").expect("one host");
    let began = Instant::now();
    until_all_are_removed(&*spy.real).await;
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert_eq!(spy.fails_after.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn claims_are_removed_at_once_if_the_host_that_fenced_their_lease_has_died_too() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    b.term().await;
    let (dead, _) = claim_all(&a).await;
    let all = Arc::clone(&a.placement.records);
    drop(a);
    // As a third host does that dies afterwards.
    loop {
        let key = Key::Lease(dead);
        let lease = all.read(&key).await.expect("an answer").expect("a lease");
        let fenced = encode(&LeaseContent::Fenced);
        if all.write(&key, fenced, lease.revision).await.is_ok() {
            break;
        }
    }
    let began = Instant::now();
    until_all_are_removed(&*all).await;
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
}
