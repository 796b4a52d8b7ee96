//! Claims of actors.

use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use ws_host_test_support::FaultProxy;

use super::spy::Spy;
use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(4));

#[tokio::test]
async fn of_two_hosts_that_claim_at_once_exactly_one_wins_each_of_a_thousand_times() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    a.term().await;
    b.term().await;
    let mut wins = [0; 2];
    for round in 0..1000 {
        let room = actor(&format!("/room/{round}"));
        let (pa, pb) = (Arc::clone(&a.placement), Arc::clone(&b.placement));
        let (ra, rb) = (room.clone(), room.clone());
        let of_a = tokio::spawn(async move { pa.locate(&ra).await });
        let of_b = tokio::spawn(async move { pb.locate(&rb).await });
        let mut locations = [of_a.await.expect("a"), of_b.await.expect("b")].map(Some);
        // On a busy machine, a request may take too long. It then fails without a wrong answer, and is tried again.
        for (member, location) in [&a, &b].into_iter().zip(&mut locations) {
            if location.as_ref().is_some_and(Result::is_err) {
                *location = Some(Ok(member.locate(&room).await));
            }
        }
        match locations {
            [Some(Ok(Location::Here(_))), Some(Ok(Location::There(host)))] if host.host == "a" => {
                wins[0] += 1
            }
            [Some(Ok(Location::There(host))), Some(Ok(Location::Here(_)))] if host.host == "b" => {
                wins[1] += 1
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
    println!("wins: {wins:?}");
    assert_eq!(wins[0] + wins[1], 1000);
    assert!(wins.iter().all(|&wins| wins > 0), "they were never at once: {wins:?}");
}

#[tokio::test]
async fn a_lost_race_is_recognised() {
    let server = Server::start();
    let records = records(&server.broker.url(), TIMING).await;
    records.create().await.expect("records");
    let key = Key::Claim(actor("/room"));
    let first = records.write(&key, "1".into(), 0).await.expect("the first");
    for expected in [0, first + 1, 4711] {
        let lost = records.write(&key, "2".into(), expected).await;
        assert!(matches!(lost, Err(WriteError::Raced)), "{expected}: {lost:?}");
    }
    let second = records.write(&key, "3".into(), first).await.expect("the second");
    assert!(second > first);
    // A record that was removed looks as if it had never existed, but revisions still increase.
    records.remove(&key, first).await.expect("an answer");
    let entry = records.read(&key).await.expect("an answer").expect("a higher revision stays");
    assert_eq!((entry.revision, &entry.content[..]), (second, &b"3"[..]));
    records.remove(&key, second).await.expect("an answer");
    assert!(records.read(&key).await.expect("an answer").is_none());
    assert!(matches!(records.write(&key, "4".into(), second).await, Err(WriteError::Raced)));
    assert!(records.write(&key, "4".into(), 0).await.expect("the third") > second);
}

#[tokio::test]
async fn a_freed_actor_goes_to_the_next_host_and_cannot_be_freed_again() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    let room = actor("/room");
    let first = a.claim(&room).await;
    assert_eq!(a.claim(&room).await.token(), first.token(), "it is claimed once");
    a.placement.free(first.clone()).await;
    let second = b.claim(&room).await;
    assert!(second.token() > first.token());
    a.placement.free(first).await;
    assert!(matches!(a.locate(&room).await, Location::There(host) if host.host == "b"));
    assert_eq!(b.claim(&room).await.token(), second.token());
    b.placement.free(second.clone()).await;
    let third = b.claim(&room).await;
    b.placement.free(second).await;
    assert_eq!(b.claim(&room).await.token(), third.token());
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_found_by_the_next_call() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    let (room, term) = (actor("/room"), a.term().await);
    b.term().await;
    let content = super::super::content::ClaimContent::by(term.id());
    let key = Key::Claim(room.clone());
    let lost = super::super::content::encode(&content);
    let lost = a.placement.records.write(&key, lost, 0).await.expect("a claim");
    assert!(matches!(b.locate(&room).await, Location::There(host) if host.host == "a"));
    assert!(a.claim(&room).await.token() > lost, "what was read might have been stale");
}

#[tokio::test]
async fn a_stale_read_does_not_make_a_host_dead() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let spy = Spy::on(records(&server.broker.url(), TIMING).await);
    let b = Member::with_records(Arc::clone(&spy), "b", TIMING);
    open(&*a.placement.records).await;
    let claim = a.claim(&actor("/room")).await;
    b.term().await;
    spy.is_stale.store(true, Ordering::Relaxed);
    assert!(matches!(b.locate(&actor("/room")).await, Location::There(host) if host.host == "a"));
    assert!(!spy.is_stale.load(Ordering::Relaxed) && claim.is_valid() && !claim.term().is_lost());
}

#[tokio::test]
async fn a_record_that_no_host_wrote_is_an_error() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    open(&*a.placement.records).await;
    a.term().await;
    for (number, garbage) in
        ["", "{}", "\"by\"", "{\"by\":\"zz\"}", "\0\u{ff}"].into_iter().enumerate()
    {
        let room = actor(&format!("/{number}"));
        let key = Key::Claim(room.clone());
        a.placement.records.write(&key, garbage.into(), 0).await.expect("garbage");
        let deadline = Instant::now() + DEADLINE;
        let located = locate_until(&*a.placement, &room, TIMING.retry(), deadline).await;
        assert!(matches!(located, Err(PlacementError::Foreign(_))), "{garbage}: {located:?}");
    }
}

#[tokio::test]
async fn paths_of_any_length_and_any_bytes_can_be_claimed() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    for path in ["/", "/a.b/*/>", "/\u{e4} \r\n", &"/long".repeat(4000)] {
        a.claim(&actor(path)).await;
        assert!(matches!(b.locate(&actor(path)).await, Location::There(_)), "{path}");
    }
}

