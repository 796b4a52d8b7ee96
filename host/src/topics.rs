//! Topics: whom a published message goes to, on whichever actor and worker they are.
//!
//! Everything about topics is behind this one type, so that a broker of several machines can stand
//! behind it too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use ws_host_protocol::SharedMessage;

use crate::clients::{Client, ClientId};

/// The longest name of a topic, in octets.
const MAX_NAME: usize = 255;

/// How many topics a client may be subscribed to. Together with the limit of clients this bounds all
/// that is kept here.
const MAX_SUBSCRIPTIONS: usize = 128;

/// Why a client was not subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    Closed,
    InvalidTopic,
    TooMany,
}

/// The topics of a resource.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Topic>>,
    of_client: HashMap<ClientId, Vec<Arc<str>>>,
}

/// The subscribers of one topic. They are locked while a message goes to them, so that all get all
/// messages in the same order.
#[derive(Debug, Default)]
struct Topic {
    subscribers: Mutex<BTreeMap<ClientId, Arc<Client>>>,
}

impl Topics {
    /// Must be called in an event of the client's actor, and never after [`forget`](Self::forget).
    pub(crate) fn subscribe(&self, client: &Arc<Client>, name: &str) -> Result<(), SubscribeError> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(SubscribeError::InvalidTopic);
        }
        if !client.is_open() {
            return Err(SubscribeError::Closed);
        }
        let mut table = self.table.lock();
        let Table { by_name, of_client } = &mut *table;
        let subscriptions = of_client.entry(client.id()).or_default();
        if subscriptions.iter().any(|subscribed| &**subscribed == name) {
            return Ok(());
        }
        if subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(SubscribeError::TooMany);
        }
        let (name, topic) = match by_name.get_key_value(name) {
            Some((name, topic)) => (Arc::clone(name), Arc::clone(topic)),
            None => {
                let (name, topic) = (Arc::from(name), Arc::<Topic>::default());
                by_name.insert(Arc::clone(&name), Arc::clone(&topic));
                (name, topic)
            }
        };
        subscriptions.push(name);
        topic.subscribers.lock().insert(client.id(), Arc::clone(client));
        Ok(())
    }

    /// Answers whether the client was subscribed.
    pub(crate) fn unsubscribe(&self, client: ClientId, name: &str) -> bool {
        let mut table = self.table.lock();
        let Some(subscriptions) = table.of_client.get_mut(&client) else { return false };
        let Some(at) = subscriptions.iter().position(|subscribed| &**subscribed == name) else {
            return false;
        };
        let name = subscriptions.swap_remove(at);
        if subscriptions.is_empty() {
            table.of_client.remove(&client);
        }
        table.leave(client, &name);
        true
    }

    /// Unsubscribes a client that is gone from everything.
    pub(crate) fn forget(&self, client: ClientId) {
        let mut table = self.table.lock();
        for name in table.of_client.remove(&client).unwrap_or_default() {
            table.leave(client, &name);
        }
    }

    /// Puts a message into the outbound buffers of all subscribers but one perhaps. Answers how many
    /// took it.
    pub(crate) fn publish(
        &self,
        name: &str,
        message: &SharedMessage,
        apart_from: Option<ClientId>,
    ) -> usize {
        let Some(topic) = self.table.lock().by_name.get(name).cloned() else { return 0 };
        let subscribers = topic.subscribers.lock();
        let others = subscribers.iter().filter(|(id, _)| Some(**id) != apart_from);
        others.filter(|(_, client)| client.send_shared(message).is_ok()).count()
    }
}

impl Table {
    fn leave(&mut self, client: ClientId, name: &str) {
        if let Some(topic) = self.by_name.get(name) {
            let mut subscribers = topic.subscribers.lock();
            subscribers.remove(&client);
            if subscribers.is_empty() {
                drop(subscribers);
                self.by_name.remove(name);
            }
        }
    }
}
