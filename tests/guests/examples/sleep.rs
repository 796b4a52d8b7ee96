//! On `sleep MILLISECONDS`, sends, sleeps, and sends again. Echoes anything else at once, and answers messages from
//! outside with how often it has slept.

use std::time::Duration;

use ws_guest::{Client, CustomMessage, CustomMessages, Error, Handler};

#[derive(Default)]
struct Sleep {
    slept: u32,
}

impl Handler for Sleep {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let Some(milliseconds) = message.strip_prefix("sleep ") else {
            return Ok(client.send_text(message)?);
        };
        client.send_text("before")?;
        std::thread::sleep(Duration::from_millis(milliseconds.parse()?));
        self.slept += 1;
        Ok(client.send_text("after")?)
    }
}

impl CustomMessages for Sleep {
    fn received_custom(&mut self, _: Vec<u8>, _: &CustomMessage) -> Result<Vec<u8>, Error> {
        Ok(format!("slept {}", self.slept).into_bytes())
    }
}

ws_guest::export!(Sleep: CustomMessages);
