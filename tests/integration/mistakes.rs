//! Mistakes of handlers: each fails with a named error where it is made, and has no effect.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

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
