use std::num::NonZeroUsize;

use super::*;
use crate::ProtocolError::*;
use crate::{CloseCode, CloseFrame, SendError, SharedMessage};

fn server() -> End {
    End::draft00(Limits::default())
}

fn server_with(max_message: usize) -> End {
    End::draft00(Limits { max_message, ..Limits::default() })
}

/// Asserts that the error is the only event, and that only the closing handshake is sent.
#[track_caller]
fn fails(server: &mut End, bytes: &str, error: crate::ProtocolError) {
    server.receives_hex(bytes).receives_hex("00 61 ff");
    assert_eq!(server.events, [Event::Failed(error)], "{bytes}");
    assert!(server.inbound.has_ended() && server.outbound.is_closing());
    assert_eq!(server.writes(), hex("ff 00"), "{bytes}");
}

#[test]
fn text_is_framed_by_00_and_ff() {
    let mut server = server();
    server.receives_hex("00 48 65 6c 6c 6f ff 00 ff 00 f0 9f a6 80 ff");
    assert_eq!(server.events, [text("Hello"), text(""), text("🦀")]);
    assert_eq!(server.writes(), []);
}

#[test]
fn whole_text_is_borrowed_from_the_input() {
    let mut bytes = hex("00 48 65 6c 6c 6f ff");
    let range = bytes.as_ptr_range();
    let mut server = server();
    let event = server.inbound.handle_input(&mut &mut bytes[..], &mut server.outbound);
    match event {
        Some(Event::Text(std::borrow::Cow::Borrowed(text))) => {
            assert!(range.contains(&text.as_ptr()));
        }
        other => panic!("not lent: {other:?}"),
    }
}

#[test]
fn other_types_without_a_length_are_ignored() {
    let mut server = server();
    server.receives_hex("01 00 80 c0 ff 7f ff 00 61 ff");
    assert_eq!(server.events, [text("a")]);
}

#[test]
fn frames_with_a_length_fail() {
    fails(&mut server(), "80 00", DraftFrameType(0x80));
    fails(&mut server(), "fe", DraftFrameType(0xfe));
    fails(&mut server(), "ff 05", DraftFrameType(0xff));
    fails(&mut server(), "ff 80 00", DraftFrameType(0xff));
    assert_eq!(DraftFrameType(0x80).close_code(), CloseCode::UNSUPPORTED_DATA);
}

#[test]
fn text_that_is_not_utf8_fails_at_the_invalid_byte() {
    fails(&mut server(), "00 c3 28 ff", InvalidUtf8);
    fails(&mut server(), "00 e4 b8 ff", InvalidUtf8);
    fails(&mut server(), "00 61 c0", InvalidUtf8);
}

#[test]
fn text_of_exactly_the_limit_is_accepted() {
    let mut server = server_with(4);
    server.receives(b"\0abcd\xff").receives(b"\0ab").receives(b"cd").receives(b"\xff");
    assert_eq!(server.events, [text("abcd"), text("abcd")]);
    let mut server = server_with(0);
    server.receives(b"\0\xff");
    assert_eq!(server.events, [text("")]);
}

#[test]
fn text_over_the_limit_fails_before_it_ends() {
    fails(&mut server_with(4), "00 61 61 61 61 61", MessageTooLong { limit: 4 });
    let mut server = server_with(4);
    server.receives(b"\0abcd");
    fails(&mut server, "65", MessageTooLong { limit: 4 });
}

#[test]
fn ignored_frame_over_the_limit_fails() {
    fails(&mut server_with(4), "01 61 61 61 61 61", MessageTooLong { limit: 4 });
    let mut server = server_with(4);
    for _ in 0..10 {
        server.receives_hex("02 61 61").receives_hex("61 61 ff");
    }
    server.receives_hex("00 61 ff");
    assert_eq!(server.events, [text("a")], "the limit applies to each frame separately");
}

#[test]
fn closing_handshake_is_answered_once() {
    let mut server = server();
    server.receives_hex("00 61 ff ff 00 00 62 ff ff 00");
    assert_eq!(server.events, [text("a"), Event::Closed(None)]);
    assert_eq!(server.writes(), hex("ff 00"));
    assert_eq!(server.outbound.close_code(), None);
    assert_eq!(server.outbound.send_text("late"), Err(SendError::Closed));
}

#[test]
fn input_after_our_closing_handshake_is_read_but_not_reported() {
    let mut server = server();
    server.receives_hex("00 61");
    let frame = CloseFrame::new(4000, "enough").expect("a close frame that may be sent");
    server.outbound.close(Some(&frame)).expect("it is open");
    assert_eq!(server.outbound.close_code(), None, "draft 00 sends no code");
    assert_eq!(server.outbound.close(None), Err(SendError::Closed));
    server.receives_hex("62 ff 00 63 ff 00 c0 ff 01 64 ff 00 65").receives_hex("66 ff ff 00");
    assert_eq!(server.events, [Event::Closed(None)]);
    assert_eq!(server.writes(), hex("ff 00"), "answered twice");
}

#[test]
fn error_after_our_closing_handshake_sends_no_second_one() {
    let mut server = server();
    server.outbound.close(None).expect("it is open");
    fails(&mut server, "80", DraftFrameType(0x80));
}

#[test]
fn texts_are_sent_in_one_frame_between_00_and_ff() {
    let mut outbound = Outbound::draft00(ROOM);
    let three = NonZeroUsize::new(3).expect("three is not zero");
    outbound.send_text("Hello").expect("there is room");
    outbound.send_text_in_frames("abcdefg", three).expect("there is room");
    outbound.send_shared(&SharedMessage::text("all")).expect("there is room");
    let long = "x".repeat(5000);
    outbound.send_shared(&SharedMessage::text(&long)).expect("there is room");
    outbound.close(None).expect("it is open");
    let expected =
        [b"\0Hello\xff\0abcdefg\xff\0all\xff\0", long.as_bytes(), b"\xff\xff\0"].concat();
    assert!(outbound.copy_to_bytes(outbound.remaining()) == expected);
}

#[test]
fn frames_that_the_draft_lacks_are_not_sent() {
    let mut outbound = Outbound::draft00(ROOM);
    let three = NonZeroUsize::new(3).expect("three is not zero");
    assert_eq!(outbound.send_binary(b"a"), Err(SendError::Unsupported));
    assert_eq!(outbound.send_binary_in_frames(b"abcd", three), Err(SendError::Unsupported));
    assert_eq!(outbound.send_shared(&SharedMessage::binary(b"a")), Err(SendError::Unsupported));
    assert_eq!(outbound.ping(b""), Err(SendError::Unsupported));
    assert_eq!(outbound.pong(&[0; 126]), Err(SendError::Unsupported));
    assert_eq!(outbound.remaining(), 0);
}

#[test]
fn limit_counts_both_ends_of_a_frame() {
    let mut outbound = Outbound::draft00(5);
    assert_eq!(outbound.send_text("abcd"), Err(SendError::TooLong));
    assert_eq!(outbound.send_text("abc"), Ok(()));
    assert_eq!(outbound.send_text(""), Err(SendError::Full));
}
