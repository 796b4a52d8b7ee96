//! Leases that are taken, renewed, lapsed, fenced and given back.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use ws_host_test_support::FaultProxy;

use super::super::content::{LeaseContent, decode};
use super::spy::Spy;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(2));

async fn content(records: &impl Records, id: LeaseId) -> Option<(u64, LeaseContent)> {
    let entry = records.read(&Key::Lease(id)).await.expect("an answer")?;
    Some((entry.revision, decode(&entry.content).expect("the content of a lease")))
}

#[tokio::test]
async fn renewals_follow_their_own_revision_and_count_from_before_they_are_sent() {
    let timing = Timing::new(Duration::from_secs(8));
    let server = Server::start();
    let spy = Spy::on(records(&server.broker.url(), timing).await);
    let member = Member::with_records(Arc::clone(&spy), "a", timing);
    let term = member.term().await;
    spy.answers.forget_permits(usize::MAX);
    for _ in 0..2 {
        let (valid_until, before) = (term.valid_until(), spy.writes.lock().len());
        until_true(|| spy.writes.lock().len() > before).await;
        // The broker has stored the renewal, but the host does not know that yet.
        assert_eq!(term.valid_until(), valid_until);
        let stored = BootTime::now();
        spy.answers.add_permits(1);
        until_true(|| term.valid_until() != valid_until).await;
        assert!(term.valid_until() < stored + timing.lease(), "it counts from the answer");
        assert!(term.valid_until() > valid_until);
    }
    let writes = spy.writes.lock().clone();
    let revisions: Vec<u64> = writes.into_iter().filter_map(|(_, result)| result.ok()).collect();
    assert!(revisions.is_sorted() && revisions.len() >= 3, "{revisions:?}");
    let (revision, _) = content(&*spy, term.id()).await.expect("a lease");
    assert!(revision >= *revisions.last().expect("a revision"));
}

#[tokio::test]
async fn a_renewal_without_an_answer_makes_the_lease_no_longer_and_does_not_lose_it() {
    let server = Server::start();
    let spy = Spy::on(records(&server.broker.url(), TIMING).await);
    let member = Member::with_records(Arc::clone(&spy), "a", TIMING);
    let term = member.term().await;
    spy.loses_answers.store(true, Ordering::Relaxed);
    let before = spy.writes.lock().len();
    // The first renewal is stored, but its answer is lost. So the second renewal loses a race against the first.
    until_true(|| spy.writes.lock().len() >= before + 2).await;
    let writes = spy.writes.lock()[before..].to_vec();
    assert!(writes[0].1.is_ok() && matches!(writes[1].1, Err(WriteError::Raced)), "{writes:?}");
    assert!(term.valid_until() < writes[0].0 + TIMING.lease());
    until_true(|| !term.is_valid()).await;
    assert!(!term.is_lost());
    spy.loses_answers.store(false, Ordering::Relaxed);
    until_true(|| term.is_valid()).await;
    assert_eq!(member.term().await.id(), term.id());
}

