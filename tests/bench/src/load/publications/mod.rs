//! Publications: one connection publishes numbered messages, and the others must receive each of them once.

mod expected;

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ws_host_test_support::masked_frame;

use self::expected::Expected;
use super::poller::{Poller, Ready};
use super::transport::{Buffers, Transport};

/// Bytes of the text of a message: about a line in a chat.
const TEXT_BYTES: usize = 64;

/// Digits of the number at the beginning of a text.
const DIGITS: usize = 8;

/// How many deliveries, over all subscribers, the publisher may be ahead of the slowest subscriber.
const AHEAD: u64 = 10_000;

/// How many messages it may be ahead.
const MOST_AHEAD: u64 = 1000;

/// The most messages that are published with one write.
const MOST_AT_ONCE: u64 = 50;

/// What a system writes before and after the text of a message. All of it is ASCII.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    /// Before the text.
    pub(crate) before: String,
    /// After the text.
    pub(crate) after: String,
}

impl Around {
    /// Returns the payload of the message with this number.
    fn payload(&self, number: u64) -> String {
        const REST: &str = " is the number of this message, which all have to get ..";
        const _: () = assert!(REST.len() + DIGITS == TEXT_BYTES);
        format!("{}{number:0DIGITS$}{REST}{}", self.before, self.after)
    }
}

/// How publications and deliveries look.
#[derive(Clone, Debug)]
pub(crate) struct Wording {
    /// What the publisher sends.
    pub(crate) published: Around,
    /// What each subscriber gets.
    pub(crate) delivered: Around,
}

/// The order in which a subscriber must receive the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That in which they were published.
    AsPublished,
    /// Any, because the system does not keep the order.
    Any,
}

/// How far the publisher may be ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The next message is published when all have received the last one.
    OneByOne,
    /// As fast as the slowest subscriber receives.
    Full,
}

/// What was published, and received by every subscriber.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    /// Messages that were published.
    pub(crate) messages: u64,
    /// From the first publication until the last delivery.
    pub(crate) time: Duration,
    /// From publishing a message until its last subscriber has received it: the median and the 99th percentile.
    pub(crate) latency: [Duration; 2],
}

/// A publisher, and subscribers that compare every byte that they get.
pub(crate) struct Publications {
    publisher: Transport,
    subscribers: Vec<Subscriber>,
    poller: Poller,
    buffers: Buffers,
    progress: Progress,
    /// The messages that a subscriber has just received.
    numbers: Vec<u64>,
}

struct Subscriber {
    transport: Transport,
    expected: Expected,
}

impl Publications {
    /// Takes connections that have subscribed, and one that publishes. All have read what they have received so far.
    pub(crate) fn over(
        publisher: TcpStream,
        subscribers: Vec<TcpStream>,
        wording: Wording,
        order: Order,
        pace: Pace,
    ) -> Result<Self> {
        let count = subscribers.len();
        let poller = Poller::new(count + 1)?;
        let subscriber = |(index, stream)| {
            let transport = Transport::over(stream, index, &poller)?;
            Ok(Subscriber { transport, expected: Expected::new(&wording.delivered, order) })
        };
        let subscribers =
            subscribers.into_iter().enumerate().map(subscriber).collect::<Result<_>>()?;
        let publisher = Transport::over(publisher, count, &poller)?;
        let progress = Progress::new(wording.published, count, pace);
        let (buffers, numbers) = (Buffers::new(), Vec::new());
        Ok(Self { publisher, subscribers, poller, buffers, progress, numbers })
    }

    /// Publishes for `time`, and then waits until every subscriber has received everything.
    pub(crate) fn run(&mut self, time: Duration) -> Result<Delivered> {
        let (began, before) = (Instant::now(), self.progress.published);
        self.progress.begin();
        self.publish()?;
        self.poll(time)?;
        self.progress.is_publishing = false;
        while self.progress.done < self.progress.published {
            self.poll(Duration::ZERO).context("a subscriber missed a message")?;
        }
        Ok(Delivered {
            messages: self.progress.published - before,
            time: began.elapsed(),
            latency: self.progress.latency(),
        })
    }

    fn publish(&mut self) -> Result<()> {
        if self.progress.take() {
            self.publisher.send(&self.progress.requests, &mut self.buffers, &self.poller)?;
        }
        Ok(())
    }

    fn poll(&mut self, time: Duration) -> Result<()> {
        let Self { publisher, subscribers, poller, buffers, progress, numbers } = self;
        poller.run(time, |Ready { index, has_room, now, .. }| {
            let Some(Subscriber { transport, expected }) = subscribers.get_mut(index) else {
                if has_room {
                    publisher.flush(poller)?;
                }
                // Answers to the publisher are of no interest.
                publisher.receive(buffers)?;
                return Ok(0);
            };
            numbers.clear();
            expected.receive(transport.receive(buffers)?, numbers)?;
            if progress.received(numbers, now)? && progress.take() {
                publisher.send(&progress.requests, buffers, poller)?;
            }
            Ok(numbers.len() as u64)
        })?;
        Ok(())
    }
}

