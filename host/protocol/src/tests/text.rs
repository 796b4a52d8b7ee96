use super::*;
use crate::ProtocolError::InvalidUtf8;

/// Passes the payload of one text frame byte by byte. Returns the index of the byte that failed the connection.
fn fails_after(payload: &str) -> Option<usize> {
    let payload = hex(payload);
    let mut server = End::server();
    // The header declares more bytes than arrive, so that only the bytes themselves can be invalid.
    server.receives(&[0x81, 0x80 | (payload.len() + 4) as u8, 0, 0, 0, 0]);
    payload.iter().position(|byte| {
        server.receives(&[*byte]);
        server.takes_events() == [Event::Failed(InvalidUtf8)]
    })
}

#[test]
fn invalid_byte_fails_at_once() {
    assert_eq!(fails_after("61 62 ff"), Some(2));
    assert_eq!(fails_after("ce ba e1 bd b9 cf 83 f4 90 80 80"), Some(8), "above U+10FFFF");
    assert_eq!(fails_after("c0 80"), Some(0), "overlong");
    assert_eq!(fails_after("c1 bf"), Some(0), "overlong");
    assert_eq!(fails_after("e0 9f bf"), Some(1), "overlong");
    assert_eq!(fails_after("f0 8f bf bf"), Some(1), "overlong");
    assert_eq!(fails_after("ed a0 80"), Some(1), "a surrogate");
    assert_eq!(fails_after("ed bf bf"), Some(1), "a surrogate");
    assert_eq!(fails_after("f5 80 80 80"), Some(0), "above U+10FFFF");
    assert_eq!(fails_after("80"), Some(0), "a continuation byte without a first byte");
    assert_eq!(fails_after("e4 b8 61"), Some(2), "an incomplete character");
}

#[test]
fn boundary_characters_are_valid() {
    for edge in [
        "00",
        "7f",
        "c2 80",
        "df bf",
        "e0 a0 80",
        "ed 9f bf",
        "ee 80 80",
        "ef bf bf",
        "f0 90 80 80",
        "f4 8f bf bf",
    ] {
        assert_eq!(fails_after(edge), None, "{edge}");
    }
}

#[test]
fn incomplete_character_at_the_end_of_a_message_fails() {
    server_fails("81 81 00 00 00 00 c3", InvalidUtf8);
    server_fails("01 82 00 00 00 00 e4 b8 80 80 00 00 00 00", InvalidUtf8);
}

#[test]
fn character_may_be_split_between_fragments() {
    let mut server = End::server();
    server.receives_hex("01 82 00 00 00 00 f0 9f 00 80 00 00 00 00 80 82 00 00 00 00 a6 80");
    assert_eq!(server.events, [text("🦀")]);
}

#[test]
fn split_character_with_an_invalid_byte_in_the_next_fragment_fails() {
    server_fails("01 82 00 00 00 00 f0 9f 80 81 00 00 00 00 61", InvalidUtf8);
}

#[test]
fn binary_messages_may_contain_anything() {
    let mut server = End::server();
    server.receives_hex("82 83 00 00 00 00 ff fe 80");
    assert_eq!(server.events, [binary(&[0xff, 0xfe, 0x80])]);
}
