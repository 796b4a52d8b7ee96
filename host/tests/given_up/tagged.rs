//! What goes to clients that have a tag.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use ws_host::config::{self, Resource};
use ws_host::{Host, TaggedError};

use crate::clients::{handshake, peer};
use crate::scene::{Outcome, give_up_after};

const NAME: &str = "tagging";

async fn host() -> Host {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/guest-tagging.wasm");
    let mut resource = Resource::new("/", file).expect("a path");
    resource.name = NAME.into();
    Host::start(config::Host::new(vec![resource])).await.expect("a host")
}

async fn receive(client: &mut DuplexStream) -> String {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.expect("a frame");
    assert!(head[1] < 126, "a long one");
    let mut payload = vec![0; usize::from(head[1])];
    client.read_exact(&mut payload).await.expect("its payload");
    match head[0] {
        0x81 => String::from_utf8(payload).expect("text"),
        first => format!("{first:x} {payload:x?}"),
    }
}

/// A client that has the tag `a`.
async fn tagged(host: &Host) -> DuplexStream {
    let (mut far, near) = handshake("").await;
    host.serve_stream(near, peer()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(far.read_u8().await.expect("an answer"));
    }
    // RFC 6455 §5.3: masked, with a key that changes nothing.
    far.write_all(b"\x81\x85\0\0\0\0tag a").await.expect("room");
    assert_eq!(receive(&mut far).await, "Ok(())");
    far
}

#[tokio::test]
async fn all_who_have_a_tag_get_a_message_or_nobody_does() {
    let host = host().await;
    let mut clients = [tagged(&host).await, tagged(&host).await, tagged(&host).await];
    for polls in 0.. {
        let sent = host.send_tagged_text(NAME, "a", "perhaps");
        let outcome = give_up_after(polls, sent).await;
        let binary = host.send_tagged_binary(NAME, "a", b"perhaps");
        give_up_after(polls, binary).await;
        assert_eq!(host.send_tagged_text(NAME, "a", "surely").await, Ok(3));
        for client in &mut clients {
            if polls > 0 {
                assert_eq!(receive(client).await, "perhaps");
                assert!(receive(client).await.starts_with("82 "));
            }
            assert_eq!(receive(client).await, "surely", "after {polls} polls");
        }
        if outcome == Outcome::Done {
            break;
        }
    }
}

#[tokio::test]
async fn all_who_have_a_tag_are_closed_or_nobody_is() {
    for polls in 0.. {
        let host = host().await;
        let mut clients = [tagged(&host).await, tagged(&host).await];
        let outcome = give_up_after(polls, host.close_tagged(NAME, "a", 4001, "")).await;
        for client in &mut clients {
            if polls == 0 {
                assert_eq!(host.count_tagged(NAME, "a"), Ok(2));
            } else {
                assert_eq!(receive(client).await, "88 [f, a1]", "after {polls} polls");
            }
        }
        if outcome == Outcome::Done {
            break;
        }
    }
}

#[tokio::test]
async fn mistakes_are_told_and_nobody_hears_of_them() {
    let host = host().await;
    let mut client = tagged(&host).await;
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
    let nobody = host.send_tagged_binary("nobody", "a", b"").await;
    assert!(matches!(nobody, Err(TaggedError::NoResource(_))), "{nobody:?}");
    assert_eq!(host.send_tagged_text(NAME, "b", "x").await, Ok(0));
    assert_eq!(host.send_tagged_text(NAME, "a", "hello").await, Ok(1));
    assert_eq!(receive(&mut client).await, "hello");
}
