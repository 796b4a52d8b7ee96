//! A chat room. Each client gets a name, may change it, and receives what the others say.
//!
//! Every message is a line of text. `/name NAME` changes the name; any other line goes to everybody.

mod names;

use std::collections::BTreeMap;

use names::Name;
use ws_guest::{
    Client, CloseCode, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, broadcast,
    clients,
};

/// The longest line that a client may send, in bytes.
const MAX_LINE: usize = 4096;

#[derive(Default)]
struct Chat {
    people: BTreeMap<Client, Name>,
    arrivals: u64,
}

impl Handler for Chat {
    fn connected(&mut self, client: Client, _: &mut Handshake) -> Result<(), Rejection> {
        Ok(self.join(client)?)
    }

    fn received_text(&mut self, client: Client, line: String) -> Result<(), Error> {
        if !self.people.contains_key(&client) {
            // `resume` found no name attached to this client.
            self.join(client)?;
        }
        let line = line.trim();
        if line.len() > MAX_LINE {
            return Ok(client.send_text(format!("! a line has at most {MAX_LINE} bytes"))?);
        }
        match line.strip_prefix("/name ") {
            Some(requested) => self.rename(client, requested),
            None if line.is_empty() => Ok(()),
            None => {
                let name = &self.people[&client];
                self.send_to_all(&format!("{name}: {line}"));
                Ok(())
            }
        }
    }

    fn received_binary(&mut self, client: Client, _: Vec<u8>) -> Result<(), Error> {
        Ok(client.close(CloseCode::InvalidType, "this is a chat: text only")?)
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        if let Some(name) = self.people.remove(&client) {
            self.send_to_all(&format!("* {name} left"));
        }
    }
}

impl Lifecycle for Chat {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.arrivals.to_string().into_bytes())
    }

    /// Reads the names from the attachments of the clients, which outlive even a trap without a checkpoint.
    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        let clients = clients();
        self.arrivals = match state {
            Some(state) => String::from_utf8(state)?.parse()?,
            None => clients.len() as u64,
        };
        let name = |client: Client| Some((client, Name::from_bytes(client.attachment()?)?));
        self.people = clients.into_iter().filter_map(name).collect();
        Ok(())
    }
}

impl Chat {
    fn join(&mut self, client: Client) -> Result<(), Error> {
        self.arrivals += 1;
        let name = Name::guest(self.arrivals, &self.people.values().collect::<Vec<_>>());
        client.send_text(format!("* you are {name}"))?;
        let here = self.people.values().map(Name::to_string).collect::<Vec<_>>().join(", ");
        client.send_text(format!("* here: {here}"))?;
        self.send_to_all(&format!("* {name} joined"));
        self.set_name(client, name)?;
        Ok(())
    }

    /// Gives a client a name. Returns the previous name.
    fn set_name(&mut self, client: Client, name: Name) -> Result<Option<Name>, Error> {
        client.attach(name.as_bytes())?;
        Ok(self.people.insert(client, name))
    }

    fn rename(&mut self, client: Client, requested: &str) -> Result<(), Error> {
        let others = self.people.iter().filter(|(person, _)| **person != client);
        match Name::parse(requested, others.map(|(_, name)| name)) {
            Ok(name) => {
                let old = self.set_name(client, name.clone())?;
                if let Some(old) = old.filter(|old| *old != name) {
                    self.send_to_all(&format!("* {old} is now {name}"));
                }
                Ok(())
            }
            Err(problem) => Ok(client.send_text(format!("! {problem}"))?),
        }
    }

    /// Sends a line to everybody. A client that reads too slowly misses it: the chat does not wait for a client.
    fn send_to_all(&self, line: &str) {
        broadcast(self.people.keys(), line);
    }
}

ws_guest::export!(Chat: Lifecycle);
