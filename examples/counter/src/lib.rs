//! Counts the messages of all clients, and continues to count when its source is edited and rebuilt while they are
//! connected.

use ws_guest::{Client, Error, Handler, Lifecycle, broadcast, clients};

#[derive(Default)]
struct Counter {
    count: u64,
}

impl Handler for Counter {
    fn received_text(&mut self, _: Client, _: String) -> Result<(), Error> {
        self.count += 1;
        broadcast(clients(), &format!("{} messages", self.count));
        Ok(())
    }
}

impl Lifecycle for Counter {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.count.to_string().into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        if let Some(state) = state {
            self.count = String::from_utf8(state)?.parse()?;
        }
        Ok(())
    }
}

ws_guest::export!(Counter: Lifecycle);
