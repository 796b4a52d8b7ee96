//! Takes messages from outside, tells its clients, and answers; lets clients subscribe to topics.

use ws_guest::{Client, Error, Handler, Result, broadcast_text, clients};

#[derive(Default)]
struct Outside {
    record: Vec<String>,
}

impl Handler for Outside {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        if let Some(topic) = message.strip_prefix("subscribe ") {
            client.subscribe(topic)?;
        }
        self.record.push(format!("inside {message}"));
        Ok(client.send_text(&message)?)
    }

    fn received_custom(&mut self, message: Vec<u8>) -> Result<Vec<u8>> {
        let message = String::from_utf8(message)?;
        match message.as_str() {
            "fail" => Err(Error::msg("no, thank you")),
            "panic" => panic!("told to panic"),
            "record" => Ok(self.record.join("\n").into_bytes()),
            _ => {
                let told = broadcast_text(clients(), &format!("outside: {message}"));
                self.record.push(format!("outside {message}"));
                Ok(format!("told {told} clients").into_bytes())
            }
        }
    }
}

ws_guest::export!(Outside);
