//! Clients that talk to the rooms through all hosts, and check what they get.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use ws_host_test_support::{Client, DEADLINE};

use super::super::members::enter_at;
use super::record::{Answer, Record};

/// The rooms.
pub(super) const ROOMS: usize = 5;

/// The clients of each room. The first one stays until its connection ends: it hears what a host says that was paused,
/// or has lost the room. The other goes from host to host, so that a room that can be taken is taken.
const CLIENTS: usize = 2;

/// How many messages a client sends to a host that goes to another one then.
const MESSAGES: u64 = 40;

/// The pause between two messages of a client, so that clients do not take the CPU that the hosts need.
const PACE: Duration = Duration::from_millis(5);

/// The clients, and what they have in common.
pub(super) struct Crowd {
    /// Where clients may connect.
    pub(super) hosts: Mutex<Vec<SocketAddr>>,
    pub(super) record: Record,
    /// How long clients wait for an answer that go to another host then.
    patience: Duration,
    is_over: AtomicBool,
    next_publisher: AtomicU64,
    /// How many messages were received that another room had published.
    heard: AtomicU64,
}

/// How a client behaves.
#[derive(Clone, Copy)]
struct Manner {
    /// What the room does with its messages.
    word: &'static str,
    /// How long it waits for an answer.
    patience: Duration,
    /// How many messages it sends before it goes to another host.
    messages: u64,
}

/// A connection to a room.
struct Visit {
    room: usize,
    client: Client,
    manner: Manner,
    /// The name under which it publishes.
    publisher: u64,
    /// The last number that it got from each publisher.
    news: HashMap<u64, u64>,
    /// The instance that answered last, and which message that was.
    last: (u64, u64),
}

impl Crowd {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            hosts: Mutex::default(),
            record: Record::default(),
            patience,
            is_over: AtomicBool::new(false),
            next_publisher: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// Runs all clients while `act` runs.
    pub(super) fn during<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..ROOMS * CLIENTS).map(|number| scope.spawn(move || self.run(number))).collect();
            let acted = act();
            self.is_over.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().expect("no panic")?;
            }
            acted
        })
    }

    /// Returns how many messages were received that another room had published.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Returns whether a client has found something wrong, or the end was announced.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Talks to a room, and connects to the next host whenever a connection ends.
    fn run(&self, number: usize) -> Result<()> {
        // At first, the rooms are on different hosts, and so are the clients of each.
        let (room, mut attempt) = (number % ROOMS, number);
        let (patience, messages) =
            if number < ROOMS { (DEADLINE, u64::MAX) } else { (self.patience, MESSAGES) };
        // One room has events that take a while, so that a host often loses it in the middle of one.
        let word = if number == 0 { "linger" } else { "tell" };
        let manner = Manner { word, patience, messages };
        while !self.is_over() {
            let host = {
                let hosts = self.hosts.lock();
                hosts[attempt % hosts.len()]
            };
            attempt += 1;
            let visited = match self.enter(room, host, manner) {
                Ok(Some(visit)) => self.talk(visit),
                // The host has gone, or knows no owner.
                Ok(None) | Err(_) => Ok(()),
            };
            if let Err(why) = visited {
                // The others need not go on.
                self.is_over.store(true, Ordering::Relaxed);
                return Err(why).with_context(|| format!("client {number}"));
            }
            sleep(PACE);
        }
        Ok(())
    }

    fn enter(&self, room: usize, host: SocketAddr, manner: Manner) -> Result<Option<Visit>> {
        let Ok(mut client) = enter_at(host, &format!("/room/{room}"))? else { return Ok(None) };
        client.stream().set_read_timeout(Some(manner.patience))?;
        let publisher = self.next_publisher.fetch_add(1, Ordering::Relaxed);
        let (news, last) = (HashMap::new(), (0, 0));
        Ok(Some(Visit { room, client, manner, publisher, news, last }))
    }

    /// Publishes until the connection ends, or the host is too slow. Fails only if something is wrong.
    fn talk(&self, mut visit: Visit) -> Result<()> {
        for number in 0..visit.manner.messages {
            if self.is_over() {
                break;
            }
            let words = format!("{} {} {number}", visit.room, visit.publisher);
            let word = if number == 0 { "subscribe" } else { visit.manner.word };
            let question = format!("{word} {words}");
            if visit.client.send_text(&question).is_err() {
                break;
            }
            loop {
                // Also a close frame ends the visit.
                let Ok(text) = visit.client.receive_text() else { return Ok(()) };
                if let Some(news) = text.strip_prefix("news ") {
                    self.hear(&mut visit, news).with_context(|| text.clone())?;
                } else {
                    self.hear_answer(&mut visit, &words, &text).with_context(|| text.clone())?;
                    break;
                }
            }
            sleep(PACE);
        }
        Ok(())
    }

    /// Checks that messages of each publisher come in order, and none twice.
    fn hear(&self, visit: &mut Visit, news: &str) -> Result<()> {
        let numbers: Vec<u64> =
            news.split(' ').map(str::parse).collect::<Result<_, _>>().context("numbers")?;
        let [room, publisher, number, born, now] = numbers[..] else {
            anyhow::bail!("{} numbers", numbers.len());
        };
        let room = usize::try_from(room)?;
        let before = visit.news.insert(publisher, number);
        ensure!(before < Some(number), "publisher {publisher}: {number} came after {before:?}");
        if room != visit.room {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        self.record.published(room, born, now)
    }

    /// Checks that an answer is that to the last message, and not older than the one before.
    fn hear_answer(&self, visit: &mut Visit, words: &str, text: &str) -> Result<()> {
        let numbers = text.strip_prefix("answer ").and_then(|rest| rest.strip_prefix(words));
        let numbers = numbers.and_then(|rest| rest.strip_prefix(' '));
        let answer = Answer::parse(numbers.with_context(|| format!("no answer to {words}"))?)?;
        let this = (answer.born, answer.handled);
        ensure!(this > visit.last, "{answer:?} came after {:?}", visit.last);
        visit.last = this;
        self.record.answered(visit.room, &answer, words)
    }
}
