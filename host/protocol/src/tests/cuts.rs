use super::*;

/// Returns a stream of everything: short and long messages, fragments with control frames between them, and characters
/// of every length.
fn stream() -> (Vec<u8>, Vec<Event<'static>>) {
    let mut client = End::client();
    let long = "grüße, 世界, 🦀! ".repeat(20);
    let out = &mut client.outbound;
    let three = std::num::NonZeroUsize::new(3).expect("three is not zero");
    out.send_text("").expect("there is room");
    out.send_text(&long).expect("there is room");
    out.ping(b"").expect("there is room");
    out.send_text_in_frames("世界🦀é", three).expect("there is room");
    out.ping(&[7; 125]).expect("there is room");
    out.send_binary_in_frames(&[1, 2, 3, 4, 5, 6, 7], three).expect("there is room");
    out.pong(b"pong").expect("there is room");
    out.send_binary(&[9; 200]).expect("there is room");
    let events = vec![
        text(""),
        text(&long),
        ping(b""),
        text("世界🦀é"),
        ping(&[7; 125]),
        binary(&[1, 2, 3, 4, 5, 6, 7]),
        pong(b"pong"),
        binary(&[9; 200]),
    ];
    (client.writes(), events)
}

#[test]
fn pieces_of_every_size_give_the_same_events() {
    let (bytes, events) = stream();
    for size in 1..=bytes.len() {
        let mut server = End::server();
        for piece in bytes.chunks(size) {
            server.receives(piece);
        }
        assert_eq!(server.events, events, "in pieces of {size}");
    }
}

#[test]
fn one_cut_at_every_position_gives_the_same_events() {
    let (bytes, events) = stream();
    for cut in 0..bytes.len() {
        let mut server = End::server();
        server.receives(&bytes[..cut]).receives(&bytes[cut..]);
        assert_eq!(server.events, events, "cut at {cut}");
    }
}

#[test]
fn partial_header_is_discarded_after_use() {
    // The first header arrives in two pieces. The piece that is kept must not affect the second header.
    let message = "81 85 37 fa 21 3d 7f 9f 4d 51 58";
    let mut server = End::server();
    server.receives_hex("81 85 37").receives_hex("fa 21 3d 7f 9f 4d 51 58");
    server.receives_hex(message).receives_hex(message);
    assert_eq!(server.events, [text("Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn pseudo_random_pieces_give_the_same_events() {
    let (bytes, events) = stream();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..500 {
        let mut server = End::server();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (piece, after) = rest.split_at(rest.len().min(1 + (random % 40) as usize));
            server.receives(piece);
            rest = after;
        }
        assert_eq!(server.events, events);
    }
}

/// Returns a stream of draft 00: texts (one of them as long as the limit), ignored frames, and the closing handshake.
fn stream_of_draft00() -> (Vec<u8>, Vec<Event<'static>>) {
    let long = "grüße, 世界, 🦀! ".repeat(4);
    let mut bytes = Vec::new();
    for text in ["", &long, "a"] {
        bytes.extend([&[0], text.as_bytes(), &[0xff]].concat());
        bytes.extend(b"\x01ignored\x80\x00\xff\x7f\xff");
    }
    bytes.extend(b"\xff\x00 and ignored input");
    (bytes, vec![text(""), text(&long), text("a"), Event::Closed(None)])
}

/// Asserts that the bytes result in the same events, including errors, in pieces of every size.
#[track_caller]
fn assert_draft00_events(bytes: &[u8], limit: usize, events: &[Event<'_>]) {
    for size in 1..=bytes.len() {
        for first in 0..size {
            let limits = Limits { max_message: limit, ..Limits::default() };
            let mut server = End::draft00(limits);
            let (first, rest) = bytes.split_at(first);
            server.receives(first);
            for piece in rest.chunks(size) {
                server.receives(piece);
            }
            assert_eq!(server.events, events, "{} bytes, then pieces of {size}", first.len());
            assert_eq!(server.writes(), hex("ff 00"));
        }
    }
}

#[test]
fn draft00_gives_the_same_events_in_any_pieces() {
    let (bytes, events) = stream_of_draft00();
    let limit = "grüße, 世界, 🦀! ".len() * 4;
    assert_draft00_events(&bytes, limit, &events);
}

#[test]
fn errors_of_draft00_are_the_same_in_any_pieces() {
    use crate::ProtocolError::*;
    let fails = |bytes: &[u8], error| {
        assert_draft00_events(bytes, 8, &[text("a"), Event::Failed(error)]);
    };
    fails(b"\0a\xff\x00123456789\xff", MessageTooLong { limit: 8 });
    fails(b"\0a\xff\x01123456789\xff", MessageTooLong { limit: 8 });
    fails(b"\0a\xff\x00123\xc0456789\xff", InvalidUtf8);
    fails(b"\0a\xff\x00123\xe4\xb8\xff", InvalidUtf8);
    // The ninth byte is invalid and over the limit. It is not examined, so the limit is reported.
    fails(b"\0a\xff\x0012345678\xc0\xff", MessageTooLong { limit: 8 });
    fails(b"\0a\xff\x80\x00", DraftFrameType(0x80));
    fails(b"\0a\xff\xff\x01a", DraftFrameType(0xff));
}
