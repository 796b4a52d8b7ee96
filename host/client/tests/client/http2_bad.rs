//! HTTP/2 servers that violate the protocol, or that do not support WebSockets.

use std::error::Error;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_host_client::{
    ConnectError, End, HandshakeError, Http2Connection, HttpVersion, Received, SendError, connect,
};

use crate::frames::{
    DATA, END_STREAM, EXTENDED_CONNECT, GOAWAY, Http2Peer, RST_STREAM, SETTINGS, http2,
};
use crate::peer::{Listener, within};

/// RFC 9113 §7.
const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// Returns the error of a client whose server does this with the request on stream 1.
async fn refused_by(act: impl AsyncFnOnce(&mut Http2Peer)) -> ConnectError {
    let listener = Listener::bind().await;
    let (client, mut messages) = connect(http2(&listener).subprotocol("offered").unwrap());
    let sending = client.send_text("never sent");
    let mut peer = Http2Peer::accept(&listener, &EXTENDED_CONNECT).await;
    assert_eq!(peer.request().await, 1);
    act(&mut peer).await;
    let error = within(client.opened()).await.unwrap_err();
    assert_eq!(within(sending).await, Err(SendError::Closed));
    assert_eq!(within(messages.next()).await, None);
    assert_eq!(within(client.ended()).await.code, 1006);
    // The connection is gone.
    let mut rest = Vec::new();
    let _ = within(peer.stream.read_to_end(&mut rest)).await;
    error
}

/// Returns how an open WebSocket ends when the server does this.
async fn ends_by(act: impl AsyncFnOnce(&mut Http2Peer)) -> End {
    let (mut peer, client, mut messages) = Http2Peer::open().await;
    act(&mut peer).await;
    assert_eq!(within(messages.next()).await, None);
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean), (1006, false), "{end:?}");
    end
}

/// Formats an error with all its causes.
fn error_chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", error_chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn server_without_extended_connect_is_reported() {
    for settings in [&[][..], &[0, 8, 0, 0, 0, 0]] {
        let listener = Listener::bind().await;
        let (client, _messages) = connect(http2(&listener));
        let _peer = Http2Peer::accept(&listener, settings).await;
        let error = within(client.opened()).await.unwrap_err();
        assert!(matches!(error, ConnectError::NoExtendedConnect), "{error}");
        assert!(error.to_string().contains("HTTP/1.1"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_sends_no_settings_times_out() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
    let error = within(Http2Connection::connect(&http2(&listener))).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn server_that_leaves_without_settings_does_not_speak_http2() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    drop(listener.accept().await);
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::HttpNotSpoken(HttpVersion::Http2)), "{error}");
}

#[tokio::test]
async fn server_that_leaves_behind_its_settings_gives_no_response() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    drop(Http2Peer::accept(&listener, &EXTENDED_CONNECT).await);
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Http(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn server_that_never_answers_the_request_times_out() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    let mut peer = Http2Peer::accept(&listener, &EXTENDED_CONNECT).await;
    peer.request().await;
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn refusal_has_its_status_and_text() {
    let error = refused_by(async |peer| {
        peer.respond(1, "404", &[("content-length", "8")]).await;
        peer.send(DATA, END_STREAM, 1, b"not here").await;
    })
    .await;
    let ConnectError::Refused { status, body } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), &*body), (404, "not here"));
}

#[tokio::test]
async fn text_of_a_refusal_is_bounded() {
    let error = refused_by(async |peer| {
        peer.respond(1, "500", &[]).await;
        for _ in 0..10 {
            peer.send(DATA, 0, 1, &[b'x'; 10_000]).await;
        }
    })
    .await;
    let ConnectError::Refused { body, .. } = error else { panic!("{error}") };
    assert_eq!(body.len(), 64 * 1024);
}

#[tokio::test]
async fn redirect_is_reported_and_not_followed() {
    let error = refused_by(async |peer| peer.respond(1, "302", &[("location", "wss://h/")]).await);
    let error = error.await;
    let ConnectError::Redirected { status, location } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), location.as_deref()), (302, Some("wss://h/")));
}

