use super::*;
use crate::ProtocolError::*;
use crate::{CloseCode, CloseCodeError, CloseFrame, CloseFrameError, SendError};

fn frame(code: u16, reason: &str) -> CloseFrame {
    CloseFrame::new(code, reason).expect("a close frame that may be sent")
}

#[test]
fn close_frame_is_answered_with_its_code_and_reason() {
    let mut server = End::server();
    server.receives_hex("88 85 0a 0b 0c 0d 09 e3 6e 74 6f");
    assert_eq!(server.events, [Event::Closed(Some(frame(1000, "bye")))]);
    assert_eq!(server.writes(), hex("88 05 03 e8 62 79 65"));
    assert!(server.outbound.is_closing() && server.inbound.has_ended());
    assert_eq!(server.outbound.close_code(), Some(CloseCode::NORMAL));
}

#[test]
fn close_frame_without_a_code_is_answered_without_a_code() {
    let mut server = End::server();
    server.receives_hex("88 80 00 00 00 00");
    assert_eq!(server.events, [Event::Closed(None)]);
    assert_eq!(server.writes(), hex("88 00"));
    assert_eq!(server.outbound.close_code(), None);
}

#[test]
fn received_close_frame_has_a_code_and_a_reason_to_report() {
    let reported = |bytes| {
        let mut server = End::server();
        server.receives_hex(bytes);
        let [Event::Closed(frame)] = &server.events[..] else { panic!("{:?}", server.events) };
        CloseFrame::code_and_reason(frame.as_ref())
    };
    assert_eq!(reported("88 85 0a 0b 0c 0d 09 e3 6e 74 6f"), (1000, "bye".to_owned()));
    assert_eq!(reported("88 82 00 00 00 00 0f a0"), (4000, String::new()));
    assert_eq!(reported("88 80 00 00 00 00"), (1005, String::new()));
    assert_eq!([CloseCode::NO_STATUS, CloseCode::ABNORMAL], [1005, 1006]);
}

#[test]
fn close_frame_of_one_byte_fails() {
    server_fails("88 81 00 00 00 00 03", ClosePayloadTooShort);
}

#[test]
fn codes_that_may_be_sent_are_those_of_the_rfc_and_the_registry() {
    let allowed = |code: u16| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    for code in 0..=u16::MAX {
        assert_eq!(CloseCode::from_wire(code).is_ok(), allowed(code), "{code}");
    }
}

#[test]
fn code_that_may_not_be_sent_fails() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        let [high, low] = code.to_be_bytes();
        server_fails(
            &format!("88 82 00 00 00 00 {high:02x} {low:02x}"),
            CloseCode(CloseCodeError(code)),
        );
    }
}

#[test]
fn reason_that_is_not_utf8_fails() {
    server_fails("88 84 00 00 00 00 03 e8 c3 28", InvalidUtf8);
    server_fails("88 83 00 00 00 00 03 e8 c3", InvalidUtf8);
}

#[test]
fn reason_is_measured_in_bytes() {
    assert!(CloseFrame::new(1000, "x".repeat(123)).is_ok());
    assert_eq!(CloseFrame::new(1000, "x".repeat(124)), Err(CloseFrameError::ReasonTooLong(124)));
    assert_eq!(CloseFrame::new(1000, "é".repeat(62)), Err(CloseFrameError::ReasonTooLong(124)));
    assert_eq!(CloseFrame::new(1005, ""), Err(CloseFrameError::Code(CloseCodeError(1005))));
}

#[test]
fn reason_of_the_host_is_truncated_at_a_character() {
    let long = CloseFrame::with_reason(crate::CloseCode::NORMAL, "é".repeat(100));
    assert_eq!(long.reason(), "é".repeat(61));
}

#[test]
fn nothing_can_be_sent_after_a_close_frame() {
    let mut server = End::server();
    server.outbound.send_text("before").expect("it is open");
    server.outbound.close(Some(&frame(4000, "enough"))).expect("it is open");
    assert_eq!(server.outbound.send_text("after"), Err(SendError::Closed));
    assert_eq!(server.outbound.send_binary(b"after"), Err(SendError::Closed));
    assert_eq!(server.outbound.ping(b"after"), Err(SendError::Closed));
    assert_eq!(server.outbound.close(None), Err(SendError::Closed));
    let expected = [b"\x81\x06before\x88\x08\x0f\xa0".as_slice(), b"enough"].concat();
    assert_eq!(server.writes(), expected);
}

