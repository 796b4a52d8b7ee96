//! Messages arrive with any negotiated settings, in any form, in pieces of any size.

use std::num::NonZeroUsize;

use super::*;
use crate::deflate::Level;
use crate::{Compression, Form};

fn settings(numbers: &mut Numbers) -> Deflate {
    let mut direction = || Direction {
        context: [ContextTakeover::On, ContextTakeover::Off][numbers.below(2)],
        window: window(9 + numbers.below(7) as u8),
    };
    let (outgoing, incoming) = (direction(), direction());
    let level = Level::new(1 + numbers.below(9) as u8).expect("a level");
    let keep_window = [KeepWindow::Never, KeepWindow::Always][numbers.below(2)];
    Deflate { level, threshold: [0, 50, 500][numbers.below(3)], outgoing, incoming, keep_window }
}

fn form(numbers: &mut Numbers) -> Form {
    use Compression::{Always, ByLength, Never};
    Form {
        compression: [ByLength, ByLength, Always, Never][numbers.below(4)],
        frame_size: NonZeroUsize::new([0, 0, 1, 7, 126, 5000][numbers.below(6)]),
    }
}

/// Returns words that repeat over short and long distances, or sometimes noise.
fn payload(numbers: &mut Numbers) -> Vec<u8> {
    let length = [0, 1, 10, 100, 1000, 3000][numbers.below(6)];
    if numbers.below(5) == 0 {
        return numbers.noise(length);
    }
    let kinds = 1 + numbers.below(500);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(format!("wörd {} ", numbers.below(kinds)).into_bytes());
    }
    bytes
}

/// Sends a message. Returns the event that must arrive.
fn send(from: &mut End, numbers: &mut Numbers) -> Event<'static> {
    let (bytes, form) = (payload(numbers), form(numbers));
    match String::from_utf8(bytes) {
        Ok(words) if numbers.below(2) == 0 => {
            from.outbound.send_text_with(&words, form).expect("there is room");
            text(&words)
        }
        other => {
            let bytes = other.map_or_else(|error| error.into_bytes(), String::into_bytes);
            from.outbound.send_binary_with(&bytes, form).expect("there is room");
            binary(&bytes)
        }
    }
}

fn carry(from: &mut End, to: &mut End, numbers: &mut Numbers) {
    let bytes = from.writes();
    let mut rest = &bytes[..];
    let most = [1, 10, 1000, 1 << 20][numbers.below(4)];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + numbers.below(most)));
        to.receives(piece);
        rest = after;
    }
}

#[test]
fn messages_arrive_as_they_were_sent() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..300 {
        let (ours, theirs) = (settings(&mut numbers), settings(&mut numbers));
        let mut pair = Pair::deflating(ours, &theirs);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            for _ in 0..3 {
                up.push(send(&mut pair.client, &mut numbers));
                down.push(send(&mut pair.server, &mut numbers));
            }
            carry(&mut pair.client, &mut pair.server, &mut numbers);
            carry(&mut pair.server, &mut pair.client, &mut numbers);
        }
        assert!(pair.server.events == up, "to the server: {ours:?} {theirs:?}");
        assert!(pair.client.events == down, "to the client: {ours:?} {theirs:?}");
    }
}

#[test]
fn long_messages_arrive_through_every_window() {
    let mut numbers = Numbers(7);
    let mut long = Vec::new();
    while long.len() < 80_000 {
        long.extend(format!("{} ", numbers.below(5000)).into_bytes());
    }
    for bits in 9..=15 {
        for direction in [TAKEOVER, NO_TAKEOVER] {
            let direction = Direction { window: window(bits), ..direction };
            let settings =
                Deflate { outgoing: direction, incoming: direction, ..Deflate::default() };
            let mut pair = Pair::deflating(settings, &settings);
            for end in [&mut pair.client, &mut pair.server] {
                end.outbound.send_binary(&long).expect("there is room");
                end.outbound.send_binary(&long[1000..2000]).expect("there is room");
                end.outbound.send_binary(&long).expect("there is room");
            }
            pair.drive();
            let expected = [binary(&long), binary(&long[1000..2000]), binary(&long)];
            assert!(pair.server.events == expected && pair.client.events == expected, "{bits}");
        }
    }
}
