//! The cluster as the operator sees it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The current state of a host's membership in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClusterStatus {
    /// The name of the cluster.
    pub cluster: String,
    /// The name of this host, chosen at random when it was started.
    pub host: String,
    /// The state of the connection to the broker.
    pub link: ClusterLink,
    /// When the connection entered this state, in UTC (RFC 3339).
    pub since: String,
    /// The broker server to which this host is connected: its URL without credentials, and its version.
    pub server: Option<String>,
    /// The reason why there is no connection. If there is a connection, the last error that the server reported on it.
    pub problem: Option<String>,
    /// How often the connection was lost and restored.
    pub reconnects: u64,
    /// The number of topics that this host receives from other hosts. This host leaves a topic ten seconds after the
    /// last subscriber has left.
    pub topics_joined: usize,
    /// The number of messages that were sent to the broker.
    pub sent: u64,
    /// The number of messages that came from the broker.
    pub received: u64,
    /// The number of messages that were dropped, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// The names of other clusters whose hosts use the same broker. At most 64 are listed.
    pub other_clusters: Vec<String>,
    /// How this host shares the paths that are unique in the cluster. `None`: it does not share any.
    pub placement: Option<PlacementStatus>,
}

/// How a host shares the paths that are unique in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlacementStatus {
    /// The address at which other hosts reach this host.
    pub address: String,
    /// The state of its lease.
    pub lease: LeaseState,
    /// The random name of the lease. A host that has lost its lease takes a new one with another name.
    pub lease_name: Option<String>,
    /// The reason why this host cannot become the owner of a path at the moment.
    pub problem: Option<String>,
    /// The number of this host's instances whose paths are unique in the cluster.
    pub owned_actors: usize,
    /// How often this host has lost its lease.
    pub lost_leases: u64,
    /// All hosts that have a lease, as this host has last seen them.
    pub hosts: Vec<HostLease>,
    /// The hosts that have a different component for a resource of the same name. At most 256 differences are listed.
    pub differences: Vec<ComponentDifference>,
}

/// A resource for which another host has a different component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ComponentDifference {
    /// The name of the resource.
    pub resource: String,
    /// The name of the other host.
    pub host: String,
    /// The first digits of the SHA-256 hash of this host's component.
    pub here: String,
    /// The first digits of the SHA-256 hash of the other host's component.
    pub there: String,
}

/// The lease of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostLease {
    /// The name of the host.
    pub host: String,
    /// The address at which other hosts reach the host.
    pub address: String,
    /// The name of the lease.
    pub lease: String,
    /// The resources whose paths are unique in the cluster, each with the first digits of its component's SHA-256 hash.
    pub components: BTreeMap<String, String>,
}

/// The state of a host's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeaseState {
    /// There is no lease.
    None,
    /// The lease is valid, and the host owns its paths.
    Valid,
    /// The broker has not confirmed the lease in time. No other host has taken this host's paths yet.
    Lapsed,
}

/// The state of the connection to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ClusterLink {
    /// The first connection has not been made yet.
    Connecting,
    /// Messages are exchanged with other hosts.
    Up,
    /// The connection was lost. Messages for other hosts are dropped.
    Down,
}
