//! Topics: whom a published message goes to, on whichever actor and worker they are.
//!
//! A message goes to each worker that has subscribers once, and is delivered there, to one subscriber after the
//! other and in slices of time. So no lock is held while messages are framed, compressed or sent, and a worker
//! never waits for another one. All subscribers get the messages of a topic in the same order: that in
//! which they were put into the queues, under the topic's lock.
//!
//! Everything about topics is behind this one type, so that a broker of several machines can stand
//! behind it too.

mod post;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::{self, Handle};
use ws_host_protocol::SharedMessage;

use self::post::{Post, Subscribers};
pub(crate) use self::post::{Progress, Published};
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

/// Never locked for long: nothing is sent meanwhile.
#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Topic>>,
    of_client: HashMap<ClientId, Vec<Subscription>>,
    posts: HashMap<runtime::Id, Arc<Post>>,
}

/// A name that somebody is subscribed to.
#[derive(Debug)]
pub(crate) struct Topic {
    name: Arc<str>,
    /// Locked while a message is put into the queues of all workers, so that its place is the same in all.
    shards: Mutex<Vec<Shard>>,
}

/// The subscribers on one worker, and how messages come there.
#[derive(Clone, Debug)]
struct Shard {
    post: Arc<Post>,
    subscribers: Arc<Subscribers>,
}

#[derive(Debug)]
struct Subscription {
    topic: Arc<Topic>,
    subscribers: Arc<Subscribers>,
}

impl Topics {
    /// Must be called in an event of the client's actor. The client gets what is published from now on.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, name: &str) -> Result<(), SubscribeError> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(SubscribeError::InvalidTopic);
        }
        if !client.is_open() {
            return Err(SubscribeError::Closed);
        }
        let mut table = self.table.lock();
        if client.has_left() {
            return Err(SubscribeError::Closed);
        }
        let Table { by_name, of_client, posts } = &mut *table;
        let subscriptions = of_client.entry(client.id()).or_default();
        if subscriptions.iter().any(|subscribed| &*subscribed.topic.name == name) {
            return Ok(());
        }
        if subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(SubscribeError::TooMany);
        }
        let topic = match by_name.get(name) {
            Some(topic) => Arc::clone(topic),
            None => {
                let name = Arc::<str>::from(name);
                let topic = Topic { name: Arc::clone(&name), shards: Mutex::default() };
                Arc::clone(by_name.entry(name).or_insert(Arc::new(topic)))
            }
        };
        let worker = Handle::current();
        let post = posts.entry(worker.id()).or_insert_with(|| Arc::new(Post::new(worker)));
        let subscribers = topic.subscribers_at(post);
        subscribers.insert(Arc::clone(client), post);
        subscriptions.push(Subscription { topic, subscribers });
        Ok(())
    }

    /// Answers whether the client was subscribed.
    pub(crate) fn unsubscribe(&self, client: ClientId, name: &str) -> bool {
        let mut table = self.table.lock();
        let Some(subscriptions) = table.of_client.get_mut(&client) else { return false };
        let Some(at) = subscriptions.iter().position(|each| &*each.topic.name == name) else {
            return false;
        };
        let subscription = subscriptions.swap_remove(at);
        if subscriptions.is_empty() {
            table.of_client.remove(&client);
        }
        drop(table);
        self.leave(client, &[subscription]);
        true
    }

    /// Unsubscribes a client that [has left](Client::has_left) from everything.
    pub(crate) fn forget(&self, client: ClientId) {
        let subscriptions = self.table.lock().of_client.remove(&client).unwrap_or_default();
        self.leave(client, &subscriptions);
    }

    /// Without the table: a delivery may hold the subscribers for as long as a slice.
    fn leave(&self, client: ClientId, subscriptions: &[Subscription]) {
        for Subscription { topic, subscribers } in subscriptions {
            subscribers.remove(client);
            if topic.has_subscribers() {
                continue;
            }
            let mut table = self.table.lock();
            // Somebody may have come meanwhile, or made another topic of this name.
            let is_it =
                table.by_name.get(&topic.name).is_some_and(|named| Arc::ptr_eq(named, topic));
            if is_it && !topic.has_subscribers() {
                table.by_name.remove(&topic.name);
            }
        }
    }

    /// The topic of this name, if somebody is subscribed to it.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Topic>> {
        self.table.lock().by_name.get(name).cloned()
    }

    /// Publishes a message and delivers it to the subscribers of this worker, if it is one. Answers to how many
    /// subscribers it goes.
    ///
    /// # Cancel safety
    ///
    /// Either nobody gets the message or everybody does.
    pub(crate) async fn publish(&self, name: &str, message: SharedMessage) -> usize {
        let Some(topic) = self.find(name) else { return 0 };
        topic.room().await;
        let published = self.publish_to(&topic, message, None);
        while published.deliver() != Progress::Done {
            crate::slice::pass_on().await;
        }
        published.subscribers()
    }

    /// Puts a message into the queues of all workers that have subscribers; all but one get it, perhaps.
    pub(crate) fn publish_to(
        &self,
        topic: &Topic,
        message: SharedMessage,
        apart_from: Option<ClientId>,
    ) -> Published {
        let is_subscribed = |client| {
            let table = self.table.lock();
            let subscriptions = table.of_client.get(&client).map_or(&[][..], Vec::as_slice);
            subscriptions.iter().any(|subscription| subscription.topic.name == topic.name)
        };
        let left_out = usize::from(apart_from.is_some_and(is_subscribed));
        topic.publish(&Arc::new(message), apart_from, left_out)
    }
}

impl Topic {
    /// Waits until there is room in the queues of all workers that have subscribers.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn room(&self) {
        loop {
            let full = self.shards.lock().iter().find(|shard| shard.post.is_full()).cloned();
            let Some(Shard { post, .. }) = full else { return };
            post.room().await;
        }
    }

    fn publish(
        &self,
        message: &Arc<SharedMessage>,
        apart_from: Option<ClientId>,
        left_out: usize,
    ) -> Published {
        let this_worker = Handle::try_current().ok().map(|worker| worker.id());
        let (mut count, mut here) = (0, None);
        let shards = self.shards.lock();
        for Shard { post, subscribers } in shards.iter().filter(|shard| shard.subscribers.len() > 0)
        {
            count += subscribers.len();
            let number = post.put(Arc::clone(subscribers), Arc::clone(message), apart_from);
            if this_worker == Some(post.worker().id()) {
                here = Some((Arc::clone(post), number));
            } else {
                post.attend();
            }
        }
        Published::new(count.saturating_sub(left_out), here)
    }

    fn subscribers_at(&self, post: &Arc<Post>) -> Arc<Subscribers> {
        let mut shards = self.shards.lock();
        if let Some(shard) = shards.iter().find(|shard| Arc::ptr_eq(&shard.post, post)) {
            return Arc::clone(&shard.subscribers);
        }
        let subscribers = Arc::<Subscribers>::default();
        shards.push(Shard { post: Arc::clone(post), subscribers: Arc::clone(&subscribers) });
        subscribers
    }

    fn has_subscribers(&self) -> bool {
        self.shards.lock().iter().any(|shard| shard.subscribers.len() > 0)
    }
}
