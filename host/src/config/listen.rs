//! How a server listens: where, and what is spoken before HTTP.

use std::path::{Path, PathBuf};

use super::Address;

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Whether TLS is spoken there, or in front of it.
    pub encryption: Encryption,
    /// Whether a proxy says there who its clients are.
    pub proxy_protocol: ProxyProtocol,
    /// The permissions of the file of a unix socket. `None`: as the process's mask leaves them.
    pub mode: Option<u32>,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// `ws:` and `http:`.
    Plain,
    /// `wss:` and `https:`, with the server's certificate.
    Tls,
    /// `wss:` and `https:` for clients, whose encryption a proxy in front has taken off. It need not say
    /// so: everybody who connects counts as encrypted.
    Terminated,
}

/// Whether a connection begins with a header of the PROXY protocol, version 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// It begins without.
    Off,
    /// It must, and comes from a trusted proxy. Any other is dropped.
    Required,
}

/// How the server shows who it is, and asks its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The server's certificate.
    pub certificate: Certificate,
    /// Whether clients are asked for theirs.
    pub clients: Option<ClientCertificates>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// In PEM files, read again when they change.
    Files {
        /// The certificate, and those between it and its authority.
        chain: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// One that the server makes and signs itself, for localhost, anew at every start. Nobody trusts it
    /// unasked: for development.
    SelfSigned,
}

/// Which certificates of clients are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificates {
    /// The PEM file of the authorities that vouch for them.
    pub authorities: PathBuf,
    /// What becomes of a client that shows none.
    pub need: Need,
}

/// Whether a client must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// It may.
    Optional,
    /// One without is refused.
    Required,
}

impl Tls {
    /// With this certificate; clients are not asked for theirs.
    pub fn new(certificate: Certificate) -> Self {
        Self { certificate, clients: None }
    }

    /// The files that it comes from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let certificate = match &self.certificate {
            Certificate::Files { chain, key } => [Some(chain), Some(key)],
            Certificate::SelfSigned => [None, None],
        };
        let authorities = self.clients.as_ref().map(|clients| &clients.authorities);
        certificate.into_iter().chain([authorities]).flatten().map(PathBuf::as_path)
    }
}

impl ClientCertificates {
    /// Those of the authorities in this PEM file. A client need not show one.
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: authorities.into(), need: Need::Optional }
    }
}

impl Listen {
    /// An address where nothing is spoken before HTTP.
    pub fn plain(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            encryption: Encryption::Plain,
            proxy_protocol: ProxyProtocol::Off,
            mode: None,
        }
    }
}
