//! Relays between in-memory streams.

use std::future::pending;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;

/// How long the clients of these tests may leave waiting output unread.
const IDLE: Duration = Duration::from_millis(200);

fn settings() -> ResourceConfig {
    let mut settings = ResourceConfig::new("/", "none.wasm").expect("a pattern");
    (settings.timeouts.idle, settings.timeouts.close) = (Some(IDLE), IDLE);
    settings
}

/// Starts a relay between two streams. Returns the far ends of both streams: first the client's, then the owner's.
fn start(room: usize) -> (DuplexStream, DuplexStream, JoinHandle<RelayEnd>) {
    start_until(room, b"late", pending())
}

/// Starts a relay that ends when the owner's lease is fenced.
fn start_until(
    room: usize,
    late: &[u8],
    owner_fenced: impl Future<Output = ()> + Send + 'static,
) -> (DuplexStream, DuplexStream, JoinHandle<RelayEnd>) {
    let (client, mut near) = duplex(room);
    let (owner, mut far) = duplex(room);
    let late = late.to_vec();
    let relaying = tokio::spawn(async move {
        let settings = settings();
        let ends = Ends { client_closes: pending(), owner_fenced, settings: &settings };
        relay(&mut near, &mut far, b"early".to_vec(), late, ends).await
    });
    (client, owner, relaying)
}

async fn read(stream: &mut DuplexStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.expect("bytes");
    bytes
}

#[tokio::test]
async fn bytes_and_both_ends_are_passed_on() {
    let (mut client, mut owner, relaying) = start(1000);
    assert_eq!(read(&mut owner, 5).await, b"early");
    assert_eq!(read(&mut client, 4).await, b"late");
    let all: Vec<u8> = (0..1_000_000u32).map(|number| (number / 7) as u8).collect();
    for _ in 0..2 {
        let mut received = vec![0; all.len()];
        let (sent, read) = tokio::join!(client.write_all(&all), owner.read_exact(&mut received));
        sent.expect("it is read");
        read.expect("it is sent");
        assert!(received == all);
        std::mem::swap(&mut client, &mut owner);
    }
    client.shutdown().await.expect("room");
    assert_eq!(owner.read(&mut [0]).await.expect("no error"), 0, "the end is passed on");
    // The other direction is still open.
    owner.write_all(b"bye").await.expect("room");
    assert_eq!(read(&mut client, 3).await, b"bye");
    drop(owner);
    assert_eq!(client.read(&mut [0]).await.expect("no error"), 0);
    assert!(matches!(relaying.await, Ok(RelayEnd::Closed)));
}

#[tokio::test]
async fn destination_that_does_not_read_stops_its_source() {
    let (mut client, mut owner, _relaying) = start(1000);
    read(&mut client, 4).await;
    let mut sent = 0;
    let flooding = async {
        loop {
            sent += owner.write(&[7; 500]).await.expect("open");
        }
    };
    // The relay takes no more bytes, however often it is polled.
    let idle = async {
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = flooding => {}
        () = idle => {}
    }
    assert!(sent <= 2 * 1000 + MAX_READ, "{sent} bytes wait somewhere");
    // No byte is lost.
    assert!(read(&mut client, sent).await.iter().all(|byte| *byte == 7));
}

#[tokio::test]
async fn client_that_stays_after_the_owner_has_closed_is_dropped_in_time() {
    let (mut client, mut near) = duplex(1000);
    let (owner, mut far) = duplex(1000);
    let (time_over, is_over) = tokio::sync::oneshot::channel();
    let relaying = tokio::spawn(async move {
        let over = async { drop(is_over.await) };
        let settings = settings();
        let ends = Ends { client_closes: over, owner_fenced: pending(), settings: &settings };
        relay(&mut near, &mut far, Vec::new(), b"late".to_vec(), ends).await
    });
    drop(owner);
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.expect("no error");
    assert_eq!(all, b"late");
    assert!(!relaying.is_finished(), "the client may still close its side");
    time_over.send(()).expect("it waits");
    assert!(matches!(relaying.await, Ok(RelayEnd::ClientStayed)));
}

#[tokio::test]
async fn client_of_a_fenced_owner_is_closed_with_1012() {
    let (fence, fenced) = tokio::sync::oneshot::channel::<()>();
    let fenced = async { drop(fenced.await) };
    let (mut client, mut owner, relaying) = start_until(1000, &[0x81, 3, b'o'], fenced);
    assert_eq!(read(&mut client, 3).await, [0x81, 3, b'o']);
    owner.write_all(b"ne").await.expect("room");
    assert_eq!(read(&mut client, 2).await, b"ne");
    fence.send(()).expect("it waits");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("no error");
    let reason = b"another host takes over";
    assert_eq!(rest, [&[0x88, 25, 0x03, 0xf4][..], reason].concat());
    assert!(!relaying.is_finished(), "the client may still answer");
    drop(client);
    assert!(matches!(relaying.await, Ok(RelayEnd::OwnerFenced)));
}

#[tokio::test]
async fn nothing_is_put_into_the_middle_of_a_frame() {
    let (fence, fenced) = tokio::sync::oneshot::channel::<()>();
    let fenced = async { drop(fenced.await) };
    let (mut client, _owner, relaying) = start_until(1000, &[0x81, 3, b'o'], fenced);
    assert_eq!(read(&mut client, 3).await, [0x81, 3, b'o']);
    fence.send(()).expect("it waits");
    assert!(matches!(relaying.await, Ok(RelayEnd::OwnerFenced)));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("no error");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn client_that_does_not_read_loses_its_place_also_when_the_owner_has_closed() {
    let (_client, mut owner, relaying) = start(1000);
    owner.write_all(&[7; 2000]).await.expect("room");
    assert!(matches!(ended(relaying).await, RelayEnd::ClientStalled));
    let (_client, mut owner, relaying) = start(1000);
    owner.write_all(&[7; 1500]).await.expect("room");
    drop(owner);
    assert!(matches!(ended(relaying).await, RelayEnd::ClientStalled));
}

#[tokio::test]
async fn client_that_has_nothing_to_read_stays() {
    let (mut client, mut owner, relaying) = start(1000);
    assert_eq!(read(&mut client, 4).await, b"late");
    tokio::time::sleep(IDLE * 4).await;
    assert!(!relaying.is_finished());
    owner.write_all(b"later").await.expect("room");
    assert_eq!(read(&mut client, 5).await, b"later");
}

async fn ended(relaying: JoinHandle<RelayEnd>) -> RelayEnd {
    let ended = tokio::time::timeout(Duration::from_secs(20), relaying).await;
    ended.expect("an end").expect("no panic")
}
