//! The data that the workers and the cluster's thread share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::counters::{Counters, Dropped};
use super::interest::Interests;
use super::link::LinkState;
use super::other_clusters::{Announcement, Malformed, OtherClusters};
use super::outbox::Outbox;
use super::status::ClusterStatus;

/// The membership of a host, as all threads see it.
#[derive(Debug)]
pub(super) struct Shared {
    /// The random number that identifies this host.
    pub(super) host: u64,
    pub(super) outbox: Outbox,
    pub(super) interests: Interests,
    pub(super) link: LinkState,
    pub(super) counters: Arc<Counters>,
    other_clusters: OtherClusters,
    channels: AtomicU64,
}

impl Shared {
    pub(super) fn new(cluster: &str) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            host: rand::random(),
            outbox: Outbox::new(Arc::clone(&counters)),
            interests: Interests::default(),
            link: LinkState::new(cluster),
            counters,
            other_clusters: OtherClusters::new(cluster),
            channels: AtomicU64::new(0),
        }
    }

    /// Returns the number for a new channel.
    pub(super) fn next_channel(&self) -> u64 {
        self.channels.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn announcement(&self) -> Announcement {
        Announcement { host: format!("{:016x}", self.host) }
    }

    /// Handles the announcement of a host, which may be in another cluster.
    pub(super) fn hear(&self, cluster: &str, payload: &[u8]) {
        if let Err(Malformed) = self.other_clusters.note(cluster, payload, Instant::now()) {
            self.counters.add_dropped(Dropped::Malformed, 1);
        }
    }

    pub(super) fn status(&self) -> ClusterStatus {
        ClusterStatus {
            host: format!("{:016x}", self.host),
            topics_joined: self.interests.count(),
            sent: self.counters.sent(),
            received: self.counters.received(),
            dropped: self.counters.dropped(),
            other_clusters: self.other_clusters.names(Instant::now()),
            ..self.link.status()
        }
    }
}
