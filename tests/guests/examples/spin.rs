//! Loops for ever on `spin`, and for half a millisecond on a binary message; echoes any other text.

use std::time::{Duration, Instant};

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Spin;

impl Handler for Spin {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if message == "spin" {
            client.send_text("spinning")?;
            loop {
                std::hint::black_box(());
            }
        }
        Ok(client.send_text(message)?)
    }

    fn received_binary(&mut self, _client: Client, _message: Vec<u8>) -> Result<(), Error> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_micros(500) {}
        Ok(())
    }
}

ws_guest::export!(Spin);
