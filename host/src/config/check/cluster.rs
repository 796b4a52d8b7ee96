//! Checks the cluster settings.

use std::fs::File;
use std::path::{Path, PathBuf};

use http::Uri;

use super::{At, Checked};
use crate::config::{Cluster, schema};

/// The maximum length of a cluster name, in bytes.
const MAX_NAME: usize = 64;

impl schema::Cluster {
    pub(super) fn check(self, at: At, folder: &Path) -> Checked<Cluster> {
        let peers = self.peers(at, folder)?;
        let servers: Vec<String> = match self.broker {
            None => return Err(at.invalid("cluster.broker", NO_SERVER)),
            Some(broker) => {
                let all = broker.into_vec();
                all.iter().flat_map(|url| url.split(',')).map(|url| url.trim().to_owned()).collect()
            }
        };
        let in_folder = |file: PathBuf| folder.join(file);
        let identity = match (self.cert, self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((folder.join(cert), folder.join(key))),
            (Some(_), None) => return Err(at.invalid("cluster.cert", "needs key, its private key")),
            (None, Some(_)) => return Err(at.invalid("cluster.key", "needs cert, its certificate")),
        };
        Ok(Cluster {
            servers,
            name: self.name.as_deref().unwrap_or(Cluster::NAME).into(),
            credentials: self.credentials.map(in_folder),
            ca: self.ca.map(in_folder),
            identity,
            peers,
        })
    }
}

const NO_SERVER: &str = "is missing: it is the URL of the broker, such as \"nats://10.0.0.1:4222\"";

impl Cluster {
    pub(super) fn check(&self, at: At) -> Checked<()> {
        if !cfg!(feature = "nats") {
            let why = "is not possible: this ws-host was built without the cargo feature `nats`";
            return Err(at.invalid("cluster", why));
        }
        if self.servers.is_empty() {
            return Err(at.invalid("cluster.broker", NO_SERVER));
        }
        for url in &self.servers {
            check_url(at, url)?;
        }
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.chars().all(is_part) {
            let why =
                format!("{:?} must have 1 to {MAX_NAME} characters of A-Z a-z 0-9 _ -", self.name);
            return Err(at.invalid("cluster.name", why));
        }
        let (cert, key) = self.identity.as_ref().map(|(cert, key)| (cert, key)).unzip();
        for (name, file) in [
            ("cluster.credentials", self.credentials.as_ref()),
            ("cluster.ca", self.ca.as_ref()),
            ("cluster.cert", cert),
            ("cluster.key", key),
        ] {
            if let Some(Err(error)) = file.map(File::open) {
                let file = file.map(|file| file.display().to_string()).unwrap_or_default();
                return Err(at.invalid(name, format!("{file}: {error}")));
            }
        }
        self.peers.as_ref().map_or(Ok(()), |peers| peers.check(at, self))
    }
}

fn check_url(at: At, url: &str) -> Checked<()> {
    let parsed = url.parse::<Uri>().ok();
    let is_valid = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("nats" | "tls"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
    });
    if is_valid {
        return Ok(());
    }
    // The URL may contain a password, so only the part after the password is quoted.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let why = format!(
        "{shown:?} must be the URL of a NATS server, such as nats://10.0.0.1:4222, or tls://10.0.0.1:4222 for TLS"
    );
    Err(at.invalid("cluster.broker", why))
}
