//! The cluster in a build without a client for a broker: no host can join it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::components::Components;
use super::located::{Durability, Located, Unavailable};
use super::status::ClusterStatus;
use crate::metrics::Exposition;
use crate::topics::Topics;

/// A membership in a cluster. In this build there is none, so this type has no values.
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

    pub(crate) fn placement_problem(&self) -> Option<String> {
        match *self {}
    }

    pub(crate) fn set_components(&self, _: Components) {
        match *self {}
    }

    pub(crate) fn ends(&self) -> Option<watch::Receiver<u64>> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "it is async in builds with a broker's client")]
    pub(crate) async fn locate(
        &self,
        _: &Arc<str>,
        _: &str,
        _: Durability,
        _: Instant,
    ) -> Result<Located, Unavailable> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "it is async in builds with a broker's client")]
    pub(crate) async fn leave(&self) {
        match *self {}
    }

    pub(crate) fn scrape(&self, _: &mut Exposition) {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "it is async in builds with a broker's client")]
    pub(crate) async fn flush(&self) {
        match *self {}
    }
}
