use super::*;
use crate::ProtocolError::{MessageTooLong, TooManyFragments};

fn server_with(max_message: usize, max_fragments: u32) -> End {
    End::with(Role::Server, Limits { max_message, max_fragments })
}

#[test]
fn declared_length_over_the_limit_fails_before_the_payload() {
    for length in ["fe 00 81", "ff 7f ff ff ff ff ff ff ff"] {
        let mut server = server_with(128, 10);
        server.receives_hex(&format!("82 {length} 00 00 00 00"));
        assert_eq!(server.events, [Event::Failed(MessageTooLong { limit: 128 })], "{length}");
        assert_eq!(server.writes()[2..4], 1009_u16.to_be_bytes());
    }
}

#[test]
fn message_of_exactly_the_limit_is_accepted() {
    let mut server = server_with(128, 10);
    server.receives_hex("82 fe 00 80 00 00 00 00").receives(&[5; 128]);
    assert_eq!(server.events, [binary(&[5; 128])]);
}

#[test]
fn limit_applies_to_all_fragments_together() {
    let mut server = server_with(4, 10);
    server.receives_hex("02 83 00 00 00 00 01 02 03 80 82 00 00 00 00");
    assert_eq!(server.events, [Event::Failed(MessageTooLong { limit: 4 })]);
    let mut server = server_with(4, 10);
    server.receives_hex("02 83 00 00 00 00 01 02 03 80 81 00 00 00 00 04");
    assert_eq!(server.events, [binary(&[1, 2, 3, 4])]);
}

#[test]
fn limit_counts_the_bytes_of_an_incomplete_character() {
    let mut server = server_with(4, 10);
    server.receives_hex("01 83 00 00 00 00 f0 9f a6 80 82 00 00 00 00");
    assert_eq!(server.events, [Event::Failed(MessageTooLong { limit: 4 })]);
}

#[test]
fn empty_fragments_count() {
    let mut server = server_with(4, 3);
    server.receives_hex("02 80 00 00 00 00 00 80 00 00 00 00 00 80 00 00 00 00");
    assert_eq!(server.events, []);
    server.receives_hex("80 80 00 00 00 00");
    assert_eq!(server.events, [Event::Failed(TooManyFragments { limit: 3 })]);
    assert_eq!(server.writes()[2..4], 1008_u16.to_be_bytes());
}

#[test]
fn control_frames_do_not_count() {
    let mut server = server_with(4, 1);
    server.receives_hex("02 82 00 00 00 00 01 02").takes_events();
    for _ in 0..10 {
        server.receives_hex("89 84 00 00 00 00 01 02 03 04");
    }
    assert_eq!(server.events.len(), 10);
    assert!(server.events.iter().all(|event| matches!(event, Event::Ping(_))));
}

#[test]
fn memory_of_a_partial_message_is_reported() {
    let mut outbound = Outbound::server(1000);
    let mut inbound = Inbound::new(Role::Server, Limits::default());
    assert_eq!(inbound.held(), 0);
    let mut frame = hex("82 fe 10 00 00 00 00 00");
    frame.extend([0; 4095]);
    assert_eq!(inbound.handle_input(&mut &mut frame[..], &mut outbound), None);
    assert!((4095..3 * 4095).contains(&inbound.held()), "{}", inbound.held());
    assert!(inbound.handle_input(&mut &mut [0][..], &mut outbound).is_some());
    assert_eq!(inbound.held(), 0);
    let mut inbound = Inbound::draft00(Limits::default());
    let mut text = [0; 100];
    text[1..].fill(b'x');
    assert_eq!(inbound.handle_input(&mut &mut text[..], &mut outbound), None);
    assert!(inbound.held() >= 99, "{}", inbound.held());
}
