//! An actor whose lease has lapsed while something looked at it.

use ws_host_test_support::FaultProxy;

use super::*;
use crate::cluster::owned::OwnedActors;
use crate::config::WithoutBroker;
use crate::ownership::{Holding, Ownership as _};

const TIMING: Timing = Timing::new(Duration::from_secs(2));

#[tokio::test]
async fn actor_whose_event_was_refused_ends_although_the_lease_is_renewed() {
    let server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", TIMING).await;
    open(&*records(&server.broker.url(), TIMING).await).await;
    let (ended, _freed) = tokio::sync::mpsc::channel(1);
    let ends = tokio::sync::watch::Sender::new(0);
    let table = Arc::new(OwnedActors::new(WithoutBroker::Stop, ended, ends.clone()));
    let claims = [a.claim(&actor("/seen")).await, a.claim(&actor("/not-seen")).await];
    let term = a.term().await;
    let [seen, not_seen] = claims.map(|claim| table.own(claim, &a.placement).expect("a claim"));
    assert_eq!(seen.holding(), Holding::Held);
    proxy.stall();
    until_true(|| !term.is_valid()).await;
    let before = *ends.borrow();
    assert_eq!(seen.holding(), Holding::Lapsed);
    proxy.heal();
    until_true(|| term.is_valid()).await;
    assert_eq!(seen.holding(), Holding::Lapsed);
    assert_eq!(not_seen.holding(), Holding::Held);
    // The change of this number makes every actor check its right, so this actor ends.
    assert_eq!(*ends.borrow(), before + 1);
}
