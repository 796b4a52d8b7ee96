//! Sets durable timers, and logs when one fires. Sets timer 400 when it stops. A timer from 100 to 199 takes five
//! seconds, and one from 200 to 299 panics.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::time::Duration;

use ws_guest::{Client, Error, Handler, Stop, Timer, Timers, clients};

#[derive(Default)]
struct Alarming;

impl Handler for Alarming {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let mut words = message.split(' ');
        let (word, number) = (words.next().unwrap_or_default(), words.next().unwrap_or("0"));
        let timer = Timer::new(number.parse()?);
        let after = Duration::from_millis(words.next().unwrap_or("0").parse()?);
        let answer = match word {
            "durable" => format!("{:?}", timer.set_durable(after)),
            "set" => format!("{:?}", timer.set(after)),
            "cancel" => timer.cancel().to_string(),
            other => format!("what is {other}?"),
        };
        Ok(client.send_text(answer)?)
    }
}

impl Stop for Alarming {
    fn stopping(&mut self) -> Result<(), Error> {
        Ok(Timer::new(400).set_durable(Duration::from_secs(3600))?)
    }
}

impl Timers for Alarming {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        println!("firing {}.", timer.number());
        match timer.number() {
            100..200 => std::thread::sleep(Duration::from_secs(5)),
            200..300 => panic!("asked to panic"),
            _ => {}
        }
        // A timer that repeats.
        if (300..400).contains(&timer.number()) {
            timer.set_durable(Duration::from_secs(3600))?;
        }
        for client in clients() {
            client.send_text(format!("fired {}", timer.number()))?;
        }
        println!("fired {}.", timer.number());
        Ok(())
    }
}

ws_guest::export!(Alarming: Stop, Timers);
