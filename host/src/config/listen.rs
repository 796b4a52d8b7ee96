//! Settings for listening: the address, and what precedes HTTP on a connection.

use std::path::{Path, PathBuf};

use super::Address;

/// An address to listen on, with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// The address.
    pub address: Address,
    /// Whether connections are encrypted, by the server or by a proxy in front of it.
    pub encryption: Encryption,
    /// Whether connections begin with a PROXY protocol header.
    pub proxy_protocol: ProxyProtocol,
    /// The permissions of a unix socket's file. `None`: they follow from the process's umask.
    pub mode: Option<u32>,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// Not encrypted: `ws:` and `http:`.
    Plain,
    /// Encrypted with the server's certificate: `wss:` and `https:`.
    Tls,
    /// Encrypted between the client and a proxy. The proxy stands in front of the server, and terminates TLS. Clients
    /// use `wss:` and `https:`. Every connection is treated as encrypted, even if the proxy does not say so.
    Terminated,
}

/// Whether a connection begins with a header of the PROXY protocol, version 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// Connections do not begin with a header.
    Off,
    /// A connection must begin with a header, and come from a trusted proxy. Any other connection is dropped.
    Required,
}

/// The server's certificate, and whether clients are asked for certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The server's certificate.
    pub certificate: Certificate,
    /// Whether clients are asked for certificates. `None`: they are not.
    pub clients: Option<ClientCertificates>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// A certificate in PEM files. The files are read again when they change.
    Files {
        /// The file with the certificate, followed by the intermediate certificates.
        chain: PathBuf,
        /// The file with the private key.
        key: PathBuf,
    },
    /// A self-signed certificate for localhost, created at every start. It is for development: no client trusts it by
    /// default.
    SelfSigned,
}

/// Which client certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificates {
    /// The PEM file with the certificates of the CAs that issue client certificates.
    pub authorities: PathBuf,
    /// Whether a client must present a certificate.
    pub need: Need,
}

/// Whether a client must present a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A client may present a certificate.
    Optional,
    /// A client without a certificate is refused.
    Required,
}

impl Tls {
    /// Creates settings with this certificate. Clients are not asked for certificates.
    pub fn new(certificate: Certificate) -> Self {
        Self { certificate, clients: None }
    }

    /// Returns the files that the settings name.
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
    /// Accepts client certificates issued by the CAs in a PEM file. A client need not present one.
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: authorities.into(), need: Need::Optional }
    }
}

impl Listen {
    /// Creates an address where connections begin with HTTP: no TLS, no PROXY protocol.
    pub fn plain(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            encryption: Encryption::Plain,
            proxy_protocol: ProxyProtocol::Off,
            mode: None,
        }
    }
}
