//! A chat. Every message is a line of text; `/name NEW` and `/remind SECONDS TEXT` are commands.

mod name;
mod query;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use name::{Name, NameError};
use ws_guest::{
    Client, CloseCode, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, Timer,
    Timers, broadcast, clients,
};

/// The longest time until a reminder, in seconds.
const MAX_SECONDS: f64 = 3600.0;

/// The state of the chat. It is saved before a reload, and read by the new code: see [`Lifecycle`].
#[derive(Default)]
struct Chat {
    /// The names of those who are here. Clients are in the order of their arrival.
    names: BTreeMap<Client, Name>,
    /// How many clients have come so far.
    arrivals: u64,
    /// The recipient and the text of each reminder, by the number of its timer.
    reminders: BTreeMap<u64, (Client, String)>,
}

impl Handler for Chat {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let name = match query::parameter(&handshake.request(), "name") {
            Some(wanted) => Name::parse(&wanted, self.names.values()).map_err(refuse)?,
            None => Name::guest(self.arrivals + 1, self.names.values()),
        };
        client.send_text(format!("* you are {name}"))?;
        if !self.names.is_empty() {
            let here: Vec<_> = self.names.values().map(Name::to_string).collect();
            client.send_text(format!("* here: {}", here.join(", ")))?;
        }
        self.send_to_all(&format!("* {name} joined"));
        self.arrivals += 1;
        self.names.insert(client, name);
        Ok(())
    }

    fn received_text(&mut self, client: Client, line: String) -> Result<(), Error> {
        let line = line.trim();
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "" => Ok(()),
            "/name" => self.rename(client, rest),
            "/remind" => self.remind(client, rest.trim()),
            _ => {
                let name = &self.names[&client];
                self.send_to_all(&format!("{name}: {line}"));
                Ok(())
            }
        }
    }

    fn received_binary(&mut self, client: Client, _: Vec<u8>) -> Result<(), Error> {
        Ok(client.close(CloseCode::InvalidType, "this is a chat: text only")?)
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        if let Some(name) = self.names.remove(&client) {
            self.send_to_all(&format!("* {name} left"));
        }
    }
}

impl Timers for Chat {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        if let Some((client, text)) = self.reminders.remove(&timer.number()) {
            // This fails if the client has left. In that case there is nobody to remind.
            let _ = client.send_text(format!("* reminder: {text}"));
        }
        Ok(())
    }
}

impl Lifecycle for Chat {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        let names: Vec<_> =
            self.names.iter().map(|(client, name)| (client.id(), name.as_str())).collect();
        let reminders: Vec<_> = self
            .reminders
            .iter()
            .map(|(timer, (client, text))| (timer, client.id(), text))
            .collect();
        serde_json::to_vec(&(self.arrivals, names, reminders)).ok()
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        let Some(state) = state else {
            // After a fault nothing is left but the clients.
            for client in clients() {
                self.arrivals += 1;
                self.names.insert(client, Name::guest(self.arrivals, self.names.values()));
            }
            return Ok(());
        };
        type State = (u64, Vec<(u64, String)>, Vec<(u64, u64, String)>);
        let (arrivals, names, reminders): State = serde_json::from_slice(&state)?;
        self.arrivals = arrivals;
        let name = |(client, name)| (Client::from_id(client), Name::restored(name));
        self.names = names.into_iter().map(name).collect();
        let reminder = |(timer, client, text)| (timer, (Client::from_id(client), text));
        self.reminders = reminders.into_iter().map(reminder).collect();
        Ok(())
    }
}

impl Chat {
    fn rename(&mut self, client: Client, wanted: &str) -> Result<(), Error> {
        let others = self.names.iter().filter(|(other, _)| **other != client);
        match Name::parse(wanted, others.map(|(_, name)| name)) {
            Ok(name) => {
                let new = name.to_string();
                if let Some(old) = self.names.insert(client, name) {
                    self.send_to_all(&format!("* {old} is now {new}"));
                }
                Ok(())
            }
            Err(problem) => Ok(client.send_text(format!("! {problem}"))?),
        }
    }

    fn remind(&mut self, client: Client, rest: &str) -> Result<(), Error> {
        let Some((time, seconds, text)) = parse_reminder(rest) else {
            return Ok(client.send_text("! use /remind SECONDS TEXT")?);
        };
        let timer = self.reminders.last_key_value().map_or(0, |(last, _)| last + 1);
        Timer::new(timer).set(time)?;
        client.send_text(format!("* in {seconds} s: {text}"))?;
        self.reminders.insert(timer, (client, text.to_owned()));
        Ok(())
    }

    /// Sends a line to everybody who is here. A client that reads too slowly misses it.
    fn send_to_all(&self, line: &str) {
        broadcast(self.names.keys(), line);
    }
}

/// Returns the response to a client that asks for a name which it cannot have.
fn refuse(problem: NameError) -> Rejection {
    let status = if problem == NameError::Taken { 409 } else { 400 };
    Rejection::new(status, format!("{problem}\n"))
}

/// Reads `SECONDS TEXT`. Returns the time, the seconds as they were written, and the text.
fn parse_reminder(text: &str) -> Option<(Duration, &str, &str)> {
    let (seconds, text) = text.split_once(' ')?;
    let is_decimal = seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = seconds.parse::<f64>().ok().filter(|_| is_decimal)?;
    (number <= MAX_SECONDS).then(|| (Duration::from_secs_f64(number), seconds, text.trim_start()))
}

ws_guest::export!(Chat: Lifecycle, Timers);
