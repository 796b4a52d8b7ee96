//! Hosts of other clusters on the same broker. Hosts announce themselves to all clusters. Without these announcements,
//! nobody would notice that a host was started with a mistyped cluster name.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::log_rate::{Line, LogRate};

/// The time between two announcements of a host.
pub(super) const ANNOUNCED_EVERY: Duration = Duration::from_secs(30);

/// How long a cluster is remembered after an announcement. Two announcements in a row may be lost.
const REMEMBERED: Duration = ANNOUNCED_EVERY.saturating_mul(3);

/// The maximum number of other clusters that are remembered and logged.
const MAX_CLUSTERS: usize = 64;

/// The maximum length of a cluster's name, in bytes.
const MAX_NAME: usize = 64;

/// The length of a host's name.
const HOST: usize = 16;

/// Limits the log lines about other clusters.
static FOUND: LogRate = LogRate::new();

/// What a host tells the hosts of all clusters about itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announcement {
    /// The name of the host.
    pub(super) host: String,
}

/// The error for an announcement that no host has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The other clusters whose hosts announce themselves through the broker.
#[derive(Debug)]
pub(super) struct OtherClusters {
    own: String,
    /// The time of the last announcement from each cluster.
    heard: Mutex<BTreeMap<String, Instant>>,
}

impl Announcement {
    pub(super) fn encode(&self) -> Vec<u8> {
        // Serializing cannot fail: JSON can express every name.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let parsed: Self = serde_json::from_slice(payload).map_err(|_| Malformed)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_host = parsed.host.len() == HOST && parsed.host.bytes().all(is_digit);
        is_host.then_some(parsed).ok_or(Malformed)
    }
}

impl OtherClusters {
    pub(super) fn new(own: &str) -> Self {
        Self { own: own.to_owned(), heard: Mutex::default() }
    }

    /// Handles the announcement of a host that belongs to `cluster`. Logs the first announcement from every cluster
    /// except this host's own.
    pub(super) fn note(
        &self,
        cluster: &str,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), Malformed> {
        let Announcement { host } = Announcement::parse(payload)?;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if cluster.len() > MAX_NAME || !cluster.bytes().all(is_part) {
            return Err(Malformed);
        }
        if cluster == self.own {
            return Ok(());
        }
        let mut heard = self.heard.lock();
        forget(&mut heard, now);
        let is_known = heard.contains_key(cluster);
        if is_known || heard.len() < MAX_CLUSTERS {
            heard.insert(cluster.to_owned(), now);
        }
        drop(heard);
        if !is_known && let Some(Line { left_out }) = FOUND.line(Instant::now()) {
            let own = &self.own;
            tracing::info!(
                left_out,
                "the host {host} at the same broker is in another cluster, {cluster}: it shares neither topics nor \
                 paths with this host, which is in {own}; if it should, start all hosts with the same --cluster-name"
            );
        }
        Ok(())
    }

    /// Returns the names of the clusters.
    pub(super) fn names(&self, now: Instant) -> Vec<String> {
        let mut heard = self.heard.lock();
        forget(&mut heard, now);
        heard.keys().cloned().collect()
    }
}

fn forget(heard: &mut BTreeMap<String, Instant>, now: Instant) {
    heard.retain(|_, last| now.saturating_duration_since(*last) < REMEMBERED);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = br#"{"host":"00000000000000ff"}"#;

    #[test]
    fn clusters_with_other_names_are_remembered_for_a_while() {
        let (clusters, start) = (OtherClusters::new("own"), Instant::now());
        assert_eq!(clusters.note("own", HELLO, start), Ok(()));
        assert_eq!(clusters.names(start), [""; 0]);
        assert_eq!(clusters.note("other", HELLO, start), Ok(()));
        assert_eq!(clusters.note("another", HELLO, start + ANNOUNCED_EVERY), Ok(()));
        assert_eq!(clusters.names(start + ANNOUNCED_EVERY), ["another", "other"]);
        assert_eq!(clusters.names(start + REMEMBERED), ["another"]);
        assert_eq!(clusters.names(start + REMEMBERED + ANNOUNCED_EVERY), [""; 0]);
    }

    #[test]
    fn announcement_is_read_as_it_was_written_and_garbage_is_malformed() {
        let announcement = Announcement { host: "00000000000000ff".to_owned() };
        assert_eq!(announcement.encode(), HELLO);
        assert_eq!(Announcement::parse(HELLO), Ok(announcement));
        let clusters = OtherClusters::new("own");
        let now = Instant::now();
        for garbage in
            [&b""[..], b"{}", b"\xff", br#"{"host":"x"}"#, br#"{"host":"00000000000000\u001b7"}"#]
        {
            assert_eq!(clusters.note("other", garbage, now), Err(Malformed));
        }
        for name in ["a=b", "é", &"a".repeat(65)] {
            assert_eq!(clusters.note(name, HELLO, now), Err(Malformed));
        }
        assert_eq!(clusters.names(now), [""; 0]);
    }

    #[test]
    fn number_of_clusters_is_bounded() {
        let (clusters, now) = (OtherClusters::new("own"), Instant::now());
        for number in 0..1000 {
            assert_eq!(clusters.note(&number.to_string(), HELLO, now), Ok(()));
        }
        assert_eq!(clusters.names(now).len(), MAX_CLUSTERS);
    }
}
