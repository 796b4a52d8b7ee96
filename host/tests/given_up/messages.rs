//! Messages from outside.

use std::sync::Arc;

use tokio::sync::Notify;
use ws_host::{Host, Recipient};

use crate::scene::{NAME, Outcome, give_up_after, host, record, resource};

/// Ways to be in the middle of a call: waiting, and computing for so long that others have their turns.
const CALLS: [&str; 2] = ["sleep 20", "spin 20"];

#[tokio::test]
async fn message_is_delivered_once_whoever_gives_up_waiting_for_its_call() {
    let host = host(resource("/", "")).await;
    let mut expected = Vec::new();
    for call in CALLS {
        for polls in 0.. {
            let message = format!("{call} {polls}");
            let sent = host.send_custom(NAME, Recipient::All, message.as_bytes());
            let outcome = give_up_after(polls, sent).await;
            if polls > 0 {
                expected.push(message);
            }
            assert_eq!(record(&host, None).await, expected, "after {polls} polls");
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn message_that_waits_for_its_turn_keeps_its_place() {
    let host = host(resource("/", "")).await;
    let mut expected = Vec::new();
    for call in CALLS {
        for polls in 0.. {
            let (first, second, third) = (
                format!("{call} first {polls}"),
                format!("second {polls}"),
                format!("third {polls}"),
            );
            let mut waiting = Vec::new();
            waiting.push(send(&host, &first).await);
            let sent = host.send_custom(NAME, Recipient::All, second.as_bytes());
            let outcome = give_up_after(polls, sent).await;
            waiting.push(send(&host, &third).await);
            for sent in waiting {
                sent.await.expect("no panic");
            }
            expected.push(first);
            if polls > 0 {
                expected.push(second);
            }
            expected.push(third);
            assert_eq!(record(&host, None).await, expected, "after {polls} polls");
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

/// Sends a message from another task, and returns when it is under way.
async fn send(host: &Host, message: &str) -> tokio::task::JoinHandle<()> {
    let (host, message) = (host.clone(), message.to_owned());
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let sending = tokio::spawn(async move {
        let sent = host.send_custom(NAME, Recipient::All, message.as_bytes());
        let telling = async {
            tokio::task::yield_now().await;
            told.notify_one();
        };
        tokio::join!(sent, telling).0.expect("delivered");
    });
    begun.notified().await;
    sending
}

#[tokio::test]
async fn message_to_many_reaches_them_all() {
    let rooms = ["/a", "/b", "/c", "/d", "/e", "/f"];
    let host = host(resource("/{room}", "")).await;
    for room in rooms {
        assert!(record(&host, Some(room)).await.is_empty());
    }
    let mut expected = Vec::new();
    for call in CALLS {
        for polls in 0.. {
            let message = format!("{call} {polls}");
            let sent = host.send_custom(NAME, Recipient::All, message.as_bytes());
            let outcome = give_up_after(polls, sent).await;
            if polls > 0 {
                expected.push(message);
                // Who comes later waits for their turn in every room behind those that come before in another.
                let last = host.send_custom(NAME, Recipient::All, b"last").await;
                assert_eq!(last.map(|answers| answers.len()), Ok(rooms.len()));
                expected.push("last".to_owned());
            }
            for room in rooms {
                assert_eq!(record(&host, Some(room)).await, expected, "{room} after {polls} polls");
            }
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}
