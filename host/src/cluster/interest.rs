//! The topics that this host receives. They have subscribers here, or had some until a moment ago.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::envelope::Sender;
use crate::topics::Topics;

/// How long a topic is still received after its last subscriber has left. Thanks to this delay, clients that reconnect
/// at once miss nothing, and the host need not unsubscribe at the broker and subscribe again.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// How long a topic remembers the newest connection of a host after the last message from it. A message from an older
/// connection cannot arrive after that time, because a host drops a connection after a few seconds without an answer,
/// and a broker drops one after a few minutes.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// The maximum number of hosts for which a topic remembers the newest connection. No cluster has so many hosts, but
/// anything that may publish can invent names of hosts.
const MAX_SENDERS: usize = 4096;

/// The topics that this host receives.
#[derive(Debug, Default)]
pub(super) struct Interests {
    table: Mutex<Table>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    all: HashMap<Key, Arc<Interest>>,
    /// Topics without subscribers, in the order in which their last subscribers left.
    idle: BTreeSet<(Instant, Key)>,
    /// Changes that the connection has not taken yet. `None`: there is no connection.
    changes: Option<Vec<Change>>,
}

/// The key of a topic of a resource. Two resources with the same name may exist for a moment, while one is restarted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// The number of the resource's channel.
    pub(super) channel: u64,
    pub(super) topic: Arc<str>,
}

/// A topic that this host receives.
#[derive(Debug)]
pub(super) struct Interest {
    pub(super) key: Key,
    pub(super) resource: Arc<str>,
    pub(super) topics: Weak<Topics>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the last subscriber left. `None`: there are subscribers.
    left: Option<Instant>,
    /// The newest connection of each host that has sent a message to the topic, keyed by the number of the host.
    senders: HashMap<u64, Newest>,
}

/// The newest connection of a host.
#[derive(Debug)]
struct Newest {
    connection: u32,
    /// The time at which the last message from this connection arrived.
    last: Instant,
}

/// A change to the set of topics that a connection has to receive.
#[derive(Debug)]
pub(super) enum Change {
    Join(Arc<Interest>),
    Leave(Key),
}

impl Interests {
    /// Records that a topic has gained its first subscriber.
    pub(super) fn join(&self, key: Key, resource: &Arc<str>, topics: &Weak<Topics>) {
        let mut table = self.table.lock();
        if let Some(interest) = table.all.get(&key) {
            let left = interest.state.lock().left.take();
            if let Some(left) = left {
                table.idle.remove(&(left, key));
            }
            return;
        }
        let interest = Arc::new(Interest {
            key: key.clone(),
            resource: Arc::clone(resource),
            topics: Weak::clone(topics),
            state: Mutex::default(),
        });
        table.all.insert(key, Arc::clone(&interest));
        self.add_change(&mut table, Change::Join(interest));
    }

    /// Records that a topic has lost its last subscriber.
    pub(super) fn leave(&self, key: &Key, now: Instant) {
        let mut table = self.table.lock();
        let Some(interest) = table.all.get(key) else { return };
        let before = interest.state.lock().left.replace(now);
        if let Some(before) = before {
            table.idle.remove(&(before, key.clone()));
        }
        table.idle.insert((now, key.clone()));
    }

    /// Removes the topics whose last subscriber left long ago.
    pub(super) fn sweep(&self, now: Instant) {
        let mut table = self.table.lock();
        while table.idle.first().is_some_and(|(left, _)| *left + LINGER <= now)
            && let Some((_, key)) = table.idle.pop_first()
        {
            table.all.remove(&key);
            self.add_change(&mut table, Change::Leave(key));
        }
    }

    /// Returns all topics, for a new connection. From now on, changes are recorded for this connection.
    pub(super) fn start_recording(&self) -> Vec<Arc<Interest>> {
        let mut table = self.table.lock();
        table.changes = Some(Vec::new());
        table.all.values().cloned().collect()
    }

    /// Stops recording changes, because the connection has ended.
    pub(super) fn stop_recording(&self) {
        self.table.lock().changes = None;
    }

