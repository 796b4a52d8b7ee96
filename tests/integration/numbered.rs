//! Publishers that number their messages, and subscribers that check the numbers.
//!
//! Calm and faulty phases alternate. What is published in a calm phase must reach every subscriber. In a faulty phase,
//! messages may be missing on other hosts. Never may a subscriber get a message twice, or after a later one of the same
//! publisher.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Scope};

use anyhow::{Context, Result, anyhow, ensure};
use parking_lot::{Mutex, RwLock};
use ws_host_test_support::{Client, wait_until};

/// What all publishers share.
#[derive(Default)]
pub(crate) struct Run {
    /// The phase: calm if it is even. Publishers hold the lock while they publish, so that no message is published
    /// while the phase changes.
    phase: RwLock<u64>,
    is_over: AtomicBool,
    next_publisher: AtomicU64,
    /// The number of the last message of each publisher that still runs.
    published: Mutex<HashMap<u64, u64>>,
}

/// A subscriber, and the last number that it got from each publisher.
pub(crate) struct Subscriber {
    last: Arc<Mutex<HashMap<u64, u64>>>,
    thread: JoinHandle<Result<Vec<Message>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    publisher: u64,
    number: u64,
    phase: u64,
    /// The number of the publisher's first message of this phase.
    first: u64,
}

impl Message {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("message ")?.split(' ');
        let mut next = || words.next()?.parse::<u64>().ok();
        Some(Self { publisher: next()?, number: next()?, phase: next()?, first: next()? })
    }
}

/// Checks what a subscriber got.
pub(crate) fn check(received: &[Message]) -> Result<()> {
    let mut last = BTreeMap::<u64, Message>::new();
    for message in received {
        if let Some(before) = last.insert(message.publisher, *message) {
            ensure!(message.number > before.number, "{message:?} came after {before:?}");
            let is_next = message.number == before.number + 1;
            let may_miss = message.phase % 2 == 1 || message.number == message.first;
            ensure!(is_next || may_miss, "lost: {before:?} to {message:?}");
        }
    }
    Ok(())
}

impl Subscriber {
    /// Receives until the connection ends. Ignores the texts `probe`.
    pub(crate) fn start(mut client: Client) -> Self {
        let last = Arc::<Mutex<HashMap<_, _>>>::default();
        let seen = Arc::clone(&last);
        let thread = std::thread::spawn(move || {
            let mut received = Vec::new();
            while let Ok(text) = client.receive_text() {
                if text == "probe" {
                    continue;
                }
                let message = Message::parse(&text).with_context(|| text.clone())?;
                let mut seen = seen.lock();
                seen.insert(message.publisher, message.number);
                received.push(message);
            }
            Ok(received)
        });
        Self { last, thread }
    }

    /// Returns what the subscriber got, when its connection has ended.
    pub(crate) fn end(self) -> Result<Vec<Message>> {
        self.thread.join().map_err(|_| anyhow!("a subscriber panicked"))?
    }
}

impl Run {
    /// Plays a schedule, in which publishers may be started. They end with it.
    pub(crate) fn during<'env, T>(
        &'env self,
        play: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
    ) -> Result<T> {
        std::thread::scope(|scope| {
            let played = play(scope);
            self.is_over.store(true, Ordering::Relaxed);
            played
        })
    }

    /// Starts a publisher at a host. It ends with the host.
    pub(crate) fn start_publisher<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        host: SocketAddr,
    ) {
        let publisher = self.next_publisher.fetch_add(1, Ordering::Relaxed);
        self.published.lock().insert(publisher, 0);
        scope.spawn(move || {
            let _ = self.publish(publisher, host);
            self.published.lock().remove(&publisher);
        });
    }

    fn publish(&self, publisher: u64, host: SocketAddr) -> Result<()> {
        let mut client = Client::connect_at(host, "/")?;
        let (mut number, mut first, mut last_phase) = (0, 1, 0);
        while !self.is_over.load(Ordering::Relaxed) {
            let phase = self.phase.read();
            number += 1;
            if *phase != last_phase {
                (first, last_phase) = (number, *phase);
            }
            client.ask(&format!("publish news message {publisher} {number} {phase} {first}"))?;
            self.published.lock().insert(publisher, number);
            drop(phase);
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Begins the next phase.
    pub(crate) fn next_phase(&self) {
        *self.phase.write() += 1;
    }

    /// Waits until the publishers have published that many more messages.
    pub(crate) fn wait_for_messages(&self, more: u64) -> Result<()> {
        let total = || self.published.lock().values().sum::<u64>();
        let before = total();
        wait_until(|| Ok(total() >= before + more))
    }

    /// Waits until every subscriber has the last message of every publisher, while no other message is published.
    pub(crate) fn wait_until_all_received(&self, subscribers: &[&Subscriber]) -> Result<()> {
        let _still = self.phase.write();
        self.wait_until_received(subscribers)
    }

    /// Waits until every subscriber gets what every publisher publishes from now on.
    pub(crate) fn wait_until_connected(&self, subscribers: &[&Subscriber]) -> Result<()> {
        let before = self.published.lock().clone();
        let has_more = |(publisher, number): (&u64, &u64)| {
            before.get(publisher).is_none_or(|before| number > before)
        };
        wait_until(|| Ok(self.published.lock().iter().all(has_more)))?;
        self.wait_until_received(subscribers)
    }

    /// Waits until every subscriber has the last message of every publisher, or a later one.
    fn wait_until_received(&self, subscribers: &[&Subscriber]) -> Result<()> {
        let published = self.published.lock().clone();
        for (Subscriber { last, .. }, number) in subscribers.iter().zip(0..) {
            let has_all = || {
                let last = last.lock();
                Ok(published.iter().all(|(publisher, number)| {
                    *number == 0 || last.get(publisher).is_some_and(|last| last >= number)
                }))
            };
            wait_until(has_all).with_context(|| {
                let last = last.lock();
                format!("subscriber {number} has {last:?} of {published:?}")
            })?;
        }
        Ok(())
    }

    /// Ends the publishers.
    pub(crate) fn end_publishers(&self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        wait_until(|| Ok(self.published.lock().is_empty()))
    }
}
