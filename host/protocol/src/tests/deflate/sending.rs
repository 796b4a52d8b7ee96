//! The decision whether a message is sent compressed.

use std::num::NonZeroUsize;

use super::*;
use crate::{Compression, Form, SendError, SharedMessage};

const RSV1: u8 = 0x40;

fn server(settings: Deflate) -> End {
    let mut server = End::server();
    server.use_deflate(&negotiate(settings, &settings).1);
    server
}

fn form(compression: Compression) -> Form {
    Form { compression, ..Form::default() }
}

/// Returns whether the next frame declares its message as compressed.
fn is_compressed(end: &mut End) -> bool {
    end.writes()[0] & RSV1 != 0
}

#[test]
fn short_messages_are_sent_uncompressed() {
    let mut server = server(Deflate { threshold: 100, ..Deflate::default() });
    for (length, compressed) in [(0, false), (99, false), (100, true)] {
        server.outbound.send_text(&"a".repeat(length)).expect("there is room");
        assert_eq!(is_compressed(&mut server), compressed, "{length}");
    }
}

#[test]
fn form_of_a_message_chooses_compression() {
    let mut server = server(Deflate { threshold: 100, ..Deflate::default() });
    for (length, compression, compressed) in [
        (1000, Compression::Never, false),
        (50, Compression::Always, true),
        (50, Compression::ByLength, false),
        (0, Compression::Always, false),
    ] {
        let text = "a".repeat(length);
        server.outbound.send_text_with(&text, form(compression)).expect("there is room");
        assert_eq!(is_compressed(&mut server), compressed, "{length} {compression:?}");
        let shared = SharedMessage::text(&text).with_form(form(compression));
        server.outbound.send_shared(&shared).expect("there is room");
        assert_eq!(is_compressed(&mut server), compressed, "shared, {length} {compression:?}");
    }
}

#[test]
fn nothing_is_compressed_without_negotiation() {
    let mut server = End::server();
    let form = form(Compression::Always);
    server.outbound.send_text_with(&"a".repeat(1000), form).expect("there is room");
    assert!(!is_compressed(&mut server));
    let mut old = End::draft00(Limits::default());
    old.outbound.use_deflate(&negotiate(Deflate::default(), &Deflate::default()).1);
    old.outbound.send_text_with("aaaaaaaa", form).expect("there is room");
    assert_eq!(old.writes(), b"\0aaaaaaaa\xff");
}

#[test]
fn message_that_would_grow_is_sent_uncompressed_and_the_next_one_still_inflates() {
    let noise = Numbers(1).noise(5000);
    for settings in [Deflate::default(), Deflate::with_context_takeover()] {
        let mut pair = Pair::deflating(settings, &settings);
        let words = "some words that are sent again ".repeat(10);
        pair.server.outbound.send_text(&words).expect("there is room");
        pair.server.outbound.send_binary(&noise).expect("there is room");
        let queued = pair.server.outbound.remaining();
        assert!(queued > 5000 && queued < 5100, "{queued}");
        pair.server.outbound.send_text(&words).expect("there is room");
        pair.drive();
        assert_eq!(pair.client.events, [text(&words), binary(&noise), text(&words)]);
    }
}

#[test]
fn refused_message_does_not_change_the_context() {
    let settings = Deflate::with_context_takeover();
    let mut pair = Pair::deflating(settings, &settings);
    let (_, of_server) = negotiate(settings, &settings);
    pair.server.outbound = Outbound::server(1004);
    pair.server.outbound.use_deflate(&of_server);
    let words = "some words that are sent again ".repeat(10);
    pair.server.outbound.send_text(&words).expect("there is room");
    // Compressed, these messages would fit. But the limit applies to the length before compression, because a refusal
    // must not depend on the contents, and must not require compressing them.
    let (long, longer) = ("ab".repeat(500), "ab".repeat(501));
    assert_eq!(pair.server.outbound.send_text(&long), Err(SendError::Full));
    assert_eq!(pair.server.outbound.send_shared(&SharedMessage::text(&long)), Err(SendError::Full));
    assert_eq!(pair.server.outbound.send_text(&longer), Err(SendError::TooLong));
    pair.drive();
    pair.server.outbound.send_text(&words).expect("there is room");
    pair.drive();
    pair.server.outbound.send_text(&long).expect("there is room");
    pair.drive();
    assert_eq!(pair.client.events, [text(&words), text(&words), text(&long)]);
}

#[test]
fn compressed_message_is_fragmented() {
    let mut pair = Pair::deflating(Deflate::default(), &Deflate::default());
    let words: String = (0..300).map(|number| format!("{number} ")).collect();
    let size = NonZeroUsize::new(100).expect("not zero");
    pair.server.outbound.send_text_in_frames(&words, size).expect("there is room");
    let bytes = pair.server.writes();
    let mut rest = &bytes[..];
    let mut firsts = Vec::new();
    while let [first, length, after @ ..] = rest {
        firsts.push(*first);
        rest = &after[usize::from(*length)..];
    }
    assert!(firsts.len() < words.len() / 100, "{firsts:02x?}");
    let expected: Vec<u8> = std::iter::once(0x41)
        .chain(std::iter::repeat_n(0, firsts.len() - 2))
        .chain([0x80])
        .collect();
    assert_eq!(firsts, expected);
    pair.client.receives(&bytes);
    assert_eq!(pair.client.events, [text(&words)]);
}

