//! The data that a host has while it serves one instance.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Event;
use super::fake_client::{FakeClient, Phase};
use super::pattern::Pattern;
use super::state::LogLine;

/// The resource settings that a handler can notice.
pub(super) struct Settings {
    pub(super) resource: String,
    pub(super) path: Pattern,
    pub(super) subprotocols: Vec<String>,
    pub(super) max_outbound: usize,
    pub(super) max_state: usize,
    pub(super) are_panics_faults: bool,
    /// The table `config`.
    pub(super) config: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resource: "handler".into(),
            path: Pattern::any(),
            subprotocols: Vec::new(),
            max_outbound: 2 << 20,
            max_state: 1 << 20,
            are_panics_faults: false,
            config: BTreeMap::new(),
        }
    }
}

/// The host's side of one instance: everything that outlives the instance, and the event that is running.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) settings: Settings,
    /// The time since the test began.
    pub(super) now: Duration,
    /// All clients that there have ever been. A test may still look at those that have gone.
    pub(super) clients: BTreeMap<u64, FakeClient>,
    /// When each timer is due.
    pub(super) timers: BTreeMap<u64, Duration>,
    /// The keys and values of the buckets, by bucket name.
    pub(super) buckets: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub(super) event: Event,
    /// How many send options exist.
    pub(super) options: usize,
    pub(super) log: Vec<LogLine>,
}

impl Fake {
    /// Returns a client that the instance knows: connecting, open or closing.
    pub(super) fn existing(&mut self, id: u64) -> Option<&mut FakeClient> {
        self.clients.get_mut(&id).filter(|client| client.phase != Phase::Gone)
    }

    /// Returns a client to which messages can be sent.
    pub(super) fn open(&mut self, id: u64) -> Option<&mut FakeClient> {
        self.existing(id).filter(|client| client.is_open())
    }

    /// Returns a client that the instance knows, or that is disconnecting.
    pub(super) fn known(&mut self, id: u64) -> Option<&mut FakeClient> {
        let is_disconnecting = self.event.disconnecting.as_ref().is_some_and(|(it, _)| *it == id);
        self.clients.get_mut(&id).filter(|client| client.phase != Phase::Gone || is_disconnecting)
    }

    /// Returns the open clients for which the condition holds, in the order in which they connected.
    pub(super) fn open_ids(&self, condition: impl Fn(&FakeClient) -> bool) -> Vec<u64> {
        self.ids(|client| client.url.is_none() && condition(client))
    }

    /// Returns the open connections that the handler has opened, in the order in which it opened them.
    pub(super) fn open_connections(&self) -> Vec<u64> {
        self.ids(|client| client.url.is_some())
    }

    fn ids(&self, condition: impl Fn(&FakeClient) -> bool) -> Vec<u64> {
        let open = self.clients.iter().filter(|(_, client)| client.is_open() && condition(client));
        open.map(|(id, _)| *id).collect()
    }

    /// Adds a line to the log, and shows it in the test's output.
    pub(super) fn write_log(&mut self, level: &str, message: &str) {
        let level = match level {
            "trace" | "debug" | "warn" | "error" => level,
            _ => "info",
        };
        for text in message.split('\n') {
            show(level, text);
            self.log.push(LogLine { level: level.to_owned(), text: text.to_owned() });
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output of a test")]
fn show(level: &str, text: &str) {
    println!("{level}: {text}");
}
