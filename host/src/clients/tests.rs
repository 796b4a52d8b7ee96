//! Tests of the capacity for sends, and of the cause of a client's end.

use std::sync::Arc;

use bytes::Buf;
use ws_host_protocol::SendError;

use super::{Cause, Client, ClientId, ClientInfo, HostClose, OnFull, SendCapacity};
use crate::budget::{Budget, Share};
use crate::metrics::ActorMetrics;

const MIB: usize = 1 << 20;
const HALF: usize = MIB / 2;

/// Creates a client with an outbound buffer of 1 MiB.
fn client(on_full: OnFull, budget: &Arc<Budget>) -> Client {
    let metrics = ActorMetrics::default();
    Client::new(ClientId(1), ClientInfo::example(), MIB, on_full, budget, metrics)
}

/// Sends messages until one is refused.
fn fill(client: &Client) {
    while client.send_binary(&[0; 1000]).is_ok() {}
    assert_eq!(client.send_binary(&[0; 1000]), Err(SendError::Full));
}

fn capacity(client: &Client) -> SendCapacity {
    client.send_capacity(&client.outbound(), HALF)
}

/// Writes output until only `waiting` bytes are left.
fn write_down_to(client: &Client, waiting: usize) {
    let mut outbound = client.outbound();
    let written = outbound.frames.remaining() - waiting;
    outbound.frames.advance(written);
    client.charge_output(&outbound);
}

#[test]
fn capacity_is_restored_once_when_half_of_a_full_buffer_is_free_again() {
    let client = client(OnFull::Drop, &Budget::new(8 * MIB));
    assert_eq!(capacity(&client), SendCapacity::Available);
    for _ in 0..2 {
        fill(&client);
        assert_eq!(capacity(&client), SendCapacity::Exhausted);
        write_down_to(&client, HALF + 1);
        assert_eq!(capacity(&client), SendCapacity::Exhausted);
        assert!(!client.take_restored_capacity(HALF));
        write_down_to(&client, HALF);
        assert_eq!(capacity(&client), SendCapacity::Restored);
        assert!(client.take_restored_capacity(HALF) && !client.take_restored_capacity(HALF));
        assert_eq!(capacity(&client), SendCapacity::Available);
    }
}

#[test]
fn refused_pings_exhaust_the_capacity_but_close_no_client() {
    let client = client(OnFull::Close, &Budget::new(8 * MIB));
    while client.ping(&[0; 125]).is_ok() {}
    assert_eq!((capacity(&client), client.is_open()), (SendCapacity::Exhausted, true));
    write_down_to(&client, 0);
    assert!(client.take_restored_capacity(HALF));
}

#[test]
fn closing_client_has_no_refused_sends() {
    for abort in [false, true] {
        let client = client(OnFull::Drop, &Budget::new(8 * MIB));
        fill(&client);
        if abort {
            client.abort(Cause::Handler).expect("not aborted");
        } else {
            client.close(1000, "").expect("open");
        }
        assert_eq!(capacity(&client), SendCapacity::Available);
        assert!(!client.take_restored_capacity(HALF));
    }
}

/// If capacity were restored too early, a handler that retries at once would retry all the time.
#[test]
fn capacity_of_the_host_is_restored_when_the_refused_messages_would_fit() {
    let budget = Budget::new(2 * MIB);
    let client = client(OnFull::Drop, &budget);
    let others = Share::of(&budget, 2 * MIB - 100_000);
    assert_eq!(client.send_binary(&[0; 200_000]), Err(SendError::Full));
    assert_eq!(client.send_binary(&[0; 150_000]), Err(SendError::Full));
    assert_eq!(capacity(&client), SendCapacity::Exhausted);
    drop(others);
    let others = Share::of(&budget, 2 * MIB - 200_000 + 1);
    assert_eq!(capacity(&client), SendCapacity::Exhausted);
    drop(others);
    assert!(client.take_restored_capacity(HALF));
}

/// It makes no sense to wait for capacity for a message that can never be sent.
#[test]
fn message_longer_than_the_buffer_is_too_long_even_if_the_host_is_full() {
    let budget = Budget::new(2 * MIB);
    let client = client(OnFull::Close, &budget);
    let _others = Share::of(&budget, 2 * MIB);
    assert_eq!(client.send_binary(&vec![0; 2 * MIB]), Err(SendError::TooLong));
    assert_eq!((capacity(&client), client.is_open()), (SendCapacity::Available, true));
}

#[test]
fn client_that_would_miss_a_message_is_closed_with_on_full_close() {
    let client_with = |budget: &Arc<Budget>| client(OnFull::Close, budget);
    let slow = client_with(&Budget::new(8 * MIB));
    while slow.send_binary(&[0; 1000]).is_ok() {}
    assert_eq!((slow.is_open(), slow.cause()), (false, Some(Cause::Slow)));
    assert_eq!(slow.send_binary(b"more"), Err(SendError::Closed));
    let budget = Budget::new(2 * MIB);
    let _others = Share::of(&budget, 2 * MIB);
    let without_room = client_with(&budget);
    assert_eq!(without_room.send_binary(&[0; 100_000]), Err(SendError::Full));
    assert_eq!((without_room.is_open(), without_room.cause()), (false, Some(Cause::NoRoom)));
}

#[test]
fn first_cause_counts() {
    let client = client(OnFull::Drop, &Budget::new(8 * MIB));
    assert_eq!(client.cause(), None);
    client.close(1000, "enough").expect("open");
    assert!(!client.close_by_host(HostClose::Stopping));
    client.abort(Cause::NoRoom).expect("not aborted");
    assert_eq!(client.cause(), Some(Cause::Handler));
}
