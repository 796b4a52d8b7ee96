use super::*;
use crate::ProtocolError::*;

#[test]
fn fragments_are_one_message() {
    let mut server = End::server();
    server.receives_hex("01 83 37 fa 21 3d 7f 9f 4d 80 82 3d 37 fa 21 51 58");
    assert_eq!(server.events, [text("Hello")]);
}

#[test]
fn control_frames_may_come_between_fragments() {
    let mut server = End::server();
    server.receives_hex(
        "02 81 00 00 00 00 01 \
         89 81 00 00 00 00 70 \
         00 81 00 00 00 00 02 \
         8a 80 00 00 00 00 \
         80 81 00 00 00 00 03",
    );
    assert_eq!(server.events, [ping(b"p"), pong(b""), binary(&[1, 2, 3])]);
    assert_eq!(server.writes(), hex("8a 01 70"));
}

#[test]
fn empty_fragments_are_fragments() {
    let mut server = End::server();
    server.receives_hex("01 80 00 00 00 00 00 80 00 00 00 00 80 80 00 00 00 00");
    assert_eq!(server.events, [text("")]);
}

#[test]
fn continuation_without_a_message_fails() {
    server_fails("80 80 00 00 00 00", UnexpectedContinuation);
    server_fails("00 80 00 00 00 00", UnexpectedContinuation);
    // After a whole message, there is no message to continue.
    server_fails("81 80 00 00 00 00 80 80 00 00 00 00", UnexpectedContinuation);
}

#[test]
fn message_inside_a_message_fails() {
    server_fails("01 81 00 00 00 00 61 81 81 00 00 00 00 62", ExpectedContinuation);
    server_fails("01 80 00 00 00 00 02 80 00 00 00 00", ExpectedContinuation);
}

#[test]
fn messages_are_sent_in_frames_of_the_requested_size() {
    let mut server = End::server();
    let three = std::num::NonZeroUsize::new(3).expect("three is not zero");
    server.outbound.send_text_in_frames("abcdefg", three).expect("there is room");
    server.outbound.send_text_in_frames("abc", three).expect("there is room");
    server.outbound.send_binary_in_frames(b"", three).expect("there is room");
    assert_eq!(server.writes(), hex("01 03 61 62 63 00 03 64 65 66 80 01 67 81 03 61 62 63 82 00"));
}

#[test]
fn message_in_frames_is_queued_whole_or_not_at_all() {
    let two = std::num::NonZeroUsize::new(2).expect("two is not zero");
    // Four bytes in two frames of two bytes are eight bytes including the headers.
    let mut outbound = Outbound::server(7);
    assert_eq!(outbound.send_binary_in_frames(&[0; 4], two), Err(crate::SendError::TooLong));
    assert_eq!(outbound.remaining(), 0);
    let mut outbound = Outbound::server(8);
    assert_eq!(outbound.send_binary_in_frames(&[0; 4], two), Ok(()));
    assert_eq!(outbound.remaining(), 8);
}
