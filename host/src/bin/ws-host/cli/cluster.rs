//! The flags about the cluster: the broker, and how it is reached.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ws_host::config::schema::{self, OneOrMany, Time, WithoutBroker};

/// The cluster that the server is in.
#[derive(Debug, clap::Args)]
#[group(id = "in-cluster", multiple = true, conflicts_with = "config")]
pub(super) struct Cluster {
    /// Broker that carries topic messages to the other hosts: nats://HOST:4222, or tls://HOST:4222 for TLS; separate
    /// several servers with commas (see docs/cluster.md)
    #[arg(long = "cluster", value_name = "URL", help_heading = "Cluster")]
    broker: Option<String>,

    /// Name of the cluster; clusters with different names can share a broker [default: default]
    #[arg(
        long = "cluster-name",
        value_name = "NAME",
        requires = "broker",
        help_heading = "Cluster"
    )]
    name: Option<String>,

    /// NATS credentials file (.creds)
    #[arg(
        long = "cluster-credentials",
        value_name = "FILE",
        requires = "broker",
        help_heading = "Cluster"
    )]
    credentials: Option<PathBuf>,

    /// CA certificates to trust for the broker, in PEM [default: those of the system]
    #[arg(long = "cluster-ca", value_name = "FILE", requires = "broker", help_heading = "Cluster")]
    ca: Option<PathBuf>,

    /// Certificate of this host, for a broker that asks for one, in PEM
    #[arg(
        long = "cluster-cert",
        value_name = "FILE",
        requires = "broker",
        help_heading = "Cluster"
    )]
    cert: Option<PathBuf>,

    /// Private key of --cluster-cert, in PEM
    #[arg(
        long = "cluster-key",
        value_name = "FILE",
        requires = "broker",
        help_heading = "Cluster"
    )]
    key: Option<PathBuf>,

    /// Address to listen on for connections from other hosts; needed for --unique-in cluster
    #[arg(
        id = "cluster-listen",
        long = "cluster-listen",
        value_name = "ADDRESS",
        requires = "broker",
        help_heading = "Cluster"
    )]
    listen: Option<SocketAddr>,

    /// Host and port at which other hosts reach this host [default: the address of --cluster-listen]
    #[arg(
        id = "cluster-advertise",
        long = "cluster-advertise",
        value_name = "HOST:PORT",
        requires = "cluster-listen",
        help_heading = "Cluster"
    )]
    advertise: Option<String>,

    /// File with a secret that hosts use to authenticate to each other; it must be the same on all hosts
    #[arg(
        id = "cluster-secret",
        long = "cluster-secret",
        value_name = "FILE",
        requires = "cluster-listen",
        help_heading = "Cluster"
    )]
    secret: Option<PathBuf>,

    /// How long a host keeps ownership of its paths without confirmation from the broker (the lease) [default: 15s]
    #[arg(
        id = "cluster-lease",
        long = "cluster-lease",
        value_name = "TIME",
        value_parser = humantime::parse_duration,
        requires = "cluster-listen",
        help_heading = "Cluster"
    )]
    lease: Option<Duration>,

    /// How many of the broker's servers store each record (replicas) [default: 1]
    #[arg(
        id = "cluster-replicas",
        long = "cluster-replicas",
        value_name = "N",
        requires = "cluster-listen",
        help_heading = "Cluster"
    )]
    replicas: Option<usize>,

    /// What to do with the instances of unique paths when the broker is unavailable for longer than a lease: `stop`
    /// ends them; `continue` keeps them running, even though another host may then run the same path [default: stop]
    #[arg(
        id = "cluster-without-broker",
        long = "cluster-without-broker",
        alias = "cluster-without-engine", // the name in the design of the cluster
        value_name = "ACTION",
        requires = "cluster-listen",
        help_heading = "Cluster"
    )]
    without_broker: Option<WithoutBroker>,
}

impl Cluster {
    pub(super) fn apply(self, server: &mut schema::Server) {
        let Some(broker) = self.broker else { return };
        let mut cluster = schema::Cluster::default();
        cluster.broker = Some(OneOrMany::One(broker));
        cluster.name = self.name;
        cluster.credentials = self.credentials;
        cluster.ca = self.ca;
        cluster.cert = self.cert;
        cluster.key = self.key;
        cluster.listen = self.listen;
        cluster.advertise = self.advertise;
        cluster.secret = self.secret;
        cluster.lease = self.lease.map(Time);
        cluster.replicas = self.replicas;
        cluster.without_broker = self.without_broker;
        server.cluster = Some(cluster);
    }
}
