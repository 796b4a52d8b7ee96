//! RFC 6455 §7: how connections end.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_host_client::{Received, SendError, State, connect};

use crate::peer::{Listener, open, within};

#[tokio::test]
async fn client_waits_for_the_server_to_close_tcp() {
    let (mut peer, client, _messages) = open().await;
    let mut closing = client.close(4000, "bye").unwrap();
    assert_eq!(client.state(), State::Closing);
    assert_eq!(client.send_text("late").now_or_never(), Some(Err(SendError::Closed)));
    peer.expect(0x88, b"\x0f\xa0bye").await;
    peer.send_hex("88 02 0f a0").await;
    // §7.1.1: the client does not close the connection before the server does.
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_millis(50), peer.stream.read(&mut byte)).await;
    assert!(read.is_err(), "the client closed first: {read:?}");
    assert_eq!((&mut closing).now_or_never(), None);
    drop(peer);
    let end = within(closing).await;
    assert_eq!((end.code, &*end.reason, end.clean, end.sent), (4000, "", true, Some(4000)));
    assert_eq!(client.state(), State::Closed);
}

#[tokio::test]
async fn server_that_never_closes_tcp_is_left_in_time() {
    let (mut peer, client, _messages) = open().await;
    let closing = client.close(1000, "").unwrap();
    peer.expect_close(1000).await;
    peer.send_hex("88 02 03 e8").await;
    tokio::time::pause();
    let end = within(closing).await;
    assert_eq!((end.code, end.clean), (1000, true));
    tokio::time::resume();
    peer.expect_end().await;
}

#[tokio::test]
async fn server_that_never_answers_the_close_frame_is_left_in_time() {
    let (mut peer, client, _messages) = open().await;
    let closing = client.close(1000, "").unwrap();
    peer.expect_close(1000).await;
    tokio::time::pause();
    let end = within(closing).await;
    assert_eq!((end.code, end.clean, end.sent), (1006, false, Some(1000)));
    assert_eq!(end.reason, "the server did not answer the close frame in time");
    tokio::time::resume();
    peer.expect_end().await;
}

#[tokio::test]
async fn server_that_talks_on_for_ever_is_left_in_time() {
    let listener = Listener::bind().await;
    let options = listener.options().close_timeout(Duration::from_millis(100));
    let (mut peer, client, mut messages) = listener.open(options).await;
    let closing = client.close(1000, "").unwrap();
    tokio::spawn(async move {
        while peer.stream.write_all(&[0x81, 1, b'x'].repeat(1000)).await.is_ok() {}
    });
    tokio::spawn(async move { while messages.next().await.is_some() {} });
    assert_eq!(within(closing).await.code, 1006);
}

#[tokio::test]
async fn messages_that_the_server_sent_before_it_answers_are_received() {
    let (mut peer, client, mut messages) = open().await;
    let closing = client.close(1000, "").unwrap();
    peer.expect_close(1000).await;
    peer.send_hex("81 01 78").await;
    peer.send_hex("89 00").await;
    peer.send_hex("01 01 79").await;
    peer.send_hex("80 01 7a").await;
    peer.send_hex("88 02 03 e8").await;
    // §5.5.1: nothing follows the close frame, not even a pong.
    peer.stream.shutdown().await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Text("x".into())));
    assert_eq!(within(messages.next()).await, Some(Received::Text("yz".into())));
    assert_eq!(within(messages.next()).await, None);
    assert!(within(closing).await.clean);
    peer.expect_end().await;
}

#[tokio::test]
async fn server_that_closes_first_is_answered_with_its_code() {
    let (mut peer, client, mut messages) = open().await;
    peer.send(b"\x88\x05\x0f\xa1bye").await;
    peer.expect_close(4001).await;
    drop(peer);
    assert_eq!(within(messages.next()).await, None);
    let end = within(client.ended()).await;
    assert_eq!((end.code, &*end.reason, end.clean, end.sent), (4001, "bye", true, Some(4001)));
    // Closing a connection that has ended returns how it ended.
    assert_eq!(within(client.close(1000, "").unwrap()).await, end);
}

#[tokio::test]
async fn close_frame_without_a_code_is_1005() {
    let (mut peer, client, _messages) = open().await;
    peer.send_hex("88 00").await;
    peer.expect(0x88, "").await;
    drop(peer);
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean, end.sent), (1005, true, None));
}

#[tokio::test]
async fn end_without_a_close_frame_is_1006() {
    let (peer, client, mut messages) = open().await;
    drop(peer);
    assert_eq!(within(messages.next()).await, None);
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean, end.sent), (1006, false, None));
    assert_eq!(end.reason, "the server left without a close frame");
}

#[tokio::test]
async fn dropping_every_handle_closes_with_1001_behind_what_was_sent() {
    let (mut peer, client, messages) = open().await;
    let other = client.clone();
    drop(client.send_text("last"));
    drop((client, messages));
    peer.send_hex("89 00").await;
    peer.expect(0x81, "last").await;
    peer.expect(0x8a, "").await;
    drop(other);
    peer.expect_close(1001).await;
    peer.send_hex("88 02 03 e9").await;
}

#[tokio::test]
async fn code_that_may_not_be_sent_is_an_error_and_closes_nothing() {
    let (_peer, client, _messages) = open().await;
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert!(client.close(code, "").is_err(), "{code}");
    }
    assert!(client.close(1000, &"x".repeat(124)).is_err());
    assert_eq!(client.state(), State::Open);
}

#[test]
fn runtime_that_ends_leaves_nobody_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let client = first.block_on(async {
        let listener = Listener::bind().await;
        connect(listener.options()).0
    });
    drop(first);
    let end = runtime().block_on(within(client.ended()));
    assert_eq!(end.code, 1006);
}
