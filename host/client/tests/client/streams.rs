//! The interfaces as [`Stream`](futures_util::Stream) and [`Sink`](futures_util::Sink).

use std::future::ready;

use futures_util::{FutureExt, SinkExt, StreamExt};
use ws_host_client::{Message, Received, SendError};

use crate::peer::{open, within};

#[tokio::test]
async fn messages_are_forwarded_to_where_they_came_from() {
    let (mut peer, client, messages) = open().await;
    let echo = messages.filter_map(|received| ready(received.into_message().map(Ok)));
    let echo = tokio::spawn(echo.forward(client.sink()));
    peer.send_hex("81 02 68 69").await;
    peer.expect(0x81, "hi").await;
    // A pong is not a message.
    peer.send_hex("8a 00 82 01 ff").await;
    peer.expect(0x82, [0xff]).await;
    peer.close(1000).await;
    // Closing a closed connection is not an error.
    within(echo).await.unwrap().unwrap();
}

#[tokio::test]
async fn sink_sends_closes_and_waits_for_the_end() {
    let (mut peer, client, mut messages) = open().await;
    let mut sink = client.sink();
    within(sink.send("a".into())).await.unwrap();
    within(sink.feed(Message::Binary(vec![1]))).await.unwrap();
    let mut closing = Box::pin(sink.close());
    assert!((&mut closing).now_or_never().is_none());
    peer.expect(0x81, "a").await;
    peer.expect(0x82, [1]).await;
    assert!((&mut closing).now_or_never().is_none());
    peer.expect_close(1000).await;
    peer.send_hex("88 02 03 e8").await;
    drop(peer);
    within(closing).await.unwrap();
    assert!(within(client.ended()).await.clean);
    assert_eq!(within(sink.send("b".into())).await, Err(SendError::Closed));
    assert_eq!(within(messages.next()).await, None::<Received>);
}

#[tokio::test]
async fn sink_is_not_ready_while_sixteen_messages_wait_for_a_server_that_does_not_read() {
    let (mut peer, client, _messages) = open().await;
    let mut sink = client.sink();
    let long = "x".repeat(1 << 20);
    let mut given = 0;
    // The socket buffers of the system take some more.
    while let Some(fed) = sink.feed(long.as_str().into()).now_or_never() {
        fed.unwrap();
        given += 1;
        assert!(given < 1000, "it takes everything");
        tokio::task::yield_now().await;
    }
    assert!(given >= 16);
    let flushed = tokio::spawn(async move { sink.flush().await });
    for _ in 0..given {
        peer.expect(0x81, &long).await;
    }
    within(flushed).await.unwrap().unwrap();
}
