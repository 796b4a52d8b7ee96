//! How a client checks the response.

use http::HeaderValue;

use super::*;
use crate::handshake::ParameterError::{self, *};

/// Checks a server's response the way a client with these settings does.
fn answered(settings: Option<Deflate>, lines: &[&str]) -> Result<Accepted, HandshakeError> {
    let mut response = upgrade(&request(settings)).response(None).expect("an answer");
    for line in lines {
        let line = HeaderValue::from_str(line).expect("a header value");
        response.headers_mut().append("sec-websocket-extensions", line);
    }
    handshake(settings).check(&response)
}

#[track_caller]
fn agrees(settings: Deflate, answer: &str, outgoing: Option<Direction>, incoming: Direction) {
    let answer = answered(Some(settings), &[answer]).expect("an answer to the offer");
    let agreed = answer.deflate.expect("it was accepted");
    assert_eq!((agreed.outgoing(), agreed.incoming()), (outgoing, incoming));
}

#[track_caller]
fn fails(settings: Deflate, answer: &str, error: ParameterError) {
    let answer = answered(Some(settings), &[answer]);
    assert_eq!(answer, Err(HandshakeError::Deflate(error)));
}

fn narrow(bits: u8) -> Direction {
    Direction { window: window(bits), ..TAKEOVER }
}

#[test]
fn offer_states_the_settings() {
    let offer = |settings| {
        let request = request(Some(settings));
        request.headers()["sec-websocket-extensions"].to_str().expect("text").to_owned()
    };
    let both = Deflate::with_context_takeover();
    assert_eq!(offer(both), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        offer(Deflate::default()),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         client_max_window_bits"
    );
    let settings = Deflate { outgoing: narrow(9), incoming: narrow(14), ..both };
    assert_eq!(
        offer(settings),
        "permessage-deflate; server_max_window_bits=14; client_max_window_bits=9"
    );
    assert!(!request(None).headers().contains_key("sec-websocket-extensions"));
}

#[test]
fn server_may_decline() {
    let declined = answered(Some(Deflate::default()), &[]).expect("a good answer");
    assert_eq!(declined.deflate, None);
}

#[test]
fn server_may_ask_for_less() {
    let ours = Deflate::with_context_takeover();
    agrees(ours, "permessage-deflate", Some(TAKEOVER), TAKEOVER);
    agrees(ours, "permessage-deflate; server_no_context_takeover", Some(TAKEOVER), NO_TAKEOVER);
    agrees(ours, "permessage-deflate; client_no_context_takeover", Some(NO_TAKEOVER), TAKEOVER);
    agrees(ours, "permessage-deflate; server_max_window_bits=10", Some(TAKEOVER), narrow(10));
    agrees(ours, "permessage-deflate; server_max_window_bits=8", Some(TAKEOVER), narrow(9));
    agrees(ours, "permessage-deflate; client_max_window_bits=11", Some(narrow(11)), TAKEOVER);
    agrees(ours, r#"permessage-deflate; client_max_window_bits="11""#, Some(narrow(11)), TAKEOVER);
}

#[test]
fn window_of_8_bits_means_that_the_client_compresses_nothing() {
    let settings = Deflate { threshold: 0, ..Deflate::with_context_takeover() };
    agrees(settings, "permessage-deflate; client_max_window_bits=8", None, TAKEOVER);
    let answer = answered(Some(settings), &["permessage-deflate; client_max_window_bits=8"]);
    let mut client = End::client();
    client.use_deflate(&answer.expect("a good answer").deflate.expect("it was accepted"));
    client.outbound.send_text(&"a".repeat(100)).expect("there is room");
    assert_eq!(client.writes()[0], 0x81);
    client.receives_hex("c1 07 f2 48 cd c9 c9 07 00");
    assert_eq!(client.events, [text("Hello")]);
}

#[test]
fn own_limits_apply_even_if_the_server_allows_more() {
    let settings = Deflate { outgoing: narrow(10), ..Deflate::with_context_takeover() };
    agrees(settings, "permessage-deflate", Some(narrow(10)), TAKEOVER);
    agrees(settings, "permessage-deflate; client_max_window_bits=12", Some(narrow(10)), TAKEOVER);
    agrees(settings, "permessage-deflate; client_max_window_bits=9", Some(narrow(9)), TAKEOVER);
}

#[test]
fn requested_parameters_must_be_granted() {
    let settings = Deflate { incoming: NO_TAKEOVER, ..Deflate::with_context_takeover() };
    fails(settings, "permessage-deflate", NotGranted("server_no_context_takeover"));
    let settings = Deflate { incoming: narrow(10), ..Deflate::with_context_takeover() };
    fails(settings, "permessage-deflate", NotGranted("server_max_window_bits"));
    let answer = "permessage-deflate; server_max_window_bits=11";
    fails(settings, answer, Value("server_max_window_bits"));
    agrees(settings, "permessage-deflate; server_max_window_bits=9", Some(TAKEOVER), narrow(9));
}

#[test]
fn invalid_parameters_fail() {
    let fails = |parameter: &str, error| {
        fails(Deflate::with_context_takeover(), &format!("permessage-deflate; {parameter}"), error);
    };
    fails("unknown=1", Unknown("unknown".to_owned()));
    fails("client_max_window_bits", Value("client_max_window_bits"));
    fails("client_max_window_bits=16", Value("client_max_window_bits"));
    fails("server_max_window_bits=7", Value("server_max_window_bits"));
    fails("server_no_context_takeover=1", Value("server_no_context_takeover"));
    let twice = "client_no_context_takeover; client_no_context_takeover";
    fails(twice, Repeated("client_no_context_takeover"));
}

#[test]
fn extension_that_was_not_offered_fails() {
    let refused = |settings, lines: &[&str]| answered(settings, lines).expect_err("it is wrong");
    let ours = Some(Deflate::default());
    let granted = "permessage-deflate; server_no_context_takeover";
    assert!(answered(ours, &[granted]).is_ok());
    let error = HandshakeError::ExtensionNotOffered;
    assert_eq!(refused(None, &[granted]), error);
    assert_eq!(refused(ours, &["permessage-bzip2"]), error);
    assert_eq!(refused(ours, &[granted, granted]), error);
    assert_eq!(refused(ours, &[granted, "other"]), error);
    assert_eq!(refused(ours, &["permessage-deflate; ;"]), HandshakeError::ExtensionsMalformed);
    assert_eq!(refused(None, &["\"\""]), HandshakeError::ExtensionsMalformed);
}
