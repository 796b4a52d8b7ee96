//! RFC 7692: compressed messages.

use ws_host_client::deflate::{ContextTakeover, Deflate, Direction};
use ws_host_client::{Client, ConnectError, HandshakeError, Messages, Options, Received, connect};

use crate::peer::{Listener, Peer, header, right_headers, within};

/// Returns settings that compress messages of any length, with context takeover.
fn eager() -> Deflate {
    let mut deflate = Deflate::with_context_takeover();
    deflate.threshold = 0;
    deflate
}

/// Returns both ends of a connection on which the server answered the offer with this header value.
async fn open(deflate: Deflate, agreed: &str) -> (Peer, Client, Messages) {
    let listener = Listener::bind().await;
    let options = listener.options().max_message(1000).compression(Some(deflate));
    let (client, messages) = connect(options);
    let mut peer = listener.accept().await;
    peer.open(&format!("Sec-WebSocket-Extensions: {agreed}\r\n")).await;
    within(client.opened()).await.unwrap();
    (peer, client, messages)
}

async fn request(change: impl FnOnce(Options) -> Options) -> String {
    let listener = Listener::bind().await;
    let (_client, _messages) = connect(change(listener.options()));
    listener.accept().await.request().await
}

#[tokio::test]
async fn compression_is_offered_unless_it_is_turned_off() {
    let offered = request(|options| options).await;
    let offer = header(&offered, "sec-websocket-extensions");
    assert_eq!(offer, "permessage-deflate; client_max_window_bits");
    let off = request(|options| options.compression(None)).await;
    assert!(!off.to_lowercase().contains("sec-websocket-extensions"), "{off}");
}

#[tokio::test]
async fn messages_go_compressed_both_ways() {
    let (mut peer, client, mut messages) = open(eager(), "permessage-deflate").await;
    let opened = client.opened().await.unwrap();
    assert!(opened.compression.is_some());
    let text = "a".repeat(500);
    let mut lengths = Vec::new();
    for _ in 0..2 {
        within(client.send_text(&text)).await.unwrap();
        let frame = peer.frame().await;
        assert_eq!(frame.first, 0xc1);
        lengths.push(frame.payload.len());
    }
    assert!(lengths[0] < 20 && lengths[1] < lengths[0], "{lengths:?}");
    peer.send_hex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00").await;
    for _ in 0..2 {
        assert_eq!(within(messages.next()).await, Some(Received::Text("Hello".into())));
    }
}

#[tokio::test]
async fn server_that_does_not_agree_gets_messages_as_they_are() {
    let listener = Listener::bind().await;
    let options = listener.options().compression(Some(eager()));
    let (mut peer, client, _messages) = listener.open(options).await;
    within(client.send_text("aaaaaaaaaaaaaaaaaaaa")).await.unwrap();
    peer.expect(0x81, "aaaaaaaaaaaaaaaaaaaa").await;
    assert_eq!(client.opened().await.unwrap().compression, None);
    peer.send_hex("c1 07 f2 48 cd c9 c9 07 00").await;
    peer.expect_close(1002).await;
}

#[tokio::test]
async fn messages_sent_before_the_connection_opens_go_as_they_are() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options().compression(Some(eager())));
    let early = client.send_text(&"a".repeat(100));
    let mut peer = listener.accept().await;
    peer.open("Sec-WebSocket-Extensions: permessage-deflate\r\n").await;
    peer.expect(0x81, "a".repeat(100)).await;
    within(early).await.unwrap();
    within(client.send_text(&"a".repeat(100))).await.unwrap();
    assert_eq!(peer.frame().await.first, 0xc1);
}

#[tokio::test]
async fn message_that_inflates_beyond_the_limit_fails_with_1009() {
    let (mut peer, client, _messages) = open(eager(), "permessage-deflate").await;
    // 1001 zero bytes.
    peer.send_hex("c2 0a 62 60 18 05 a3 60 14 0c 7b 00").await;
    peer.expect_close(1009).await;
    assert_eq!(within(client.ended()).await.sent, Some(1009));
}

#[tokio::test]
async fn malformed_deflate_fails_with_1007() {
    let (mut peer, client, _messages) = open(eager(), "permessage-deflate").await;
    peer.send_hex("c1 02 06 00").await;
    peer.expect_close(1007).await;
    assert_eq!(within(client.ended()).await.sent, Some(1007));
}

#[tokio::test]
async fn response_that_grants_less_than_was_asked_for_fails() {
    let mut deflate = eager();
    deflate.incoming = Direction { context: ContextTakeover::Off, ..Direction::default() };
    let listener = Listener::bind().await;
    let options = listener.options().compression(Some(deflate));
    let (client, _messages) = connect(options);
    let mut peer = listener.accept().await;
    let headers = right_headers(&peer.request().await);
    let response = "Sec-WebSocket-Extensions: permessage-deflate";
    peer.send(format!("HTTP/1.1 101 OK\r\n{headers}{response}\r\n\r\n")).await;
    let error = within(client.opened()).await.unwrap_err();
    let ConnectError::Handshake(HandshakeError::Deflate(error)) = error else { panic!("{error}") };
    assert!(error.to_string().contains("server_no_context_takeover"), "{error}");
    peer.expect_end().await;
}
