//! A host whose process is stopped for a while.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

const TIMING: Timing = Timing::new(Duration::from_secs(2));

/// The environment variable with the broker's URL, for the process that is stopped.
const URL: &str = "WS_HOST_PLACEMENT_URL";

/// What the stopped process reports.
#[derive(Debug, PartialEq)]
enum Said {
    /// An event began at this moment.
    Event(BootTime),
    /// The host does not own the actor.
    Invalid,
    Lost,
}

struct Stopped {
    child: Child,
    lines: tokio::sync::mpsc::Receiver<Said>,
}

impl Stopped {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .arg(format!(
                "{}::the_host_that_is_stopped",
                module_path!().split_once("::").expect("a path").1
            ))
            .env(URL, url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = tokio::sync::mpsc::channel(1 << 16);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let said = match line.split_once("said: ").map(|(_, said)| said) {
                    Some("invalid") => Said::Invalid,
                    Some("lost") => Said::Lost,
                    Some(at) => {
                        Said::Event(BootTime::from_nanoseconds(at.parse().expect("a moment")))
                    }
                    None => continue,
                };
                if sender.blocking_send(said).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process");
    }

    async fn said(&mut self) -> Said {
        let said = tokio::time::timeout(DEADLINE, self.lines.recv()).await;
        said.expect("it says something").expect("it lives")
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "a process of the tests below"]
async fn the_host_that_is_stopped() {
    let url = std::env::var(URL).expect("a URL");
    let member = Member::start(&url, "stopped", TIMING).await;
    let claim = member.claim(&actor("/room")).await;
    let mut output = std::io::stdout();
    let mut was_valid = true;
    loop {
        let at = BootTime::now();
        let is_valid = claim.is_valid();
        let said = match (is_valid, was_valid) {
            (true, _) => writeln!(output, "said: {}", at.nanoseconds()),
            (false, true) => writeln!(output, "said: invalid"),
            (false, false) => Ok(()),
        };
        if said.is_err() {
            return;
        }
        was_valid = is_valid;
        if claim.term().is_lost() {
            let _ = writeln!(output, "said: lost");
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn longer_than_its_lease_it_knows_before_any_event_that_it_owns_nothing() {
    for leases in [1.5, 3.0] {
        let server = Server::start();
        let b = Member::start(&server.broker.url(), "b", TIMING).await;
        open(&*b.placement.records).await;
        let mut a = Stopped::start(&server.broker.url());
        assert!(matches!(a.said().await, Said::Event(_)));
        let room = actor("/room");
        assert!(matches!(b.locate(&room).await, Location::There(_)));
        a.signal(Signal::STOP);
        tokio::time::sleep(TIMING.lease().mul_f64(leases)).await;
        let claim = b.take_over(&room).await;
        let taken = BootTime::now();
        assert!(claim.is_valid());
        a.signal(Signal::CONT);
        let mut events = 0;
        loop {
            match a.said().await {
                Said::Event(at) => {
                    assert!(at < taken, "an event after another host has taken the actor");
                    events += 1;
                }
                Said::Invalid => {}
                Said::Lost => break,
            }
        }
        println!("{leases} leases: {events} events before, none after");
    }
}

#[tokio::test]
async fn shorter_than_its_lease_it_goes_on() {
    let server = Server::start();
    let b = Member::start(&server.broker.url(), "b", TIMING).await;
    open(&*b.placement.records).await;
    let mut a = Stopped::start(&server.broker.url());
    assert!(matches!(a.said().await, Said::Event(_)));
    a.signal(Signal::STOP);
    tokio::time::sleep(TIMING.lease() / 2).await;
    a.signal(Signal::CONT);
    let continued = BootTime::now();
    loop {
        match a.said().await {
            // The host has owned the actor for longer than a lease, so the lease was renewed.
            Said::Event(at) if at.since(continued) > TIMING.lease() * 2 => break,
            // On a busy machine, the pause may be longer than intended.
            Said::Event(_) | Said::Invalid => {}
            Said::Lost => panic!("nobody wanted its actor"),
        }
    }
    assert!(matches!(b.locate(&actor("/room")).await, Location::There(_)));
}
