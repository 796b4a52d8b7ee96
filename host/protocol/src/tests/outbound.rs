use std::sync::Arc;

use std::io::IoSlice;

use super::*;
use crate::{SendError, SharedMessage};

#[test]
fn limit_is_exact() {
    // Two bytes of header and eight of payload.
    let mut outbound = Outbound::server(10);
    assert_eq!(outbound.send_binary(&[0; 9]), Err(SendError::TooLong));
    assert_eq!(outbound.send_binary(&[0; 8]), Ok(()));
    assert_eq!(outbound.send_binary(&[]), Err(SendError::Full));
    outbound.advance(2);
    assert_eq!(outbound.send_binary(&[]), Ok(()));
    assert_eq!(outbound.remaining(), 10);
}

#[test]
fn refused_messages_leave_nothing_behind() {
    let mut outbound = Outbound::server(10);
    outbound.send_text("abc").expect("there is room");
    assert_eq!(outbound.send_text("defghijk"), Err(SendError::Full));
    assert_eq!(outbound.ping(&[0; 8]), Err(SendError::Full));
    assert_eq!(outbound.send_shared(&SharedMessage::text("defghijk")), Err(SendError::Full));
    assert_eq!(outbound.chunk(), b"\x81\x03abc");
}

#[test]
fn answers_and_the_close_frame_are_queued_in_a_full_buffer() {
    let mut server = End::server();
    server.outbound = Outbound::server(5);
    server.outbound.send_text("abc").expect("there is room");
    server.receives_hex("89 81 00 00 00 00 70 88 80 00 00 00 00");
    assert_eq!(server.writes(), b"\x81\x03abc\x8a\x01p\x88\x00");
}

/// Returns a buffer with short and long messages, some of them shared, and its expected contents.
fn mixed() -> (Outbound, Vec<u8>) {
    let long = vec![b'x'; 10_000];
    let mut outbound = Outbound::server(ROOM);
    let mut expected = Vec::new();
    for number in 0..20_u8 {
        outbound.send_binary(&[number; 3]).expect("there is room");
        expected.extend([0x82, 3, number, number, number]);
        let message = SharedMessage::binary(&long[..1000 * usize::from(number % 10)]);
        outbound.send_shared(&message).expect("there is room");
        let mut alone = Outbound::server(ROOM);
        alone.send_binary(&long[..1000 * usize::from(number % 10)]).expect("there is room");
        expected.extend(alone.chunk());
    }
    (outbound, expected)
}

#[test]
fn writes_of_every_size_give_the_same_bytes() {
    for size in [1, 2, 3, 7, 100, 4095, 4096, 5000, 20_000, 1_000_000] {
        let (mut outbound, expected) = mixed();
        let mut written = Vec::new();
        while outbound.has_remaining() {
            let chunk = outbound.chunk();
            assert!(!chunk.is_empty(), "an empty chunk would stop the writer");
            let part = chunk.len().min(size);
            written.extend_from_slice(&chunk[..part]);
            outbound.advance(part);
        }
        assert!(written == expected, "in writes of {size}");
    }
}

#[test]
fn vectored_writes_give_the_same_bytes() {
    for size in [997, 12_345, 1_000_000] {
        let (mut outbound, expected) = mixed();
        let mut written = Vec::new();
        while outbound.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = outbound.chunks_vectored(&mut slices);
            assert!(filled > 0 && slices[..filled].iter().all(|slice| !slice.is_empty()));
            let all: Vec<u8> =
                slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
            let part = all.len().min(size);
            written.extend_from_slice(&all[..part]);
            outbound.advance(part);
        }
        assert!(written == expected, "in writes of {size}");
    }
}

#[test]
fn long_shared_message_is_not_copied() {
    let message = SharedMessage::binary(&[0; 100_000]);
    let mut one = Outbound::server(ROOM);
    let mut other = Outbound::server(ROOM);
    one.send_shared(&message).expect("there is room");
    other.send_shared(&message).expect("there is room");
    assert_eq!(one.chunk().as_ptr(), other.chunk().as_ptr());
}

#[test]
fn long_shared_message_does_not_count_as_own_and_its_companion_lives_until_it_is_written() {
    let attachment = std::sync::Arc::new(());
    let message = SharedMessage::binary(&[0; 100_000]);
    let mut bytes = 0;
    message.attach(|length| {
        bytes = length;
        attachment.clone()
    });
    message.attach(|_| panic!("the message has an attachment already"));
    let mut outbound = Outbound::server(ROOM);
    outbound.send_binary(&[0; 8]).expect("there is room");
    outbound.send_shared(&message).expect("there is room");
    outbound.send_shared(&SharedMessage::text("short")).expect("there is room");
    drop(message);
    let (first, shared, last) = (10, bytes, 7);
    assert_eq!(outbound.remaining(), first + shared + last);
    assert_eq!(outbound.own(), first + last);
    outbound.advance(first + 1);
    assert_eq!(outbound.own(), last);
    assert_eq!(std::sync::Arc::strong_count(&attachment), 2);
    outbound.advance(shared - 1);
    assert_eq!(std::sync::Arc::strong_count(&attachment), 1);
    outbound.advance(2);
    assert_eq!(outbound.own(), last - 2);
}

