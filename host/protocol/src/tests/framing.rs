use super::*;
use crate::ProtocolError::*;

#[test]
fn masked_hello_is_text() {
    let mut server = End::server();
    server.receives_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    assert_eq!(server.events, [text("Hello")]);
}

#[test]
fn unmasked_hello_is_text_for_a_client() {
    let mut client = End::client();
    client.receives_hex("81 05 48 65 6c 6c 6f");
    assert_eq!(client.events, [text("Hello")]);
}

#[test]
fn whole_message_is_borrowed_from_the_input() {
    let mut bytes = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    let range = bytes.as_ptr_range();
    let mut server = End::server();
    let event = server.inbound.handle_input(&mut &mut bytes[..], &mut server.outbound);
    match event {
        Some(Event::Text(std::borrow::Cow::Borrowed(text))) => {
            assert!(range.contains(&text.as_ptr()));
        }
        other => panic!("not borrowed: {other:?}"),
    }
}

#[test]
fn unmasked_frame_fails_a_server_and_masked_one_a_client() {
    server_fails("81 05 48 65 6c 6c 6f", UnmaskedFrame);
    let mut client = End::client();
    client.receives_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    assert_eq!(client.events, [Event::Failed(MaskedFrame)]);
}

#[test]
fn reserved_bits_fail() {
    server_fails("c1 80 00 00 00 00", ReservedBits(0b100));
    server_fails("a1 80 00 00 00 00", ReservedBits(0b010));
    server_fails("91 80 00 00 00 00", ReservedBits(0b001));
    server_fails("f9 80 00 00 00 00", ReservedBits(0b111));
}

#[test]
fn reserved_opcodes_fail() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        server_fails(&format!("8{opcode:x} 80 00 00 00 00"), ReservedOpcode(opcode));
    }
}

#[test]
fn lengths_must_be_in_their_shortest_form() {
    server_fails("82 fe 00 7d 00 00 00 00", LengthNotMinimal);
    server_fails("82 ff 00 00 00 00 00 00 ff ff 00 00 00 00", LengthNotMinimal);
}

#[test]
fn length_with_its_highest_bit_fails() {
    server_fails("82 ff 80 00 00 00 00 00 00 00 00 00 00 00", LengthOverflow);
}

#[test]
fn lengths_around_every_boundary_work_in_both_directions() {
    for length in [0, 1, 7, 8, 9, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537] {
        let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let mut pair = Pair::new();
        pair.client.outbound.send_binary(&payload).expect("there is room");
        pair.server.outbound.send_binary(&payload).expect("there is room");
        pair.drive();
        assert_eq!(pair.server.events, [binary(&payload)], "to the server: {length}");
        assert_eq!(pair.client.events, [binary(&payload)], "to the client: {length}");
    }
}

#[test]
fn headers_have_the_shortest_form() {
    let header = |length: usize| {
        let mut server = End::server();
        server.outbound.send_binary(&vec![0; length]).expect("there is room");
        let written = server.writes();
        written[..written.len() - length].to_vec()
    };
    assert_eq!(header(125), hex("82 7d"));
    assert_eq!(header(126), hex("82 7e 00 7e"));
    assert_eq!(header(65535), hex("82 7e ff ff"));
    assert_eq!(header(65536), hex("82 7f 00 00 00 00 00 01 00 00"));
}

#[test]
fn every_frame_of_a_client_has_its_own_key() {
    let mut client = End::client();
    client.outbound.send_text("aaaa").expect("there is room");
    client.outbound.send_text("aaaa").expect("there is room");
    let written = client.writes();
    assert_eq!(written[..2], hex("81 84"));
    assert_ne!(written[2..6], written[12..16], "the same key twice");
    assert_ne!(written[6..10], *b"aaaa", "not masked");
}

#[test]
fn whole_message_is_found_if_its_one_frame_is_complete() {
    let server = End::server();
    let whole = |hex_of: &str, max_payload| server.inbound.whole_message(&hex(hex_of), max_payload);
    assert_eq!(whole("81 82 00 00 00 00 61 62 81", 4), Some(8), "text");
    assert_eq!(whole("82 80 00 00 00 00", 4), Some(6), "binary and empty");
    assert_eq!(whole("c1 81 00 00 00 00 61", 4), Some(7), "compressed");
    assert_eq!(whole("82 fe 00 7e 00 00 00 00", 200), None, "the payload is missing");
    assert_eq!(whole("81 82 00 00 00 00 61", 4), None, "a byte is missing");
    for header in ["", "81", "81 82", "81 82 00 00 00", "81 fe 00", "81 ff 00 00"] {
        assert_eq!(whole(header, 4), None, "{header}");
    }
    assert_eq!(whole("81 82 00 00 00 00 61 62", 1), None, "too long");
    assert_eq!(whole("81 ff ff ff ff ff ff ff ff ff 00 00 00 00 61", usize::MAX), None);
    for first in ["01", "00", "80", "88", "89", "8a", "83"] {
        assert_eq!(whole(&format!("{first} 80 00 00 00 00"), 4), None, "{first}");
    }
}

