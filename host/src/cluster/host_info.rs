//! How the hosts of a cluster know each other.

use serde::{Deserialize, Serialize};

/// A host, as others reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostInfo {
    /// The name of the host, as in the messages of topics.
    pub(crate) host: String,
    /// The address for other hosts.
    pub(crate) address: String,
}
