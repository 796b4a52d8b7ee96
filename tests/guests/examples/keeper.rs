//! Counts, and keeps its count across reloads. Tests make other versions of it by writing another digit into the
//! compiled file: 7 traps in `suspend`, 8 traps in `resume`, 9 refuses every state.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::time::Duration;

use ws_guest::{
    Client, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, SendOptions,
    StateReason, Timer, Timers, clients, publish, publish_with, state_reason, subscribers,
};

/// Where tests find the digit.
static VERSION: &str = "keeper-version-1";

/// A timer with this number or a higher one takes that many milliseconds, and logs when it begins.
const LONG: u64 = 1000;

#[derive(Default)]
struct Keeper {
    count: u64,
    ballast: usize,
    history: String,
    is_fragile: bool,
}

/// Returns the version, read in a way that the compiler cannot predict.
fn version() -> char {
    std::hint::black_box(VERSION).chars().last().unwrap_or('?')
}

impl Handler for Keeper {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        for (name, value) in handshake.request().parameters() {
            client.send_text(format!("{name} is {value}"))?;
        }
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let answer = match word {
            "version" => version().to_string(),
            "count" => {
                self.count += 1;
                self.count.to_string()
            }
            "history" => self.history.clone(),
            "clients" => clients().len().to_string(),
            "ballast" => {
                self.ballast = rest.parse()?;
                "heavy".into()
            }
            "fragile" => {
                self.is_fragile = true;
                "fragile".into()
            }
            "sleep" => {
                client.send_text("asleep")?;
                std::thread::sleep(Duration::from_millis(rest.parse()?));
                "awake".into()
            }
            "trap" => panic!("asked to panic"),
            "spin" => loop {
                std::hint::black_box(());
            },
            "deep" => deep(rest.parse()?).to_string(),
            "hoard" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&hoard);
                }
            }
            "attach" => format!("{:?}", client.attach(rest)),
            "attach-bytes" => format!("{:?}", client.attach(vec![1; rest.parse()?])),
            "attached" => format!("{:?}", client.attachment().map(String::from_utf8)),
            "timer" => {
                let (number, after) = rest.split_once(' ').unwrap_or((rest, "1"));
                let after = Duration::from_millis(after.parse()?);
                format!("{:?}", Timer::new(number.parse()?).set(after))
            }
            "timer-and-trap" => {
                Timer::new(1).set(Duration::from_millis(rest.parse()?))?;
                panic!("asked to panic behind a timer");
            }
            "cancel" => Timer::new(rest.parse()?).cancel().to_string(),
            "subscribe" => format!("{:?}", client.subscribe(rest)),
            "unsubscribe" => client.unsubscribe(rest).to_string(),
            "topics" => client.topics().join(" "),
            "unsubscribe-all" => client.unsubscribe_all().to_string(),
            "publish" => {
                let (topic, text) = rest.split_once(' ').unwrap_or((rest, ""));
                publish(topic, text)?;
                subscribers(topic).to_string()
            }
            "publish-to-others" => {
                let (topic, text) = rest.split_once(' ').unwrap_or((rest, ""));
                publish_with(topic, text, &SendOptions::new().except([client])?)?;
                subscribers(topic).to_string()
            }
            _ => message,
        };
        Ok(client.send_text(answer)?)
    }

    fn disconnected(&mut self, _: Client, _: &Disconnection) {
        self.count += 100;
    }
}

impl Lifecycle for Keeper {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        assert!(version() != '7', "version 7 panics in suspend");
        let is_leaving = matches!(state_reason(), Some(StateReason::Takeover));
        assert!(!(self.is_fragile && is_leaving), "asked to panic in the last suspend");
        let mut state = format!("{} {}{}", self.count, self.history, version());
        state.extend(std::iter::repeat_n('.', self.ballast));
        Some(state.into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        assert!(version() != '8', "version 8 panics in resume");
        let reason = state_reason().map_or("no reason", StateReason::as_str);
        println!("resuming in version {}: {reason}", version());
        if version() == '9' {
            return Err(Error::msg("version 9 knows no state"));
        }
        let Some(state) = state else {
            self.history = format!("nothing for {} ", clients().len());
            return Ok(());
        };
        let state = String::from_utf8(state)?;
        let (count, history) = state.split_once(' ').unwrap_or_default();
        self.count = count.parse()?;
        self.history = format!("{history} for {} ", clients().len());
        Ok(())
    }
}

impl Timers for Keeper {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        if timer.number() >= LONG {
            println!("firing {}", timer.number());
            std::thread::sleep(Duration::from_millis(timer.number()));
        }
        for client in clients() {
            client.send_text(format!("fired {} in version {}", timer.number(), version()))?;
        }
        Ok(())
    }
}

/// Uses a stack frame for each step.
fn deep(steps: u64) -> u64 {
    let room = std::hint::black_box([steps; 16]);
    if steps == 0 { 0 } else { deep(steps - 1) + std::hint::black_box(room)[3] / room[5] }
}

ws_guest::export!(Keeper: Lifecycle, Timers);
