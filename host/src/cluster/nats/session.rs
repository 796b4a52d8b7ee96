//! One connection to a NATS server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use async_nats::client::PublishError;
use async_nats::{Client, HeaderMap, HeaderName, Message, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::task::coop::unconstrained;

use super::notices::Notices;
use super::subject::{ALL_HOSTS, cluster_of, host_subject, subject, sync_subject};
use crate::cluster::broker::Session;
use crate::cluster::envelope::{Envelope, Sender};
use crate::cluster::inbox::Header;
use crate::cluster::interest::{Interest, Key};
use crate::cluster::outbox::{QueuedMessage, Sent};
use crate::cluster::shared::Shared;

/// The name of the only header.
const HEADER: HeaderName = HeaderName::from_static("Ws");

/// The bytes that are reserved for the header of a message. The header is shorter than this. The reserve is needed
/// because the header counts towards the server's limit on messages.
const HEADER_BYTES: usize = 1 << 10;

/// A connection to a NATS server.
pub(in crate::cluster) struct NatsSession {
    client: Client,
    server: String,
    notices: Arc<Notices>,
    cluster: Arc<str>,
    shared: Arc<Shared>,
    sender: Sender,
    /// The tasks that receive messages. Each task receives one topic.
    receiving: Mutex<HashMap<Key, AbortHandle>>,
}

impl NatsSession {
    pub(super) fn new(
        client: Client,
        server: String,
        notices: Arc<Notices>,
        cluster: &Arc<str>,
        shared: &Arc<Shared>,
        connection: u32,
    ) -> Self {
        Self {
            client,
            server,
            notices,
            cluster: Arc::clone(cluster),
            shared: Arc::clone(shared),
            sender: Sender { host: shared.host, connection },
            receiving: Mutex::default(),
        }
    }

    async fn publish_one(&self, message: &QueuedMessage) -> Result<(), PublishError> {
        let QueuedMessage { resource, topic, is_text, form, payload, .. } = message;
        let subject = Subject::from(subject(&self.cluster, resource, topic));
        let envelope = Envelope { sender: Some(self.sender), is_text: *is_text, form: *form };
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, envelope.to_string());
        self.client.publish_with_headers(subject, headers, payload.clone()).await
    }
}

impl Session for NatsSession {
    fn server(&self) -> String {
        self.server.clone()
    }

    fn max_payload(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADER_BYTES)
    }

    async fn publish(&self, messages: &[QueuedMessage]) -> Sent {
        let mut sent = Sent::default();
        for message in messages {
            if !message.may_be_sent() {
                sent.not_owned += 1;
            } else if self.publish_one(message).await.is_ok() {
                sent.sent += 1;
            }
        }
        // Without the flush, the client library could hold a whole queue of messages of any length. Both the flush and
        // publishing fail only if the connection has ended.
        if self.client.flush().await.is_err() {
            sent.sent = 0;
        }
        sent
    }

    async fn join(&self, interest: Arc<Interest>) {
        let subject = subject(&self.cluster, &interest.resource, &interest.key.topic);
        // Subscribing fails only if the connection has ended.
        let Ok(subscriber) = self.client.subscribe(subject).await else { return };
        let key = interest.key.clone();
        // The task is unconstrained, so it takes all messages that have arrived. The client library reads more only
        // after that.
        let task =
            tokio::spawn(unconstrained(receive(subscriber, interest, Arc::clone(&self.shared))));
        self.receiving.lock().insert(key, task.abort_handle());
    }

    fn leave(&self, key: &Key) {
        if let Entry::Occupied(task) = self.receiving.lock().entry(key.clone()) {
            // Aborting the task drops its subscriber, which unsubscribes.
            task.remove().abort();
        }
    }

    async fn listen_to_hosts(&self) {
        // Subscribing fails only if the connection has ended.
        let Ok(mut subscriber) = self.client.subscribe(ALL_HOSTS).await else { return };
        let shared = Arc::clone(&self.shared);
        // The task ends with the connection.
        tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                if let Some(cluster) = cluster_of(&message.subject) {
                    shared.hear(cluster, &message.payload);
                }
            }
        });
    }

    async fn announce(&self) {
        let announcement = self.shared.announcement().encode();
        // Publishing fails only if the connection has ended.
        let _ = self.client.publish(host_subject(&self.cluster), announcement.into()).await;
    }

    async fn sync(&self) {
        // Nobody subscribes to this subject, so the request always fails. Normally the server answers that there are no
        // subscribers. It answers only after it has read everything that was sent before the request. If the answer is
        // late, or if the connection has ended, there is nothing left to wait for.
        let _ = self.client.request(sync_subject(&self.cluster), Bytes::new()).await;
    }

    async fn ended(&self) -> String {
        format!("{}: {}", self.server, self.notices.ended().await)
    }
}

async fn receive(mut subscriber: Subscriber, interest: Arc<Interest>, shared: Arc<Shared>) {
    while let Some(message) = subscriber.next().await {
        shared.receive(&interest, header(&message), &message.payload);
    }
}

fn header(message: &Message) -> Header<'_> {
    let value = message.headers.as_ref().and_then(|headers| headers.get(HEADER));
    value.map_or(Header::Missing, |value| Header::Text(value.as_str()))
}
