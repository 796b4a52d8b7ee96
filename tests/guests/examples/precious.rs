//! Keeps a text, and reports how old its state was when it took over. Tests make other versions of it by writing
//! another digit into the compiled file: 9 refuses every state, 8 traps at every message.

use ws_guest::{Client, Error, Handler, Lifecycle, state_age};

/// Where tests find the digit.
static VERSION: &str = "precious-version-1";

#[derive(Default)]
struct Precious {
    kept: String,
    age: String,
}

/// Returns the version, read in a way that the compiler cannot predict.
fn version() -> char {
    std::hint::black_box(VERSION).chars().last().unwrap_or('?')
}

impl Handler for Precious {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        assert!(version() != '8', "version 8 panics at every message");
        let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let answer = match word {
            "keep" => {
                self.kept = rest.into();
                "kept"
            }
            "kept" => &self.kept,
            "age" => &self.age,
            "age-now" => &format!("{:?}", state_age()),
            "version" => &version().to_string(),
            "trap" => panic!("asked to panic"),
            _ => "?",
        };
        Ok(client.send_text(answer)?)
    }
}

impl Lifecycle for Precious {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.kept.clone().into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        if version() == '9' {
            return Err(Error::msg("version 9 knows no state"));
        }
        self.kept = String::from_utf8(state.unwrap_or_default())?;
        self.age = match state_age() {
            Some(age) => age.as_millis().to_string(),
            None => "none".into(),
        };
        Ok(())
    }
}

ws_guest::export!(Precious: Lifecycle);