    /// Waits for changes and takes them.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped.
    pub(super) async fn changes(&self) -> Vec<Change> {
        loop {
            let changes =
                self.table.lock().changes.as_mut().map(std::mem::take).unwrap_or_default();
            if !changes.is_empty() {
                return changes;
            }
            self.changed.notified().await;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.table.lock().all.len()
    }

    fn add_change(&self, table: &mut Table, change: Change) {
        if let Some(changes) = &mut table.changes {
            changes.push(change);
            self.changed.notify_one();
        }
    }
}

impl Interest {
    /// Records that a message came from `sender`. Returns whether the message is late. A message is late if a message
    /// from a newer connection of the same host came before it.
    pub(super) fn is_late(&self, sender: Sender, now: Instant) -> bool {
        let Sender { host, connection } = sender;
        let senders = &mut self.state.lock().senders;
        match senders.get_mut(&host) {
            Some(newest) if connection < newest.connection => return true,
            Some(newest) => *newest = Newest { connection, last: now },
            None => {
                // Hosts rarely appear, so this costs nothing for most messages.
                senders.retain(|_, newest| newest.last + REMEMBERED > now);
                if senders.len() >= MAX_SENDERS {
                    let silent = senders.iter().min_by_key(|(_, newest)| newest.last);
                    let silent = silent.map(|(host, _)| *host);
                    silent.and_then(|host| senders.remove(&host));
                }
                senders.insert(host, Newest { connection, last: now });
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(topic: &str) -> Key {
        Key { channel: 1, topic: topic.into() }
    }

    fn join(interests: &Interests, topic: &str) {
        interests.join(key(topic), &"chat".into(), &Weak::new());
    }

    fn take(interests: &Interests) -> Vec<Change> {
        interests.table.lock().changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    #[test]
    fn topic_is_left_after_a_while_unless_it_gets_a_subscriber_again() {
        let interests = Interests::default();
        let start = Instant::now();
        interests.start_recording();
        join(&interests, "a");
        join(&interests, "b");
        assert_eq!(take(&interests).len(), 2);
        interests.leave(&key("a"), start);
        interests.leave(&key("b"), start);
        join(&interests, "b");
        interests.sweep(start + LINGER - Duration::from_millis(1));
        assert!(take(&interests).is_empty());
        interests.sweep(start + LINGER);
        let changes = take(&interests);
        assert!(matches!(&changes[..], [Change::Leave(left)] if *left == key("a")), "{changes:?}");
        assert_eq!(interests.count(), 1);
        // The subscriber left, came back and left again. Only the last time counts.
        interests.leave(&key("b"), start + LINGER);
        join(&interests, "b");
        interests.leave(&key("b"), start + LINGER * 2);
        interests.sweep(start + LINGER * 2);
        assert_eq!(interests.count(), 1);
        interests.sweep(start + LINGER * 3);
        assert_eq!(interests.count(), 0);
    }

    #[test]
    fn topic_without_subscribers_waits_once_however_often_it_was_left() {
        let interests = Interests::default();
        let start = Instant::now();
        for second in 0..9 {
            join(&interests, "a");
            interests.leave(&key("a"), start + Duration::from_secs(second));
        }
        assert_eq!(interests.table.lock().idle.len(), 1);
        join(&interests, "a");
        assert!(interests.table.lock().idle.is_empty());
    }

    #[test]
    fn new_connection_gets_all_topics_and_later_changes() {
        let interests = Interests::default();
        join(&interests, "a");
        assert!(take(&interests).is_empty(), "nothing is recorded without a connection");
        assert_eq!(interests.start_recording().len(), 1);
        join(&interests, "b");
        assert_eq!(take(&interests).len(), 1);
        interests.stop_recording();
        join(&interests, "c");
        assert!(take(&interests).is_empty());
        assert_eq!(interests.start_recording().len(), 3);
    }

    #[test]
    fn message_of_an_older_connection_is_late() {
        let interests = Interests::default();
        join(&interests, "a");
        let interest = Arc::clone(&interests.start_recording()[0]);
        let now = Instant::now();
        let is_late = |host, connection| interest.is_late(Sender { host, connection }, now);
        assert_eq!(
            [is_late(1, 1), is_late(1, 2), is_late(1, 1), is_late(1, 2)],
            [false, false, true, false]
        );
        assert!(!is_late(2, 1), "each host has its own connections");
    }

    #[test]
    fn message_is_late_however_many_other_hosts_have_sent_since() {
        let interests = Interests::default();
        join(&interests, "a");
        let interest = Arc::clone(&interests.start_recording()[0]);
        let start = Instant::now();
        let is_late = |host, connection, now| interest.is_late(Sender { host, connection }, now);
        assert!(!is_late(1, 2, start));
        let later = start + REMEMBERED - Duration::from_millis(1);
        for host in 10..110 {
            assert!(!is_late(host, 1, later));
        }
        assert!(is_late(1, 1, later));
        // A host that is silent for long is forgotten, and so are those that came first if there are very many.
        assert!(!is_late(2, 1, start + REMEMBERED));
        assert!(!is_late(1, 1, start + REMEMBERED));
        for host in 1000..1000 + 2 * MAX_SENDERS as u64 {
            is_late(host, 1, later);
        }
        assert_eq!(interest.state.lock().senders.len(), MAX_SENDERS);
    }
}
