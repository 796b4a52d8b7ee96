//! The `TestHost`: what a test sees of a handler. Whether it behaves as the host does is tested in tests/integration.

mod failures;
mod instances;
mod messages;

use std::time::Duration;

use ws_guest::{
    Client, CloseCode, CustomMessage, CustomMessages, Error, Handler, Lifecycle, Timer, Timers,
    broadcast, clients, state_age, state_reason,
};

/// Keeps the lines of its clients, tells each of the others', and takes back a line with a timer.
#[derive(Default)]
pub(crate) struct Board {
    lines: Vec<String>,
    resumed: Option<String>,
}

impl Handler for Board {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.as_str() {
            "forget later" => Timer::new(1).set(Duration::from_secs(30))?,
            "fail" => return Err(Error::msg("on purpose")),
            "panic" => panic!("on purpose"),
            "leave" => client.close(CloseCode::Normal, "bye")?,
            "log" => {
                log::warn!("a line of log");
                tracing::info!(number = 7, "an event of tracing");
            }
            _ => {
                broadcast(clients(), &message);
                self.lines.push(message);
            }
        }
        Ok(())
    }
}

impl Lifecycle for Board {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        (!self.lines.is_empty()).then(|| self.lines.join("\n").into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        self.resumed = state_reason().map(|reason| format!("{reason:?} {:?}", state_age()));
        if let Some(state) = state {
            self.lines = String::from_utf8(state)?.split('\n').map(str::to_owned).collect();
        }
        Ok(())
    }
}

impl Timers for Board {
    fn fired(&mut self, _: Timer) -> Result<(), Error> {
        self.lines.pop();
        broadcast(clients(), "forgotten");
        Ok(())
    }
}

impl CustomMessages for Board {
    fn received_custom(&mut self, _: Vec<u8>, about: &CustomMessage) -> Result<Vec<u8>, Error> {
        Ok(format!("{:?} {}", about.kind(), self.lines.len()).into_bytes())
    }
}

ws_guest::export!(Board: Lifecycle, Timers, CustomMessages);

/// The next version of the board, which cannot use an empty line.
#[derive(Default)]
pub(crate) struct BoardV2(Board);

impl Handler for BoardV2 {
    fn received_text(&mut self, client: Client, _: String) -> Result<(), Error> {
        Ok(client.send_text(format!("v2: {}", self.0.lines.join(" ")))?)
    }
}

impl Lifecycle for BoardV2 {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        self.0.suspend()
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        self.0.resume(state)?;
        match self.0.lines.iter().any(String::is_empty) {
            true => Err(Error::msg("an empty line")),
            false => Ok(()),
        }
    }
}

ws_guest::export!(BoardV2: Lifecycle);