#[tokio::test]
async fn what_was_not_offered_fails() {
    for (name, value, expected) in [
        ("sec-websocket-protocol", "other", HandshakeError::SubprotocolNotOffered),
        ("sec-websocket-extensions", "permessage-bzip2", HandshakeError::ExtensionNotOffered),
        ("sec-websocket-extensions", "a b", HandshakeError::ExtensionsMalformed),
    ] {
        let error = refused_by(async |peer| peer.respond(1, "200", &[(name, value)]).await).await;
        let ConnectError::Handshake(error) = error else { panic!("{error}") };
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn response_that_opens_a_tunnel_and_has_a_length_fails() {
    for (status, length) in [("200", "5"), ("204", "0"), ("206", "5")] {
        let error = refused_by(async |peer| {
            peer.respond(1, status, &[("content-length", length)]).await;
        })
        .await;
        assert!(matches!(error, ConnectError::Http(_)), "{status}: {error}");
    }
}

#[tokio::test]
async fn stream_that_is_reset_before_the_response_fails() {
    for (code, word) in [(REFUSED_STREAM, "refused stream"), (INTERNAL_ERROR, "internal error")] {
        let error = refused_by(async |peer| peer.send(RST_STREAM, 0, 1, &code).await).await;
        assert!(error_chain(&error).contains(word), "{}", error_chain(&error));
    }
}

#[tokio::test]
async fn goaway_before_the_response_fails() {
    // The last stream that the server processes is 0, not ours.
    let error = refused_by(async |peer| peer.send(GOAWAY, 0, 0, &[0; 8]).await).await;
    assert!(matches!(error, ConnectError::Http(_)), "{error}");
}

#[tokio::test]
async fn stream_that_is_reset_while_open_is_an_end_without_a_close_frame() {
    let end = ends_by(async |peer| peer.send(RST_STREAM, 0, 1, &CANCEL).await).await;
    assert_eq!(end.reason, "the server left without a close frame");
    let end = ends_by(async |peer| peer.send(RST_STREAM, 0, 1, &INTERNAL_ERROR).await).await;
    assert!(end.reason.contains("internal error"), "{end:?}");
}

#[tokio::test]
async fn stream_that_ends_without_a_close_frame_is_1006() {
    let end = ends_by(async |peer| peer.send(DATA, END_STREAM, 1, &[]).await).await;
    assert_eq!(end.reason, "the server left without a close frame");
}

#[tokio::test]
async fn connection_that_breaks_ends_its_websockets() {
    let end = ends_by(async |peer| {
        peer.send(GOAWAY, 0, 0, &[&1_u32.to_be_bytes()[..], &INTERNAL_ERROR].concat()).await;
        peer.stream.shutdown().await.unwrap();
    })
    .await;
    assert!(!end.reason.is_empty());
    // Frames that HTTP/2 does not allow: DATA on stream 0, and a frame that exceeds the maximum size.
    ends_by(async |peer| peer.send(DATA, 0, 0, b"x").await).await;
    ends_by(async |peer| peer.send(DATA, 0, 1, &[0; 20_000]).await).await;
    ends_by(async |peer| peer.send(SETTINGS, 0, 0, b"x").await).await;
}

#[tokio::test]
async fn after_a_goaway_open_websockets_go_on_and_no_more_are_opened() {
    let listener = Listener::bind().await;
    let options = http2(&listener);
    let (connection, mut peer) = tokio::join!(
        Http2Connection::connect(&options),
        Http2Peer::accept(&listener, &EXTENDED_CONNECT)
    );
    let connection = connection.unwrap();
    let (client, mut messages) = connection.open(options.clone());
    peer.request().await;
    peer.respond(1, "200", &[]).await;
    within(client.opened()).await.unwrap();
    peer.send(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
    peer.send(DATA, 0, 1, b"\x81\x02on").await;
    assert_eq!(within(messages.next()).await, Some(Received::Text("on".into())));
    let (other, _messages) = connection.open(options);
    let error = within(other.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Http(_)), "{error}");
    within(client.send_text("on")).await.unwrap();
    assert_eq!(peer.expect(DATA).await.payload[..2], [0x81, 0x82]);
}

#[tokio::test]
async fn server_without_http2_is_reported() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    let mut peer = listener.accept().await;
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::HttpNotSpoken(HttpVersion::Http2)), "{error}");
}

#[tokio::test]
async fn server_without_http1_is_reported() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    let mut peer = listener.accept().await;
    // The server's settings, and GOAWAY with PROTOCOL_ERROR.
    peer.send_hex("00 00 00 04 00 00 00 00 00").await;
    peer.send_hex("00 00 08 07 00 00 00 00 00 00 00 00 00 00 00 00 01").await;
    let error = within(client.opened()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server does not speak HTTP/1.1 on this port");
}
