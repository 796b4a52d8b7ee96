//! The names of records.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The random name of a lease. After a host has lost its lease, it takes a new lease with a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LeaseId(u64);

impl LeaseId {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// Parses a name in the form that `Display` writes. The same number in capital letters is not a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The name of an actor in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ActorName {
    pub(crate) resource: Arc<str>,
    pub(crate) path: Arc<str>,
}

impl fmt::Display for ActorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.path, self.resource)
    }
}

/// The name of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Lease(LeaseId),
    Claim(ActorName),
    /// A claim, identified by the broker's name for its record.
    StoredClaim(Arc<str>),
    /// The saved state of an actor.
    State(ActorName),
    /// A marker record: if it exists, the other records can be relied on. See [`super::claim_wait`].
    Open,
}
