//! Prints what it is told: on standard output, and on standard error if it begins with `!`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the log is where tests look")]

use ws_guest::{Client, Handler, Result};

#[derive(Default)]
struct Noisy;

impl Handler for Noisy {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        match message.strip_prefix('!') {
            Some(problem) => eprintln!("{problem}"),
            None => println!("{message}"),
        }
        Ok(client.send_text("printed")?)
    }
}

ws_guest::export!(Noisy);
