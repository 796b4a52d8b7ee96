//! The data that the workers and the cluster's thread share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::counters::Counters;
use super::interest::Interests;
use super::link::LinkState;
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
            channels: AtomicU64::new(0),
        }
    }

    /// Returns the number for a new channel.
    pub(super) fn next_channel(&self) -> u64 {
        self.channels.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn status(&self) -> ClusterStatus {
        ClusterStatus {
            host: format!("{:016x}", self.host),
            topics_joined: self.interests.count(),
            sent: self.counters.sent(),
            received: self.counters.received(),
            dropped: self.counters.dropped(),
            ..self.link.status()
        }
    }
}
