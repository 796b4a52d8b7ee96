//! The cluster that a host is in.

use std::path::PathBuf;
use std::sync::Arc;

/// The cluster whose hosts exchange the messages of topics, and the broker that carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// The URLs of the broker's servers: `nats://`, or `tls://` for TLS, with a user and a password if need be. One of
    /// them is used at a time.
    pub servers: Vec<String>,
    /// The name of the cluster. Hosts with other names on the same broker get nothing of each other.
    pub name: Arc<str>,
    /// The file with the credentials of NATS (`.creds`). It is read again for every connection.
    pub credentials: Option<PathBuf>,
    /// The file with the authority of the broker's certificate. `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// The files with the certificate of this host, and with its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Cluster {
    /// The name of a cluster for which none is given.
    pub(super) const NAME: &str = "default";

    /// Creates the configuration of a cluster with the name `default`.
    pub fn new(servers: Vec<String>) -> Self {
        Self { servers, name: Self::NAME.into(), credentials: None, ca: None, identity: None }
    }
}
