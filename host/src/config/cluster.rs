//! The settings of the cluster to which a host belongs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A cluster of hosts that exchange topic messages, and the broker that carries those messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// The URLs of the broker's servers. They begin with `nats://`, or with `tls://` for TLS, and may contain a user
    /// and a password. The host uses one of them at a time.
    pub servers: Vec<String>,
    /// The name of the cluster. Hosts that use the same broker under a different cluster name do not exchange messages
    /// with this host.
    pub name: Arc<str>,
    /// The NATS credentials file (`.creds`). The file is read again for each new connection to the broker.
    pub credentials: Option<PathBuf>,
    /// The file with the certificate of the CA that issued the broker's certificate. If hosts authenticate with
    /// certificates, this CA must have issued the hosts' certificates as well. `None`: the system's trusted CAs.
    pub ca: Option<PathBuf>,
    /// The files with the certificate of this host, and with its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// How other hosts reach this host. Resources with [`UniqueIn::Cluster`] need this. `None`: other hosts do not
    /// reach this host.
    pub peers: Option<Peers>,
}

/// How the hosts of a cluster share the actors of resources with [`UniqueIn::Cluster`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peers {
    /// The address for other hosts. Clients cannot use it.
    pub listen: SocketAddr,
    /// The host and port at which other hosts reach `listen`. `None`: other hosts use the address in `listen`.
    pub advertise: Option<String>,
    /// The file with the secret that hosts authenticate with. `None`: they authenticate with certificates issued by
    /// [`Cluster::ca`], so each host needs a [`Cluster::identity`].
    pub secret: Option<PathBuf>,
    /// How long a host owns its actors without a confirmation from the broker. It must be the same on all hosts of a
    /// cluster.
    pub lease: Duration,
    /// The number of servers that keep the broker's records. Only the setting of the host that creates the records
    /// matters.
    pub replicas: usize,
    /// What happens to the actors of this host when the broker is unavailable for longer than a lease.
    pub without_broker: WithoutBroker,
}

/// The scope in which a path has at most one actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UniqueIn {
    /// Each host may have its own actor for the path.
    #[default]
    Host,
    /// Only one host of the cluster has an actor for the path.
    Cluster,
}

/// What happens to the actors of a host when the broker is unavailable for longer than a lease. By that time, another
/// host may own these actors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithoutBroker {
    /// The actors end, and their clients are closed with 1013. No path ever has two actors.
    #[default]
    Stop,
    /// The actors continue until the broker says that another host owns them. Until then, a path may have two actors.
    Continue,
}

impl Cluster {
    /// The name of a cluster if none is given.
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
    /// The default lease. If the broker is itself a cluster, a lease must be longer than a leader election (four to
    /// nine seconds with NATS) plus the time between two renewals.
    pub(super) const LEASE: Duration = Duration::from_secs(15);

    /// Creates settings with defaults, for hosts that authenticate with certificates.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            advertise: None,
            secret: None,
            lease: Self::LEASE,
            replicas: 1,
            without_broker: WithoutBroker::default(),
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
