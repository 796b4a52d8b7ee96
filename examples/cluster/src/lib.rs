//! Chat rooms over any number of hosts. A room is a topic, and this code knows nothing of hosts: `--cluster` carries
//! what it publishes to the subscribers on all of them.
//!
//! The path names the room. Every message is a line of text: `/name NAME` changes the name; any other line goes to
//! everybody in the room.

use ws_guest::{Client, Disconnection, Error, Handler, Handshake, Rejection, publish};

/// The longest line that a client may send, and the longest name, in bytes.
const MAX_LINE: usize = 4096;
const MAX_NAME: usize = 40;

#[derive(Default)]
struct Rooms;

impl Handler for Rooms {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let room = format!("room:{}", handshake.request().path());
        // The number of a client belongs to its host, so two hosts may have a guest of the same number.
        let person = Person { name: format!("guest {}", client.id() % 1000), room };
        client.subscribe(&person.room)?;
        client.send_text(format!("* you are {}", person.name))?;
        person.attach_to(client)?;
        person.say(&format!("* {} joined", person.name))?;
        Ok(())
    }

    fn received_text(&mut self, client: Client, line: String) -> Result<(), Error> {
        let person = Person::of(client)?;
        let line = line.trim();
        match line.strip_prefix("/name ") {
            _ if line.len() > MAX_LINE => {
                Ok(client.send_text(format!("! a line has at most {MAX_LINE} bytes"))?)
            }
            Some(name) if name.len() > MAX_NAME || name.contains([':', '\n']) => {
                Ok(client.send_text("! a name is short and has no colon")?)
            }
            Some(name) => {
                let renamed = Person { name: name.to_owned(), room: person.room.clone() };
                renamed.attach_to(client)?;
                person.say(&format!("* {} is now {name}", person.name))
            }
            None => person.say(&format!("{}: {line}", person.name)),
        }
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        if let Ok(person) = Person::of(client) {
            // Without subscribers, nobody misses it.
            let _ = person.say(&format!("* {} left", person.name));
        }
    }
}

/// What is attached to a client, so that it outlives a new build of this code.
struct Person {
    name: String,
    room: String,
}

impl Person {
    fn of(client: Client) -> Result<Self, Error> {
        let text = String::from_utf8(client.attachment().unwrap_or_default())?;
        let (name, room) = text.split_once('\n').unwrap_or((&text, "room:/"));
        Ok(Self { name: name.to_owned(), room: room.to_owned() })
    }

    fn attach_to(&self, client: Client) -> Result<(), Error> {
        Ok(client.attach(format!("{}\n{}", self.name, self.room))?)
    }

    /// Sends a line to everybody in the room, on all hosts.
    fn say(&self, line: &str) -> Result<(), Error> {
        Ok(publish(&self.room, line)?)
    }
}

ws_guest::export!(Rooms);
