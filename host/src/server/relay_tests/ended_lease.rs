//! An event that still runs when the lease of its host ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use ws_host_protocol::SharedMessage;
use ws_host_test_support::masked_frame;

use super::{Proof, Running, SECRET, SOON, open, start, start_with, until};
use crate::clients::Client;
use crate::topics::Topics;

pub(super) async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(&masked_frame(0x81, text.as_bytes())).await.expect("it reads");
}

/// Receives a frame of less than 126 bytes.
pub(super) async fn receive(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let receiving = async {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await.expect("a frame");
        let mut payload = vec![0; usize::from(head[1])];
        stream.read_exact(&mut payload).await.expect("the rest of the frame");
        (head[0], payload)
    };
    timeout(SOON, receiving).await.expect("in time")
}

pub(super) async fn receive_text(stream: &mut TcpStream) -> String {
    let (first, payload) = receive(stream).await;
    assert_eq!(first, 0x81, "{payload:?}");
    String::from_utf8(payload).expect("text")
}

/// Receives the close frame of a host without a lease.
pub(super) async fn expect_unconfirmed(stream: &mut TcpStream) {
    let (first, payload) = receive(stream).await;
    assert_eq!((first, payload.get(..2)), (0x88, Some(&1013u16.to_be_bytes()[..])), "{payload:?}");
}

pub(super) async fn connect(host: &Running) -> TcpStream {
    let (stream, head) = open(host.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream
}

#[tokio::test]
async fn event_that_outlives_the_lease_is_trapped_at_its_next_import() {
    let host = start("echo").await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    // The lease is checked when an event begins, and when the event sends. Each tick during a slow event adds a check,
    // so the lowest count is used.
    let mut fewest = usize::MAX;
    for _ in 0..10 {
        let before = lease.checks();
        send(&mut client, "one").await;
        assert_eq!(receive_text(&mut client).await, "one");
        fewest = fewest.min(lease.checks() - before);
    }
    assert_eq!(fewest, 2);
    // The event begins, and traps when it sends.
    lease.end_after(1);
    send(&mut client, "two").await;
    expect_unconfirmed(&mut client).await;
    // The instance was lost in the middle of its event, so the next event starts another instance.
    lease.renew();
    let mut client = connect(&host).await;
    send(&mut client, "three").await;
    assert_eq!(receive_text(&mut client).await, "three");
}

#[tokio::test]
async fn each_message_of_a_burst_is_checked_like_an_event() {
    let host = start("echo").await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    let burst = ["one", "two", "three", "four"];
    let frames = burst.map(|text| masked_frame(0x81, text.as_bytes())).concat();
    // The lowest count of several attempts is used. In some attempts, the messages might arrive separately, and would
    // then not be a burst. In some attempts, ticks might add checks.
    let mut fewest = usize::MAX;
    for _ in 0..20 {
        let before = lease.checks();
        client.write_all(&frames).await.expect("it reads");
        for text in burst {
            assert_eq!(receive_text(&mut client).await, text);
        }
        fewest = fewest.min(lease.checks() - before);
    }
    assert!(fewest >= 2 * burst.len(), "{fewest} checks: when each begins, and when it sends");
}

#[tokio::test]
async fn event_that_outlives_the_lease_publishes_nothing() {
    let host = start("guest-keeper").await;
    host.then_own();
    let lease = host.lease();
    let (mut publisher, mut subscriber) = (connect(&host).await, connect(&host).await);
    for client in [&mut publisher, &mut subscriber] {
        assert_eq!(receive_text(client).await, "room is a");
    }
    send(&mut subscriber, "subscribe news").await;
    assert_eq!(receive_text(&mut subscriber).await, "Ok(())");
    lease.end_after(1);
    send(&mut publisher, "publish news late").await;
    expect_unconfirmed(&mut publisher).await;
    lease.renew();
    send(&mut subscriber, "version").await;
    assert_eq!(receive_text(&mut subscriber).await, "1");
}

/// A subscriber on another worker. That worker delivers nothing until the test says so.
struct Stuck {
    worker: Runtime,
}

impl Stuck {
    /// Fills the queue of the worker.
    async fn subscribe(client: &Arc<Client>, topics: &Topics) -> Self {
        let worker = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let entered = worker.enter();
        topics.subscribe(client, "news").expect("a subscription");
        drop(entered);
        let group = topics.find("news").expect("a topic with a subscriber");
        let long = SharedMessage::binary(&vec![0; 16 << 20]);
        drop(topics.publish_to(&group, long, &[client.id()], None));
        let capacity = group.wait_for_capacity();
        assert!(timeout(Duration::ZERO, capacity).await.is_err(), "there is room");
        Self { worker }
    }

    /// Delivers what is in the queue of the worker.
    fn deliver(self) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            self.worker.block_on(async {
                for _ in 0..1000 {
                    tokio::task::yield_now().await;
                }
            });
        })
    }
}

#[tokio::test]
async fn event_that_waits_until_a_topic_has_room_publishes_nothing_after_the_lease() {
    let host = start("guest-keeper").await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    assert_eq!(receive_text(&mut client).await, "room is a");
    let served = Arc::clone(&host.host.state.registry.all()[0]);
    let topics = served.resource().topics();
    let stuck = Stuck::subscribe(&host.client(), topics).await;
    let before = (lease.checks(), topics.published());
    // The event begins and calls `publish` while the lease is still valid. Then it waits until the topic has room.
    lease.end_after(2);
    send(&mut client, "publish news late").await;
    until(|| lease.checks() >= before.0 + 2).await;
    stuck.deliver().join().expect("no panic");
    expect_unconfirmed(&mut client).await;
    assert_eq!(topics.published(), before.1);
}

#[tokio::test]
async fn event_that_computes_is_trapped_at_the_first_tick_after_the_lease() {
    let host = start_with("guest-keeper", &Proof::secret(SECRET), |config| {
        config.host.resources[0].limits.max_cpu = Duration::from_secs(600);
    })
    .await;
    host.then_own();
    let lease = host.lease();
    let mut client = connect(&host).await;
    assert_eq!(receive_text(&mut client).await, "room is a");
    let before = lease.checks();
    send(&mut client, "spin").await;
    // The lease is checked when the event begins, and at each tick during the event.
    until(|| lease.checks() > before + 3).await;
    lease.end_after(0);
    let ended = lease.checks();
    expect_unconfirmed(&mut client).await;
    // The event trapped at the first check after the end of the lease. The client was closed without another event.
    assert!(lease.checks() - ended <= 2, "{}", lease.checks() - ended);
}