/// Messages that are under way.
struct Progress {
    published: u64,
    /// Messages that every subscriber has received.
    done: u64,
    /// For each message under way, the subscribers that lack it, and when it was published.
    under_way: VecDeque<(usize, Instant)>,
    subscribers: usize,
    window: u64,
    at_once: u64,
    around: Around,
    is_publishing: bool,
    /// The frames to be sent.
    requests: Vec<u8>,
    /// In microseconds.
    latencies: Vec<u32>,
}

impl Progress {
    fn new(around: Around, subscribers: usize, pace: Pace) -> Self {
        let window = match pace {
            Pace::OneByOne => 1,
            Pace::Full => (AHEAD / subscribers.max(1) as u64).clamp(1, MOST_AHEAD),
        };
        Self {
            published: 0,
            done: 0,
            under_way: VecDeque::new(),
            subscribers,
            window,
            at_once: (window / 2).clamp(1, MOST_AT_ONCE),
            around,
            is_publishing: false,
            requests: Vec::new(),
            latencies: Vec::new(),
        }
    }

    fn begin(&mut self) {
        self.is_publishing = true;
        self.latencies.clear();
    }

    /// Fills `requests` with the messages that may be published now. Returns whether there are any.
    fn take(&mut self) -> bool {
        self.requests.clear();
        let now = Instant::now();
        while self.is_publishing && self.published - self.done + self.at_once <= self.window {
            for _ in 0..self.at_once {
                let payload = self.around.payload(self.published);
                self.requests.extend_from_slice(&masked_frame(0x81, payload.as_bytes()));
                self.under_way.push_back((self.subscribers, now));
                self.published += 1;
            }
        }
        !self.requests.is_empty()
    }

    /// Notes that a subscriber has received these messages. Returns whether any of them is done now.
    fn received(&mut self, numbers: &[u64], now: Instant) -> Result<bool> {
        for number in numbers {
            let index = number.checked_sub(self.done).and_then(|index| usize::try_from(index).ok());
            let under_way = index.and_then(|index| self.under_way.get_mut(index));
            let (missing, published) =
                under_way.with_context(|| format!("nobody published {number}"))?;
            *missing -= 1;
            if *missing == 0 {
                let latency = now.saturating_duration_since(*published).as_micros();
                self.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
            }
        }
        let before = self.done;
        while let Some((0, _)) = self.under_way.front() {
            self.under_way.pop_front();
            self.done += 1;
        }
        Ok(self.done > before)
    }

    fn latency(&mut self) -> [Duration; 2] {
        [50, 99].map(|per_cent| {
            let Some(last) = self.latencies.len().checked_sub(1) else {
                return Duration::ZERO;
            };
            let (_, latency, _) = self.latencies.select_nth_unstable(last * per_cent / 100);
            Duration::from_micros(u64::from(*latency))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(subscribers: usize, pace: Pace) -> Progress {
        let around = Around { before: "[".into(), after: "]".into() };
        Progress::new(around, subscribers, pace)
    }

    #[test]
    fn message_is_done_when_every_subscriber_has_it() {
        let mut progress = progress(2, Pace::OneByOne);
        assert!(!progress.take(), "nothing is published before the run");
        progress.begin();
        assert!(progress.take());
        assert!(!progress.take(), "the first is not done");
        let now = Instant::now();
        assert!(!progress.received(&[0], now).unwrap());
        assert!(progress.received(&[0], now).unwrap());
        assert_eq!((progress.published, progress.done, progress.latencies.len()), (1, 1, 1));
        assert!(progress.received(&[1], now).is_err(), "it was never published");
    }

    #[test]
    fn latency_of_a_message_does_not_include_that_of_the_one_before() {
        let mut progress = progress(1, Pace::Full);
        progress.begin();
        assert!(progress.take());
        let now = Instant::now();
        let milliseconds = |count| now + Duration::from_millis(count);
        assert!(!progress.received(&[1], milliseconds(10)).unwrap(), "the first is not done");
        assert!(progress.received(&[0], milliseconds(1000)).unwrap());
        assert_eq!((progress.done, progress.latencies.len()), (2, 2));
        assert!(progress.latency()[0] < Duration::from_millis(900), "{:?}", progress.latencies);
    }

    #[test]
    fn publisher_is_ahead_by_few_messages_and_few_deliveries() {
        for (subscribers, window) in [(1, 1000), (100, 100), (1000, 10)] {
            let mut progress = progress(subscribers, Pace::Full);
            progress.begin();
            assert!(progress.take());
            assert_eq!(progress.published, window);
        }
    }
}
