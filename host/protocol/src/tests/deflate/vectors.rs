//! The examples of §7.2.3, as a server sends them.

use super::*;

fn client() -> End {
    End::inflating(Deflate::with_context_takeover(), 1000)
}

#[track_caller]
fn gives_hello(bytes: &str) {
    let mut whole = client();
    whole.receives_hex(bytes);
    assert_eq!(whole.events, [text("Hello")]);
    let mut cut = client();
    for byte in hex(bytes) {
        cut.receives(&[byte]);
    }
    assert_eq!(cut.events, [text("Hello")], "byte by byte");
}

#[test]
fn one_block_in_one_frame() {
    gives_hello("c1 07 f2 48 cd c9 c9 07 00");
}

#[test]
fn one_block_in_two_frames() {
    gives_hello("41 03 f2 48 cd 80 04 c9 c9 07 00");
}

#[test]
fn control_frames_may_come_between_fragments() {
    let mut client = client();
    client.receives_hex("41 03 f2 48 cd 89 01 70 80 04 c9 c9 07 00");
    assert_eq!(client.events, [ping(b"p"), text("Hello")]);
}

#[test]
fn message_refers_to_the_previous_one() {
    let mut client = client();
    client.receives_hex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00");
    assert_eq!(client.events, [text("Hello"), text("Hello")]);
}

#[test]
fn uncompressed_message_does_not_enter_the_window() {
    let mut client = client();
    client.receives_hex("c1 07 f2 48 cd c9 c9 07 00 81 02 68 69 c1 05 f2 00 11 00 00");
    assert_eq!(client.events, [text("Hello"), text("hi"), text("Hello")]);
}

#[test]
fn without_takeover_there_is_nothing_to_refer_to() {
    let mut client = End::inflating(Deflate::default(), 1000);
    client.receives_hex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00");
    let error = crate::ProtocolError::EarlierMessage("server_no_context_takeover");
    assert_eq!(client.events, [text("Hello"), Event::Failed(error)]);
}

#[test]
fn uncompressed_block() {
    gives_hello("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00");
}

#[test]
fn last_block() {
    gives_hello("c1 08 f3 48 cd c9 c9 07 00 00");
}

#[test]
fn last_block_without_the_byte_that_makes_room_for_the_tail() {
    gives_hello("c1 07 f3 48 cd c9 c9 07 00");
}

#[test]
fn window_outlives_a_last_block() {
    for last_block in ["c1 08 f3 48 cd c9 c9 07 00 00", "c1 07 f3 48 cd c9 c9 07 00"] {
        let mut client = client();
        client.receives_hex(last_block).receives_hex("c1 05 f2 00 11 00 00");
        assert_eq!(client.events, [text("Hello"), text("Hello")]);
    }
}

#[test]
fn two_blocks() {
    gives_hello("c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00");
}

#[test]
fn two_streams_in_a_message() {
    // A stream with a last block, then another stream with a last block.
    let mut client = client();
    client.receives_hex("c1 0e f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00");
    assert_eq!(client.events, [text("HelloHello")]);
}

#[test]
fn empty_messages_and_empty_fragments() {
    for empty in ["c1 01 00", "c1 00", "41 00 80 01 00", "41 00 00 00 80 00", "c1 02 03 00"] {
        let mut client = client();
        client.receives_hex(empty).receives_hex("c1 07 f2 48 cd c9 c9 07 00");
        assert_eq!(client.events, [text(""), text("Hello")], "{empty}");
    }
    gives_hello("41 0b f2 48 cd c9 c9 07 00 00 00 ff ff 80 01 00");
}

#[test]
fn sender_produces_the_bytes_of_the_rfc() {
    // The message is "Hello" ten times, so that it becomes shorter. It is sent twice.
    let settings = Deflate { threshold: 0, ..Deflate::with_context_takeover() };
    let mut server = End::server();
    server.use_deflate(&negotiate(settings, &settings).1);
    let hello = "Hello".repeat(10);
    server.outbound.send_text(&hello).expect("there is room");
    let first = server.writes();
    assert_eq!((first[0], &first[2..7]), (0xc1, &hex("f2 48 cd c9 c9")[..]));
    server.outbound.send_text(&hello).expect("there is room");
    let second = server.writes();
    assert!(second.len() < first.len(), "{second:02x?}");
    assert!(!first.ends_with(&[0, 0, 0xff, 0xff]) && !second.ends_with(&[0, 0, 0xff, 0xff]));
}