#[test]
fn two_whole_messages_are_found_if_both_frames_are_complete() {
    let server = End::server();
    let two = |hex_of: &str| server.inbound.has_two_whole_messages(&hex(hex_of), 200);
    let long = format!("82 fe 00 7e 00 00 00 00 {}", "61 ".repeat(126));
    assert!(two("81 82 00 00 00 00 61 62 81 80 00 00 00 00"));
    assert!(two("82 80 00 00 00 00 82 80 00 00 00 00 81"));
    assert!(two(&format!("{long} 81 80 00 00 00 00")));
    assert!(two(&format!("81 80 00 00 00 00 {long}")));
    for incomplete in ["", "81", "81 82 00 00 00 00 61"] {
        assert!(!two(incomplete), "{incomplete}");
    }
    for one in ["81 82 00 00 00 00 61 62", &long] {
        assert!(!two(one), "{one}");
        assert!(!two(&format!("{one} 81 81 00 00 00 00")), "{one} and a part");
        assert!(!two(&format!("{one} 89 80 00 00 00 00")), "{one} and a ping");
    }
}

/// Returns three values for the message at the front of the input: whether it is a text, its payload, and its length.
fn peeked(end: &End, hex_of: &str, max_payload: usize) -> Option<(bool, Vec<u8>, usize)> {
    let input = hex(hex_of);
    let message = end.inbound.peek(&input, max_payload)?;
    let mut payload = b"before".to_vec();
    message.append_to(&mut payload);
    Some((message.is_text(), payload.split_off(6), message.length()))
}

#[test]
fn whole_message_is_read_without_being_consumed() {
    let mut server = End::server();
    let text = "81 85 37 fa 21 3d 7f 9f 4d 51 58"; // §5.7: "Hello"
    for _ in 0..2 {
        assert_eq!(peeked(&server, text, 5), Some((true, b"Hello".to_vec(), 11)));
    }
    assert_eq!(peeked(&server, "82 80 00 00 00 00 81", 5), Some((false, Vec::new(), 6)));
    assert_eq!(peeked(&End::client(), "82 02 ff 00 81", 5), Some((false, hex("ff 00"), 4)));
    server.receives_hex(text);
    assert_eq!(server.events, [Event::Text("Hello".into())]);
}

#[test]
fn only_valid_and_uncompressed_messages_are_read_without_being_consumed() {
    let server = End::server();
    for refused in [
        "81 01 61",                            // not masked
        "c1 81 00 00 00 00 61",                // RSV1, which means compressed
        "a1 81 00 00 00 00 61",                // RSV2
        "01 81 00 00 00 00 61",                // a fragment
        "89 81 00 00 00 00 61",                // a ping
        "80 81 00 00 00 00 61",                // a continuation
        "81 fe 00 01 00 00 00 00 61",          // the length is not minimal
        "81 85 37 fa 21 3d 7f 9f 4d 51",       // a byte is missing
        "81 86 00 00 00 00 61 61 61 61 61 61", // longer than `max_payload`
    ] {
        assert_eq!(peeked(&server, refused, 5), None, "{refused}");
    }
    let limited = End::with(Role::Server, Limits::new(2));
    assert_eq!(peeked(&limited, "81 83 00 00 00 00 61 61 61", 5), None, "over the limit");
    let mut within_a_message = End::server();
    within_a_message.receives_hex("01 81 00 00 00 00 61");
    for next in ["81 81 00 00 00 00 61", "80 81 00 00 00 00 61"] {
        assert_eq!(peeked(&within_a_message, next, 5), None, "within a message: {next}");
    }
}

#[test]
fn no_message_begins_in_the_middle_of_another_or_of_a_header() {
    let message = hex("81 80 00 00 00 00");
    for before in ["01 81 00 00 00 00 61", "81 82 00 00 00 00 61", "81", "89 81 00 00 00 00"] {
        let mut server = End::server();
        server.receives_hex(before);
        assert_eq!(server.inbound.whole_message(&message, 4), None, "{before}");
    }
    let mut server = End::server();
    server.receives_hex("81 81 00 00 00 00 61");
    assert_eq!(server.inbound.whole_message(&message, 4), Some(6));
}
