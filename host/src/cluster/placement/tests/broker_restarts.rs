//! Tests in which the broker ends and comes back.

use ws_host_test_support::FaultProxy;

use super::ownership::Ownership;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(4));

#[tokio::test]
async fn with_its_data_everything_stays_as_it_was() {
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    let room = actor("/room");
    let claim = a.claim(&room).await;
    b.term().await;
    server.broker.restart().expect("the same broker");
    let until = claim.term().valid_until();
    until_true(|| claim.term().valid_until() > until).await;
    assert!(matches!(b.locate(&room).await, Location::There(host) if host.host == "a"));
    assert_eq!(a.claim(&room).await.token(), claim.token());
}

/// The actor's host is cut off before the broker loses its data, so the host does not notice the loss.
#[tokio::test]
async fn without_its_data_nobody_takes_an_actor_that_may_still_have_an_owner() {
    let timing = Timing::new(Duration::from_secs(2));
    let mut server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", timing).await;
    let b = Member::start(&server.broker.url(), "b", timing).await;
    open(&*a.placement.records).await;
    let (room, ownership) = (actor("/room"), Ownership::default());
    let (old, lost) = (a.claim(&room).await, b.term().await);
    proxy.cut();
    server.broker.kill().expect("a broker to kill");
    server.lose_data();
    server.broker.restart().expect("a broker without data");
    tokio::time::timeout(DEADLINE, lost.lost()).await.expect("b notices");
    b.term().await;
    // The new lease is as new as the records, so its host still has to wait.
    assert!(matches!(b.placement.locate(&room).await, Err(PlacementError::ClaimWait(_))));
    let working = {
        let (old, ownership) = (old.clone(), ownership.clone());
        tokio::spawn(async move {
            while ownership.event(&old) {
                tokio::task::yield_now().await;
            }
        })
    };
    let new = b.claim(&room).await;
    assert!(!old.is_valid() && ownership.event(&new));
    working.await.expect("a ends");
    assert_eq!(ownership.check().1, 1);
    // A host that connects now need not wait.
    proxy.heal();
    tokio::time::timeout(DEADLINE, old.term().lost()).await.expect("a notices");
    assert!(matches!(a.locate(&room).await, Location::There(host) if host.host == "b"));
}

#[tokio::test]
async fn with_old_data_a_host_gives_up_what_it_may_have_claimed_since() {
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    let term = a.term().await;
    server.broker.kill().expect("a broker to kill");
    let backup = server.back_up();
    server.broker.restart().expect("the same broker");
    let claim = a.claim(&actor("/room")).await;
    assert_eq!(claim.term().id(), term.id());
    server.broker.kill().expect("a broker to kill");
    server.restore(&backup);
    server.broker.restart().expect("a broker with old data");
    tokio::time::timeout(DEADLINE, term.lost()).await.expect("the host notices");
    assert_ne!(a.term().await.id(), term.id());
}

#[tokio::test]
async fn a_claim_in_other_records_than_the_lease_does_not_count() {
    let timing = Timing::new(Duration::from_secs(20));
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", timing).await;
    open(&*a.placement.records).await;
    let term = a.term().await;
    // After this claim, the host takes the records to be open.
    a.claim(&actor("/one")).await;
    server.broker.kill().expect("a broker to kill");
    server.lose_data();
    server.broker.restart().expect("a broker without data");
    // Marks the records as open at once. A real host would have to wait.
    open(&*records(&server.broker.url(), timing).await).await;
    assert!(term.is_valid(), "the machine is too slow for this test");
    let located = loop {
        match a.placement.locate(&actor("/two")).await {
            Err(PlacementError::Unavailable(_)) => {}
            located => break located,
        }
    };
    assert!(matches!(located, Err(PlacementError::NoLease)), "{located:?}");
    assert!(term.is_lost());
}

#[tokio::test]
async fn a_broker_without_jetstream_is_refused() {
    let broker = Broker::start().expect("a broker");
    let records = records(&broker.url(), TIMING).await;
    let refused = records.create().await;
    assert!(
        matches!(&refused, Err(RecordsError::Refused(why)) if why.contains("-js")),
        "{refused:?}"
    );
}