#[tokio::test]
async fn a_lease_that_stands_still_is_fenced_after_its_end_and_never_renewed() {
    let server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    let (term, _) = (a.term().await, b.term().await);
    proxy.stall();
    let records = Arc::clone(&b.placement.records);
    let fenced = loop {
        let (revision, content) = content(&*records, term.id()).await.expect("a lease");
        let now = BootTime::now();
        if content == LeaseContent::Fenced {
            break revision;
        }
        // A lease ends for its own host before another host may fence it. It may have lapsed, but it is not lost yet.
        assert!(!term.is_lost());
        assert!(now.since(term.valid_until()) < DEADLINE, "it was never fenced");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(!term.is_valid(), "it was fenced while it was valid");
    // Now the messages that waited in the proxy reach the broker. They are renewals of the fenced lease.
    proxy.heal();
    tokio::time::timeout(DEADLINE, term.lost()).await.expect("the host notices");
    let next = a.term().await;
    assert_ne!(next.id(), term.id());
    assert!(!term.is_valid());
    assert_eq!(content(&*records, term.id()).await, Some((fenced, LeaseContent::Fenced)));
}

#[tokio::test]
async fn a_host_with_a_shorter_lease_waits_until_a_longer_one_has_ended() {
    let server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", Timing::new(TIMING.lease() * 2)).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*b.placement.records).await;
    let claim = a.claim(&actor("/room")).await;
    b.term().await;
    proxy.stall();
    let taken = b.take_over(&actor("/room")).await;
    assert!(!claim.is_valid(), "two hosts own the actor");
    assert!(taken.token() > claim.token());
}

#[test]
fn records_of_older_versions_and_absurd_lengths_are_read() {
    let old: LeaseContent =
        decode(b"{\"alive\":{\"host\":\"a\",\"address\":\"a:1\"}}").expect("a lease");
    assert_eq!(old.lease(), None);
    assert_eq!(TIMING.fence_after_with(None), TIMING.fence_after());
    let absurd =
        b"{\"alive\":{\"host\":\"a\",\"address\":\"a:1\",\"lease-ms\":18446744073709551615}}";
    let absurd: LeaseContent = decode(absurd).expect("a lease");
    assert_eq!(TIMING.fence_after_with(absurd.lease()), Duration::from_secs(75 * 60));
}

#[tokio::test]
async fn hosts_do_not_fence_each_other_when_the_broker_comes_back() {
    let mut server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    let terms = [a.term().await, b.term().await];
    proxy.cut();
    // In this time, `b` sees the last renewal of `a`.
    tokio::time::sleep(TIMING.lease() / 2).await;
    server.broker.kill().expect("a broker to kill");
    tokio::time::sleep(TIMING.lease() * 2).await;
    assert!(terms.iter().all(|term| !term.is_valid()), "a lease has no end");
    server.broker.restart().expect("the same broker");
    // One host connects first, and looks at the lease of the other.
    assert_eq!(b.term().await.id(), terms[1].id());
    tokio::time::sleep(TIMING.lease() / 2).await;
    proxy.heal();
    assert_eq!(a.term().await.id(), terms[0].id());
    assert!(terms.iter().all(|term| !term.is_lost()));
}

#[tokio::test]
async fn a_lease_that_was_given_back_need_not_be_waited_for() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*b.placement.records).await;
    let (claim, room) = (a.claim(&actor("/room")).await, actor("/room"));
    assert!(matches!(b.locate(&room).await, Location::There(host) if host.host == "a"));
    let id = claim.term().id();
    let placement = Arc::clone(&a.placement);
    assert!(placement.is_valid());
    a.stop().await;
    assert!(!claim.is_valid() && !placement.is_valid());
    // This succeeds at the first attempt.
    let location = b.placement.locate(&room).await.expect("an owner");
    assert!(matches!(location, Location::Here(_)), "{location:?}");
    let fenced = content(&*b.placement.records, id).await.expect("a lease");
    assert_eq!(fenced.1, LeaseContent::Fenced);
}

#[tokio::test]
async fn fenced_leases_are_removed_and_claims_that_name_them_are_still_taken() {
    let timing = Timing::new(Duration::from_secs(1));
    let server = Server::start();
    let b = Member::start(&server.broker.url(), "b", timing).await;
    open(&*b.placement.records).await;
    let a = Member::start(&server.broker.url(), "a", timing).await;
    let claim = a.claim(&actor("/room")).await;
    a.stop().await;
    let key = Key::Lease(claim.term().id());
    let deadline = Instant::now() + DEADLINE;
    while b.placement.records.read(&key).await.expect("an answer").is_some() {
        assert!(Instant::now() < deadline, "it was never removed");
        tokio::time::sleep(timing.retry()).await;
    }
    assert!(b.claim(&actor("/room")).await.token() > claim.token());
}

/// Records with 1000 leases. They are renewed so often that there is always a next lease to read.
struct Storm;

impl Records for Storm {
    fn max_state(&self) -> usize {
        usize::MAX
    }

    async fn create(&self) -> Result<(), RecordsError> {
        Ok(())
    }

    async fn read(&self, _: &Key) -> Result<Option<Entry>, RecordsError> {
        Ok(None)
    }

    async fn next_lease(
        &self,
        from: u64,
    ) -> Result<Option<(Option<LeaseId>, Entry)>, RecordsError> {
        tokio::task::yield_now().await;
        let id = LeaseId::parse(&format!("{:016x}", from % 1000));
        let content = r#"{"alive":{"host":"a","address":"a:1"}}"#.into();
        Ok(Some((id, Entry { revision: from, content })))
    }

    async fn next_claim(&self, _: u64) -> Result<Option<(Key, Entry)>, RecordsError> {
        Ok(None)
    }

    async fn write(&self, _: &Key, _: Bytes, _: u64) -> Result<u64, WriteError> {
        Err(WriteError::Raced)
    }

    async fn remove(&self, _: &Key, _: u64) -> Result<(), RecordsError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_sweep_ends_although_leases_are_renewed_all_the_time() {
    let (_terms, none) = tokio::sync::watch::channel(None);
    let placement = Placement::new(Arc::new(Storm), TIMING, none);
    let sweeping = super::super::sweep::sweep(&placement);
    tokio::time::timeout(DEADLINE / 6, sweeping).await.expect("an end").expect("no error");
    assert_eq!(placement.hosts().borrow().len(), 1000);
}
