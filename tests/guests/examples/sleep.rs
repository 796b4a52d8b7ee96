//! Sends, sleeps, and sends again: `sleep MILLISECONDS`. Answers anything else at once.

use std::time::Duration;

use ws_guest::{Client, Handler, Result};

#[derive(Default)]
struct Sleep;

impl Handler for Sleep {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let Some(milliseconds) = message.strip_prefix("sleep ") else {
            return Ok(client.send_text(&message)?);
        };
        client.send_text("before")?;
        std::thread::sleep(Duration::from_millis(milliseconds.parse()?));
        Ok(client.send_text("after")?)
    }
}

ws_guest::export!(Sleep);
