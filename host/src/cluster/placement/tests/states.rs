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
