//! Custom messages from the embedding program.

use std::sync::Arc;

use tokio::sync::Notify;
use ws_host::{Host, Recipient};

use crate::support::{NAME, drop_after, for_each_poll_count, host, record, resource};

/// Messages that keep the handler busy: waiting, or computing for so long that its time slice ends.
const CALLS: [&str; 2] = ["sleep 20", "spin 20"];

#[tokio::test]
async fn message_is_delivered_once_when_its_future_is_dropped() {
    let host = host(resource("/", "")).await;
    let mut expected = Vec::new();
    for call in CALLS {
        for_each_poll_count(async |polls| {
            let message = format!("{call} {polls}");
            let sending = host.send_custom(NAME, Recipient::All, message.as_bytes());
            let outcome = drop_after(polls, sending).await;
            if polls > 0 {
                expected.push(message);
            }
            assert_eq!(record(&host, None).await, expected, "after {polls} polls");
            outcome
        })
        .await;
    }
}

#[tokio::test]
async fn waiting_message_keeps_its_place_when_its_future_is_dropped() {
    let host = host(resource("/", "")).await;
    let mut expected = Vec::new();
    for call in CALLS {
        for_each_poll_count(async |polls| {
            let (first, second, third) = (
                format!("{call} first {polls}"),
                format!("second {polls}"),
                format!("third {polls}"),
            );
            let sending_first = send(&host, &first).await;
            let sending = host.send_custom(NAME, Recipient::All, second.as_bytes());
            let outcome = drop_after(polls, sending).await;
            let sending_third = send(&host, &third).await;
            for sending in [sending_first, sending_third] {
                sending.await.expect("no panic");
            }
            expected.push(first);
            if polls > 0 {
                expected.push(second);
            }
            expected.push(third);
            assert_eq!(record(&host, None).await, expected, "after {polls} polls");
            outcome
        })
        .await;
    }
}

/// Sends a message from another task. Returns after the first poll of the call.
async fn send(host: &Host, message: &str) -> tokio::task::JoinHandle<()> {
    let (host, message) = (host.clone(), message.to_owned());
    let started = Arc::new(Notify::new());
    let notify = Arc::clone(&started);
    let task = tokio::spawn(async move {
        let sending = host.send_custom(NAME, Recipient::All, message.as_bytes());
        let notifying = async {
            tokio::task::yield_now().await;
            notify.notify_one();
        };
        tokio::join!(sending, notifying).0.expect("delivered");
    });
    started.notified().await;
    task
}

#[tokio::test]
async fn message_to_many_actors_reaches_all_of_them() {
    let rooms = ["/a", "/b", "/c", "/d", "/e", "/f"];
    let host = host(resource("/{room}", "")).await;
    for room in rooms {
        assert!(record(&host, Some(room)).await.is_empty());
    }
    let mut expected = Vec::new();
    for call in CALLS {
        for_each_poll_count(async |polls| {
            let message = format!("{call} {polls}");
            let sending = host.send_custom(NAME, Recipient::All, message.as_bytes());
            let outcome = drop_after(polls, sending).await;
            if polls > 0 {
                expected.push(message);
                // In every room, a later message queues for its turn after the earlier ones.
                let last = host.send_custom(NAME, Recipient::All, b"last").await;
                assert_eq!(last.map(|replies| replies.len()), Ok(rooms.len()));
                expected.push("last".to_owned());
            }
            for room in rooms {
                assert_eq!(record(&host, Some(room)).await, expected, "{room} after {polls} polls");
            }
            outcome
        })
        .await;
    }
}
