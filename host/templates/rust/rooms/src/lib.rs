//! Rooms: each path `/room/{id}` is an instance of its own, so this code knows one room only.

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use std::collections::VecDeque;

use ws_guest::{
    Client, CloseCode, Error, Handler, Handshake, Lifecycle, Rejection, broadcast, clients,
};

/// How many lines a room keeps for those who come later.
const MAX_LINES: usize = 20;

/// The state of a room. It is saved before a reload, and when the room is hibernated because nothing happens in it.
#[derive(Default)]
struct Room {
    lines: VecDeque<String>,
}

impl Handler for Room {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let id = handshake.request().parameter("id").unwrap_or_default();
        client.send_text(format!("* room {id}, {} here", clients().len()))?;
        for line in &self.lines {
            client.send_text(line)?;
        }
        Ok(())
    }

    fn received_text(&mut self, _: Client, line: String) -> Result<(), Error> {
        broadcast(clients(), &line);
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        Ok(())
    }

    fn received_binary(&mut self, client: Client, _: Vec<u8>) -> Result<(), Error> {
        Ok(client.close(CloseCode::InvalidType, "this is a chat: text only")?)
    }
}

impl Lifecycle for Room {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.lines).ok()
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        if let Some(state) = state {
            self.lines = serde_json::from_slice(&state)?;
        }
        Ok(())
    }
}

ws_guest::export!(Room: Lifecycle);
