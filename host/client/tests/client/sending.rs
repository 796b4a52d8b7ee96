//! Messages and pings from the client.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpListener;
use ws_host_client::{Options, Received, SendError, State, connect};

use crate::peer::{Listener, open, right_headers, within};

#[tokio::test]
async fn messages_come_back_from_a_server_that_echoes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = server.next().await {
            if message.is_text() || message.is_binary() {
                server.send(message).await.unwrap();
            }
        }
    });
    let (client, mut messages) = connect(Options::new(&url).unwrap());
    let long = "ä".repeat(300_000);
    for text in ["", "hello", &long] {
        within(client.send_text(text)).await.unwrap();
        assert_eq!(within(messages.next()).await, Some(Received::Text(text.into())));
    }
    let bytes = vec![0xff; 70_000];
    within(client.send_binary(&bytes)).await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Binary(bytes)));
    within(client.ping(b"ping")).await.unwrap();
    let end = within(client.close(1000, "done").unwrap()).await;
    assert_eq!((end.code, &*end.reason, end.clean, end.sent), (1000, "done", true, Some(1000)));
    assert_eq!(within(messages.next()).await, None);
    within(server).await.unwrap();
}

#[tokio::test]
async fn messages_sent_before_the_connection_opens_go_out_in_order() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    let first = client.send_text("first");
    let second = client.send_binary(b"second");
    let closing = client.close(1000, "").unwrap();
    assert_eq!(client.state(), State::Closing);
    let mut peer = listener.accept().await;
    peer.open("").await;
    peer.expect(0x81, "first").await;
    peer.expect(0x82, "second").await;
    peer.expect_close(1000).await;
    within(first).await.unwrap();
    within(second).await.unwrap();
    peer.send_hex("88 02 03 e8").await;
    drop(peer);
    assert!(within(closing).await.clean);
}

#[tokio::test]
async fn every_frame_has_its_own_key() {
    let (mut peer, client, _messages) = open().await;
    let mut keys = HashSet::new();
    for _ in 0..8 {
        within(client.send_text("x")).await.unwrap();
        keys.insert(peer.frame().await.key);
    }
    assert_eq!(keys.len(), 8);
}

#[tokio::test]
async fn future_that_is_never_polled_sends() {
    let (mut peer, client, _messages) = open().await;
    drop(client.send_text("sent"));
    peer.expect(0x81, "sent").await;
}

#[tokio::test]
async fn sender_waits_for_a_server_that_does_not_read_and_no_message_is_lost() {
    const LENGTH: usize = 100_000;
    let listener = Listener::bind().await;
    let options = listener.options().max_outbound(LENGTH + 200);
    let (mut peer, client, mut messages) = listener.open(options).await;
    let mut sent = 0u8;
    // First the buffers of the system fill up, then the outbound buffer, and then one message waits.
    let waiting = loop {
        let mut sending = client.send_binary(&[sent; LENGTH]);
        sent += 1;
        if tokio::time::timeout(Duration::from_millis(100), &mut sending).await.is_err() {
            break sending;
        }
    };
    // Messages from the server are still received.
    peer.send_hex("81 01 78").await;
    assert_eq!(within(messages.next()).await, Some(Received::Text("x".into())));
    let found_no_room = client.send_binary(&[sent; LENGTH]);
    let withdrawn = client.send_text(&"withdrawn".repeat(1000));
    let last = client.send_text("last");
    drop(withdrawn);
    let reading = async {
        for number in 0..=sent {
            let frame = peer.frame().await;
            assert_eq!((frame.payload.len(), frame.payload[0]), (LENGTH, number));
        }
        peer.expect(0x81, "last").await;
    };
    let (waiting, found_no_room, last, ()) =
        within(async { tokio::join!(waiting, found_no_room, last, reading) }).await;
    assert_eq!((waiting, found_no_room, last), (Ok(()), Ok(()), Ok(())));
}

#[tokio::test]
async fn most_recent_of_the_pings_that_found_the_outbound_buffer_full_is_answered() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options().max_outbound(131));
    let text = "x".repeat(125);
    let full = client.send_text(&text);
    let mut peer = listener.accept().await;
    let headers = right_headers(&peer.request().await);
    let response = format!("HTTP/1.1 101 OK\r\n{headers}\r\n");
    // Both pings are read before anything can be written.
    peer.send([response.as_bytes(), b"\x89\x01a\x89\x01b"].concat()).await;
    peer.expect(0x81, text).await;
    within(full).await.unwrap();
    peer.expect(0x8a, "b").await;
    within(client.send_text("more")).await.unwrap();
    peer.expect(0x81, "more").await;
}

#[tokio::test]
async fn message_longer_than_the_buffer_is_an_error_at_once() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options().max_outbound(1000));
    // The header has 2 bytes, the extended length 2, the masking key 4.
    assert_eq!(client.send_text(&"x".repeat(993)).now_or_never(), Some(Err(SendError::TooLong)));
    assert_eq!(client.send_text(&"x".repeat(992)).now_or_never(), None);
    assert_eq!(client.ping(&[0; 126]).now_or_never(), Some(Err(SendError::TooLong)));
}

#[tokio::test]
async fn message_that_waits_when_the_connection_ends_is_an_error() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options().max_outbound(131));
    let queued = client.send_text(&"x".repeat(120));
    let waiting = client.send_text(&"y".repeat(120));
    drop(listener);
    assert_eq!(within(queued).await, Err(SendError::Closed));
    assert_eq!(within(waiting).await, Err(SendError::Closed));
    assert_eq!(client.send_text("z").now_or_never(), Some(Err(SendError::Closed)));
}

#[tokio::test]
async fn ping_resolves_with_the_pong_of_its_payload() {
    let (mut peer, client, mut messages) = open().await;
    let (first, second, third) = (client.ping(b"1"), client.ping(b"2"), client.ping(b"3"));
    for payload in ["1", "2", "3"] {
        peer.expect(0x89, payload).await;
    }
    peer.send_hex("8a 01 32").await;
    // §5.5.3: the first ping was skipped.
    within(second).await.unwrap();
    within(first).await.unwrap();
    let mut third = third;
    assert_eq!((&mut third).now_or_never(), None);
    peer.send_hex("8a 01 33").await;
    within(third).await.unwrap();
    peer.send_hex("8a 01 34").await;
    assert_eq!(within(messages.next()).await, Some(Received::Pong(b"4".into())));
}

#[tokio::test]
async fn ping_measures_from_when_it_was_written() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    let ping = client.ping(b"x");
    let mut peer = listener.accept().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    peer.open("").await;
    peer.expect(0x89, "x").await;
    peer.send_hex("8a 01 78").await;
    assert!(within(ping).await.unwrap() < Duration::from_secs(5));
}
