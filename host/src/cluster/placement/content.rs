//! The content of records. It is JSON, so that operators can read it with their own tools.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::LeaseId;
use crate::cluster::{Components, HostInfo};

/// The content of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LeaseContent {
    /// This host renews the lease.
    Alive(Holder),
    /// The lease has ended for good. This content is never overwritten.
    Fenced,
}

/// The host that renews a lease, and what other hosts know about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Holder {
    #[serde(flatten)]
    pub(crate) host: HostInfo,
    /// The length of the lease in milliseconds. It is stored because hosts may have different settings while they are
    /// restarted one by one. Records of older ws-host versions do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_ms: Option<u64>,
    /// The components of this host. A host that has not loaded them yet publishes none. Neither does a host of an older
    /// version.
    #[serde(default, skip_serializing_if = "Components::is_empty")]
    pub(crate) components: Components,
}

impl Holder {
    pub(crate) fn new(host: HostInfo, lease: Duration, components: Components) -> Self {
        Self { host, lease_ms: u64::try_from(lease.as_millis()).ok(), components }
    }

    /// Returns the length of the lease, if the record contains it.
    pub(super) fn lease(&self) -> Option<Duration> {
        self.lease_ms.map(Duration::from_millis)
    }
}

impl LeaseContent {
    /// Returns the length of the lease, if the record contains it.
    pub(super) fn lease(&self) -> Option<Duration> {
        match self {
            Self::Alive(holder) => holder.lease(),
            Self::Fenced => None,
        }
    }
}

/// The content of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ClaimContent {
    /// The host with this lease owns the actor.
    By(String),
    /// No host owns the actor.
    Free,
}

/// The content of the mark `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OpenContent {
    /// The records can be relied on.
    Open,
}

impl ClaimContent {
    pub(super) fn by(lease: LeaseId) -> Self {
        Self::By(lease.to_string())
    }
}

/// Returns the bytes of a record.
pub(super) fn encode(content: &impl Serialize) -> Bytes {
    // Serializing cannot fail: no type of content contains anything that JSON cannot express.
    serde_json::to_vec(content).unwrap_or_default().into()
}

/// Parses the content of a record. Returns `None` if the content is not what a host writes.
pub(super) fn decode<'a, T: Deserialize<'a>>(content: &'a [u8]) -> Option<T> {
    serde_json::from_slice(content).ok()
}
