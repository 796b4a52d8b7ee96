//! Receives messages from outside, passes them to its clients, and replies. Lets clients subscribe to topics.

use ws_guest::{Client, CustomMessage, CustomMessages, Error, Handler, broadcast, clients};

#[derive(Default)]
struct Outside {
    record: Vec<String>,
}

impl Handler for Outside {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if let Some(topic) = message.strip_prefix("subscribe ") {
            client.subscribe(topic)?;
        }
        self.record.push(format!("inside {message}"));
        Ok(client.send_text(message)?)
    }
}

impl CustomMessages for Outside {
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error> {
        let message = String::from_utf8(message)?;
        match message.as_str() {
            "fail" => Err(Error::msg("no, thank you")),
            "panic" => panic!("asked to panic"),
            "record" => Ok(self.record.join("\n").into_bytes()),
            "about" => Ok(format!("{:?} from {:?}", about.kind(), about.sender()).into_bytes()),
            _ => {
                let all = clients();
                let missed = broadcast(&all, &format!("outside: {message}"));
                self.record.push(format!("outside {message}"));
                Ok(format!("sent to {} clients", all.len() - missed.len()).into_bytes())
            }
        }
    }
}

ws_guest::export!(Outside: CustomMessages);
