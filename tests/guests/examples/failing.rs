//! Adds up numbers. Any other message fails with an error that has a cause.

use std::fmt;

use ws_guest::{Client, Error, Handler};

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot count")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Default)]
struct Failing {
    sum: i64,
}

impl Handler for Failing {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        self.sum += message.parse::<i64>().map_err(Outer)?;
        Ok(client.send_display(self.sum)?)
    }
}

ws_guest::export!(Failing);
