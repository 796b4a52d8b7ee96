use super::*;
use crate::ProtocolError::*;
use crate::SendError;

#[test]
fn ping_is_answered_with_its_payload() {
    let mut server = End::server();
    server.receives_hex("89 85 37 fa 21 3d 7f 9f 4d 51 58");
    assert_eq!(server.events, [ping(b"Hello")]);
    assert_eq!(server.writes(), hex("8a 05 48 65 6c 6c 6f"));
}

#[test]
fn pong_is_reported_and_not_answered() {
    let mut server = End::server();
    server.receives_hex("8a 80 00 00 00 00");
    assert_eq!(server.events, [pong(b"")]);
    assert_eq!(server.writes(), []);
}

#[test]
fn control_frame_must_not_be_fragmented() {
    server_fails("09 80 00 00 00 00", FragmentedControl);
    server_fails("08 80 00 00 00 00", FragmentedControl);
}

#[test]
fn control_frame_must_not_exceed_125_bytes() {
    server_fails("89 fe 00 7e 00 00 00 00", ControlTooLong(126));
    let mut server = End::server();
    server.receives_hex("89 fd 00 00 00 00").receives(&[1; 125]);
    assert_eq!(server.events, [ping(&[1; 125])]);
}

#[test]
fn pings_and_pongs_over_125_bytes_are_not_sent() {
    let mut server = End::server();
    assert_eq!(server.outbound.ping(&[0; 126]), Err(SendError::TooLong));
    assert_eq!(server.outbound.pong(&[0; 126]), Err(SendError::TooLong));
    assert_eq!(server.writes(), []);
    assert_eq!(server.outbound.ping(&[0; 125]), Ok(()));
    assert_eq!(server.outbound.pong(&[0; 125]), Ok(()));
    assert_eq!(server.writes().len(), 2 * 127);
}

#[test]
fn ping_is_not_answered_after_our_close_frame() {
    let mut server = End::server();
    server.outbound.close(None).expect("it is open");
    server.receives_hex("89 80 00 00 00 00");
    assert_eq!(server.writes(), hex("88 00"));
}
