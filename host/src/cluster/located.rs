//! Which host has an actor, if the actor is unique in the cluster.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::ownership::Ownership;

/// The place of an actor.
#[derive(Debug)]
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a cluster has several hosts"))]
pub(crate) enum Located {
    /// On this host.
    Here(Arc<dyn Ownership>),
    /// On another host.
    There(Owner),
}

/// Another host that owns an actor.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The name of the host.
    pub(crate) host: String,
    /// The address for other hosts.
    pub(crate) address: String,
    /// Cancelled when this host learns that the owner's lease was fenced. From then on, another host may own the actor.
    pub(crate) fenced: CancellationToken,
}

/// Whether the state of an actor is kept for its next owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Durable,
    /// The state is lost when its host ends.
    Lost,
}

/// Why an actor has no owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(String);

impl Unavailable {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