#[test]
fn shared_message_of_a_client_is_masked_with_its_own_key() {
    let mut pair = Pair::new();
    for message in [SharedMessage::text("short"), SharedMessage::text(&"long".repeat(5000))] {
        pair.client.outbound.send_shared(&message).expect("there is room");
    }
    pair.drive();
    assert_eq!(pair.server.events, [text("short"), text(&"long".repeat(5000))]);
}

#[test]
fn peer_that_never_quite_catches_up_does_not_make_the_buffer_grow() {
    let mut outbound = Outbound::server(10_000);
    for _ in 0..500 {
        while outbound.send_binary(&[0; 98]).is_ok() {}
        // All but a few bytes are written, so that the buffer is never empty.
        outbound.advance(outbound.remaining() - 50);
    }
    assert!(outbound.remaining() <= 10_000);
    assert!(outbound.capacity() <= 40_000, "{} bytes", outbound.capacity());
}

#[test]
fn memory_of_a_large_message_is_released() {
    let mut outbound = Outbound::server(ROOM);
    outbound.send_binary(&[0; 1 << 20]).expect("there is room");
    outbound.advance(outbound.remaining() - 100);
    outbound.release_memory();
    assert_eq!(outbound.remaining(), 100, "queued bytes must not be released");
    assert!(outbound.capacity() < 1000, "{} bytes", outbound.capacity());
    outbound.advance(100);
    assert_eq!(outbound.capacity(), 0);
}

/// This counts the allocated memory, because a pooled buffer may be long and contain few bytes.
#[test]
fn memory_is_at_most_about_twice_the_queued_bytes() {
    let short = SharedMessage::binary(&[1; 5000]);
    let long = SharedMessage::binary(&[2; 90_000]);
    let mut slow = Outbound::server(64 << 20);
    let mut other = Outbound::server(ROOM);
    for turn in 0..2000 {
        // When a message to another peer has been written, a long buffer is left in the pool for the next message.
        other.send_binary(&[0; 200_000]).expect("there is room");
        other.advance(other.remaining());
        slow.send_binary(&[3; 10]).expect("there is room");
        slow.send_shared(&short).expect("there is room");
        if turn % 10 == 0 {
            slow.send_shared(&long).expect("there is room");
            slow.send_binary(&[4; 30_000]).expect("there is room");
        }
        if turn % 3 == 0 {
            slow.advance(slow.remaining().min(turn * 37 % 20_000));
            slow.release_memory();
        }
        let (capacity, waiting) = (slow.capacity(), slow.remaining());
        assert!(capacity <= 2 * waiting + (512 << 10), "{capacity} bytes for {waiting}");
    }
    while slow.has_remaining() {
        slow.advance(slow.remaining().min(7000));
        slow.release_memory();
        let (capacity, waiting) = (slow.capacity(), slow.remaining());
        assert!(capacity <= 2 * waiting + 100_000, "{capacity} bytes for {waiting}");
    }
    assert_eq!(slow.capacity(), 0);
}

#[test]
fn rest_of_a_shared_message_does_not_keep_its_memory() {
    let message = SharedMessage::binary(&[1; 1 << 20]);
    let held = Arc::new(());
    message.attach(|_| Arc::clone(&held));
    let mut outbound = Outbound::server(ROOM);
    outbound.send_shared(&message).expect("there is room");
    drop(message);
    outbound.advance(outbound.remaining() - 100);
    assert_eq!(Arc::strong_count(&held), 2);
    outbound.release_memory();
    assert_eq!(Arc::strong_count(&held), 1, "the memory is still held");
    assert_eq!((outbound.remaining(), outbound.chunk()), (100, &[1; 100][..]));
    assert_eq!(outbound.capacity(), 100);
}

#[test]
fn mixed_messages_written_in_pieces_stay_in_order() {
    let shared = SharedMessage::binary(&[7; 5000]);
    let mut outbound = Outbound::server(ROOM);
    let (mut expected, mut written) = (Vec::new(), Vec::new());
    for turn in 0_usize..500 {
        let direct = vec![turn as u8; turn * 131 % 9000];
        let mut alone = Outbound::server(ROOM);
        for to in [&mut outbound, &mut alone] {
            to.send_binary(&direct).expect("there is room");
            to.send_shared(&shared).expect("there is room");
            to.send_binary(&direct).expect("there is room");
        }
        expected.extend(alone.copy_to_bytes(alone.remaining()));
        for _ in 0..turn % 4 {
            let mut slices = [std::io::IoSlice::new(&[]); 3];
            let filled = outbound.chunks_vectored(&mut slices);
            let seen: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            assert!(seen.starts_with(outbound.chunk()));
            let taken = seen.len().min(turn * 61 % 13_000);
            written.extend(&seen[..taken]);
            outbound.advance(taken);
            outbound.release_memory();
        }
    }
    written.extend(outbound.copy_to_bytes(outbound.remaining()));
    assert!(written == expected);
}

#[test]
fn discarded_output_is_gone() {
    let (mut outbound, _) = mixed();
    outbound.discard();
    assert_eq!((outbound.remaining(), outbound.chunk()), (0, &[][..]));
}
