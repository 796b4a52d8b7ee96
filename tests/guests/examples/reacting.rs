//! Has its own reaction to errors: it sends them to the client and continues.

use ws_guest::{Client, CloseCode, Error, Handler};

#[derive(Default)]
struct Reacting;

impl Handler for Reacting {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let number: i32 = message.parse()?;
        Ok(client.send_display(number + 1)?)
    }

    fn received_binary(&mut self, _: Client, _: Vec<u8>) -> Result<(), Error> {
        Err(Error::msg("no bytes"))
    }

    fn failed(&mut self, client: Client, error: Error) {
        let _ = client.send_display(format_args!("failed: {error}"));
        if error.to_string() == "no bytes" {
            let _ = client.close(CloseCode::InvalidType, "text alone");
        }
    }
}

ws_guest::export!(Reacting);
