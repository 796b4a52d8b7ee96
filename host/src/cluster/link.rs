//! The state of the connection to the broker, and the log lines about its changes. Each line states the consequence of
//! the change.

use std::time::{Duration, Instant, SystemTime};

use humantime::{format_duration, format_rfc3339_seconds};
use parking_lot::Mutex;

use super::status::{ClusterLink, ClusterStatus};

/// The state of the connection.
#[derive(Debug)]
pub(super) struct LinkState {
    cluster: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    link: ClusterLink,
    since: SystemTime,
    changed: Instant,
    server: Option<String>,
    problem: Option<String>,
    /// The reason why the connection was lost. It is removed when it is logged.
    lost: Option<String>,
    reconnects: u64,
}

impl LinkState {
    pub(super) fn new(cluster: &str) -> Self {
        let state = State {
            link: ClusterLink::Connecting,
            since: SystemTime::now(),
            changed: Instant::now(),
            server: None,
            problem: None,
            lost: None,
            reconnects: 0,
        };
        Self { cluster: cluster.to_owned(), state: Mutex::new(state) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.lock().link == ClusterLink::Up
    }

    pub(super) fn was_ever_up(&self) -> bool {
        self.state.lock().link != ClusterLink::Connecting
    }

    pub(super) fn set_up(&self, server: &str, topics: usize) {
        let mut state = self.state.lock();
        let (before, lasted) = (state.link, state.changed.elapsed());
        let lost = state.lost.take();
        state.change(ClusterLink::Up);
        state.server = Some(server.to_owned());
        state.problem = None;
        let cluster = &self.cluster;
        if before == ClusterLink::Connecting {
            tracing::info!(
                cluster,
                topics,
                "connected to the broker {server}: topic messages reach all hosts"
            );
            return;
        }
        state.reconnects += 1;
        let lasted = format_duration(Duration::from_millis(lasted.as_millis() as u64));
        // If the loss was not logged yet, its reason is logged here.
        let lost = lost.map(|why| format!("the connection was lost ({why}); ")).unwrap_or_default();
        tracing::info!(
            cluster,
            topics,
            "{lost}reconnected to the broker {server} after {lasted}: topic messages reach all hosts again"
        );
    }

    /// Records that the connection is lost. The loss is logged later, together with the outcome of the next attempt.
    pub(super) fn set_down(&self, why: String) {
        let mut state = self.state.lock();
        state.change(ClusterLink::Down);
        state.server = None;
        state.problem = Some(why.clone());
        state.lost = Some(why);
    }

    /// Records that an attempt to connect has failed. Logs the failure, unless the same reason was just logged.
    pub(super) fn set_unreachable(&self, why: String) {
        let mut state = self.state.lock();
        let lost = state.lost.take();
        if state.problem.as_ref() == Some(&why) && lost.is_none() {
            return;
        }
        let cluster = &self.cluster;
        match (lost, state.link) {
            (Some(lost), _) => tracing::warn!(
                cluster,
                "the connection to the broker was lost ({lost}), and this host cannot reconnect: {why}; until it \
                 can, topic messages reach only the clients of this host, and messages for other hosts are dropped and \
                 counted"
            ),
            (None, ClusterLink::Connecting) => tracing::warn!(
                cluster,
                "cannot connect to the broker: {why}; /readyz answers 503 until the broker can be reached, and this \
                 host keeps trying"
            ),
            (None, _) => {
                tracing::warn!(
                    cluster,
                    "still cannot connect to the broker, now for a different reason: {why}"
                );
            }
        }
        state.problem = Some(why);
    }

    /// Records that the server refused something without closing the connection.
    pub(super) fn set_problem(&self, why: String) {
        self.state.lock().problem = Some(why);
    }

    /// Returns the status. The caller fills in the parts that this type does not know.
    pub(super) fn status(&self) -> ClusterStatus {
        let state = self.state.lock();
        ClusterStatus {
            cluster: self.cluster.clone(),
            host: String::new(),
            link: state.link,
            since: format_rfc3339_seconds(state.since).to_string(),
            server: state.server.clone(),
            problem: state.problem.clone(),
            reconnects: state.reconnects,
            topics_joined: 0,
            sent: 0,
            received: 0,
            dropped: Default::default(),
            other_clusters: Vec::new(),
            placement: None,
        }
    }
}

impl State {
    fn change(&mut self, link: ClusterLink) {
        self.link = link;
        self.since = SystemTime::now();
        self.changed = Instant::now();
    }
}
