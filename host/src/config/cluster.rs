//! The cluster that a host is in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The cluster whose hosts exchange the messages of topics, and the broker that carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// The URLs of the broker's servers: `nats://`, or `tls://` for TLS, with a user and a password if need be. One of
    /// them is used at a time.
    pub servers: Vec<String>,
    /// The name of the cluster. Hosts with other names on the same broker get nothing of each other.
    pub name: Arc<str>,
    /// The file with the credentials of NATS (`.creds`). The connection for topics reads it again each time it is made,
    /// and the connection for the lease reads it at start.
    pub credentials: Option<PathBuf>,
    /// The file with the authority of the broker's certificate, and of other hosts if they prove themselves by
    /// certificates. `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// The files with the certificate of this host, and with its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// How other hosts reach this one, which resources with [`UniqueIn::Cluster`] need. `None`: they do not.
    pub peers: Option<Peers>,
}

/// How the hosts of a cluster share the actors of resources with [`UniqueIn::Cluster`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peers {
    /// The address for other hosts. Clients cannot use it.
    pub listen: SocketAddr,
    /// The host and port at which other hosts reach that address. `None`: it is the same.
    pub advertise: Option<String>,
    /// The file with the secret by which hosts prove themselves. `None`: they do by certificates, of [`Cluster::ca`],
    /// and each has a [`Cluster::identity`].
    pub secret: Option<PathBuf>,
    /// How long a host owns its actors without confirmation from the broker. All hosts of a cluster need the same.
    pub lease: Duration,
    /// The number of servers that keep the broker's records. It matters only to the host that creates them.
    pub replicas: usize,
    /// What happens to the actors of this host when the broker is away for longer than a lease.
    pub without_engine: WithoutEngine,
}

/// Where at most one actor of a path lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UniqueIn {
    /// On each host.
    #[default]
    Host,
    /// On one host of the cluster.
    Cluster,
}

/// What happens to the actors of a host when the broker is away for longer than a lease, so that another host may own
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithoutEngine {
    /// They end, and their clients are closed with 1013. No path ever has two actors.
    #[default]
    Stop,
    /// They continue until the broker says that another host owns them. A path may have two actors until then.
    Continue,
}

impl Cluster {
    /// The name of a cluster for which none is given.
    pub(super) const NAME: &str = "default";

    /// Creates the configuration of a cluster with the name `default`.
    pub fn new(servers: Vec<String>) -> Self {
        Self {
            servers,
            name: Self::NAME.into(),
            credentials: None,
            ca: None,
            identity: None,
            peers: None,
        }
    }
}

impl Peers {
    /// The default lease. With a cluster of brokers it must be longer than they take to elect a leader, four to nine
    /// seconds with NATS, plus the time between two renewals.
    pub(super) const LEASE: Duration = Duration::from_secs(15);

    /// Creates settings with defaults for hosts that prove themselves by certificates.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            advertise: None,
            secret: None,
            lease: Self::LEASE,
            replicas: 1,
            without_engine: WithoutEngine::default(),
        }
    }

    /// Returns the address that this host publishes for other hosts, once the server listens at `bound`.
    #[cfg_attr(
        not(feature = "nats"),
        expect(dead_code, reason = "only a cluster has several hosts")
    )]
    pub(crate) fn address(&self, bound: SocketAddr) -> String {
        self.advertise.clone().unwrap_or_else(|| bound.to_string())
    }
}
