//! Records its events, and lingers in them: `sleep MILLISECONDS` and `spin MILLISECONDS` at the beginning of a message
//! from outside or of a query, and in the variable `SUSPEND` for the call of `suspend`. Its state is the record.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::time::{Duration, Instant};

use ws_guest::{
    Client, CustomMessage, CustomMessages, Disconnection, Error, Handler, Handshake, Lifecycle,
    Rejection,
};

#[derive(Default)]
struct Patient {
    record: Vec<String>,
}

impl Patient {
    fn record(&mut self, what: &str) {
        linger(what);
        self.record.push(what.to_owned());
    }
}

/// Waits or computes, if the words begin with `sleep` or `spin`.
fn linger(words: &str) {
    let mut words = words.split([' ', '+']);
    let (Some(how), Some(Ok(time))) = (words.next(), words.next().map(str::parse)) else { return };
    let time = Duration::from_millis(time);
    match how {
        "sleep" => std::thread::sleep(time),
        "spin" => {
            let begin = Instant::now();
            while begin.elapsed() < time {}
        }
        _ => {}
    }
}

impl Handler for Patient {
    fn connected(&mut self, _: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        linger(&handshake.request().query().unwrap_or_default());
        self.record.push("connected".to_owned());
        Ok(())
    }

    fn disconnected(&mut self, _: Client, _: &Disconnection) {
        linger("sleep 5");
        self.record.push("disconnected".to_owned());
    }
}

impl CustomMessages for Patient {
    fn received_custom(&mut self, message: Vec<u8>, _: &CustomMessage) -> Result<Vec<u8>, Error> {
        if message != b"record" {
            self.record(&String::from_utf8(message)?);
        }
        Ok(self.record.join("\n").into_bytes())
    }
}

impl Lifecycle for Patient {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        println!("suspending");
        linger(&std::env::var("SUSPEND").unwrap_or_default());
        Some(self.record.join("\n").into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        match state {
            Some(state) => {
                let state = String::from_utf8(state)?;
                self.record = state.lines().map(str::to_owned).collect();
            }
            None => self.record("lost everything"),
        }
        Ok(())
    }
}

ws_guest::export!(Patient: CustomMessages, Lifecycle);
