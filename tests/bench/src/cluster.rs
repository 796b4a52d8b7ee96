//! Topics over two hosts and a real broker: the time from publishing to delivery, on one host and across hosts, and
//! messages per second across hosts.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Broker, Client, DEADLINE, TestServer, masked_frame, wait_until};

use crate::process::cpu_time;

/// Messages whose latency is measured, one after the other.
const TIMED: usize = 4000;

/// The subscribers of a run.
const FAN_OUTS: [usize; 2] = [1, 100];

/// How many deliveries the publisher may be ahead of the slowest subscriber, over all subscribers.
const AHEAD: u64 = 20_000;

/// The text of every message: 64 bytes.
const TEXT: &str = "sixty-four bytes of text, which is about a line in a chat, no more";

struct Hosts {
    broker: Broker,
    here: TestServer,
    there: TestServer,
}

/// Measures everything and prints it.
pub(crate) fn measure(counted: Duration, rounds: usize) -> Result<()> {
    for _ in 0..rounds {
        for (name, is_across) in [("one-host", false), ("across-hosts", true)] {
            let hosts = Hosts::start()?;
            let [half, most] = hosts.latency(is_across)?;
            println!("publish-to-delivery {name} p50 {half:.0} us p99 {most:.0} us");
        }
        for subscribers in FAN_OUTS {
            Hosts::start()?.throughput(subscribers, counted)?;
        }
    }
    Ok(())
}

impl Hosts {
    fn start() -> Result<Self> {
        let broker = Broker::start()?;
        let url = broker.url();
        let host = || TestServer::with_arguments("guest-keeper", &["--cluster", &url]);
        Ok(Self { here: host()?, there: host()?, broker })
    }

    /// Returns clients of a host that get what is published on the other one.
    fn subscribers(&self, host: &TestServer, count: usize) -> Result<Vec<Client>> {
        let mut clients = Client::connect_many(host, count)?;
        for client in &mut clients {
            ensure!(client.ask("subscribe news")? == "Ok(())");
        }
        let mut publisher = Client::connect(&self.here)?;
        clients[0].stream().set_read_timeout(Some(Duration::from_millis(50)))?;
        wait_until(|| {
            publisher.ask("publish news probe")?;
            Ok(clients[0].stream().peek(&mut [0]).is_ok_and(|count| count > 0))
        })?;
        clients[0].stream().set_read_timeout(Some(DEADLINE))?;
        publisher.ask("publish news ready")?;
        for client in &mut clients {
            while client.receive_text()? != "ready" {}
        }
        Ok(clients)
    }

    /// Returns the median and the 99th percentile in microseconds.
    fn latency(&self, is_across: bool) -> Result<[f64; 2]> {
        let host = if is_across { &self.there } else { &self.here };
        let mut subscriber = self.subscribers(host, 1)?.remove(0);
        let mut publisher = Client::connect(&self.here)?;
        let command = format!("publish news {TEXT}");
        let mut times = Vec::with_capacity(TIMED);
        for _ in 0..TIMED {
            let begin = Instant::now();
            publisher.send_text(&command)?;
            ensure!(subscriber.receive_text()? == TEXT);
            times.push(begin.elapsed().as_secs_f64() * 1e6);
            publisher.receive_text()?;
        }
        times.sort_by(f64::total_cmp);
        Ok([times[TIMED / 2], times[TIMED * 99 / 100]])
    }

    /// Publishes as fast as the slowest subscriber reads, and checks that each gets every message.
    fn throughput(&self, subscribers: usize, counted: Duration) -> Result<()> {
        let clients = self.subscribers(&self.there, subscribers)?;
        let delivered: Vec<Arc<AtomicU64>> = clients.iter().map(|_| Arc::default()).collect();
        for (mut client, delivered) in clients.into_iter().zip(&delivered) {
            let delivered = Arc::clone(delivered);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(count @ 1..) = client.stream().read(&mut buffer) {
                    delivered.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
        // The frame that a subscriber gets: two bytes of header.
        let frame = TEXT.len() as u64 + 2;
        let slowest = || {
            delivered.iter().map(|bytes| bytes.load(Ordering::Relaxed) / frame).min().unwrap_or(0)
        };
        let mut publisher = Client::connect(&self.here)?;
        let mut answers = publisher.try_clone()?;
        std::thread::spawn(move || while answers.receive().is_ok() {});
        let batch = 50;
        let command = masked_frame(0x81, format!("publish news {TEXT}").as_bytes()).repeat(batch);
        let ahead = AHEAD / subscribers as u64;
        let processes = [
            ("publishing", self.here.process_id()),
            ("receiving", self.there.process_id()),
            ("broker", self.broker.process_id()),
        ];
        let cpu = || processes.map(|(_, process)| cpu_time(process));
        let (before, begin, mut published) = (cpu(), Instant::now(), 0);
        while begin.elapsed() < counted {
            if published - slowest() + batch as u64 <= ahead.max(batch as u64) {
                publisher.send(&command)?;
                published += batch as u64;
            } else {
                std::thread::yield_now();
            }
        }
        wait_until(|| Ok(slowest() == published)).context("a subscriber missed messages")?;
        let (seconds, after) = (begin.elapsed().as_secs_f64(), cpu());
        let deliveries = published as f64 * subscribers as f64;
        print!(
            "across-hosts {subscribers} subscribers {:.0} messages/s {:.0} deliveries/s",
            published as f64 / seconds,
            deliveries / seconds
        );
        for (((name, _), before), after) in processes.iter().zip(before).zip(after) {
            let micros = (after? - before?).as_secs_f64() * 1e6 / published as f64;
            print!(" {name} {micros:.1} us");
        }
        println!(" of CPU time for each message");
        Ok(())
    }
}
