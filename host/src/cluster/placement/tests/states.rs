//! Saved states, and owners that have been replaced.

use super::spy::Spy;
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
    // The answer to this write may have been lost, too. It is not written once more.
    let known = a.placement.save_state(&old, b"two", SavedWhen::Running, opened).await;
    assert_eq!(known, Ok(again));
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

/// Increases the revisions, so that the tokens of this broker's records are higher than those of new records.
async fn burn_revisions(records: &impl Records) {
    for _ in 0..100 {
        let revision = records.write(&Key::Claim(actor("/burnt")), "".into(), 0).await;
        let revision = revision.expect("a new record");
        records.remove(&Key::Claim(actor("/burnt")), revision).await.expect("an answer");
    }
}

#[tokio::test]
async fn state_cannot_be_opened_by_an_owner_whose_records_are_lost() {
    let mut server = Server::start();
    let a = Member::start(&server.broker.url(), "a", LONG).await;
    open(&*a.placement.records).await;
    burn_revisions(&*a.placement.records).await;
    let old = a.claim(&actor("/room")).await;
    // The broker ends before the owner has opened the state.
    server.broker.kill().expect("a broker to kill");
    server.lose_data();
    server.broker.restart().expect("a broker without data");
    let b = Member::start(&server.broker.url(), "b", LONG).await;
    open(&*b.placement.records).await;
    let late = loop {
        match a.placement.open_state(&old).await {
            Err(SaveError::Unavailable(_)) => tokio::time::sleep(LONG.retry()).await,
            opened => break opened,
        }
    };
    assert_eq!(late, Err(SaveError::Fenced));
    let new = b.claim(&actor("/room")).await;
    assert!(new.token() < old.token());
    assert_eq!(b.placement.open_state(&new).await.expect("a new record").1, None);
}

#[tokio::test]
async fn state_that_names_an_owner_of_lost_records_fences_nobody() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", LONG).await;
    open(&*a.placement.records).await;
    let claim = a.claim(&actor("/room")).await;
    let (key, records) = (Key::State(actor("/room")), &a.placement.records);
    let left = "{\"owner\":100000,\"state\":\"running\"}\nleft";
    records.write(&key, left.into(), 0).await.expect("a new record");
    let (opened, inherited) = a.placement.open_state(&claim).await.expect("the record");
    let state = Some(b"left"[..].into());
    assert_eq!(inherited, Some(Inherited { state, when: SavedWhen::Running }));
    // An owner that has not noticed the loss writes the record once more.
    records.write(&key, left.into(), opened).await.expect("a late write");
    let saved = a.placement.save_state(&claim, b"own", SavedWhen::Running, opened).await;
    assert!(saved.expect("a save") > opened);
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
async fn state_of_the_longest_length_is_saved_and_a_longer_one_is_refused() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    let claim = a.claim(&actor(&"/long".repeat(4000))).await;
    let (opened, _) = a.placement.open_state(&claim).await.expect("a new record");
    let max = a.placement.records.max_state();
    let mut state = vec![b'x'; max];
    let saved = a.placement.save_state(&claim, &state, SavedWhen::Handover, opened).await;
    let saved = saved.expect("a save");
    let inherited = a.placement.open_state(&claim).await.expect("its own record").1;
    assert_eq!(inherited.and_then(|inherited| inherited.state).map(|state| state.len()), Some(max));
    state.push(b'x');
    let refused = a.placement.save_state(&claim, &state, SavedWhen::Handover, saved).await;
    assert_eq!(refused, Err(SaveError::TooLong { bytes: max + 1, max }));
}

#[tokio::test]
async fn states_that_are_due_at_once_are_not_all_sent_at_once() {
    const ROOMS: usize = 40;
    let server = Server::start();
    let spy = Spy::on(records(&server.broker.url(), LONG).await);
    let a = Member::with_records(Arc::clone(&spy), "a", LONG);
    open(&*spy.real).await;
    let mut rooms = Vec::new();
    for room in 0..ROOMS {
        let claim = a.claim(&actor(&format!("/{room}"))).await;
        let (opened, _) = a.placement.open_state(&claim).await.expect("a new record");
        rooms.push((claim, opened));
    }
    let mut saves = tokio::task::JoinSet::new();
    for (claim, opened) in rooms {
        let placement = Arc::clone(&a.placement);
        saves.spawn(async move {
            let state = vec![b'x'; 1000 << 10];
            placement.save_state(&claim, &state, SavedWhen::Running, opened).await
        });
    }
    for saved in saves.join_all().await {
        saved.expect("a save");
    }
    let most = spy.saving.lock().1;
    assert!(most > 4 << 20 && most <= 8 << 20, "{most}");
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
