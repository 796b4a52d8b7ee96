//! Room for what is sent, and what ends a client.

use std::sync::Arc;

use bytes::Buf;
use ws_host_protocol::SendError;

use super::{Cause, Client, ClientId, ClientInfo, HostClose, OnFull, SendCapacity};
use crate::budget::{Budget, Share};

const MIB: usize = 1 << 20;
const HALF: usize = MIB / 2;

/// A client that at most a mebibyte waits for.
fn client(on_full: OnFull, budget: &Arc<Budget>) -> Client {
    Client::new(ClientId(1), ClientInfo::example(), MIB, on_full, budget)
}

/// Sends until that is refused.
fn fill(client: &Client) {
    while client.send_binary(&[0; 1000]).is_ok() {}
    assert_eq!(client.send_binary(&[0; 1000]), Err(SendError::Full));
}

fn room(client: &Client) -> SendCapacity {
    client.send_capacity(&client.outgoing(), HALF)
}

/// Writes so that no more than this waits.
fn write_down_to(client: &Client, waiting: usize) {
    let mut outgoing = client.outgoing();
    let more = outgoing.outbound.remaining() - waiting;
    outgoing.outbound.advance(more);
    client.count_sent(&outgoing);
}

#[test]
fn room_is_back_once_when_half_of_a_buffer_that_was_full_is_free() {
    let client = client(OnFull::Drop, &Budget::new(8 * MIB));
    assert_eq!(room(&client), SendCapacity::Available);
    for _ in 0..2 {
        fill(&client);
        assert_eq!(room(&client), SendCapacity::Exhausted);
        write_down_to(&client, HALF + 1);
        assert_eq!(room(&client), SendCapacity::Exhausted);
        assert!(!client.take_restored_capacity(HALF));
        write_down_to(&client, HALF);
        assert_eq!(room(&client), SendCapacity::Restored);
        assert!(client.take_restored_capacity(HALF) && !client.take_restored_capacity(HALF));
        assert_eq!(room(&client), SendCapacity::Available);
    }
}

#[test]
fn room_for_pings_is_missed_too_and_nobody_is_closed_for_them() {
    let client = client(OnFull::Close, &Budget::new(8 * MIB));
    while client.ping(&[0; 125]).is_ok() {}
    assert_eq!((room(&client), client.is_open()), (SendCapacity::Exhausted, true));
    write_down_to(&client, 0);
    assert!(client.take_restored_capacity(HALF));
}

#[test]
fn client_that_is_closing_misses_nothing() {
    for abort in [false, true] {
        let client = client(OnFull::Drop, &Budget::new(8 * MIB));
        fill(&client);
        if abort {
            client.abort(Cause::Handler).expect("it was there");
        } else {
            client.close(1000, "").expect("it was open");
        }
        assert_eq!(room(&client), SendCapacity::Available);
        assert!(!client.take_restored_capacity(HALF));
    }
}

/// Otherwise a handler that tries again at once would do so all the time.
#[test]
fn room_in_the_host_is_back_when_what_was_refused_would_be_taken() {
    let budget = Budget::new(2 * MIB);
    let client = client(OnFull::Drop, &budget);
    let others = Share::of(&budget, 2 * MIB - 100_000);
    assert_eq!(client.send_binary(&[0; 200_000]), Err(SendError::Full));
    assert_eq!(client.send_binary(&[0; 150_000]), Err(SendError::Full));
    assert_eq!(room(&client), SendCapacity::Exhausted);
    drop(others);
    let others = Share::of(&budget, 2 * MIB - 200_000 + 1);
    assert_eq!(room(&client), SendCapacity::Exhausted);
    drop(others);
    assert!(client.take_restored_capacity(HALF));
}

/// What can never be sent is no reason to wait.
#[test]
fn message_longer_than_the_buffer_is_too_long_however_little_room_the_host_has() {
    let budget = Budget::new(2 * MIB);
    let client = client(OnFull::Close, &budget);
    let _others = Share::of(&budget, 2 * MIB);
    assert_eq!(client.send_binary(&vec![0; 2 * MIB]), Err(SendError::TooLong));
    assert_eq!((room(&client), client.is_open()), (SendCapacity::Available, true));
}

#[test]
fn client_that_would_miss_a_message_is_closed_where_that_is_wanted() {
    let client_of = |budget: &Arc<Budget>| client(OnFull::Close, budget);
    let slow = client_of(&Budget::new(8 * MIB));
    while slow.send_binary(&[0; 1000]).is_ok() {}
    assert_eq!((slow.is_open(), slow.cause()), (false, Some(Cause::Slow)));
    assert_eq!(slow.send_binary(b"more"), Err(SendError::Closed));
    let budget = Budget::new(2 * MIB);
    let _others = Share::of(&budget, 2 * MIB);
    let without_room = client_of(&budget);
    assert_eq!(without_room.send_binary(&[0; 100_000]), Err(SendError::Full));
    assert_eq!((without_room.is_open(), without_room.cause()), (false, Some(Cause::NoRoom)));
}

#[test]
fn first_cause_counts() {
    let client = client(OnFull::Drop, &Budget::new(8 * MIB));
    assert_eq!(client.cause(), None);
    client.close(1000, "enough").expect("it was open");
    assert!(!client.close_by_host(HostClose::Stopping));
    client.abort(Cause::NoRoom).expect("it was there");
    assert_eq!(client.cause(), Some(Cause::Handler));
}
