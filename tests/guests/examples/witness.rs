//! Says in each answer which instance gives it, when, and from which state that instance has resumed. Tests compare
//! what the instances of a path say that hosts ran one after the other, or at the same time.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ws_guest::{
    Client, Disconnection, Error, Handler, Handshake, Lifecycle, Rejection, clients, publish,
};

/// How long `linger` takes: so long that the right of a host to run an instance often ends meanwhile, in tests that
/// take it away.
const LINGER: Duration = Duration::from_millis(100);

struct Witness {
    /// When this instance began. It is also its name: no two begin in the same nanosecond.
    born: u64,
    /// How many messages this instance has handled.
    handled: u64,
    /// The instance that left its state to this one, and how many messages it had handled: zeros if there is none.
    parent: (u64, u64),
    present: HashSet<String>,
    gone: HashSet<String>,
    /// How many events contradict earlier ones: a client that leaves again, or was never here.
    contradictions: u64,
}

impl Default for Witness {
    fn default() -> Self {
        let (present, gone) = (HashSet::new(), HashSet::new());
        Self { born: now(), handled: 0, parent: (0, 0), present, gone, contradictions: 0 }
    }
}

/// Returns the time in nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Handler for Witness {
    fn connected(&mut self, client: Client, _: &mut Handshake) -> Result<(), Rejection> {
        self.present.insert(client.to_string());
        Ok(())
    }

    /// `subscribe` subscribes the client to the topic `news`. `ask WORDS` is only answered, and `publish WORDS` is
    /// published first. So is `linger WORDS`, after a while.
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        self.handled += 1;
        let (word, words) = message.split_once(' ').unwrap_or((&message, ""));
        if word == "linger" {
            std::thread::sleep(LINGER);
        }
        let (born, handled, now) = (self.born, self.handled, now());
        match word {
            "subscribe" => client.subscribe("news")?,
            "publish" | "linger" => publish("news", &*format!("news {words} {born} {now}"))?,
            _ => {}
        }
        let (parent, parent_handled) = self.parent;
        let (present, contradictions) = (self.present.len(), self.contradictions);
        Ok(client.send_text(format!(
            "answer {words} {born} {now} {handled} {parent} {parent_handled} {present} {contradictions}"
        ))?)
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        let client = client.to_string();
        let was_present = self.present.remove(&client);
        if !self.gone.insert(client) || !was_present {
            self.contradictions += 1;
        }
    }
}

impl Lifecycle for Witness {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(format!("{} {}", self.born, self.handled).into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        self.present = clients().iter().map(Client::to_string).collect();
        if let Some(state) = state {
            let state = String::from_utf8(state)?;
            let (parent, handled) = state.split_once(' ').unwrap_or_default();
            self.parent = (parent.parse()?, handled.parse()?);
        }
        Ok(())
    }
}

ws_guest::export!(Witness: Lifecycle);
