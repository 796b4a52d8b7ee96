//! Answers `now` with the time of day in seconds since 1970, and `random` with random bytes in hexadecimal.

use std::time::SystemTime;

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Clock;

impl Handler for Clock {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let answer = match message.as_str() {
            "now" => {
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().to_string()
            }
            "random" => {
                let bytes = wasip2::random::random::get_random_bytes(16);
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            _ => "?".to_owned(),
        };
        Ok(client.send_text(answer)?)
    }
}

ws_guest::export!(Clock);
