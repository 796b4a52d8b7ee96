//! Takes as many milliseconds to accept a client as the query says.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::time::Duration;

use ws_guest::{Client, Disconnection, Error, Handler, Handshake, Rejection};

#[derive(Default)]
struct SlowConnect;

impl Handler for SlowConnect {
    fn connected(&mut self, _: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        println!("asked");
        let milliseconds = handshake.request().query().and_then(|query| query.parse().ok());
        std::thread::sleep(Duration::from_millis(milliseconds.unwrap_or(0)));
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        Ok(client.send_text(message)?)
    }

    fn disconnected(&mut self, _: Client, how: &Disconnection) {
        println!("never opened: {}", how.reason());
    }
}

ws_guest::export!(SlowConnect);
