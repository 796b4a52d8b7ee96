use super::*;

/// A stream with everything in it: short and long messages, fragments, control frames between them,
/// and characters of every length.
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
    let (octets, events) = stream();
    for size in 1..=octets.len() {
        let mut server = End::server();
        for piece in octets.chunks(size) {
            server.receives(piece);
        }
        assert_eq!(server.events, events, "in pieces of {size}");
    }
}

#[test]
fn one_cut_at_every_place_gives_the_same_events() {
    let (octets, events) = stream();
    for cut in 0..octets.len() {
        let mut server = End::server();
        server.receives(&octets[..cut]).receives(&octets[cut..]);
        assert_eq!(server.events, events, "cut at {cut}");
    }
}

#[test]
fn header_in_two_pieces_before_whole_messages_is_forgotten_when_used() {
    // The second header begins where the first one, kept in part, must not linger.
    let message = "81 85 37 fa 21 3d 7f 9f 4d 51 58";
    let mut server = End::server();
    server.receives_hex("81 85 37").receives_hex("fa 21 3d 7f 9f 4d 51 58");
    server.receives_hex(message).receives_hex(message);
    assert_eq!(server.events, [text("Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn pseudo_random_pieces_give_the_same_events() {
    let (octets, events) = stream();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..500 {
        let mut server = End::server();
        let mut rest = &octets[..];
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
