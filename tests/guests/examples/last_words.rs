//! Writes to standard error, and fails in the way and the event that the message names.

#![expect(
    clippy::print_stderr,
    reason = "the host must tell these lines from the reason of a fault"
)]

use std::hint::black_box;
use std::time::Duration;

use ws_guest::{Client, Disconnection, Error, Handler, Lifecycle, Timer, Timers};

#[derive(Default)]
struct LastWords {
    fails_to_suspend: bool,
}

impl Handler for LastWords {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.split_once(' ').unwrap_or((&message, "")) {
            ("print", line) => {
                eprintln!("{line}");
                client.send_text("printed")?;
            }
            ("panic", line) => panic!("{line}"),
            ("exit", line) => {
                eprintln!("{line}");
                std::process::exit(3);
            }
            ("overflow", line) => {
                eprintln!("{line}");
                client.send_text(recurse(1).to_string())?;
            }
            ("spin", line) => {
                eprintln!("{line}");
                spin_here();
            }
            ("take", _) => take_here(),
            ("sleep", _) => sleep_here(),
            ("doze", _) => doze_here(),
            ("timer", _) => Timer::new(7).set(Duration::ZERO)?,
            ("suspend", _) => self.fails_to_suspend = true,
            _ => {}
        }
        Ok(())
    }

    fn received_binary(&mut self, _: Client, _: Vec<u8>) -> Result<(), Error> {
        panic!("in received-binary")
    }

    fn disconnected(&mut self, _: Client, how: &Disconnection) {
        assert!(how.reason() != "panic", "in disconnected");
    }
}

impl Timers for LastWords {
    fn fired(&mut self, _: Timer) -> Result<(), Error> {
        panic!("in fired")
    }
}

impl Lifecycle for LastWords {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        assert!(!self.fails_to_suspend, "in suspend");
        Some(Vec::new())
    }

    fn resume(&mut self, _: Option<Vec<u8>>) -> Result<(), Error> {
        Ok(())
    }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let mut frame = [depth; 64];
    black_box(&mut frame);
    if black_box(depth) == 0 { 0 } else { recurse(depth + 1) + black_box(frame[63]) }
}

#[inline(never)]
fn spin_here() {
    loop {
        black_box(());
    }
}

#[inline(never)]
fn take_here() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}

#[inline(never)]
fn sleep_here() {
    std::thread::sleep(Duration::from_secs(60));
}

/// Waits often, and computes most of the time.
#[inline(never)]
fn doze_here() {
    loop {
        std::thread::sleep(Duration::from_nanos(1));
        for number in 0..1_000_000 {
            black_box(number);
        }
    }
}

ws_guest::export!(LastWords: Timers, Lifecycle);
