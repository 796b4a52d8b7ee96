//! What the other hosts of the cluster know about a host.

use serde::{Deserialize, Serialize};

/// A host, and the address at which other hosts reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostInfo {
    /// The name of the host. Topic messages contain the same name.
    pub(crate) host: String,
    /// The address for other hosts.
    pub(crate) address: String,
}
