//! The cluster of a build without any broker's client: no host can be in it.

use std::sync::Arc;

use super::status::ClusterStatus;
use crate::metrics::Exposition;
use crate::topics::Topics;

/// A membership that does not exist.
#[derive(Debug)]
pub(crate) enum Cluster {}

impl Cluster {
    pub(crate) fn topics(&self, _: &str) -> Arc<Topics> {
        match *self {}
    }

    pub(crate) fn status(&self) -> ClusterStatus {
        match *self {}
    }

    pub(crate) fn was_ever_connected(&self) -> bool {
        match *self {}
    }

    pub(crate) fn scrape(&self, _: &mut Exposition) {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "as in builds with a broker's client")]
    pub(crate) async fn flush(&self) {
        match *self {}
    }
}
