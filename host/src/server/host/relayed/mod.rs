//! The clients that this host relays to other hosts, by the address of their owner.

mod client;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(in crate::server) use self::client::RelayedClient;
use crate::cluster::relay::{Opening, Peers, Request, dial, read_response};
use crate::metrics::Counter;

/// How many times an owner is asked to close the clients of this host, how long each attempt may take, and the pause
/// between two attempts.
const ATTEMPTS: usize = 3;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);

/// The clients that this host relays.
pub(in crate::server) struct RelayedClients {
    /// The means to reach other hosts. `None`: this host relays no clients.
    peers: Option<Arc<Peers>>,
    owners: Mutex<HashMap<String, usize>>,
    /// How many connections were refused at the address to which other hosts connect.
    pub(in crate::server) refused_peers: Counter,
    /// The owners that a test has set for paths.
    #[cfg(test)]
    pub(in crate::server) scripted_owners: crate::server::relay_tests::ScriptedOwners,
}

/// Counts a relayed client until this value is dropped.
pub(in crate::server) struct RelayedEntry {
    clients: Arc<RelayedClients>,
    address: String,
}

impl RelayedClients {
    pub(super) fn new(peers: Option<Arc<Peers>>) -> Self {
        Self {
            peers,
            owners: Mutex::default(),
            refused_peers: Counter::default(),
            #[cfg(test)]
            scripted_owners: crate::server::relay_tests::ScriptedOwners::default(),
        }
    }

    pub(in crate::server) fn peers(&self) -> Option<&Arc<Peers>> {
        self.peers.as_ref()
    }

    /// Returns how many clients are relayed.
    pub(in crate::server) fn count(&self) -> usize {
        self.owners.lock().values().sum()
    }

    /// Counts a client that is relayed to the owner at this address.
    pub(in crate::server) fn add(self: &Arc<Self>, address: &str) -> RelayedEntry {
        *self.owners.lock().entry(address.to_owned()).or_default() += 1;
        RelayedEntry { clients: Arc::clone(self), address: address.to_owned() }
    }

    /// Asks all owners to close the clients of this host with 1001. Each owner spreads the closes over at most `time`.
    /// Ending the streams to the owners would not be enough: an owner would close its side at once, and the client's
    /// close frame could not reach the owner. Dropping the returned tasks stops them.
    pub(super) fn close_all(&self, time: Duration) -> JoinSet<()> {
        let mut closing = JoinSet::new();
        let Some(peers) = &self.peers else { return closing };
        for address in self.owners.lock().keys().cloned() {
            closing.spawn(close(Arc::clone(peers), address, time));
        }
        closing
    }
}

/// Asks an owner to close the clients of this host. The owner spreads the closes over at most `time`.
pub(in crate::server) async fn close(peers: Arc<Peers>, address: String, time: Duration) {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let request = Request::Close { edge: peers.host.to_string(), milliseconds };
    let opening = Opening { request, head: Vec::new() };
    for attempt in 1..=ATTEMPTS {
        let asking = async {
            let mut stream =
                dial(&peers, &address, &opening).await.map_err(|error| error.to_string())?;
            match read_response(&mut stream).await {
                Ok(response) if response.status == StatusCode::NO_CONTENT => Ok(()),
                Ok(response) => Err(format!("it answered with {}", response.status)),
                Err(error) => Err(error.to_string()),
            }
        };
        let error = match timeout(ATTEMPT_TIMEOUT, asking).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => "it did not answer in time".to_owned(),
        };
        if attempt == ATTEMPTS {
            tracing::warn!(
                owner = address,
                "this host could not ask the owner of relayed clients to close them, so it cuts them off when \
                 drain-timeout is over: {error}"
            );
        } else {
            sleep(PAUSE).await;
        }
    }
}

impl Drop for RelayedEntry {
    fn drop(&mut self) {
        let mut owners = self.clients.owners.lock();
        if let Some(count) = owners.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                owners.remove(&self.address);
            }
        }
    }
}
