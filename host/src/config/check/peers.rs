//! Checks the settings for connections between the hosts of a cluster.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::uri::Authority;

use super::{At, Checked};
use crate::config::{Cluster, Peers, WithoutBroker, schema};

/// The shortest lease. A renewal is sent after each quarter of a lease, and may itself take up to a quarter of a lease.
const MIN_LEASE: Duration = Duration::from_secs(1);

/// The longest lease. When a host dies, its actors stay without an owner until its lease has expired, and a little
/// longer.
const MAX_LEASE: Duration = Duration::from_secs(60 * 60);

/// The maximum number of servers on which NATS can keep a stream.
const MAX_REPLICAS: usize = 5;

/// The minimum length of a secret, in bytes.
const MIN_SECRET: usize = 16;

impl schema::Cluster {
    pub(super) fn peers(&self, at: At, folder: &Path) -> Checked<Option<Peers>> {
        let Some(listen) = self.listen else {
            let needing = [
                ("cluster.advertise", self.advertise.is_some()),
                ("cluster.secret", self.secret.is_some()),
                ("cluster.lease", self.lease.is_some()),
                ("cluster.replicas", self.replicas.is_some()),
                ("cluster.without-broker", self.without_broker.is_some()),
            ];
            return match needing.into_iter().find(|(_, is_given)| *is_given) {
                Some((key, _)) => Err(at.invalid(key, "needs listen, the address for other hosts")),
                None => Ok(None),
            };
        };
        Ok(Some(Peers {
            listen,
            advertise: self.advertise.clone(),
            secret: self.secret.as_ref().map(|file| folder.join(file)),
            lease: self.lease.map_or(Peers::LEASE, |schema::Time(lease)| lease),
            replicas: self.replicas.unwrap_or(1),
            without_broker: match self.without_broker {
                Some(schema::WithoutBroker::Continue) => WithoutBroker::Continue,
                Some(schema::WithoutBroker::Stop) | None => WithoutBroker::Stop,
            },
        }))
    }
}

impl Peers {
    pub(super) fn check(&self, at: At, cluster: &Cluster) -> Checked<()> {
        check_address(at, self.listen, self.advertise.as_deref())?;
        match &self.secret {
            Some(file) => check_secret(at, file)?,
            None if cluster.ca.is_none() || cluster.identity.is_none() => {
                let why = "needs secret, a file with a secret that all hosts share, or ca, cert and key, with which \
                           hosts authenticate";
                return Err(at.invalid("cluster.listen", why));
            }
            None => {}
        }
        if !(MIN_LEASE..=MAX_LEASE).contains(&self.lease) {
            return Err(at.invalid("cluster.lease", "must be from 1s to 1h"));
        }
        if !(1..=MAX_REPLICAS).contains(&self.replicas) {
            let why = format!(
                "must be from 1 to {MAX_REPLICAS}: it is the number of the broker's servers that store \
                 each record"
            );
            return Err(at.invalid("cluster.replicas", why));
        }
        Ok(())
    }
}

/// Checks that this host publishes an address to which other hosts can connect.
fn check_address(at: At, listen: SocketAddr, advertise: Option<&str>) -> Checked<()> {
    let Some(advertise) = advertise else {
        if listen.ip().is_unspecified() {
            let why = format!(
                "is missing: other hosts cannot connect to {}, so set the address of this host, such as \
                 \"10.0.0.1:{}\"",
                listen.ip(),
                listen.port()
            );
            return Err(at.invalid("cluster.advertise", why));
        }
        return Ok(());
    };
    let parsed = advertise.parse::<Authority>().ok();
    let is_valid = parsed.is_some_and(|authority| {
        !authority.host().is_empty()
            && !advertise.contains('@')
            && authority.port_u16().is_some_and(|port| port > 0)
    });
    if is_valid {
        return Ok(());
    }
    let why = format!("{advertise:?} must be a host and a port, such as \"10.0.0.1:7400\"");
    Err(at.invalid("cluster.advertise", why))
}

fn check_secret(at: At, file: &Path) -> Checked<()> {
    let problem = match fs::read(file) {
        Ok(secret) if secret.trim_ascii().len() >= MIN_SECRET => return Ok(()),
        Ok(_) => format!(
            "must have at least {MIN_SECRET} bytes: `openssl rand -hex 32` makes a good one"
        ),
        Err(error) => error.to_string(),
    };
    Err(at.invalid("cluster.secret", format!("{}: {problem}", file.display())))
}
