//! Loops for ever when it is told to; echoes anything else.

use ws_guest::{Client, Handler, Result};

#[derive(Default)]
struct Spin;

impl Handler for Spin {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        if message == "spin" {
            client.send_text("spinning")?;
            loop {
                std::hint::black_box(());
            }
        }
        Ok(client.send_text(&message)?)
    }
}

ws_guest::export!(Spin);