#[test]
fn messages_after_our_close_frame_are_read_but_not_reported() {
    let mut server = End::server();
    // A fragmented message is incomplete when this end closes.
    server.receives_hex("01 82 00 00 00 00 61 62");
    server.outbound.close(Some(&frame(1001, ""))).expect("it is open");
    server.receives_hex(
        "00 82 00 00 00 00 63 64 80 80 00 00 00 00 \
         81 81 00 00 00 00 65 82 81 00 00 00 00 66 \
         8a 81 00 00 00 00 67 88 82 00 00 00 00 03 e9",
    );
    assert_eq!(server.events, [pong(b"g"), Event::Closed(Some(frame(1001, "")))]);
    assert_eq!(server.writes(), hex("88 02 03 e9"), "answered twice");
}

#[test]
fn input_after_the_close_frame_of_the_peer_is_ignored() {
    let mut server = End::server();
    server.receives_hex("88 80 00 00 00 00 81 81 00 00 00 00 61 ff ff ff");
    server.receives_hex("ff ff");
    assert_eq!(server.events, [Event::Closed(None)]);
}

#[test]
fn error_after_our_close_frame_sends_no_second_close_frame() {
    let mut server = End::server();
    server.outbound.close(None).expect("it is open");
    server.receives_hex("ff ff");
    assert_eq!(server.events.len(), 1);
    assert!(matches!(server.events[0], Event::Failed(_)));
    assert_eq!(server.writes(), hex("88 00"));
}

#[test]
fn both_ends_may_close_at_once() {
    let mut pair = Pair::new();
    pair.client.outbound.close(Some(&frame(4001, "client"))).expect("it is open");
    pair.server.outbound.close(Some(&frame(4002, "server"))).expect("it is open");
    pair.drive();
    assert_eq!(pair.server.events, [Event::Closed(Some(frame(4001, "client")))]);
    assert_eq!(pair.client.events, [Event::Closed(Some(frame(4002, "server")))]);
}

/// Passes bytes that fail the connection, and then further input up to the close frame, in pieces of every size. Only
/// the close frame itself counts as the peer's close.
#[test]
fn peer_has_closed_when_its_close_frame_arrives_after_the_failure() {
    let long = format!("82 fe 00 80 00 00 00 00 {}", "88 ".repeat(128));
    for (failing, between) in [
        // A message over the limit, with a payload that looks like close frames.
        (long.as_str(), "81 81 00 00 00 00 88"),
        // A frame that is not masked.
        ("81 02 61 62", "89 80 00 00 00 00"),
        // A reserved opcode, which fails before the rest of the header is read.
        ("83 82 00 00 00 00 61 62", ""),
        // Invalid UTF-8: the only byte of a frame, and the first of several bytes.
        ("81 81 00 00 00 00 ff", ""),
        ("81 84 00 00 00 00 ff 88 88 88", ""),
        // A length that is not in its shortest form.
        ("81 fe 00 02 00 00 00 00 61 62", ""),
    ] {
        let bytes = hex(&format!("{failing} {between} 88 82 00 00 00 00 03 ea 00"));
        let close = bytes.len() - 9;
        for piece in 1..=bytes.len() {
            let mut server =
                End::with(Role::Server, Limits { max_message: 100, ..Limits::default() });
            for (index, bytes) in bytes[..close].chunks(piece).enumerate() {
                server.receives(bytes);
                assert!(!server.inbound.has_peer_closed(), "{failing}: piece {index} of {piece}");
            }
            assert!(matches!(server.takes_events()[..], [Event::Failed(_)]), "{failing}");
            server.receives(&bytes[close..]);
            assert!(server.inbound.has_peer_closed(), "{failing} in pieces of {piece}");
            assert_eq!(server.takes_events(), []);
        }
    }
}

#[test]
fn malformed_close_frame_counts_as_a_close_frame() {
    // A payload of one byte, one that is too long for a control frame, a fragment, an unmasked frame.
    for close in ["88 81 00 00 00 00 03", "88 fe 00 7e 00 00 00 00", "08 80 00 00 00 00", "88 00"] {
        let mut server = End::server();
        server.receives_hex(close);
        assert!(matches!(server.takes_events()[..], [Event::Failed(_)]), "{close}");
        assert!(server.inbound.has_peer_closed(), "{close}");
    }
}
