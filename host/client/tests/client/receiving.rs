//! Messages from the server, including too many and too long ones.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use ws_host_client::{End, Received};

use crate::peer::{Listener, open, within};

/// Returns how a connection ends on these bytes, which fail it with a code.
async fn fails_on(bytes: &[u8], code: u16) -> End {
    let listener = Listener::bind().await;
    // A client that fails a connection leaves immediately: the close timeout is longer than the test may take.
    let options = listener.options().max_message(1000).close_timeout(Duration::from_secs(600));
    let (mut peer, client, mut messages) = listener.open(options).await;
    peer.send(bytes).await;
    peer.expect_close(code).await;
    peer.expect_end().await;
    drop(peer);
    assert_eq!(within(messages.next()).await, None);
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean, end.sent), (1006, false, Some(code)));
    end
}

#[tokio::test]
async fn ping_is_answered_with_its_payload() {
    let (mut peer, _client, _messages) = open().await;
    peer.send_hex("89 02 68 69").await;
    peer.expect(0x8a, "hi").await;
}

#[tokio::test]
async fn masked_frame_fails_with_1002() {
    let end = fails_on(&[0x81, 0x81, 0, 0, 0, 0, b'x'], 1002).await;
    assert!(end.reason.contains("masked"), "{end:?}");
}

#[tokio::test]
async fn message_ahead_of_a_protocol_error_can_be_answered() {
    let (mut peer, client, mut messages) = open().await;
    tokio::spawn(async move {
        while let Some(Received::Text(text)) = messages.next().await {
            let _ = client.send_text(&text).await;
        }
    });
    peer.send(b"\x81\x01x\xf1\x00").await;
    peer.expect(0x81, "x").await;
    peer.expect_close(1002).await;
}

#[tokio::test]
async fn message_that_nobody_takes_does_not_hide_a_protocol_error() {
    let (mut peer, _client, _messages) = open().await;
    peer.send(b"\x81\x01x\xf1\x00").await;
    peer.expect_close(1002).await;
}

#[tokio::test]
async fn message_over_the_limit_fails_with_1009() {
    fails_on(&[0x82, 126, 0x03, 0xe9], 1009).await;
}

#[tokio::test]
async fn text_that_is_not_utf8_fails_with_1007() {
    fails_on(&[0x81, 1, 0xff], 1007).await;
}

#[tokio::test]
async fn server_waits_for_a_client_that_does_not_take_messages() {
    let (mut peer, client, mut messages) = open().await;
    let message = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 1 << 16]].concat();
    let mut written = 0;
    // Sending stops when the buffers of the system are also full.
    while tokio::time::timeout(Duration::from_millis(100), peer.stream.write_all(&message))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        written += 1;
        assert!(written < 1000, "64 MB went somewhere");
    }
    // The client's own messages are still written.
    within(client.send_text("still writing")).await.unwrap();
    for _ in 0..written {
        let message = within(messages.next()).await;
        assert_eq!(message, Some(Received::Binary(vec![7; 1 << 16])));
    }
}

#[tokio::test]
async fn client_without_messages_discards_them_and_notices_the_end() {
    let (mut peer, client, messages) = open().await;
    drop(messages);
    for _ in 0..100 {
        peer.send_hex("81 01 78").await;
    }
    peer.close(1000).await;
    assert_eq!(within(client.ended()).await.code, 1000);
}

#[tokio::test]
async fn messages_outlive_the_clients() {
    let (mut peer, client, mut messages) = open().await;
    drop(client);
    peer.send_hex("81 01 78").await;
    assert_eq!(within(messages.next()).await, Some(Received::Text("x".into())));
    peer.close(1000).await;
    assert_eq!(within(messages.next()).await, None);
    assert_eq!(within(messages.ended()).await.code, 1000);
}
