use bytes::Buf;
use ws_host_protocol::CloseFrame;

use super::*;
use crate::clients::{Clients, test_client};

/// Returns everything that was sent to a client.
fn output(client: &Client) -> Vec<u8> {
    let mut outbound = client.outbound();
    let bytes = outbound.frames.remaining();
    outbound.frames.copy_to_bytes(bytes).to_vec()
}

fn text(text: &str) -> SharedMessage {
    SharedMessage::text(text)
}

fn ids(all: impl IntoIterator<Item = u64>) -> Vec<ClientId> {
    all.into_iter().map(ClientId).collect()
}

#[tokio::test]
async fn topics_of_a_client_are_listed_and_left_all_at_once() {
    let topics = Topics::default();
    let (first, second) = (test_client(1), test_client(2));
    for name in ["weather", "news", "a"] {
        assert_eq!(topics.subscribe(&first, name), Ok(()));
        assert_eq!(topics.subscribe(&first, name), Ok(()));
    }
    assert_eq!(topics.subscribe(&second, "news"), Ok(()));
    assert_eq!(topics.topics_of(first.id()), ["a", "news", "weather"]);
    assert_eq!(topics.subscribers("news"), 2);
    assert_eq!(topics.subscribers("nobody"), 0);
    assert_eq!(topics.unsubscribe_all(first.id()), 3);
    assert_eq!(topics.unsubscribe_all(first.id()), 0);
    assert!(topics.topics_of(first.id()).is_empty());
    assert_eq!(topics.subscribers("news"), 1);
    assert!(topics.find("weather").is_none(), "a topic goes with its last subscriber");
    for id in [0, u64::MAX] {
        assert!(topics.topics_of(ClientId(id)).is_empty());
        assert_eq!(topics.unsubscribe_all(ClientId(id)), 0);
        assert!(!topics.unsubscribe(ClientId(id), "news"));
    }
}

#[tokio::test]
async fn excepted_clients_get_nothing_and_all_others_do() {
    let topics = Topics::default();
    let clients: Vec<_> = (1..=2000).map(test_client).collect();
    for client in &clients {
        topics.subscribe(client, "news").expect("subscribed");
    }
    let topic = topics.find("news").expect("a topic");
    // The ids are not sorted, and one of them does not exist.
    let odd: Vec<_> = (0..1000).map(|number| ClientId(2001 - 2 * number)).collect();
    let published = topics.publish_to(&topic, text("even"), &odd, None);
    assert_eq!(published.members(), 2000);
    while published.deliver() != Progress::Done {}
    for client in &clients {
        let expected = if client.id().0.is_multiple_of(2) { &b"\x81\x04even"[..] } else { b"" };
        // The list has 2001, which does not exist, instead of 1. So 1 is the only odd client that gets the message.
        let expected = if client.id() == ClientId(1) { b"\x81\x04even" } else { expected };
        assert_eq!(output(client), expected, "{}", client.id());
    }
}

#[tokio::test]
async fn tags_have_names_and_a_limit() {
    let topics = Topics::default();
    let tags = topics.tags();
    let client = test_client(1);
    assert_eq!(tags.tag(&client, ""), Err(TagError::InvalidTag));
    assert_eq!(tags.tag(&client, &"t".repeat(256)), Err(TagError::InvalidTag));
    assert_eq!(tags.tag(&client, &"t".repeat(64 << 20)), Err(TagError::InvalidTag));
    assert_eq!(tags.tag(&client, &"t".repeat(255)), Ok(()));
    for number in 1..32 {
        assert_eq!(tags.tag(&client, &number.to_string()), Ok(()));
    }
    assert_eq!(tags.tag(&client, "32"), Err(TagError::TooMany));
    assert_eq!(tags.tag(&client, "31"), Ok(()), "tagging again has no effect");
    assert!(tags.untag(client.id(), "31"));
    assert!(!tags.untag(client.id(), "31"));
    assert_eq!(tags.tag(&client, "32"), Ok(()));
    let all = tags.tags_of(client.id());
    assert_eq!(all.len(), 32);
    assert!(all.is_sorted(), "{all:?}");
    assert_eq!(topics.subscribe(&client, "news"), Ok(()), "topics are counted separately");
    assert!(topics.find("1").is_none(), "a tag is no topic");
}

#[tokio::test]
async fn closing_client_gets_no_tag_and_disconnected_client_has_none() {
    let topics = Topics::default();
    let tags = topics.tags();
    let client = test_client(1);
    tags.tag(&client, "user:1").expect("tagged");
    client.close(1000, "").expect("closed");
    assert_eq!(tags.tag(&client, "user:2"), Err(TagError::Closed));
    client.mark_disconnected();
    topics.remove_client(client.id());
    assert_eq!(tags.count("user:1"), 0);
    assert!(tags.find("user:1").is_none());
    assert!(tags.tags_of(client.id()).is_empty());
    let left = test_client(2);
    left.mark_disconnected();
    assert_eq!(tags.tag(&left, "user:1"), Err(TagError::Closed));
    assert_eq!(tags.count("user:1"), 0);
}

#[tokio::test]
async fn clients_of_a_tag_are_those_of_the_actor_that_are_open() {
    let topics = Topics::default();
    let tags = topics.tags();
    let (few, many) = (Clients::default(), Clients::default());
    for id in (1..=20).rev() {
        let client = test_client(id);
        let actor = if id % 5 == 0 { &few } else { &many };
        actor.insert(Arc::clone(&client));
        if id % 2 == 0 {
            tags.tag(&client, "even").expect("tagged");
        }
        if id == 8 {
            client.close(1000, "").expect("closed");
        }
    }
    let of = |clients, tag| tags.clients_of(tag, clients).flatten().collect::<Vec<_>>();
    assert_eq!(of(&few, "even"), ids([10, 20]));
    assert_eq!(of(&many, "even"), ids([2, 4, 6, 12, 14, 16, 18]));
    assert!(of(&many, "odd").is_empty());
    assert_eq!(tags.count("even"), 10);
    // A thread that is not this worker sees no local members.
    let elsewhere =
        std::thread::scope(|scope| scope.spawn(|| of(&many, "even")).join().expect("no panic"));
    assert!(elsewhere.is_empty());
}

#[tokio::test]
async fn topic_and_tag_messages_arrive_in_one_order_and_closing_comes_behind_them() {
    let topics = Topics::default();
    let tags = topics.tags();
    let (client, other) = (test_client(1), test_client(2));
    for client in [&client, &other] {
        topics.subscribe(client, "news").expect("subscribed");
    }
    tags.tag(&client, "user:1").expect("tagged");
    // The broadcasts are queued one after the other, before any of them is delivered.
    let topic = topics.find("news").expect("a topic");
    let tagged = tags.find("user:1").expect("a tag");
    let frame = CloseFrame::new(4001, "bye").expect("a frame");
    let publications = [
        topics.publish_to(&topic, text("one"), &[], None),
        topics.publish_to(&tagged, text("two"), &[], None),
        topics.publish_to(&tagged, text("not you"), &[client.id()], None),
        tags.close_all(&tagged, frame),
        topics.publish_to(&topic, text("three"), &[], None),
    ];
    for publication in publications {
        while publication.deliver() != Progress::Done {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(output(&client), b"\x81\x03one\x81\x03two\x88\x05\x0f\xa1bye");
    assert_eq!(output(&other), b"\x81\x03one\x81\x05three");
    assert!(!client.is_open());
    assert_eq!(tags.close("user:1", CloseFrame::new(1000, "").expect("a frame")).await, 1);
    assert_eq!(tags.send("nobody", text("hello")).await, 0);
}
