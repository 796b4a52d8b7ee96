//! Messages to, and closing of, all clients with a tag.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use ws_host::config::{self, ResourceConfig};
use ws_host::{Host, TaggedError};

use crate::clients::connect;
use crate::support::{drop_after, for_each_poll_count};

const NAME: &str = "tagging";

async fn host() -> Host {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/guest-tagging.wasm");
    let mut resource = ResourceConfig::new("/", file).expect("a path");
    resource.name = NAME.into();
    Host::start(config::HostConfig::new(vec![resource])).await.expect("a host")
}

/// Receives a text message. Returns any other frame as its first byte and payload in hexadecimal.
async fn receive(client: &mut DuplexStream) -> String {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.expect("a frame");
    assert!(head[1] < 126, "a short frame");
    let mut payload = vec![0; usize::from(head[1])];
    client.read_exact(&mut payload).await.expect("its payload");
    match head[0] {
        0x81 => String::from_utf8(payload).expect("text"),
        first => format!("{first:x} {payload:x?}"),
    }
}

/// Connects a client with the tag `a`.
async fn connect_tagged(host: &Host) -> DuplexStream {
    let mut client = connect(host).await;
    // RFC 6455 §5.3: masked, with a key of zeros that leaves the payload as it is.
    client.write_all(b"\x81\x85\0\0\0\0tag a").await.expect("room");
    assert_eq!(receive(&mut client).await, "Ok(())");
    client
}

#[tokio::test]
async fn message_to_a_tag_reaches_all_clients_or_none() {
    let host = host().await;
    let mut clients =
        [connect_tagged(&host).await, connect_tagged(&host).await, connect_tagged(&host).await];
    for_each_poll_count(async |polls| {
        let sending = host.send_tagged_text(NAME, "a", "first");
        let outcome = drop_after(polls, sending).await;
        let sending = host.send_tagged_binary(NAME, "a", b"first");
        drop_after(polls, sending).await;
        assert_eq!(host.send_tagged_text(NAME, "a", "second").await, Ok(3));
        for client in &mut clients {
            if polls > 0 {
                assert_eq!(receive(client).await, "first");
                assert!(receive(client).await.starts_with("82 "));
            }
            assert_eq!(receive(client).await, "second", "after {polls} polls");
        }
        outcome
    })
    .await;
}

#[tokio::test]
async fn close_of_a_tag_closes_all_clients_or_none() {
    for_each_poll_count(async |polls| {
        let host = host().await;
        let mut clients = [connect_tagged(&host).await, connect_tagged(&host).await];
        let outcome = drop_after(polls, host.close_tagged(NAME, "a", 4001, "")).await;
        for client in &mut clients {
            if polls == 0 {
                assert_eq!(host.count_tagged(NAME, "a"), Ok(2));
            } else {
                assert_eq!(receive(client).await, "88 [f, a1]", "after {polls} polls");
            }
        }
        outcome
    })
    .await;
}

#[tokio::test]
async fn invalid_calls_return_errors_and_send_nothing() {
    let host = host().await;
    let mut client = connect_tagged(&host).await;
    let long = "t".repeat(256);
    for tag in ["", &long] {
        assert_eq!(host.count_tagged(NAME, tag), Err(TaggedError::InvalidTag));
        let sent = host.send_tagged_text(NAME, tag, "x").await;
        assert_eq!(sent, Err(TaggedError::InvalidTag));
    }
    for (code, reason) in [(1005, ""), (0, ""), (1000, &*long)] {
        let closed = host.close_tagged(NAME, "a", code, reason).await;
        assert!(matches!(closed, Err(TaggedError::Close(_))), "{closed:?}");
    }
    let unknown = host.send_tagged_binary("unknown", "a", b"").await;
    assert!(matches!(unknown, Err(TaggedError::NoResource(_))), "{unknown:?}");
    assert_eq!(host.send_tagged_text(NAME, "b", "x").await, Ok(0));
    assert_eq!(host.send_tagged_text(NAME, "a", "hello").await, Ok(1));
    assert_eq!(receive(&mut client).await, "hello");
}
