//! Clients that talk to the rooms through all hosts, and check what they get.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use ws_host_test_support::{Client, DEADLINE};

use super::super::members::try_join_at;
use super::record::{Record, Reply};

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
    /// How long the clients that go from host to host wait for a reply.
    timeout: Duration,
    is_over: AtomicBool,
    next_publisher: AtomicU64,
    /// How many messages were received that another room had published.
    heard: AtomicU64,
}

/// How a client behaves.
#[derive(Clone, Copy)]
struct Behaviour {
    /// What the room does with its messages.
    word: &'static str,
    /// How long it waits for a reply.
    timeout: Duration,
    /// How many messages it sends before it goes to another host.
    messages: u64,
}

/// A connection to a room.
struct Session {
    room: usize,
    client: Client,
    behaviour: Behaviour,
    /// The name under which it publishes.
    publisher: u64,
    /// The last number that it got from each publisher.
    news: HashMap<u64, u64>,
    /// The instance that replied last, and the number of the message.
    last: (u64, u64),
}

impl Crowd {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            hosts: Mutex::default(),
            record: Record::default(),
            timeout,
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
        let (timeout, messages) =
            if number < ROOMS { (DEADLINE, u64::MAX) } else { (self.timeout, MESSAGES) };
        // One room has events that take a while, so that a host often loses it in the middle of one.
        let word = if number == 0 { "linger" } else { "publish" };
        let behaviour = Behaviour { word, timeout, messages };
        while !self.is_over() {
            let host = {
                let hosts = self.hosts.lock();
                hosts[attempt % hosts.len()]
            };
            attempt += 1;
            let outcome = match self.join(room, host, behaviour) {
                Ok(Some(session)) => self.talk(session),
                // The host has gone, or knows no owner.
                Ok(None) | Err(_) => Ok(()),
            };
            if let Err(why) = outcome {
                // The others need not go on.
                self.is_over.store(true, Ordering::Relaxed);
                return Err(why).with_context(|| format!("client {number}"));
            }
            sleep(PACE);
        }
        Ok(())
    }

    fn join(&self, room: usize, host: SocketAddr, behaviour: Behaviour) -> Result<Option<Session>> {
        let Ok(mut client) = try_join_at(host, &format!("/room/{room}"))? else { return Ok(None) };
        client.stream().set_read_timeout(Some(behaviour.timeout))?;
        let publisher = self.next_publisher.fetch_add(1, Ordering::Relaxed);
        let (news, last) = (HashMap::new(), (0, 0));
        Ok(Some(Session { room, client, behaviour, publisher, news, last }))
    }

    /// Publishes until the connection ends, or the host is too slow. Fails only if something is wrong.
    fn talk(&self, mut session: Session) -> Result<()> {
        for number in 0..session.behaviour.messages {
            if self.is_over() {
                break;
            }
            let words = format!("{} {} {number}", session.room, session.publisher);
            let word = if number == 0 { "subscribe" } else { session.behaviour.word };
            let question = format!("{word} {words}");
            if session.client.send_text(&question).is_err() {
                break;
            }
            loop {
                // A close frame ends the session, too.
                let Ok(text) = session.client.receive_text() else { return Ok(()) };
                if let Some(news) = text.strip_prefix("news ") {
                    self.check_news(&mut session, news).with_context(|| text.clone())?;
                } else {
                    self.check_reply(&mut session, &words, &text).with_context(|| text.clone())?;
                    break;
                }
            }
            sleep(PACE);
        }
        Ok(())
    }

    /// Checks that messages of each publisher come in order, and none twice.
    fn check_news(&self, session: &mut Session, news: &str) -> Result<()> {
        let numbers: Vec<u64> =
            news.split(' ').map(str::parse).collect::<Result<_, _>>().context("numbers")?;
        let [room, publisher, number, born, now] = numbers[..] else {
            anyhow::bail!("{} numbers", numbers.len());
        };
        let room = usize::try_from(room)?;
        let before = session.news.insert(publisher, number);
        ensure!(before < Some(number), "publisher {publisher}: {number} came after {before:?}");
        if room != session.room {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        self.record.published(room, born, now)
    }

    /// Checks that a reply is that to the last message, and not older than the one before.
    fn check_reply(&self, session: &mut Session, words: &str, text: &str) -> Result<()> {
        let numbers = text.strip_prefix("answer ").and_then(|rest| rest.strip_prefix(words));
        let numbers = numbers.and_then(|rest| rest.strip_prefix(' '));
        let reply = Reply::parse(numbers.with_context(|| format!("no reply to {words}"))?)?;
        let this = (reply.born, reply.handled);
        ensure!(this > session.last, "{reply:?} came after {:?}", session.last);
        session.last = this;
        self.record.answered(session.room, &reply, words)
    }
}