#[test]
fn shared_message_is_compressed_once_for_all_without_takeover() {
    let noise = Numbers(1).noise(20_000);
    let message = SharedMessage::binary(&[&noise[..], &noise[..]].concat());
    let (mut one, mut other) = (server(Deflate::default()), server(Deflate::default()));
    one.outbound.send_shared(&message).expect("there is room");
    other.outbound.send_shared(&message).expect("there is room");
    assert_eq!(one.outbound.chunk().as_ptr(), other.outbound.chunk().as_ptr());
    assert_eq!(one.outbound.chunk()[0], 0x82 | RSV1);
    assert!(one.outbound.remaining() < 21_000);
    // Each window has its own compressed frame.
    let narrow = Direction { window: window(9), ..NO_TAKEOVER };
    let mut third = server(Deflate { outgoing: narrow, ..Deflate::default() });
    third.outbound.send_shared(&message).expect("there is room");
    assert_eq!(third.outbound.chunk()[0], 0x82, "its window is too narrow to see the repetition");
    // A peer without compression receives the uncompressed frame.
    let mut plain = End::server();
    plain.outbound.send_shared(&message).expect("there is room");
    assert_eq!(plain.outbound.chunk()[0], 0x82);
}

#[test]
fn shared_messages_arrive_with_any_negotiated_settings() {
    let messages = ["short".to_owned(), "words ".repeat(50), "more words ".repeat(3000)];
    let shared: Vec<_> = messages.iter().map(|message| SharedMessage::text(message)).collect();
    let mut pairs = vec![Pair::new()];
    for outgoing in [NO_TAKEOVER, TAKEOVER] {
        for bits in 9..=15 {
            let outgoing = Direction { window: window(bits), ..outgoing };
            let settings = Deflate { outgoing, ..Deflate::with_context_takeover() };
            pairs.push(Pair::deflating(Deflate::with_context_takeover(), &settings));
        }
    }
    for pair in &mut pairs {
        for message in shared.iter().chain(&shared) {
            pair.server.outbound.send_shared(message).expect("there is room");
        }
        pair.drive();
        let expected: Vec<_> =
            messages.iter().chain(&messages).map(|message| text(message)).collect();
        assert_eq!(pair.client.events, expected);
    }
}

#[test]
fn released_context_starts_again() {
    let settings = Deflate::with_context_takeover();
    let mut pair = Pair::deflating(settings, &settings);
    let words = "some words that are sent again and again; ".repeat(2);
    let mut lengths = Vec::new();
    for _ in 0..3 {
        pair.server.outbound.send_text(&words).expect("there is room");
        lengths.push(pair.server.outbound.remaining());
        if lengths.len() == 2 {
            pair.drive();
            pair.server.outbound.release_context();
        }
    }
    pair.drive();
    assert!(lengths[1] - lengths[0] < lengths[0], "the second refers to the first: {lengths:?}");
    assert_eq!(lengths[2], lengths[0], "the third refers to nothing");
    assert_eq!(pair.client.events, [text(&words), text(&words), text(&words)]);
}

#[test]
fn context_outlives_a_peer_that_stops_reading_for_a_moment() {
    let settings = Deflate::with_context_takeover();
    let mut pair = Pair::deflating(settings, &settings);
    let words = "some words that are sent again and again; ".repeat(2);
    let mut lengths = Vec::new();
    for _ in 0..2 {
        let before = pair.server.outbound.remaining();
        pair.server.outbound.send_text(&words).expect("there is room");
        lengths.push(pair.server.outbound.remaining() - before);
        pair.server.outbound.release_memory();
    }
    assert!(lengths[1] < lengths[0] / 2, "the second refers to the first: {lengths:?}");
    pair.drive();
    assert_eq!(pair.client.events, [text(&words), text(&words)]);
}

#[test]
fn shared_message_is_sent_in_fragments_of_its_form() {
    let words: String = (0..300).map(|number| format!("{number} ")).collect();
    let frame_size = NonZeroUsize::new(100);
    let shared =
        |compression| SharedMessage::text(&words).with_form(Form { compression, frame_size });
    let mut pairs =
        [Pair::new(), Pair::deflating(Deflate::default(), &Deflate::with_context_takeover())];
    for (pair, first) in pairs.iter_mut().zip([0x01, 0x41]) {
        for (compression, first) in [(Compression::Always, first), (Compression::Never, 0x01)] {
            pair.server.outbound.send_shared(&shared(compression)).expect("there is room");
            assert_eq!(pair.server.outbound.chunk()[..2], [first, 100], "{compression:?}");
            pair.drive();
        }
        assert_eq!(pair.client.events, [text(&words), text(&words)]);
    }
}

#[test]
fn windows_are_respected() {
    // Data that repeats beyond the window does not compress. Data that repeats within it does.
    let noise = Numbers(1).noise(2000);
    let message = [&noise[..], &noise[..]].concat();
    for (bits, compressed) in [(9, false), (10, false), (12, true), (15, true)] {
        let outgoing = Direction { window: window(bits), ..NO_TAKEOVER };
        let mut server = server(Deflate { outgoing, ..Deflate::default() });
        server.outbound.send_binary(&message).expect("there is room");
        assert_eq!(is_compressed(&mut server), compressed, "{bits} bits");
    }
}