#[tokio::test]
async fn a_claim_is_given_back_if_its_handshake_ends_before_it_is_confirmed() {
    let server = Server::start();
    let spy = Spy::on(records(&server.broker.url(), TIMING).await);
    let a = Member::with_records(Arc::clone(&spy), "a", TIMING);
    open(&*spy.real).await;
    let (room, key) = (actor("/room"), Key::Claim(actor("/room")));
    a.term().await;
    spy.answers.forget_permits(usize::MAX);
    let claiming = tokio::spawn({
        let (placement, room) = (Arc::clone(&a.placement), room.clone());
        async move { placement.locate(&room).await }
    });
    while spy.read(&key).await.expect("an answer").is_none() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // This is what happens when the client leaves.
    claiming.abort();
    assert!(claiming.await.is_err());
    let deadline = Instant::now() + TIMING.lease() / 2;
    while spy.read(&key).await.expect("an answer").is_some() {
        assert!(Instant::now() < deadline, "it was never given back");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    spy.answers.add_permits(Semaphore::MAX_PERMITS / 2);
    let claim = a.claim(&room).await;
    // A claim that is used is not given back.
    tokio::time::sleep(TIMING.request()).await;
    let entry = spy.read(&key).await.expect("an answer").expect("a claim");
    assert_eq!(entry.revision, claim.token());
}

#[tokio::test]
async fn claim_that_could_not_be_given_back_is_given_back_when_the_broker_answers_again() {
    let server = Server::start();
    let proxy = FaultProxy::to(server.broker.address()).expect("a relay");
    let a = Member::start(&proxy.url(), "a", TIMING).await;
    let all = records(&server.broker.url(), TIMING).await;
    open(&*all).await;
    let claims = [a.claim(&actor("/late")).await, a.claim(&actor("/lost")).await];
    let lease = claims[0].term().id();
    let [late, lost] = claims;
    proxy.stall();
    a.placement.free(late).await;
    // The broker gets what the host has sent until now, but nothing that the host sends next.
    proxy.heal();
    until_true(|| a.placement.is_valid()).await;
    proxy.stall();
    a.placement.free(lost).await;
    proxy.cut();
    proxy.heal();
    let deadline = Instant::now() + DEADLINE;
    while let Some((key, _)) = all.next_claim(1).await.expect("an answer") {
        assert!(Instant::now() < deadline, "{key:?} was never given back");
        tokio::time::sleep(TIMING.retry()).await;
    }
    assert_eq!(a.term().await.id(), lease, "the claims were given back with the lease");
}

#[tokio::test]
async fn many_handshakes_of_a_path_on_another_host_share_a_look_up() {
    const HANDSHAKES: u64 = 1000;
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let spy = Spy::on(records(&server.broker.url(), TIMING).await);
    let b = Member::with_records(Arc::clone(&spy), "b", TIMING);
    open(&*spy.real).await;
    let (room, other) = (actor("/room"), actor("/other"));
    a.claim(&room).await;
    a.claim(&other).await;
    b.term().await;
    // After this look-up, the host takes the records to be open.
    b.locate(&other).await;
    let before = spy.reads.load(Ordering::Relaxed);
    let mut handshakes = tokio::task::JoinSet::new();
    for _ in 0..HANDSHAKES {
        let (placement, room) = (Arc::clone(&b.placement), room.clone());
        handshakes.spawn(async move { placement.locate(&room).await });
    }
    for located in handshakes.join_all().await {
        assert!(matches!(located, Ok(Location::There(host)) if host.host == "a"));
    }
    // A look-up reads the claim and the lease. Those who ask while the first one runs share the second.
    let reads = spy.reads.load(Ordering::Relaxed) - before;
    assert!(reads <= 8, "{reads}");
    // Who asks later gets an answer of its own.
    b.locate(&room).await;
    assert!(spy.reads.load(Ordering::Relaxed) - before >= reads + 2);
}

#[tokio::test]
async fn claims_of_dead_hosts_are_removed_and_those_of_living_ones_stay() {
    let timing = Timing::new(Duration::from_secs(1));
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", timing).await;
    let b = Member::start(&server.broker.url(), "b", timing).await;
    let c = Member::start(&server.broker.url(), "c", timing).await;
    open(&*a.placement.records).await;
    let (dead, alive) = (actor("/dead"), actor("/alive"));
    a.claim(&dead).await;
    let living = b.claim(&alive).await;
    c.term().await;
    drop(a);
    let records = &c.placement.records;
    let deadline = Instant::now() + DEADLINE;
    while records.read(&Key::Claim(dead.clone())).await.expect("an answer").is_some() {
        assert!(Instant::now() < deadline, "it was never removed");
        tokio::time::sleep(timing.retry()).await;
    }
    let entry = records.read(&Key::Claim(alive)).await.expect("an answer").expect("a claim");
    assert_eq!(entry.revision, living.token());
}

#[tokio::test]
async fn other_hosts_learn_that_an_owner_is_dead_without_asking() {
    let server = Server::start();
    let a = Member::start(&server.broker.url(), "a", TIMING).await;
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*a.placement.records).await;
    a.claim(&actor("/room")).await;
    let Location::There(owner) = b.locate(&actor("/room")).await else { panic!("it is on a") };
    assert!(!owner.fenced.is_cancelled());
    drop(a);
    // Host `b` must learn this before the fenced lease is removed.
    let learns = tokio::time::timeout(TIMING.lease() * 3, owner.fenced.cancelled());
    learns.await.expect("b learns it");
}
