//! Saved states, and owners that have been replaced.

use super::*;
use crate::ownership::{Inherited, SaveError, SavedWhen};

const TIMING: Timing = Timing::new(Duration::from_secs(2));

#[tokio::test]
async fn late_save_of_an_earlier_owner_is_refused() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    let old = a.claim(&actor("/room")).await;
    let (opened, inherited) = a.placement.open_state(&old).await.expect("a new record");
    assert_eq!(inherited, None);
    let saved = a.placement.save_state(&old, b"one", SavedWhen::Running, opened).await;
    // The answer to that write may have been lost. The owner then still knows only the earlier revision.
    let again = a.placement.save_state(&old, b"two", SavedWhen::Running, opened).await;
    let again = again.expect("a save by the same owner");
    assert!(again > saved.expect("a save"));
    a.keeper.abort();
    let new = b.take_over(&actor("/room")).await;
    let (opened, inherited) = b.placement.open_state(&new).await.expect("the record of the other");
    let state = Some(b"two"[..].into());
    assert_eq!(inherited, Some(Inherited { state, when: SavedWhen::Running }));
    let late = a.placement.save_state(&old, b"late", SavedWhen::Handover, again).await;
    assert_eq!(late, Err(SaveError::Fenced));
    assert_eq!(a.placement.open_state(&old).await, Err(SaveError::Fenced));
    b.placement.save_state(&new, b"three", SavedWhen::Handover, opened).await.expect("a save");
    let (_, inherited) = b.placement.open_state(&new).await.expect("its own record");
    let state = Some(b"three"[..].into());
    assert_eq!(inherited, Some(Inherited { state, when: SavedWhen::Handover }));
}

/// The longest lease of these tests. A host does not notice a loss before the test asks it to.
const LONG: Timing = Timing::new(Duration::from_secs(20));

/// Saves a state until the broker has answered.
async fn save(member: &Member, claim: &Claim, revision: u64) -> Result<u64, SaveError> {
    loop {
        match member.placement.save_state(claim, b"late", SavedWhen::Running, revision).await {
            Err(SaveError::Unavailable(_)) => tokio::time::sleep(LONG.retry()).await,
            saved => return saved,
        }
    }
}

#[tokio::test]
async fn save_of_an_owner_whose_records_are_lost_is_refused() {
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", LONG).await;
    open(&*a.placement.records).await;
    let old = a.claim(&actor("/room")).await;
    let (opened, _) = a.placement.open_state(&old).await.expect("a new record");
    let saved = a.placement.save_state(&old, b"one", SavedWhen::Running, opened).await;
    server.broker.kill().expect("a broker to kill");
    server.lose_data();
    server.broker.restart().expect("a broker without data");
    let b = Member::start(&server.broker.url(), "b", LONG).await;
    open(&*b.placement.records).await;
    let late = save(&a, &old, saved.expect("a save")).await;
    assert_eq!(late, Err(SaveError::Fenced));
    // The token of the old claim may be higher than that of the new one, which counts in other records.
    let new = b.claim(&actor("/room")).await;
    let (_, inherited) = b.placement.open_state(&new).await.expect("a new record");
    assert_eq!(inherited, None);
}

#[tokio::test]
async fn save_of_an_owner_whose_records_have_become_older_is_refused() {
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", LONG).await;
    open(&*a.placement.records).await;
    let old = a.claim(&actor("/room")).await;
    let (opened, _) = a.placement.open_state(&old).await.expect("a new record");
    server.broker.kill().expect("a broker to kill");
    let backup = server.back_up();
    server.broker.restart().expect("the same broker");
    let saved = save(&a, &old, opened).await.expect("a save");
    server.broker.kill().expect("a broker to kill");
    server.restore(&backup);
    server.broker.restart().expect("a broker with old data");
    assert_eq!(save(&a, &old, saved).await, Err(SaveError::Fenced));
}

#[tokio::test]
async fn state_that_an_operator_has_removed_is_saved_again() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    let claim = a.claim(&actor("/room")).await;
    let (opened, _) = a.placement.open_state(&claim).await.expect("a new record");
    let key = Key::State(claim.actor().clone());
    a.placement.records.remove(&key, opened).await.expect("an answer");
    let again = a.placement.save_state(&claim, b"one", SavedWhen::Running, opened).await;
    assert!(again.expect("a save") > opened);
}
