//! Mistakes of handlers: each fails with a named error where it is made, and has no effect.

use anyhow::Result;
use ws_host_test_support::{Client, Frame, Response, TestServer, handshake};

use crate::deflated;

#[test]
fn options_that_make_no_sense_are_refused_by_name() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-mistaken", &[])?;
    for (mistake, error) in [
        ("compression always", "none"),
        ("compression sometimes", "unknown"),
        ("compression ", "unknown"),
        ("max-frame 1", "none"),
        // RFC 6455 §5.4: empty frames would never complete the message.
        ("max-frame 0", "invalid"),
        ("except 1000", "none"),
        ("except 1001", "too-many"),
    ] {
        assert_eq!(client.ask(mistake)?, error, "{mistake}");
    }
    Ok(())
}

#[test]
fn options_of_a_connection_that_make_no_sense_are_refused_by_name() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-mistaken", &[])?;
    for (mistake, error) in [
        ("offers 100", "none"),
        ("offers 101", "too-long"),
        ("offer-twice chat", "invalid-subprotocol"),
        ("offer-twice a,b", "invalid-subprotocol"),
        // A header may be added twice.
        ("connect-headers 100", "none"),
        ("connect-headers 101", "too-long"),
        ("connect-header Host", "invalid-header"),
        ("connect-header sec-websocket-protocol", "invalid-header"),
        // Without too many options, it is the grant that is missing.
        ("connect-options 16", "not-granted"),
        ("connect-options 17", "too-many-options"),
        ("connect-options 16", "not-granted"),
    ] {
        assert_eq!(client.ask(mistake)?, error, "{mistake}");
    }
    Ok(())
}

#[test]
fn options_are_released_when_they_are_dropped() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-mistaken", &[])?;
    // The request itself holds one more.
    for _ in 0..3 {
        assert_eq!(client.ask("options 1000")?, "too-many-options");
        client.send_text("options 999")?;
        assert_eq!(client.receive_text()?, "sent");
        assert_eq!(client.receive_text()?, "none");
    }
    Ok(())
}

#[test]
fn invalid_handshake_response_is_refused_where_it_is_made() -> Result<()> {
    let server = TestServer::serving("guest-mistaken")?;
    for (mistake, error) in [
        ("subprotocol+chat", "not-offered"),
        ("header+x-name", "none"),
        ("header+not(a)name", "invalid-header"),
        ("header+", "invalid-header"),
        // This would inject another header.
        ("value+x%0aset-cookie:y", "invalid-header"),
        ("header+connection", "reserved-header"),
        ("header+Sec-WebSocket-Accept", "reserved-header"),
        ("header+content-length", "reserved-header"),
        ("long-value+9000", "too-long"),
        ("status+299", "invalid-status"),
        ("status+600", "invalid-status"),
        ("status+300", "none"),
        ("type+text/plain%0ax", "invalid-header"),
        ("body+65536", "none"),
        ("body+65537", "too-long"),
    ] {
        let mut client = Client::connect_to(&server, &format!("/?{mistake}"))?;
        assert_eq!(client.receive_text()?, error, "{mistake}");
    }
    Ok(())
}

#[test]
fn answered_handshake_cannot_be_changed() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-mistaken", &[])?;
    for mistake in ["subprotocol chat", "header x-name", "status 404", "type text/plain"] {
        assert_eq!(client.ask(mistake)?, "not-connecting", "{mistake}");
    }
    Ok(())
}

#[test]
fn second_setting_of_the_same_response_replaces_the_first() -> Result<()> {
    let server = TestServer::serving("guest-mistaken")?;
    let offers = "Sec-WebSocket-Protocol: one, two\r\n";
    // What belongs to a refusal has no effect on an accepted client.
    let accepted = handshake("/?subprotocol+two;subprotocol+one;status+404;body+9", offers);
    let (mut client, response) = Client::open(server.address(), &accepted)?;
    assert_eq!((response.status, response.header("sec-websocket-protocol")), (101, Some("one")));
    assert_eq!((response.header("content-length"), response.header("content-type")), (None, None));
    for _ in 0..4 {
        assert_eq!(client.receive_text()?, "none");
    }
    // What belongs to an accepted client has no effect on a refusal. An invalid call changes nothing.
    let refused = handshake(
        "/?status+404;body+9;subprotocol+two;status+401;type+text/html;status+600;body+70000;header+x-name;refuse",
        offers,
    );
    let response = Response::to(server.address(), &refused)?;
    assert_eq!((response.status, &*response.body), (401, "body"));
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.header("x-name"), Some("value"));
    assert_eq!(response.header("sec-websocket-protocol"), None);
    Ok(())
}

#[test]
fn second_setting_of_the_same_option_replaces_the_first() -> Result<()> {
    let flags = ["--compression", "messages"];
    let server = TestServer::with_arguments("guest-mistaken", &flags)?;
    let (mut client, agreed) = deflated::connect(&server, "permessage-deflate")?;
    assert!(agreed.is_some(), "compression was agreed on");
    client.send_text("twice")?;
    // One frame, uncompressed, and not excluded.
    assert_eq!(client.receive()?, Frame { first: 0x81, payload: vec![b'x'; 2_000] });
    assert_eq!(client.receive_text()?, "0 missed");
    Ok(())
}
