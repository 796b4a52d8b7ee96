//! The flags about the cluster: the broker, and how it is reached.

use std::path::PathBuf;

use ws_host::config::schema::{self, OneOrMany};

/// The cluster that the server is in.
#[derive(Debug, clap::Args)]
#[group(id = "in-cluster", multiple = true, conflicts_with = "config")]
pub(super) struct Cluster {
    /// Broker that carries messages of topics to the other hosts: nats://HOST:4222, tls:// for TLS,
    /// several servers with commas (see docs/cluster.md)
    #[arg(long = "cluster", value_name = "URL", help_heading = "Cluster")]
    engine: Option<String>,

    /// Name of the cluster; hosts of other clusters may use the same broker [default: default]
    #[arg(
        long = "cluster-name",
        value_name = "NAME",
        requires = "engine",
        help_heading = "Cluster"
    )]
    name: Option<String>,

    /// Credentials for NATS: a .creds file
    #[arg(
        long = "cluster-credentials",
        value_name = "FILE",
        requires = "engine",
        help_heading = "Cluster"
    )]
    credentials: Option<PathBuf>,

    /// Authority of the broker's certificate [default: those of the system]
    #[arg(long = "cluster-ca", value_name = "FILE", requires = "engine", help_heading = "Cluster")]
    ca: Option<PathBuf>,

    /// Certificate that the broker asks for
    #[arg(
        long = "cluster-cert",
        value_name = "FILE",
        requires = "engine",
        help_heading = "Cluster"
    )]
    cert: Option<PathBuf>,

    /// Private key of that certificate
    #[arg(
        long = "cluster-key",
        value_name = "FILE",
        requires = "engine",
        help_heading = "Cluster"
    )]
    key: Option<PathBuf>,
}

impl Cluster {
    pub(super) fn apply(self, server: &mut schema::Server) {
        let Self { engine, name, credentials, ca, cert, key } = self;
        let engine = engine.map(OneOrMany::One);
        server.cluster = engine.map(|engine| schema::Cluster {
            engine: Some(engine),
            name,
            credentials,
            ca,
            cert,
            key,
        });
    }
}
